/* Samplers against indices worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after them */
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "decode/sampler.h"

static double grid[2000]; /* frame i at i / 10 s */

/* Samples a video of n frames, 10 a second, and compares all clips' frames in a row. */
static void expect(const HedonSampler *sampler, int64_t n, int64_t clips, const int64_t *frames)
{
    HedonClips got;
    assert_int_equal(hedon_sample(NULL, &got, sampler, grid, n, (double)n / 10), 0);
    assert_int_equal(got.count, clips);
    assert_int_equal(got.clip_frames, sampler->clip_frames);
    for (int64_t i = 0; i < clips * sampler->clip_frames; i++)
        if (got.frames[i] != frames[i])
            fail_msg("place %lld: frame %lld, not %lld", (long long)i, (long long)got.frames[i],
                     (long long)frames[i]);
    for (int64_t c = 0; c < clips; c++) {
        const int64_t first = got.frames[c * got.clip_frames];
        const int64_t last = got.frames[(c + 1) * got.clip_frames - 1];
        assert_true(fabs(got.start_s[c] - (double)first / 10) < 1e-12);
        assert_true(fabs(got.end_s[c] - (double)(last + 1) / 10) < 1e-12);
    }
    hedon_clips_free(&got);
}
#define EXPECT(sampler, n, clips, ...) expect(sampler, n, clips, (const int64_t[]){__VA_ARGS__})

static void test_even(void **state)
{
    (void)state;
    HedonSampler s = {.kind = HEDON_SAMPLE_EVEN, .clip_frames = 16};
    EXPECT(&s, 16, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    /* 299 / 15 = 19.93: 19.9 39.9 59.8 79.7 99.7 119.6 139.5 159.5 179.4 ... */
    EXPECT(&s, 300, 1, 0, 20, 40, 60, 80, 100, 120, 140, 159, 179, 199, 219, 239, 259, 279, 299);
    EXPECT(&s, 3, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2);
    EXPECT(&s, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    /* Half to even: 0 .5 1 1.5 2 2.5 3 3.5 4, and 0 2.5 5 7.5 10. */
    s.clip_frames = 9;
    EXPECT(&s, 5, 1, 0, 0, 1, 2, 2, 2, 3, 4, 4);
    s.clip_frames = 5;
    EXPECT(&s, 11, 1, 0, 2, 5, 8, 10);
    s.clip_frames = 1;
    EXPECT(&s, 11, 1, 0);
}

static void test_contiguous(void **state)
{
    (void)state;
    HedonSampler s = {.kind = HEDON_SAMPLE_CONTIGUOUS, .clip_frames = 4, .stride = 2, .offset = 3};
    EXPECT(&s, 20, 1, 3, 5, 7, 9);
    EXPECT(&s, 8, 1, 3, 5, 7, 7);
    EXPECT(&s, 2, 1, 1, 1, 1, 1);
    s.offset = -1; /* 7 frames wide: (20 - 7) / 2 = 6 before it */
    EXPECT(&s, 20, 1, 6, 8, 10, 12);
    EXPECT(&s, 7, 1, 0, 2, 4, 6);
    EXPECT(&s, 5, 1, 0, 2, 4, 4);
    s.stride = INT64_MAX;
    EXPECT(&s, 5, 1, 0, 4, 4, 4);
    s.offset = INT64_MAX;
    EXPECT(&s, 5, 1, 4, 4, 4, 4);
}

static void test_segments(void **state)
{
    (void)state;
    HedonSampler s = {.kind = HEDON_SAMPLE_SEGMENTS, .clip_frames = 4, .stride = 4};
    /* 0 4 8 12 16 20 24 28 32 36: the first and the last four */
    EXPECT(&s, 40, 2, 0, 4, 8, 12, 24, 28, 32, 36);
    EXPECT(&s, 17, 2, 0, 4, 8, 12, 4, 8, 12, 16);
    EXPECT(&s, 16, 1, 0, 4, 8, 12);
    EXPECT(&s, 9, 1, 0, 4, 8, 8);
    EXPECT(&s, 1, 1, 0, 0, 0, 0);
}

static void test_windows(void **state)
{
    (void)state;
    HedonSampler s = {
        .kind = HEDON_SAMPLE_WINDOWS, .clip_frames = 3, .window_s = 1, .stride_s = .5};
    /* 2 s: windows at 0, .5, 1; each shows ten frames. */
    EXPECT(&s, 20, 3, 0, 4, 9, 5, 10, 14, 10, 14, 19);
    /* 2.2 s: one more, moved back to end at the end. */
    EXPECT(&s, 22, 4, 0, 4, 9, 5, 10, 14, 10, 14, 19, 12, 16, 21);
    /* Shorter than a window: what there is. */
    EXPECT(&s, 4, 1, 0, 2, 3);
    EXPECT(&s, 1, 1, 0, 0, 0);
}

static void test_windows_follow_times(void **state)
{
    (void)state;
    /* Variable rate: a long still, then a burst. */
    static const double times[] = {0, 3, 3.1, 3.2, 3.3, 3.4};
    const HedonSampler s = {
        .kind = HEDON_SAMPLE_WINDOWS, .clip_frames = 2, .window_s = 1, .stride_s = 1};
    HedonClips got;
    assert_int_equal(hedon_sample(NULL, &got, &s, times, 6, 4), 0);
    assert_int_equal(got.count, 4);
    static const int64_t expected[] = {0, 0, 0, 0, 0, 0, 1, 5};
    assert_memory_equal(got.frames, expected, sizeof expected);
    assert_true(got.start_s[3] == 3 && got.end_s[3] == 4);
    assert_true(got.start_s[1] == 0 && got.end_s[1] == 3);
    hedon_clips_free(&got);
}

static void test_refusals(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    HedonClips got;
    HedonSampler s = {.kind = HEDON_SAMPLE_EVEN, .clip_frames = 0};
    assert_int_equal(hedon_sample(ctx, &got, &s, grid, 5, .5), HEDON_EINVAL);
    s.clip_frames = 4;
    assert_int_equal(hedon_sample(ctx, &got, &s, grid, 0, 0), HEDON_EDATA);
    s.clip_frames = (1 << 24) + 1;
    assert_int_equal(hedon_sample(ctx, &got, &s, grid, 5, .5), HEDON_ELIMIT);
    s = (HedonSampler){.kind = HEDON_SAMPLE_SEGMENTS, .clip_frames = 4, .stride = 0};
    assert_int_equal(hedon_sample(ctx, &got, &s, grid, 5, .5), HEDON_EINVAL);
    assert_non_null(strstr(hedon_last_error(ctx), "stride"));
    s = (HedonSampler){
        .kind = HEDON_SAMPLE_WINDOWS, .clip_frames = 4, .window_s = NAN, .stride_s = 1};
    assert_int_equal(hedon_sample(ctx, &got, &s, grid, 5, .5), HEDON_EINVAL);
    assert_non_null(strstr(hedon_last_error(ctx), "window"));
    s = (HedonSampler){
        .kind = HEDON_SAMPLE_WINDOWS, .clip_frames = 4, .window_s = .1, .stride_s = 1e-9};
    assert_int_equal(hedon_sample(ctx, &got, &s, grid, 100, 10), HEDON_ELIMIT);
    assert_null(got.frames);
    hedon_context_free(ctx);
}

static void test_names(void **state)
{
    (void)state;
    for (int kind = HEDON_SAMPLE_EVEN; kind <= HEDON_SAMPLE_WINDOWS; kind++)
        assert_int_equal(hedon_sampling_from_name(hedon_sampling_name((HedonSampling)kind)), kind);
    assert_int_equal(hedon_sampling_from_name("random"), -1);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    const HedonSampler s = {.kind = HEDON_SAMPLE_SEGMENTS, .clip_frames = 4, .stride = 4};
    for (int64_t k = 1;; k++) {
        HedonClips got;
        hedon_memory_fail_at(k);
        const int code = hedon_sample(NULL, &got, &s, grid, 40, 4);
        const int failed = hedon_memory_failed();
        hedon_memory_fail_at(0);
        assert_int_equal(code, failed ? HEDON_ENOMEM : 0);
        hedon_clips_free(&got);
        if (!failed) break;
    }
}

int main(void)
{
    for (size_t i = 0; i < sizeof grid / sizeof *grid; i++) grid[i] = (double)i / 10;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_even),
        cmocka_unit_test(test_contiguous),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_windows_follow_times),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
