/* Decoding on a device: the frames, times and facts of a video are the CPU decoder's, whatever the
 * device takes, refuses or breaks down at; NV12 pictures are the planar ones, sample for sample. */
#include "tests/media/frames.h"
#include "tests/media/folder.h"

#include "decode/hardware_proof.h"
#include "decode/nvdec.h"
#include "decode/planes.h"
#include "tests/fake_hardware.h"
#include "tests/frame_digest.h"

#include <libswscale/swscale.h>

#define SOURCE "-f lavfi -i testsrc2=s=160x120:r=24:d=2,noise=alls=12:allf=t "
#define X264   "-c:v libx264 -preset veryfast -g 12 "

static HedonContext *ctx;

/* ---- What came of a video ---------------------------------------------------------------------
 */

typedef struct Outcome {
    HedonVideoInfo info;
    double *times;
    Md5 *frames;
    int64_t delivered;
    int resampled, paired; /* times the caller was told; frames that came as NV12 */
} Outcome;

static int keep(void *opaque, const HedonFrame *frame)
{
    Outcome *outcome = opaque;
    /* a worker's client kills whoever answers twice */
    if (outcome->frames[frame->index][0])
        fail_msg("frame %lld came twice", (long long)frame->index);
    frame_digest(frame, outcome->frames[frame->index]);
    outcome->delivered++;
    outcome->paired += frame->layout == HEDON_PIXEL_NV12;
    return 0;
}

/* Requests as a caller makes them: some, then others, sampled anew when told. */
static void ask_all(HedonVideo *video, int64_t every, Outcome *outcome, const char *name)
{
    int code;
    do {
        const int64_t count = hedon_video_info(video)->frames;
        int64_t *indices = malloc((size_t)count * sizeof *indices);
        free(outcome->frames);
        outcome->frames = calloc((size_t)count, sizeof *outcome->frames);
        outcome->delivered = outcome->paired = 0;
        code = 0;
        for (int64_t part = 0; part < 2 && !code; part++) {
            size_t n = 0;
            for (int64_t f = part ? count / 2 : 0; f < (part ? count : count / 2); f += every)
                indices[n++] = f;
            code = hedon_video_frames(ctx, video, indices, n, !part, keep, outcome);
        }
        free(indices);
        if (code && code != HEDON_ERESAMPLE) fail_msg("%s: %s", name, hedon_last_error(ctx));
    } while (code && outcome->resampled++ < 3);
    if (code) fail_msg("%s: resampled without end", name);
}

static Outcome read_video(const char *path, const HedonHardware *hardware, int threads,
                          int64_t every)
{
    HedonVideoOptions options;
    Outcome outcome = {0};
    hedon_video_options_default(&options);
    options.threads = threads;
    options.hardware = hardware;
    HedonVideo *video;
    if (hedon_video_open(ctx, &video, path, &options))
        fail_msg("%s: %s", path, hedon_last_error(ctx));
    ask_all(video, every, &outcome, path);
    outcome.info = *hedon_video_info(video);
    const size_t bytes = (size_t)outcome.info.frames * sizeof(double);
    outcome.times = memcpy(malloc(bytes), hedon_video_times(video), bytes);
    hedon_video_close(video);
    return outcome;
}

static void free_outcome(Outcome *outcome)
{
    free(outcome->frames);
    free(outcome->times);
}

/* Everything but how the planes lie and how often the caller was told. */
static void assert_same(const char *name, const Outcome *device, const Outcome *cpu)
{
    assert_memory_equal(&device->info, &cpu->info, sizeof cpu->info);
    assert_int_equal(device->delivered, cpu->delivered);
    for (int64_t f = 0; f < cpu->info.frames; f++) {
        if (strcmp(device->frames[f], cpu->frames[f]))
            fail_msg("%s: frame %lld is not the CPU's", name, (long long)f);
        assert_true(device->times[f] == cpu->times[f]);
    }
}

/* ---- Videos -----------------------------------------------------------------------------------
 */

static const struct {
    const char *name, *arguments;
    int taken;
} clips[] = {
    {"plain.mp4", SOURCE X264 "-pix_fmt yuv420p", 1},
    {"plain.ts", SOURCE X264 "-pix_fmt yuv420p", 1},
    {"open.mkv", SOURCE X264 "-pix_fmt yuv420p -x264-params open-gop=1:bframes=3", 1},
    {"full709.mp4", SOURCE X264 "-vf scale=out_range=pc -pix_fmt yuvj420p -colorspace bt709", 1},
    {"deep.mp4", SOURCE X264 "-pix_fmt yuv420p10", 1},
    {"hevc10.mkv",
     SOURCE "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10 -x265-params "
            "log-level=none:keyint=20",
     1},
    {"vp9.webm", SOURCE "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 20 -pix_fmt yuv420p", 1},
    {"vp8.webm",
     SOURCE "-c:v libvpx -deadline good -cpu-used 5 -g 20 -auto-alt-ref 1 -lag-in-frames 16", 1},
    {"av1.mp4", SOURCE "-c:v libaom-av1 -cpu-used 8 -usage realtime -g 20 -pix_fmt yuv420p", 1},
    {"fields.mp4", SOURCE X264 "-pix_fmt yuv420p -flags +ilme+ildct", 0},
    {"fields.ts", SOURCE X264 "-pix_fmt yuv420p -flags +ilme+ildct", 0},
    {"full_chroma.mp4", SOURCE X264 "-pix_fmt yuv444p", 0},
    {"half_chroma.mkv", SOURCE X264 "-pix_fmt yuv422p", 0},
    {"gray.mp4", SOURCE X264 "-pix_fmt gray", 0},
    {"odd.webm",
     "-f lavfi -i testsrc2=s=160x120:r=24:d=1,scale=161:121 -c:v libvpx-vp9 -cpu-used 8 -deadline "
     "realtime "
     "-pix_fmt yuv420p",
     0},
    {"mpeg2.mkv", SOURCE "-c:v mpeg2video -bf 2 -g 15 -q:v 5", 0},
    {"mpeg4.mp4", SOURCE "-c:v mpeg4 -bf 2 -g 20 -q:v 5", 0},
    {"motion_jpeg.mov", SOURCE "-c:v mjpeg -q:v 5 -pix_fmt yuvj420p", 0},
};

static void test_same_as_the_cpu(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof clips / sizeof *clips; c++) {
        const char *path = render(clips[c].arguments, clips[c].name);
        for (int threads = 1; threads <= 2; threads++)
            for (int64_t every = 1; every <= 7; every += 6) {
                FakeHardware fake = fake_hardware();
                Outcome cpu = read_video(path, NULL, threads, every);
                Outcome device = read_video(path, &fake.hardware, threads, every);
                assert_same(clips[c].name, &device, &cpu);
                assert_int_equal(cpu.paired, 0);
                assert_int_equal(device.resampled, cpu.resampled);
                /* all come from the device, and no more than were asked for; or none */
                assert_int_equal(device.paired, clips[c].taken ? device.delivered : 0);
                assert_int_equal(fake.fetched, device.paired);
                free_outcome(&cpu);
                free_outcome(&device);
            }
        print_message("%s: %s\n", clips[c].name, clips[c].taken ? "the device's" : "the CPU's");
    }
}

static void test_turned(void **state)
{
    (void)state;
    for (int deep = 0; deep < 2; deep++)
        for (int degrees = 0; degrees < 360; degrees += 90) {
            char stored[64], name[64], arguments[1024];
            snprintf(stored, sizeof stored, "stored_%d.mp4", deep);
            snprintf(arguments, sizeof arguments,
                     "-f lavfi -i testsrc2=s=160x90:r=24:d=1,noise=alls=12:allf=t -c:v libx264 "
                     "-preset veryfast -pix_fmt yuv420p%s",
                     deep ? "10" : "");
            const char *from = render(arguments, stored);
            snprintf(arguments, sizeof arguments, "-i %s -c copy -metadata:s:v rotate=%d", from,
                     degrees);
            snprintf(name, sizeof name, "turned_%d_%d.mov", deep, degrees);
            const char *path = render(arguments, name);
            FakeHardware fake = fake_hardware();
            Outcome cpu = read_video(path, NULL, 1, 5);
            Outcome device = read_video(path, &fake.hardware, 1, 5);
            assert_same(name, &device, &cpu);
            assert_int_equal(device.info.rotation, (360 - degrees) % 360);
            assert_int_equal(device.paired, device.delivered);
            free_outcome(&cpu);
            free_outcome(&device);
        }
}

static void test_real_videos(void **state)
{
    static const char *const names[] = {"corrupted.mp4", "flipping_a_pancake.mkv",
                                        "h264_10bits.mp4", "nasa_13013.mp4", "video_90.mov"};
    (void)state;
    if (access(HEDON_MEDIA_DIR, R_OK)) skip();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", HEDON_MEDIA_DIR, names[i]);
        FakeHardware fake = fake_hardware();
        Outcome cpu = read_video(path, NULL, 2, 9);
        Outcome device = read_video(path, &fake.hardware, 2, 9);
        assert_same(names[i], &device, &cpu);
        print_message("%s: %d of %lld frames from the device, told %d times (CPU %d)\n", names[i],
                      device.paired, (long long)device.delivered, device.resampled, cpu.resampled);
        free_outcome(&cpu);
        free_outcome(&device);
    }
}

/* ---- Devices that fail ------------------------------------------------------------------------
 */

/* The CPU does it all; whoever has frames from before is told once. */
static void assert_falls_back(const char *path, FakeHardware *fake, int threads, int told)
{
    Outcome cpu = read_video(path, NULL, threads, 3);
    Outcome device = read_video(path, &fake->hardware, threads, 3);
    assert_same(path, &device, &cpu);
    assert_int_equal(device.paired, 0);
    assert_int_equal(device.resampled, cpu.resampled + told);
    free_outcome(&cpu);
    free_outcome(&device);
}

static void test_devices_that_fail(void **state)
{
    (void)state;
    const char *path = render(SOURCE X264 "-pix_fmt yuv420p", "faults.mp4");
    for (int threads = 1; threads <= 2; threads++) {
        FakeHardware fake = fake_hardware();
        fake.has_no_decoder = 1;
        assert_falls_back(path, &fake, threads, 0);
        fake = fake_hardware();
        fake.attaches_not = 1;
        assert_falls_back(path, &fake, threads, 0);
        fake = fake_hardware();
        fake.refuses = 1;
        assert_falls_back(path, &fake, threads, 0);
        assert_int_equal(fake.fetched, 0);
        fake = fake_hardware();
        fake.sound = 0;
        assert_falls_back(path, &fake, threads, 0);
        assert_in_range(fake.contexts, 1, threads); /* it is not asked again */
        for (int sound = 1; sound < 16; sound += 3) {
            fake = fake_hardware();
            fake.sound = sound;
            assert_falls_back(path, &fake, threads, 1);
            assert_in_range(fake.contexts, 1, threads);
        }
    }
}

/* However many decoders a video has on the CPU. */
static void test_few_decoders_share_the_device(void **state)
{
    (void)state;
    const char *path = render(SOURCE X264 "-pix_fmt yuv420p", "many.mp4");
    for (int sound = -1; sound < 10; sound += 10) {
        FakeHardware fake = fake_hardware();
        fake.sound = sound;
        Outcome cpu = read_video(path, NULL, 8, 1);
        Outcome device = read_video(path, &fake.hardware, 8, 1);
        assert_same(path, &device, &cpu);
        assert_in_range(fake.contexts, 1, HEDON_GPU_DECODERS);
        assert_int_equal(device.paired, sound < 0 ? device.delivered : 0);
        free_outcome(&cpu);
        free_outcome(&device);
    }
}

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void write_file(const char *name, const char *bytes, size_t size)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void assert_ends_as_the_cpu(const char *name, FakeHardware *fake, int64_t every, int told)
{
    Outcome cpu = read_video(in_folder(name), NULL, 1, every);
    Outcome device = read_video(in_folder(name), &fake->hardware, 1, every);
    assert_same(name, &device, &cpu);
    if (told) {
        assert_true(cpu.info.damaged);
        assert_int_equal(device.resampled, cpu.resampled + 1);
    }
    free_outcome(&cpu);
    free_outcome(&device);
}

/* What the decoder reports as damaged ends as the CPU ends it: counted anew, with its losses.
 * Whoever has frames of the device's decoder is told, in whichever memory it decoded them. */
static void test_damaged_videos(void **state)
{
    (void)state;
    static const char *const kinds[] = {"mp4", "mkv", "ts"};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        char whole[32], hurt[32];
        size_t size;
        snprintf(whole, sizeof whole, "whole.%s", kinds[k]);
        snprintf(hurt, sizeof hurt, "hurt.%s", kinds[k]);
        char *bytes =
            read_file(render(SOURCE X264 "-pix_fmt yuv420p -movflags +faststart", whole), &size);
        for (size_t at = size * 2 / 3; at < size * 2 / 3 + 40; at++) bytes[at] = (char)~bytes[at];
        for (int refuses = 0; refuses < 2; refuses++) {
            FakeHardware fake;
            write_file(hurt, bytes, size);
            for (int64_t every = 1; every <= 9; every += 4) {
                const int told = every == 1 && !k; /* the mp4: after frames */
                fake = fake_hardware();
                fake.refuses = refuses;
                assert_ends_as_the_cpu(hurt, &fake, every, told);
                if (told) assert_true(refuses ? !fake.fetched : fake.fetched > 0);
            }
            write_file(hurt, bytes, size * 6 / 10);
            fake = fake_hardware();
            fake.refuses = refuses;
            assert_ends_as_the_cpu(hurt, &fake, 1, 0);
        }
        free(bytes);
    }
}

/* ---- H.264 without colour ---------------------------------------------------------------------
 */

/* A header with these parameter sets, as MP4 has it or with start codes, cut short by some bytes.
 */
static int takes_header(const char *sets, int start_codes, int cut)
{
    static const uint8_t coloured[] = {0x67, 100, 0, 30, 0xa0}, gray[] = {0x67, 100, 0, 30, 0xc0},
                         picture[] = {0x68, 0xcb, 0x83, 0xcb, 0x20};
    const size_t size = sizeof gray;
    uint8_t header[128] = {1, 100, 0, 30, 0xff, 0xe0}, *to = start_codes ? header : header + 6;
    for (const char *set = sets; *set; set++) {
        const uint8_t *nal = *set == 'c' ? coloured : *set == 'g' ? gray : picture;
        static const uint8_t code[] = {0, 0, 1}, length[] = {0, sizeof gray};
        if (start_codes) {
            to = (uint8_t *)memcpy(to, code, sizeof code) + sizeof code;
        } else {
            if (*set == 'p') *to++ = 1;
            header[5] += *set != 'p';
            to = (uint8_t *)memcpy(to, length, sizeof length) + sizeof length;
        }
        to = (uint8_t *)memcpy(to, nal, size) + size;
    }
    const HedonPicture shape = {160, 120, AV_PIX_FMT_YUV420P};
    const int bytes = (int)(to - header) - cut;
    uint8_t *extra = memcpy(malloc((size_t)bytes), header, (size_t)bytes); /* ends where it ends */
    const AVCodecParameters stream = {
        .codec_id = AV_CODEC_ID_H264, .extradata = extra, .extradata_size = bytes};
    const int takes = hedon_hardware_takes(&stream, &shape);
    free(extra);
    return takes;
}

static void test_every_parameter_set_counts(void **state)
{
    (void)state;
    for (int start_codes = 0; start_codes < 2; start_codes++) {
        assert_true(takes_header("cp", start_codes, 0));
        assert_true(takes_header("ccp", start_codes, 0));
        assert_false(takes_header("gp", start_codes, 0));
        assert_false(takes_header("gcp", start_codes, 0));
        assert_false(takes_header("cgp", start_codes, 0));
        assert_false(takes_header("p", start_codes, 0));
    }
    for (int cut = 1; cut < 16; cut++) assert_false(takes_header("ccp", 0, cut));
    for (int cut = 0; cut < 16; cut++) (void)takes_header("ccp", 1, cut); /* for the sanitizers */
}

/* ---- The proof --------------------------------------------------------------------------------
 */

static void test_proof(void **state)
{
    (void)state;
    FakeHardware fake = fake_hardware();
    if (hedon_hardware_prove(ctx, &fake.hardware)) fail_msg("%s", hedon_last_error(ctx));
    assert_int_equal(fake.fetched, 1);
    for (int fault = 0; fault < 5; fault++) {
        static const char *const says[] = {"can't use it", "can't use it", "refuses",
                                           "can't be had", "is wrong"};
        fake = fake_hardware();
        if (fault == 0) fake.has_no_decoder = 1;
        if (fault == 1) fake.attaches_not = 1;
        if (fault == 2) fake.refuses = 1;
        if (fault == 3) fake.sound = 0;
        if (fault == 4) fake.wrong = 1;
        assert_int_equal(hedon_hardware_prove(ctx, &fake.hardware), HEDON_EDEVICE);
        if (!strstr(hedon_last_error(ctx), says[fault])) fail_msg("%s", hedon_last_error(ctx));
    }
}

/* ---- Planes -----------------------------------------------------------------------------------
 */

/* An empty picture of another format. */
static AVFrame *frame_like(const AVFrame *picture, enum AVPixelFormat format)
{
    AVFrame *to = av_frame_alloc();
    to->format = format;
    to->width = picture->width;
    to->height = picture->height;
    assert_int_equal(av_frame_get_buffer(to, 0), 0);
    assert_int_equal(av_frame_copy_props(to, picture), 0);
    return to;
}

static AVFrame *in_pairs(const AVFrame *picture, enum AVPixelFormat format)
{
    AVFrame *to = frame_like(picture, format);
    struct SwsContext *sws =
        sws_getContext(picture->width, picture->height, picture->format, to->width, to->height,
                       format, SWS_POINT | SWS_BITEXACT, NULL, NULL, NULL);
    sws_scale(sws, (const uint8_t *const *)picture->data, picture->linesize, 0, picture->height,
              to->data, to->linesize);
    sws_freeContext(sws);
    return to;
}

/* libswscale leaves out the last column of a P010 of odd width. */
static AVFrame *in_pairs_by_hand(const AVFrame *picture, enum AVPixelFormat format)
{
    AVFrame *to = frame_like(picture, format);
    fake_interleave(to, picture, format == AV_PIX_FMT_P010 ? 2 : 1);
    return to;
}

/* Chroma at an odd address, as in raw video of odd sizes. */
static AVFrame *askew(const AVFrame *pairs)
{
    AVFrame *to = av_frame_clone(pairs);
    const int rows = (pairs->height + 1) / 2;
    to->buf[1] = av_buffer_alloc((size_t)(pairs->linesize[1] * rows + 1));
    to->data[1] = to->buf[1]->data + 1;
    memcpy(to->data[1], pairs->data[1], (size_t)(pairs->linesize[1] * rows));
    return to;
}

static void assert_planes_alike(const AVFrame *pairs, const AVFrame *picture,
                                HedonOrientation orientation)
{
    HedonPlanes one = {
        .width = picture->width, .height = picture->height, .orientation = orientation};
    HedonPlanes other = one;
    HedonFrame planar, paired;
    Md5 expected, found;
    assert_int_equal(hedon_planes_of(ctx, &one, picture, &planar), 0);
    assert_int_equal(hedon_planes_of(ctx, &other, pairs, &paired), 0);
    assert_int_equal(planar.layout, HEDON_PIXEL_YUV420);
    assert_int_equal(paired.layout, HEDON_PIXEL_NV12);
    assert_int_equal(paired.shift, paired.bits == 10 ? 6 : 0);
    frame_digest(&planar, expected);
    frame_digest(&paired, found);
    if (strcmp(found, expected))
        fail_msg("%dx%d %d bits, swap %d, mirrors %d %d", picture->width, picture->height,
                 planar.bits, orientation.swap, orientation.mirror_x, orientation.mirror_y);
    hedon_planes_free(&one);
    hedon_planes_free(&other);
}

static void check_planes(const char *path, enum AVPixelFormat format)
{
    HedonVideo *video = open_clip(ctx, path, 1);
    HedonSequence sequence;
    assert_int_equal(hedon_sequence_open(ctx, &sequence, &video->bytes, &video->budget, 1 << 20),
                     0);
    for (int frame = 0; frame < 3; frame++) {
        assert_int_equal(hedon_sequence_next(ctx, &sequence), 0);
        AVFrame *pairs = sequence.picture->width % 2 ? in_pairs_by_hand(sequence.picture, format)
                                                     : in_pairs(sequence.picture, format);
        AVFrame *odd = askew(pairs);
        for (int turn = 0; turn < 8; turn++) {
            const HedonOrientation orientation = {
                .swap = turn & 1, .mirror_x = turn >> 1 & 1, .mirror_y = turn >> 2 & 1};
            assert_planes_alike(pairs, sequence.picture, orientation);
            assert_planes_alike(odd, sequence.picture, orientation);
        }
        av_frame_free(&odd);
        av_frame_free(&pairs);
    }
    hedon_sequence_close(&sequence);
    hedon_video_close(video);
}

static void test_pairs_are_the_planes(void **state)
{
    (void)state;
    check_planes(render(SOURCE X264 "-pix_fmt yuv420p", "eight.mp4"), AV_PIX_FMT_NV12);
    check_planes(render(SOURCE X264 "-pix_fmt yuv420p10", "ten.mp4"), AV_PIX_FMT_P010);
    check_planes(
        render(
            "-f lavfi -i testsrc2=s=160x120:r=24:d=1,noise=alls=12:allf=t,scale=161:121 -c:v ffv1 "
            "-pix_fmt yuv420p",
            "odd8.mkv"),
        AV_PIX_FMT_NV12);
    check_planes(
        render(
            "-f lavfi -i testsrc2=s=160x120:r=24:d=1,noise=alls=12:allf=t,scale=161:121 -c:v ffv1 "
            "-pix_fmt yuv420p10",
            "odd10.mkv"),
        AV_PIX_FMT_P010);
}

/* Raw NV12 is delivered as it is. */
static void test_raw_pairs(void **state)
{
    (void)state;
    int ranked;
    check_clip(ctx,
               render("-f lavfi -i testsrc2=s=64x48:r=5:d=1,scale=63:47,format=nv12 -c:v rawvideo",
                      "raw.nut"),
               &ranked);
}

/* ---- NVDEC itself -----------------------------------------------------------------------------
 */

/* On a machine with a GPU: every sample is the CPU's. */
static void test_nvdec_where_there_is_one(void **state)
{
    (void)state;
    HedonHardware *nvdec;
    const int code = hedon_nvdec_load(ctx);
    if (code) {
        assert_int_equal(code, HEDON_EDEVICE);
        print_message("%s\n", hedon_last_error(ctx));
        skip();
    }
    if (hedon_nvdec_open(ctx, &nvdec, 0) || hedon_hardware_prove(ctx, nvdec))
        fail_msg("%s", hedon_last_error(ctx));
    for (size_t c = 0; c < sizeof clips / sizeof *clips; c++) {
        const char *path = render(clips[c].arguments, clips[c].name);
        for (int64_t every = 1; every <= 7; every += 6) {
            Outcome cpu = read_video(path, NULL, 1, every);
            Outcome device = read_video(path, nvdec, 1, every);
            assert_same(clips[c].name, &device, &cpu);
            print_message("%s: %d of %lld frames by NVDEC\n", clips[c].name, device.paired,
                          (long long)device.delivered);
            free_outcome(&cpu);
            free_outcome(&device);
        }
    }
    hedon_nvdec_close(nvdec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_the_cpu),
        cmocka_unit_test(test_turned),
        cmocka_unit_test(test_real_videos),
        cmocka_unit_test(test_devices_that_fail),
        cmocka_unit_test(test_few_decoders_share_the_device),
        cmocka_unit_test(test_damaged_videos),
        cmocka_unit_test(test_every_parameter_set_counts),
        cmocka_unit_test(test_proof),
        cmocka_unit_test(test_pairs_are_the_planes),
        cmocka_unit_test(test_raw_pairs),
        cmocka_unit_test(test_nvdec_where_there_is_one),
    };
    if (ffmpeg_run("-version")) {
        fprintf(stderr, "skipped: no ffmpeg command\n");
        return 77;
    }
    ctx = hedon_context_new();
    const int failures = cmocka_run_group_tests(tests, make_folder, remove_folder);
    hedon_context_free(ctx);
    return failures;
}
