/* Pictures on their way to a GPU, or the simulated one: what uploaders make of them is what ref does,
 * from several threads at once, and whatever is refused or missing. Skips where the cuda backend does
 * not run. */
#include <pthread.h>
#include <stdlib.h>

#include "tests/net.h"

static const HedonBackend *cuda;
static HedonContext *ctx;

static void check(int code)
{
    if (code) fail_msg("%s: %s", hedon_error_name(code), hedon_last_error(ctx));
}

/* ---- Pictures ------------------------------------------------------------------------------- */

enum { PICTURES = 3, WIDTH = 37, HEIGHT = 22, OUT_WIDTH = 13, OUT_HEIGHT = 9 };

/* Random planes of a layout; freed by the caller. */
static HedonFrame picture(HedonPixelLayout layout, int bits, uint64_t seed)
{
    HedonFrame frame = {.width = WIDTH,
                        .height = HEIGHT,
                        .layout = layout,
                        .bits = bits,
                        .shift = layout == HEDON_PIXEL_NV12 && bits > 8 ? 16 - bits : 0, /* P010 */
                        .matrix = (HedonColourMatrix)(layout % HEDON_MATRICES),
                        .full_range = layout % 2};
    for (int p = 0; p < hedon_frame_planes(layout); p++) {
        int64_t width, height;
        hedon_frame_plane_size(layout, p, WIDTH, HEIGHT, &width, &height);
        const int64_t size = bits > 8 ? 2 : 1, count = (width + 3) * height;
        uint8_t *samples = malloc((size_t)(count * size));
        for (int64_t i = 0; i < count; i++) {
            const uint64_t value =
                hedon_random_u64(hedon_random_key(seed, (uint64_t)p, 0), (uint64_t)i);
            if (bits > 8)
                ((uint16_t *)samples)[i] = (uint16_t)((value & ((1u << bits) - 1)) << frame.shift);
            else
                samples[i] = (uint8_t)value;
        }
        frame.plane[p] = samples;
        frame.stride[p] = (width + 3) * size;
    }
    return frame;
}

static const HedonTransform transforms[] = {
    {0,
     0,
     WIDTH,
     HEIGHT,
     15,
     11,
     HEDON_BILINEAR,
     1,
     1,
     2,
     OUT_WIDTH,
     OUT_HEIGHT,
     0,
     {.4f, .5f, .3f},
     {.2f, .3f, .25f}},
    {3, 2, 30, 17, 20, 9, HEDON_BICUBIC, 0, 5, 0, OUT_WIDTH, OUT_HEIGHT, 1, {0}, {1, 1, 1}},
    {1,
     1,
     20,
     20,
     60,
     50,
     HEDON_BICUBIC,
     1,
     9,
     30,
     OUT_WIDTH,
     OUT_HEIGHT,
     0,
     {.4f, .5f, .3f},
     {.2f, .3f, .25f}},
};

enum {
    AREA = OUT_WIDTH * OUT_HEIGHT,
    VIEWS = sizeof(transforms) / sizeof(*transforms),
    FIRST = 5,
    FLOATS = FIRST + VIEWS * 3 * PICTURES * AREA
};

static void release_pictures(HedonFrame frames[PICTURES])
{
    for (int f = 0; f < PICTURES; f++)
        for (int p = 0; p < hedon_frame_planes(frames[f].layout); p++)
            free((void *)(uintptr_t)frames[f].plane[p]);
}

/* Clips of some pictures, (view, channel, picture, y, x) from element FIRST on. */
static void clips_by_ref(const HedonFrame frames[PICTURES], float out[FLOATS])
{
    for (int v = 0; v < VIEWS; v++) {
        HedonPreprocessor *ref;
        assert_int_equal(hedon_backend_ref.preprocessor_new(NULL, &transforms[v], &frames[0], &ref),
                         0);
        for (int f = 0; f < PICTURES; f++)
            hedon_backend_ref.preprocess(
                ref, &frames[f], out + FIRST + (v * 3 * PICTURES + f) * AREA, PICTURES * AREA);
        hedon_backend_ref.preprocessor_free(ref);
    }
}

/* One thread's way to the device. */
typedef struct Way {
    HedonContext *ctx;
    HedonStream *stream;
    HedonUploader *uploader;
    HedonBuffer *out;
} Way;

static void way_open(Way *way, HedonContext *own, HedonDevice *device)
{
    way->ctx = own;
    assert_int_equal(cuda->stream_new(own, device, &way->stream), 0);
    assert_int_equal(cuda->uploader_new(own, device, way->stream, &way->uploader), 0);
    assert_int_equal(cuda->buffer_new(own, device, FLOATS * sizeof(float), &way->out), 0);
}

static void way_close(Way *way)
{
    cuda->uploader_free(way->uploader);
    cuda->stream_free(way->stream);
    cuda->buffer_free(way->out);
}

static int clips_by_way(Way *way, const HedonFrame frames[PICTURES], float out[FLOATS])
{
    int code = cuda->uploader_prepare(way->ctx, way->uploader, transforms, VIEWS, &frames[0]);
    for (int f = 0; f < PICTURES && !code; f++) {
        code = cuda->uploader_send(way->ctx, way->uploader, &frames[f]);
        for (int v = 0; v < VIEWS && !code; v++)
            code =
                cuda->uploader_preprocess(way->ctx, way->uploader, v, way->out,
                                          FIRST + (v * 3 * PICTURES + f) * AREA, PICTURES * AREA);
    }
    if (!code)
        code = cuda->download(way->ctx, out, way->out, 0, FLOATS * sizeof(float), way->stream);
    return code ? code : cuda->stream_wait(way->ctx, way->stream);
}

static void pictures_become_what_ref_makes_of_them(void **state)
{
    (void)state;
    if (!cuda) skip();
    HedonDevice *device;
    Way way;
    static float got[FLOATS], wanted[FLOATS];
    double greatest = 0;
    check(cuda->open(ctx, &device, &(HedonDeviceOptions){"cuda", HEDON_F32, 1}));
    way_open(&way, ctx, device);
    for (int layout = 0; layout < HEDON_PIXEL_LAYOUTS; layout++)
        for (int bits = 8; bits <= 10; bits += 2) {
            HedonFrame frames[PICTURES];
            for (uint64_t f = 0; f < PICTURES; f++)
                frames[f] = picture((HedonPixelLayout)layout, bits, f);
            clips_by_ref(frames, wanted);
            check(clips_by_way(&way, frames, got));
            for (int i = FIRST; i < FLOATS; i++) {
                const double error = fabs((double)got[i] - (double)wanted[i]);
                greatest = error > greatest ? error : greatest;
                if (!(error <= 2e-5))
                    fail_msg("layout %d, %d bits, element %d: %g, not %g", layout, bits, i,
                             (double)got[i], (double)wanted[i]);
            }
            release_pictures(frames);
        }
    print_message("greatest distance from ref %.1e\n", greatest);
    way_close(&way);
    cuda->close(device);
}

/* Loader threads, each with pictures of another geometry at every turn, share the device. */
typedef struct Thread {
    pthread_t thread;
    HedonDevice *device;
    int number, wrong, code;
} Thread;

static void *upload_pictures(void *opaque)
{
    Thread *thread = opaque;
    HedonContext *own = hedon_context_new();
    float *got = malloc(FLOATS * sizeof(*got)), *wanted = malloc(FLOATS * sizeof(*wanted));
    Way way;
    way_open(&way, own, thread->device);
    for (int turn = 0; turn < 8 && !thread->code; turn++) {
        HedonFrame frames[PICTURES];
        const HedonPixelLayout layout = (turn + thread->number) % HEDON_PIXEL_LAYOUTS;
        for (int f = 0; f < PICTURES; f++)
            frames[f] = picture(layout, turn % 2 ? 10 : 8,
                                (uint64_t)(100 * thread->number + 10 * turn + f));
        clips_by_ref(frames, wanted);
        thread->code = clips_by_way(&way, frames, got);
        for (int i = FIRST; i < FLOATS && !thread->code; i++)
            thread->wrong += !(fabsf(got[i] - wanted[i]) <= 2e-5f);
        release_pictures(frames);
    }
    way_close(&way);
    free(got);
    free(wanted);
    hedon_context_free(own);
    return NULL;
}

static void several_threads_upload_at_once(void **state)
{
    (void)state;
    if (!cuda) skip();
    Thread threads[4];
    HedonDevice *device;
    check(cuda->open(ctx, &device, &(HedonDeviceOptions){"cuda", HEDON_F32, 1}));
    for (int i = 0; i < 4; i++) {
        threads[i] = (Thread){.device = device, .number = i};
        assert_int_equal(pthread_create(&threads[i].thread, NULL, upload_pictures, &threads[i]), 0);
    }
    for (int i = 0; i < 4; i++) pthread_join(threads[i].thread, NULL);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(threads[i].code, 0);
        assert_int_equal(threads[i].wrong, 0);
    }
    cuda->close(device);
}

static void uploads_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    if (!cuda) skip();
    HedonDevice *device;
    Way way;
    check(cuda->open(ctx, &device, &(HedonDeviceOptions){"cuda", HEDON_F32, 1}));
    way_open(&way, ctx, device);
    HedonFrame frames[PICTURES], other;
    for (uint64_t f = 0; f < PICTURES; f++) frames[f] = picture(HEDON_PIXEL_NV12, 10, f);
    HedonUploader *u = way.uploader;
    assert_int_equal(cuda->uploader_send(ctx, u, &frames[0]), HEDON_EINVAL); /* not prepared */
    assert_int_equal(cuda->uploader_prepare(ctx, u, transforms, 0, &frames[0]), HEDON_EINVAL);
    other = frames[0];
    other.shift = 7;
    assert_int_equal(cuda->uploader_prepare(ctx, u, transforms, VIEWS, &other), HEDON_EINVAL);
    assert_int_equal(cuda->uploader_send(ctx, u, &other), HEDON_EINVAL); /* nor by that */
    check(cuda->uploader_prepare(ctx, u, transforms, VIEWS, &frames[0]));
    assert_int_equal(cuda->uploader_preprocess(ctx, u, 0, way.out, 0, AREA), HEDON_EINVAL);
    other = frames[0];
    other.width--;
    assert_int_equal(cuda->uploader_send(ctx, u, &other), HEDON_EINVAL);
    other = frames[0];
    other.stride[1] = 2 * WIDTH - 2; /* U and V of the last column would be missing */
    assert_int_equal(cuda->uploader_send(ctx, u, &other), HEDON_EINVAL);
    check(cuda->uploader_send(ctx, u, &frames[0]));
    assert_int_equal(cuda->uploader_preprocess(ctx, u, VIEWS, way.out, 0, AREA), HEDON_EINVAL);
    assert_int_equal(cuda->uploader_preprocess(ctx, u, -1, way.out, 0, AREA), HEDON_EINVAL);
    check(cuda->uploader_preprocess(ctx, u, 0, way.out, FLOATS - 3 * AREA, AREA));
    static const int64_t outside[][2] = {{FLOATS - 3 * AREA + 1, AREA},
                                         {-1, AREA},
                                         {0, -1},
                                         {0, FLOATS / 2},
                                         {INT64_MAX, AREA},
                                         {0, INT64_MAX}};
    for (size_t i = 0; i < sizeof(outside) / sizeof(*outside); i++)
        assert_int_equal(
            cuda->uploader_preprocess(ctx, u, 0, way.out, outside[i][0], outside[i][1]),
            HEDON_EINVAL);
    release_pictures(frames);
    way_close(&way);
    cuda->close(device);
}

/* Memory runs out while tables are made: an error, and the uploader can be prepared again. */
static void an_uploader_survives_lack_of_memory(void **state)
{
    (void)state;
    if (!cuda) skip();
    HedonDevice *device;
    Way way;
    static float got[FLOATS], wanted[FLOATS];
    HedonFrame frames[PICTURES];
    int64_t k = 1;
    check(cuda->open(ctx, &device, &(HedonDeviceOptions){"cuda", HEDON_F32, 1}));
    way_open(&way, ctx, device);
    for (uint64_t f = 0; f < PICTURES; f++) frames[f] = picture(HEDON_PIXEL_YUV420, 8, f);
    clips_by_ref(frames, wanted);
    for (int failed = 1; failed; k++) {
        hedon_memory_fail_at(k);
        const int code = clips_by_way(&way, frames, got);
        failed = hedon_memory_failed();
        hedon_memory_fail_at(0);
        assert_int_equal(code, failed ? HEDON_ENOMEM : 0);
    }
    assert_true(k > 10);
    for (int i = FIRST; i < FLOATS; i++) assert_true(fabsf(got[i] - wanted[i]) <= 2e-5f);
    for (int64_t at = 1, failed = 1; failed; at++) {
        HedonUploader *uploader;
        hedon_memory_fail_at(at);
        const int code = cuda->uploader_new(ctx, device, way.stream, &uploader);
        failed = hedon_memory_failed();
        hedon_memory_fail_at(0);
        assert_int_equal(code, failed ? HEDON_ENOMEM : 0);
        cuda->uploader_free(uploader);
    }
    release_pictures(frames);
    way_close(&way);
    cuda->close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_become_what_ref_makes_of_them),
        cmocka_unit_test(several_threads_upload_at_once),
        cmocka_unit_test(uploads_that_make_no_sense_are_refused),
        cmocka_unit_test(an_uploader_survives_lack_of_memory),
    };
    ctx = hedon_context_new();
    if (hedon_backend_find(ctx, "cuda", &cuda)) printf("skipped: %s\n", hedon_last_error(ctx));
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hedon_context_free(ctx);
    return failed;
}
