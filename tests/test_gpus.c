/* Several GPUs, real or simulated: which one a name means, and that all that is asked of a device
 * is done on it, whatever thread asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/backend.h"
#include "models/model.h"

enum { FRAMES = 4, SIZE = 20, CLIP = 3 * FRAMES * SIZE * SIZE };

static HedonContext *ctx;
static int count; /* of GPUs */

/* ---- Names ---------------------------------------------------------------------------------- */

static void refused(const char *name, int code, const char *part)
{
    const HedonBackend *backend;
    if (hedon_backend_find(ctx, name, &backend) != code) fail_msg("%s is not refused so", name);
    assert_null(backend);
    if (!strstr(hedon_last_error(ctx), part))
        fail_msg("%s: '%s' is not in: %s", name, part, hedon_last_error(ctx));
}

static void only_gpus_have_numbers(void **state)
{
    (void)state;
    int number;
    refused("cpu:0", HEDON_EINVAL, "without a number");
    refused("ref:1", HEDON_EINVAL, "without a number");
    refused("gpu:0", HEDON_EINVAL, "no device is called gpu:0");
    static const char *const wrong[] = {"cuda:",   "cuda:x",    "cuda:-1",
                                        "cuda:1x", "cuda:0000", "cuda:99999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(hedon_device_number(ctx, wrong[i], &number), HEDON_EINVAL);
    assert_int_equal(hedon_device_number(ctx, "cuda:12", &number), 0);
    assert_int_equal(number, 12);
    assert_int_equal(hedon_device_number(ctx, "cuda", &number), 0);
    assert_int_equal(number, -1);
}

static void a_gpu_that_is_not_there_is_named(void **state)
{
    (void)state;
    char name[16], last[32];
    if (!count) skip();
    snprintf(name, sizeof name, "cuda:%d", count);
    snprintf(last, sizeof last, count > 1 ? "cuda:0 to cuda:%d" : "one GPU, cuda:%d", count - 1);
    refused(name, HEDON_EDEVICE, last);
    refused("cuda:x", HEDON_EINVAL, "a GPU's number");
}

/* ---- Work ----------------------------------------------------------------------------------- */

typedef struct Work {
    char device[32];
    const HedonModel *model;
    HedonPredictor *predictor;
    HedonTensor clip, logits;
    int code;
} Work;

static void *predict(void *opaque)
{
    Work *work = opaque;
    work->code = hedon_predictor_run(NULL, work->predictor, &work->clip, &work->logits);
    return NULL;
}

/* Opened by this thread, used by another, while this one turns to the next device. */
static void each_gpu_computes_for_any_thread(void **state)
{
    (void)state;
    HedonModel *model;
    Work work[8] = {0};
    const int used = count < 8 ? count : 8;
    if (count < 2) skip();
    assert_int_equal(hedon_model_open_random(ctx, &model, "r2plus1d_tiny", 1, "emotions"), 0);
    for (int i = 0; i < used; i++) {
        HedonPredictorOptions options;
        hedon_predictor_options_default(&options);
        snprintf(work[i].device, sizeof work[i].device, "cuda:%d", i);
        options.device.device = work[i].device;
        options.frames = FRAMES;
        options.height = options.width = SIZE;
        assert_int_equal(hedon_predictor_open(ctx, &work[i].predictor, model, &options), 0);
        assert_int_equal(hedon_tensor_alloc(&work[i].clip, HEDON_F32,
                                            &(HedonShape){5, {1, 3, FRAMES, SIZE, SIZE}}),
                         0);
        assert_int_equal(
            hedon_tensor_alloc(&work[i].logits, HEDON_F32, &(HedonShape){2, {1, HEDON_EMOTIONS}}),
            0);
        for (int k = 0; k < CLIP; k++) ((float *)work[i].clip.data)[k] = (float)(k % 17) / 17;
    }
    for (int i = 0; i < used; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, predict, &work[i]), 0);
        pthread_join(thread, NULL);
        assert_int_equal(work[i].code, 0);
        predict(&work[used - 1 - i]);
        assert_int_equal(work[used - 1 - i].code, 0);
    }
    for (int i = 0; i < used; i++)
        for (int k = 0; k < HEDON_EMOTIONS; k++)
            assert_true(fabsf(((float *)work[i].logits.data)[k] -
                              ((float *)work[0].logits.data)[k]) <= 1e-4f);
    for (int i = 0; i < used; i++) {
        hedon_predictor_close(work[i].predictor);
        hedon_tensor_free(&work[i].clip);
        hedon_tensor_free(&work[i].logits);
    }
    hedon_model_close(model);
}

/* Its own name is told, not the first one's. */
static void a_probe_is_of_the_gpu_that_was_named(void **state)
{
    (void)state;
    const HedonBackend *cuda;
    HedonBackendInfo info;
    if (count < 2 || !getenv("HEDON_SIM_GPUS")) skip();
    assert_int_equal(hedon_backend_find(ctx, "cuda:1", &cuda), 0);
    assert_int_equal(cuda->probe(ctx, "cuda:1", &info), 0);
    assert_non_null(strstr(info.device, "simulated GPU 1"));
    assert_int_equal(info.count, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_gpus_have_numbers),
        cmocka_unit_test(a_gpu_that_is_not_there_is_named),
        cmocka_unit_test(each_gpu_computes_for_any_thread),
        cmocka_unit_test(a_probe_is_of_the_gpu_that_was_named),
    };
    const HedonBackend *cuda;
    HedonBackendInfo info;
    ctx = hedon_context_new();
    if (hedon_backend_find(ctx, "cuda", &cuda))
        printf("without GPUs: %s\n", hedon_last_error(ctx));
    else if (!cuda->probe(ctx, NULL, &info))
        count = info.count;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hedon_context_free(ctx);
    return failed;
}
