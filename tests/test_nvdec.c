/* Decoding on a simulated NVDEC (nvdec_sim/): the real worker in its real sandbox, libavcodec's
 * real way to the driver, and a driver that looks pictures up instead of decoding them. What only a
 * GPU can tell is not here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "decode/loader_private.h"
#include "decode/video_codec.h"
#include "tests/frame_digest.h"
#include "tests/nvdec_sim/pictures.h"
#include "worker_fixture.h"

#include <libavformat/avformat.h>

#define SIM   HEDON_BINARY_DIR "/tests/nvdec_sim"
#define HEDON HEDON_BINARY_DIR "/hedon"

enum { FRAMES = 30 };

static HedonContext *ctx;

/* ---- The table of pictures --------------------------------------------------------------------
 */

/* As libavcodec hands slices to the driver: with start codes. */
static uint64_t hash_slices(const AVPacket *packet, enum AVCodecID codec)
{
    static const uint8_t start[] = {0, 0, 1};
    uint64_t hash = SIM_HASH_START;
    for (int at = 0; at + 4 < packet->size;) {
        const uint8_t *nal = packet->data + at + 4;
        const int size = packet->data[at] << 24 | packet->data[at + 1] << 16 |
                         packet->data[at + 2] << 8 | packet->data[at + 3];
        const int type = codec == AV_CODEC_ID_H264 ? nal[0] & 31 : nal[0] >> 1 & 63;
        const int is_slice = codec == AV_CODEC_ID_H264 ? type == 1 || type == 5 : type < 32;
        if (is_slice) hash = sim_hash(sim_hash(hash, start, sizeof start), nal, (size_t)size);
        at += 4 + size;
    }
    return hash;
}

static void write_picture(FILE *file, const AVFrame *picture, uint64_t hash)
{
    const int deep = picture->format == AV_PIX_FMT_YUV420P10;
    const SimPicture head = {hash, picture->width, picture->height, deep ? 2 : 1, 0};
    fwrite(&head, sizeof head, 1, file);
    for (int plane = 0; plane < 2; plane++)
        for (int y = 0; y < picture->height >> plane; y++)
            for (int x = 0; x < picture->width; x++) {
                const int p = plane ? 1 + x % 2 : 0, column = plane ? x / 2 : x;
                const uint8_t *row = picture->data[p] + y * picture->linesize[p];
                const uint16_t wide = deep ? (uint16_t)(((const uint16_t *)row)[column] << 6) : 0;
                fwrite(deep ? (const void *)&wide : row + column, deep ? 2 : 1, 1, file);
            }
}

static void drain(AVCodecContext *codec, AVFrame *picture, FILE *file, const uint64_t *hashes)
{
    while (avcodec_receive_frame(codec, picture) >= 0)
        write_picture(file, picture, hashes[picture->pts]);
}

/* All pictures of a video, as the CPU decodes them. */
static void write_pictures(const char *video, const char *table)
{
    AVFormatContext *format = NULL;
    AVCodecContext *codec;
    AVPacket *packet = av_packet_alloc();
    AVFrame *picture = av_frame_alloc();
    uint64_t hashes[FRAMES] = {0};
    int64_t number = 0;
    FILE *file = fopen(table, "wb");
    assert_int_equal(avformat_open_input(&format, video, NULL, NULL), 0);
    const AVCodecParameters *stream = format->streams[0]->codecpar;
    assert_int_equal(hedon_codec_open(ctx, &codec, stream, format->streams[0]->time_base, 0), 0);
    while (av_read_frame(format, packet) >= 0) {
        hashes[number] = hash_slices(packet, stream->codec_id);
        packet->pts = packet->dts = number++;
        assert_int_equal(avcodec_send_packet(codec, packet), 0);
        av_packet_unref(packet);
        drain(codec, picture, file, hashes);
    }
    avcodec_send_packet(codec, NULL);
    drain(codec, picture, file, hashes);
    assert_int_equal(number, FRAMES);
    assert_int_equal(fclose(file), 0);
    av_frame_free(&picture);
    av_packet_free(&packet);
    avcodec_free_context(&codec);
    avformat_close_input(&format);
}

/* ---- Workers ----------------------------------------------------------------------------------
 */

typedef struct Frames {
    char digest[FRAMES][33];
    int delivered, paired;
} Frames;

static int note(void *opaque, const HedonFrame *frame)
{
    Frames *frames = opaque;
    frame_digest(frame, frames->digest[frame->index]);
    frames->delivered++;
    frames->paired += frame->layout == HEDON_PIXEL_NV12;
    return 0;
}

static void set_fault(const char *fault)
{
    if (fault)
        setenv("HEDON_SIM_FAULT", fault, 1);
    else
        unsetenv("HEDON_SIM_FAULT");
}

static HedonWorker *start(HedonDecoder decoder, int gpu)
{
    HedonWorkerOptions options;
    HedonWorker *worker;
    hedon_worker_options_default(&options);
    options.program = REAL_WORKER;
    options.decoder = decoder;
    options.gpu = gpu;
    assert_int_equal(hedon_worker_new(ctx, &worker, &options), 0);
    return worker;
}

/* Every `every`th frame, again from the start when the worker says so. */
static void read_frames(HedonWorker *worker, const char *path, int every, Frames *frames)
{
    int64_t indices[FRAMES];
    int code;
    if (hedon_worker_open(ctx, worker, path)) fail_msg("%s", hedon_last_error(ctx));
    do {
        size_t count = 0;
        *frames = (Frames){0};
        for (int64_t f = 0; f < FRAMES; f += every) indices[count++] = f;
        code = hedon_worker_frames(ctx, worker, indices, count, 0, note, frames);
    } while (code == HEDON_ERESAMPLE);
    if (code) fail_msg("%s", hedon_last_error(ctx));
}

static void assert_alike(HedonWorker *gpu, HedonWorker *cpu, const char *path, int every,
                         int paired)
{
    static Frames there, here;
    read_frames(gpu, path, every, &there);
    read_frames(cpu, path, every, &here);
    assert_memory_equal(hedon_worker_info(gpu), hedon_worker_info(cpu), sizeof(HedonVideoInfo));
    for (int f = 0; f < FRAMES; f++)
        if (strcmp(there.digest[f], here.digest[f]))
            fail_msg("%s: frame %d is not the CPU's", path, f);
    assert_int_equal(there.paired, paired ? there.delivered : 0);
}

static const char *reason_of(const HedonWorker *worker)
{
    const char *reason;
    hedon_worker_decoder(worker, &reason);
    return reason;
}

static int on_gpu(const HedonWorker *worker)
{
    const char *reason;
    return hedon_worker_decoder(worker, &reason) == HEDON_DECODER_NVDEC;
}

/* ---- Tests ------------------------------------------------------------------------------------
 */

static const char *video, *deep, *unknown;

static void test_frames_are_the_cpus(void **state)
{
    (void)state;
    const struct {
        const char *video, *table;
    } kinds[] = {{video, in_scratch("video.pictures")}, {deep, in_scratch("deep.pictures")}};
    HedonWorker *cpu = start(HEDON_DECODER_CPU, 0);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        setenv("HEDON_SIM_PICTURES", kinds[k].table, 1);
        for (int every = 1; every < 12; every += 5) {
            HedonWorker *gpu = start(HEDON_DECODER_NVDEC, 0);
            assert_alike(gpu, cpu, kinds[k].video, every, 1);
            assert_true(on_gpu(gpu));
            assert_string_equal(reason_of(gpu), "");
            assert_alike(gpu, cpu, unknown, every, 0); /* 4:4:4, by the same worker */
            hedon_worker_free(gpu);
        }
    }
    setenv("HEDON_SIM_PICTURES", kinds[0].table, 1);
    hedon_worker_free(cpu);
}

/* A driver that breaks down in the middle: the frames are the CPU's, and the worker serves on. */
static void test_a_driver_that_fails(void **state)
{
    static const char *const faults[] = {"decode:2", "decode:9", "map:2",
                                         "map:9",    "memory:2", "memory:9"};
    (void)state;
    HedonWorker *cpu = start(HEDON_DECODER_CPU, 0);
    for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
        if (SANITIZED && strstr(faults[f], "memory")) continue; /* which ends the process */
        set_fault(faults[f]);
        HedonWorker *gpu = start(HEDON_DECODER_AUTO, 0);
        for (int again = 0; again < 2; again++) assert_alike(gpu, cpu, video, 1, 0);
        assert_true(on_gpu(gpu));
        hedon_worker_free(gpu);
    }
    set_fault(NULL);
    hedon_worker_free(cpu);
}

/* One that never works: auto decodes on the CPU and knows why; who insists is told. */
static void test_a_driver_that_never_works(void **state)
{
    static const struct {
        const char *fault;
        int gpu;
        const char *says;
    } cases[] = {
        {NULL, 1, "does not open GPU 1"}, {"create", 0, "refuses"},
        {"profile", 0, "refuses"},        {"decode:0", 0, "fails to decode"},
        {"curious", 0, "refuses"},        {"talkative", 0, "in the decoder's sandbox"},
    };
    (void)state;
    HedonWorker *cpu = start(HEDON_DECODER_CPU, 0);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const int confined = !strcmp(cases[c].says, "in the decoder's sandbox");
#ifndef HEDON_SECCOMP
        if (confined) continue;
#endif
        if (confined && SANITIZED) continue;
        set_fault(cases[c].fault);
        HedonWorker *gpu = start(HEDON_DECODER_AUTO, cases[c].gpu);
        assert_alike(gpu, cpu, video, 3, 0);
        assert_false(on_gpu(gpu));
        if (!strstr(reason_of(gpu), cases[c].says)) fail_msg("%s", reason_of(gpu));
        hedon_worker_free(gpu);

        HedonWorker *insisting = start(HEDON_DECODER_NVDEC, cases[c].gpu);
        assert_int_equal(hedon_worker_wait_ready(ctx, insisting), HEDON_EDEVICE);
        assert_int_equal(hedon_worker_open(ctx, insisting, video), HEDON_EDEVICE);
        assert_int_equal(hedon_worker_pid(insisting), 0);
        hedon_worker_free(insisting);
    }
    set_fault(NULL);
    hedon_worker_free(cpu);
}

static int no_job(void *opaque, HedonLoaderJob *job)
{
    (void)opaque, (void)job;
    return 1;
}

static void test_a_loader_that_insists_does_not_start(void **state)
{
    (void)state;
    HedonLoaderOptions options;
    HedonLoader *loader;
    const HedonLoaderCallbacks callbacks = {.next_job = no_job};
    hedon_loader_options_default(&options);
    options.workers = 3;
    options.slot_bytes = 64;
    options.worker.program = REAL_WORKER;
    options.worker.decoder = HEDON_DECODER_NVDEC;
    set_fault("profile");
    assert_int_equal(hedon_loader_start(ctx, &loader, &options, &callbacks), HEDON_EDEVICE);
    assert_null(loader);
    set_fault(NULL);
    assert_int_equal(hedon_loader_start(ctx, &loader, &options, &callbacks), 0);
    hedon_loader_stop(loader);
}

/* A process's context takes the GPU's memory: there is room for few. */
static void test_few_workers_share_the_gpu(void **state)
{
    static const struct {
        HedonDecoder decoder;
        int workers, with_gpu;
    } cases[] = {{HEDON_DECODER_AUTO, HEDON_GPU_WORKERS + 2, HEDON_GPU_WORKERS},
                 {HEDON_DECODER_NVDEC, HEDON_GPU_WORKERS, HEDON_GPU_WORKERS},
                 {HEDON_DECODER_CPU, HEDON_GPU_WORKERS + 2, 0}};
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        HedonLoaderOptions options;
        HedonLoader *loader;
        HedonLoaded *none;
        const HedonLoaderCallbacks callbacks = {.next_job = no_job};
        hedon_loader_options_default(&options);
        options.workers = HEDON_GPU_WORKERS + 2;
        options.slot_bytes = 64;
        options.worker.program = REAL_WORKER;
        options.worker.decoder = cases[c].decoder;
        assert_int_equal(hedon_loader_start(ctx, &loader, &options, &callbacks), 0);
        assert_int_equal(hedon_loader_next(ctx, loader, &none), 1); /* the threads are done */
        assert_int_equal(loader->thread_count, cases[c].workers);
        int with_gpu = 0;
        for (int t = 0; t < loader->thread_count; t++) {
            assert_int_equal(hedon_worker_wait_ready(ctx, loader->threads[t].worker), 0);
            with_gpu += on_gpu(loader->threads[t].worker);
        }
        assert_int_equal(with_gpu, cases[c].with_gpu);
        hedon_loader_stop(loader);
    }
}

/* Whatever the driver needs, the worker is confined. */
static void test_confined(void **state)
{
    (void)state;
    char path[64], line[256];
    int level = -1;
    HedonWorker *gpu = start(HEDON_DECODER_NVDEC, 0);
    assert_int_equal(hedon_worker_open(ctx, gpu, video), 0);
    snprintf(path, sizeof path, "/proc/%d/status", hedon_worker_pid(gpu));
    FILE *status = fopen(path, "r");
    while (fgets(line, sizeof line, status)) sscanf(line, "Seccomp: %d", &level);
    fclose(status);
#ifdef HEDON_SECCOMP
    if (!SANITIZED) assert_int_equal(level, 2);
#endif
    hedon_worker_free(gpu);
}

/* The output of a command without what its decoder and clock make differ. */
static char *output_of(const char *arguments)
{
    char command[1024], *text = NULL;
    size_t size = 0;
    snprintf(command, sizeof command, "(%s %s) 2>&1", HEDON, arguments);
    FILE *pipe = popen(command, "r");
    assert_true(getdelim(&text, &size, 0, pipe) > 0);
    pclose(pipe);
    char *runtime = strstr(text, "\"runtime\"");
    if (runtime) *runtime = 0;
    return text;
}

/* From file to scores: the same bytes, since pre-processing gives pairs and planes the same bits.
 */
static void test_scores_are_the_same(void **state)
{
    (void)state;
    if (access(HEDON, X_OK)) skip();
    char arguments[512];
    char *scores[3];
    static const char *const decoders[] = {"cpu", "nvdec", "auto"};
    for (int d = 0; d < 3; d++) {
        snprintf(arguments, sizeof arguments, "score --json --device cpu --decoder %s %s",
                 decoders[d], video);
        scores[d] = output_of(arguments);
    }
    assert_non_null(strstr(scores[0], "\"emotions\""));
    assert_string_equal(scores[1], scores[0]);
    assert_string_equal(scores[2], scores[0]);
    for (int d = 0; d < 3; d++) free(scores[d]);
    char *info = output_of("info");
    if (!strstr(info, "nvdec          decodes")) fail_msg("%s", info);
    free(info);
    set_fault("profile");
    snprintf(arguments, sizeof arguments, "score --device cpu --decoder nvdec %s; echo status $?",
             video);
    char *refused = output_of(arguments);
    assert_non_null(strstr(refused, "hedon: the GPU can't decode"));
    assert_non_null(strstr(refused, "status 1"));
    free(refused);
    set_fault(NULL);
}

static int prepare(void **state)
{
    if (make_scratch(state) ||
        render("video.mp4", "160x120", FRAMES / 10,
               "-vf noise=alls=12:allf=t -c:v libx264 -g 12 -pix_fmt yuv420p") ||
        render("deep.mp4", "160x120", FRAMES / 10,
               "-vf noise=alls=12:allf=t -c:v libx265 -pix_fmt yuv420p10 -x265-params "
               "log-level=none:keyint=12") ||
        render("unknown.mp4", "160x120", FRAMES / 10, "-c:v libx264 -pix_fmt yuv444p"))
        return -1;
    video = strdup(in_scratch("video.mp4"));
    deep = strdup(in_scratch("deep.mp4"));
    unknown = strdup(in_scratch("unknown.mp4"));
    write_pictures(video, in_scratch("video.pictures"));
    write_pictures(deep, in_scratch("deep.pictures"));
    setenv("LD_LIBRARY_PATH", SIM, 1);
    setenv("HEDON_SIM_PICTURES", in_scratch("video.pictures"), 1);
    return 0;
}

static int clean_up(void **state)
{
    free((void *)video);
    free((void *)deep);
    free((void *)unknown);
    return remove_scratch(state) || has_children();
}

/* Landlock is the kernel's. */
static int is_possible(void)
{
    setenv("LD_LIBRARY_PATH", SIM, 1);
    HedonWorker *worker = start(HEDON_DECODER_AUTO, 0);
    const int ready = !hedon_worker_wait_ready(ctx, worker);
    const int possible = ready && !strstr(reason_of(worker), "Landlock");
    hedon_worker_free(worker);
    unsetenv("LD_LIBRARY_PATH");
    return possible;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_are_the_cpus),
        cmocka_unit_test(test_a_driver_that_fails),
        cmocka_unit_test(test_a_driver_that_never_works),
        cmocka_unit_test(test_a_loader_that_insists_does_not_start),
        cmocka_unit_test(test_few_workers_share_the_gpu),
        cmocka_unit_test(test_confined),
        cmocka_unit_test(test_scores_are_the_same),
    };
    ctx = hedon_context_new();
    int failures = 77;
    if (is_possible())
        failures = cmocka_run_group_tests(tests, prepare, clean_up);
    else
        fprintf(stderr, "skipped: this kernel has no Landlock\n");
    hedon_context_free(ctx);
    return failures;
}
