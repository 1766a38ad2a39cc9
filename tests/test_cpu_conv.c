/* The cpu backend's own convolutions, every instruction set that this processor runs, against
 * plain loops in double.
 *
 * Each case also checks what conv.h promises: zeros in the padding channels, the same bits for a
 * clip whatever its batch and the number of threads, scratch and packed weights of the size that
 * was asked for and of any content before.
 */
#include "tests/conv_fixture.h"

typedef void (*ConvRun)(const CpuConvShape *, const CpuConvCall *);
enum { SPATIAL, TEMPORAL, DIRECT, KERNELS };

static const CpuConvKernel *const kernels[KERNELS] = {
    &cpu_conv_winograd_spatial, &cpu_conv_winograd_temporal, &cpu_conv_direct};

static ConvRun run_of(const CpuConvIsa *isa, int kernel)
{
    const ConvRun runs[KERNELS] = {isa->winograd_spatial, isa->winograd_temporal, isa->direct};
    return runs[kernel];
}

/* ---- Data --------------------------------------------------------------------------------- */

typedef struct Case {
    CpuConvShape s; /* output sizes are filled in */
    int relu, residual, careful;
} Case;

typedef struct Data {
    float *x, *weights, *bias, *residual;
    int64_t out_pixels, out_clip; /* of the batch; floats of a clip of y */
} Data;

static Data make_data(const CpuConvShape *s)
{
    Data d;
    const int64_t weights = s->oc * s->ic * s->kt * s->kh * s->kw;
    d.out_clip = s->ot * s->oh * s->ow * cpu_pad_lanes(s->oc);
    d.out_pixels = s->n * s->ot * s->oh * s->ow;
    d.x = random_pixels(s->n * s->it * s->ih * s->iw, s->ic);
    d.residual = random_pixels(d.out_pixels, s->oc);
    d.bias = random_pixels(1, s->oc);
    d.weights = malloc((size_t)weights * sizeof(float));
    assert_non_null(d.weights);
    for (int64_t i = 0; i < weights; i++) d.weights[i] = uniform();
    return d;
}

static void free_data(Data *d)
{
    free(d->x);
    free(d->residual);
    free(d->bias);
    free(d->weights);
}

/* The definition. */
static double reference(const Case *k, const Data *d, int64_t pixel, int64_t o)
{
    const CpuConvShape *s = &k->s;
    const int64_t ox = pixel % s->ow, oy = pixel / s->ow % s->oh;
    const int64_t ot = pixel / (s->ow * s->oh) % s->ot, n = pixel / (s->ow * s->oh * s->ot);
    double sum = (double)d->bias[o];

    for (int64_t a = 0; a < s->kt; a++)
        for (int64_t b = 0; b < s->kh; b++)
            for (int64_t c = 0; c < s->kw; c++) {
                const int64_t t = ot * s->st + a - s->pt, y = oy * s->sh + b - s->ph;
                const int64_t x = ox * s->sw + c - s->pw;
                if (t < 0 || t >= s->it || y < 0 || y >= s->ih || x < 0 || x >= s->iw) continue;
                const float *in =
                    d->x + (((n * s->it + t) * s->ih + y) * s->iw + x) * cpu_pad_lanes(s->ic);
                for (int64_t i = 0; i < s->ic; i++) {
                    const int64_t w = (((o * s->ic + i) * s->kt + a) * s->kh + b) * s->kw + c;
                    sum += (double)in[i] * (double)d->weights[w];
                }
            }
    if (k->residual) sum += (double)d->residual[pixel * cpu_pad_lanes(s->oc) + o];
    return k->relu && sum < 0 ? 0 : sum;
}

static double *reference_output(const Case *k, const Data *d)
{
    double *want = malloc((size_t)(d->out_pixels * k->s.oc) * sizeof *want);
    assert_non_null(want);
    for (int64_t p = 0; p < d->out_pixels; p++)
        for (int64_t o = 0; o < k->s.oc; o++) want[p * k->s.oc + o] = reference(k, d, p, o);
    return want;
}

/* Largest error over the root mean square of the wanted values; infinity for a NaN. */
static double worst_error(const Case *k, const Data *d, const double *want, const float *y)
{
    const int64_t oc = k->s.oc;
    double worst = 0, square = 0;
    for (int64_t p = 0; p < d->out_pixels; p++)
        for (int64_t o = 0; o < oc; o++) {
            const double w = want[p * oc + o];
            const double error = fabs((double)y[p * cpu_pad_lanes(oc) + o] - w);
            square += w * w;
            if (!(error <= worst)) worst = isnan(error) ? INFINITY : error;
        }
    return worst / (sqrt(square / (double)(d->out_pixels * oc)) + 1e-3);
}

/* Runs clips [first, first + n) of the case into a new buffer. In place: y starts as the
 * residual. */
static float *run_clips(const CpuConvIsa *isa, int kernel, const Case *k, const Data *d,
                        int64_t first, int64_t n, int threads, int in_place)
{
    CpuConvShape s = k->s;
    s.n = n;
    const int64_t in_clip = s.it * s.ih * s.iw * cpu_pad_lanes(s.ic);
    const size_t y_bytes = (size_t)(n * d->out_clip) * sizeof(float);
    const size_t packed_bytes = kernels[kernel]->packed_bytes(&s);
    const size_t scratch_bytes = kernels[kernel]->scratch_bytes(&s, threads);
    void *packed = dirty(packed_bytes), *scratch = dirty(scratch_bytes);
    float *y = dirty(y_bytes);
    const float *residual = d->residual + first * d->out_clip;

    if (in_place) memcpy(y, residual, y_bytes);
    kernels[kernel]->pack(&s, d->weights, packed, threads);
    run_of(isa, kernel)(&s, &(CpuConvCall){.x = d->x + first * in_clip,
                                           .packed = packed,
                                           .bias = d->bias,
                                           .residual = !k->residual ? NULL
                                                       : in_place   ? y
                                                                    : residual,
                                           .y = y,
                                           .scratch = scratch,
                                           .relu = k->relu,
                                           .careful = k->careful,
                                           .threads = threads});
    assert_true(guard_intact(packed, packed_bytes));
    assert_true(guard_intact(scratch, scratch_bytes));
    assert_true(guard_intact(y, y_bytes));
    free(packed);
    free(scratch);
    return y;
}

/* ---- Checks ------------------------------------------------------------------------------- */

static const double tolerance[KERNELS] = {[SPATIAL] = 5e-5, [TEMPORAL] = 3e-5, [DIRECT] = 1e-5};

static void check_kernel(const CpuConvIsa *isa, int kernel, const Case *k, const Data *d,
                         const double *want)
{
    const int64_t oc = k->s.oc, padded = cpu_pad_lanes(oc);
    const size_t y_bytes = (size_t)(k->s.n * d->out_clip) * sizeof(float);
    float *y = run_clips(isa, kernel, k, d, 0, k->s.n, 1, 0);
    const double error = worst_error(k, d, want, y);

    if (error > tolerance[kernel])
        fail_msg("%s, %s: %lldx%lldx%lld %lld -> %lld, kernel %lld,%lld,%lld: error %.2e",
                 isa->name, kernels[kernel]->name, (long long)k->s.it, (long long)k->s.ih,
                 (long long)k->s.iw, (long long)k->s.ic, (long long)oc, (long long)k->s.kt,
                 (long long)k->s.kh, (long long)k->s.kw, error);
    for (int64_t p = 0; p < d->out_pixels; p++)
        for (int64_t c = oc; c < padded; c++) assert_true(y[p * padded + c] == 0);

    float *two_threads = run_clips(isa, kernel, k, d, 0, k->s.n, 2, 0);
    assert_memory_equal(y, two_threads, y_bytes);
    free(two_threads);
    for (int64_t clip = 0; clip < k->s.n; clip++) {
        float *alone = run_clips(isa, kernel, k, d, clip, 1, 2, 0);
        assert_memory_equal(y + clip * d->out_clip, alone, (size_t)d->out_clip * sizeof(float));
        free(alone);
    }
    if (k->residual) {
        float *in_place = run_clips(isa, kernel, k, d, 0, k->s.n, 2, 1);
        assert_memory_equal(y, in_place, y_bytes);
        free(in_place);
    }
    free(y);
}

/* Every kernel that supports the case, on every instruction set; returns how many kernels. */
static int check_case(Case k)
{
    const CpuConvIsa *isas[4];
    const int count = runnable(isas);
    int supported = 0;

    fill_output_size(&k.s);
    Data d = make_data(&k.s);
    double *want = reference_output(&k, &d);
    for (int kernel = 0; kernel < KERNELS; kernel++) {
        if (!kernels[kernel]->supports(&k.s)) continue;
        supported++;
        for (k.careful = 0; k.careful < 2; k.careful++)
            for (int i = 0; i < count; i++) check_kernel(isas[i], kernel, &k, &d, want);
    }
    free(want);
    free_data(&d);
    return supported;
}

/* clang-format off */
#define SPATIAL_CASE(ic_, oc_, t, h, w, p) \
    {.n = 3, .ic = ic_, .it = t, .ih = h, .iw = w, .oc = oc_, .kt = 1, .kh = 3, .kw = 3, \
     .st = 1, .sh = 1, .sw = 1, .ph = p, .pw = p}
#define TEMPORAL_CASE(ic_, oc_, t, h, w, p) \
    {.n = 3, .ic = ic_, .it = t, .ih = h, .iw = w, .oc = oc_, .kt = 3, .kh = 1, .kw = 1, \
     .st = 1, .sh = 1, .sw = 1, .pt = p}
/* clang-format on */

static void test_spatial(void **state)
{
    (void)state;
    static const CpuConvShape shapes[] = {
        SPATIAL_CASE(1, 1, 1, 1, 1, 1),     SPATIAL_CASE(3, 17, 2, 5, 7, 1),
        SPATIAL_CASE(17, 45, 1, 7, 5, 1),   SPATIAL_CASE(45, 17, 2, 14, 15, 1),
        SPATIAL_CASE(16, 32, 3, 15, 14, 0), SPATIAL_CASE(17, 33, 1, 9, 4, 2),
        SPATIAL_CASE(304, 33, 1, 7, 7, 1), /* so wide that the team shares V */
        SPATIAL_CASE(1, 33, 1, 121, 121, 1), /* the batch past the caches, a clip not */
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        seed = (uint32_t)i;
        assert_int_equal(check_case((Case){shapes[i], .relu = i % 2, .residual = i % 3 > 0}), 2);
    }
}

static void test_temporal(void **state)
{
    (void)state;
    static const int64_t frames[] = {1, 2, 3, 4, 5, 16};
    static const int64_t channels[][2] = {{1, 3}, {45, 17}, {17, 45}};
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
        for (size_t c = 0; c < 3; c++) {
            seed = (uint32_t)(i * 3 + c);
            const CpuConvShape s =
                TEMPORAL_CASE(channels[c][0], channels[c][1], frames[i], 7, 5, 1);
            assert_int_equal(check_case((Case){s, .relu = c == 1, .residual = c == 2}), 2);
        }
    const CpuConvShape unpadded = TEMPORAL_CASE(17, 16, 7, 3, 3, 0);
    assert_int_equal(check_case((Case){unpadded, .relu = 1, .residual = 1}), 2);
    const CpuConvShape streamed = TEMPORAL_CASE(1, 33, 5, 54, 54, 1);
    assert_int_equal(check_case((Case){streamed, .relu = 1, .residual = 1}), 2);
    const CpuConvShape four_to_two = TEMPORAL_CASE(17, 16, 4, 3, 3, 0);
    assert_int_equal(check_case((Case){four_to_two, .relu = 0, .residual = 0}), 2);
}

static void test_direct(void **state)
{
    (void)state;
    static const CpuConvShape shapes[] = {
        /* n ic it ih iw  oc  -  -  -  kernel    stride   padding */
        {3, 3, 2, 15, 14, 45, 0, 0, 0, 1, 7, 7, 1, 2, 2, 0, 3, 3},  /* the stem */
        {3, 3, 3, 9, 9, 17, 0, 0, 0, 3, 7, 7, 1, 2, 2, 1, 3, 3},    /* r3d's stem */
        {3, 17, 2, 7, 7, 45, 0, 0, 0, 1, 3, 3, 1, 2, 2, 0, 1, 1},   /* spatial, strided */
        {3, 64, 1, 15, 14, 33, 0, 0, 0, 1, 3, 3, 1, 2, 2, 0, 1, 1}, /* several chunks of depth */
        {3, 45, 5, 5, 1, 17, 0, 0, 0, 3, 1, 1, 2, 1, 1, 1, 0, 0},   /* temporal, strided */
        {3, 330, 4, 3, 2, 17, 0, 0, 0, 3, 1, 1, 2, 1, 1, 1, 0, 0},  /* depth split inside a tap */
        {3, 17, 3, 7, 5, 45, 0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0},   /* downsample */
        {3, 16, 3, 5, 7, 16, 0, 0, 0, 3, 3, 3, 1, 1, 1, 1, 1, 1},   /* r3d */
        {3, 1, 1, 1, 1, 1, 0, 0, 0, 3, 3, 3, 1, 1, 1, 1, 1, 1},
        {3, 5, 2, 6, 4, 3, 0, 0, 0, 2, 4, 3, 1, 3, 2, 1, 2, 0}, /* nothing symmetric */
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        seed = (uint32_t)i;
        assert_int_equal(check_case((Case){shapes[i], .relu = i % 2, .residual = i % 3 > 0}), 1);
    }
}

/* A reference with one weight changed by a fiftieth of its range must not pass. */
static void test_tolerance_notices_one_weight(void **state)
{
    (void)state;
    const CpuConvIsa *isas[4];
    const int count = runnable(isas);
    Case cases[] = {{SPATIAL_CASE(45, 17, 2, 15, 14, 1), 0, 0},
                    {TEMPORAL_CASE(45, 17, 5, 5, 7, 1), 0, 0}};

    for (int c = 0; c < 2; c++) {
        seed = 7;
        fill_output_size(&cases[c].s);
        Data d = make_data(&cases[c].s);
        const int64_t weights = 17 * 45 * (c == 0 ? 9 : 3);
        for (int64_t w = 0; w < weights; w += 211) {
            d.weights[w] += 0.04f;
            double *want = reference_output(&cases[c], &d);
            d.weights[w] -= 0.04f;
            for (int kernel = 0; kernel < KERNELS; kernel++) {
                if (!kernels[kernel]->supports(&cases[c].s)) continue;
                float *y = run_clips(isas[count - 1], kernel, &cases[c], &d, 0, 3, 1, 0);
                assert_true(worst_error(&cases[c], &d, want, y) > 3 * tolerance[kernel]);
                free(y);
            }
            free(want);
        }
        free_data(&d);
    }
}

/* The sum of errors over many channels stays as small as a network of 37 layers needs. */
static void test_wide_layers_stay_accurate(void **state)
{
    (void)state;
    const CpuConvIsa *isas[4];
    const int count = runnable(isas);
    Case cases[] = {{SPATIAL_CASE(288, 16, 1, 8, 8, 1), 0, 0},
                    {TEMPORAL_CASE(576, 16, 8, 2, 2, 1), 0, 0}};

    for (int c = 0; c < 2; c++) {
        seed = 11;
        cases[c].s.n = 1;
        fill_output_size(&cases[c].s);
        Data d = make_data(&cases[c].s);
        double *want = reference_output(&cases[c], &d);
        for (int i = 0; i < count; i++) {
            float *y = run_clips(isas[i], c == 0 ? SPATIAL : TEMPORAL, &cases[c], &d, 0, 1, 2, 0);
            assert_true(worst_error(&cases[c], &d, want, y) < 4e-5);
            free(y);
        }
        free(want);
        free_data(&d);
    }
}

/* Root mean square of the errors. */
static double rms_error(const Case *k, const Data *d, const double *want, const float *y)
{
    double square = 0;
    for (int64_t p = 0; p < d->out_pixels; p++)
        for (int64_t o = 0; o < k->s.oc; o++) {
            const double off = (double)y[p * cpu_pad_lanes(k->s.oc) + o] - want[p * k->s.oc + o];
            square += off * off;
        }
    return sqrt(square / (double)(d->out_pixels * k->s.oc));
}

static double rms_error_of(const CpuConvIsa *isa, int kernel, Case k, int careful, const Data *d,
                           const double *want)
{
    k.careful = careful;
    float *y = run_clips(isa, kernel, &k, d, 0, k.s.n, 2, 0);
    const double error = rms_error(&k, d, want, y);
    free(y);
    return error;
}

/* What a training pass pays for; Winograd's transforms keep part of the error. */
static void test_careful_sums_are_closer(void **state)
{
    (void)state;
    const CpuConvIsa *isas[4];
    const int count = runnable(isas);
    Case cases[] = {{SPATIAL_CASE(288, 16, 1, 8, 8, 1), 0, 0, 0},
                    {TEMPORAL_CASE(576, 16, 8, 2, 2, 1), 0, 0, 0},
                    {SPATIAL_CASE(64, 16, 1, 8, 8, 1), 0, 0, 0}};
    static const int kernel_of[] = {SPATIAL, TEMPORAL, DIRECT};

    for (int c = 0; c < 3; c++) {
        seed = 13;
        cases[c].s.n = 2;
        fill_output_size(&cases[c].s);
        Data d = make_data(&cases[c].s);
        double *want = reference_output(&cases[c], &d);
        for (int i = 0; i < count; i++) {
            const double plain = rms_error_of(isas[i], kernel_of[c], cases[c], 0, &d, want);
            const double careful = rms_error_of(isas[i], kernel_of[c], cases[c], 1, &d, want);
            if (!(careful < .7 * plain))
                fail_msg("%s, %s: %.2e, plain %.2e", isas[i]->name, kernels[kernel_of[c]]->name,
                         careful, plain);
        }
        free(want);
        free_data(&d);
    }
}

static void test_nan_is_not_hidden(void **state)
{
    (void)state;
    const CpuConvIsa *isas[4];
    const int count = runnable(isas);
    Case k = {SPATIAL_CASE(16, 16, 1, 4, 4, 1), .relu = 1, .residual = 0};

    fill_output_size(&k.s);
    Data d = make_data(&k.s);
    d.x[5 * 16] = NAN; /* pixel (1,1), inside every window of output (1,1) */
    for (int i = 0; i < count; i++)
        for (int kernel = 0; kernel < KERNELS; kernel += 2) {
            float *y = run_clips(isas[i], kernel, &k, &d, 0, 1, 1, 0);
            assert_true(isnan(y[5 * 16]));
            free(y);
        }
    free_data(&d);
}

static void test_refuses_nonsense(void **state)
{
    (void)state;
    const CpuConvShape good = {1, 16, 4, 8, 8, 16, 4, 8, 8, 1, 3, 3, 1, 1, 1, 0, 1, 1};
    assert_ptr_equal(cpu_conv_choose(&good), &cpu_conv_winograd_spatial);

    CpuConvShape wrong_output = good, huge = good, no_channels = good, no_stride = good;
    wrong_output.oh = 7;
    huge.ic = (int64_t)1 << 29;
    huge.oc = (int64_t)1 << 29;
    no_channels.ic = 0;
    no_stride.sw = 0;
    assert_null(cpu_conv_choose(&wrong_output));
    assert_null(cpu_conv_choose(&huge));
    assert_null(cpu_conv_choose(&no_channels));
    assert_null(cpu_conv_choose(&no_stride));

    CpuConvShape batch = good;
    batch.n = 5;
    assert_ptr_equal(cpu_conv_choose(&batch), cpu_conv_choose(&good));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spatial),
        cmocka_unit_test(test_temporal),
        cmocka_unit_test(test_direct),
        cmocka_unit_test(test_tolerance_notices_one_weight),
        cmocka_unit_test(test_wide_layers_stay_accurate),
        cmocka_unit_test(test_careful_sums_are_closer),
        cmocka_unit_test(test_nan_is_not_hidden),
        cmocka_unit_test(test_refuses_nonsense),
    };
    return cmocka_run_group_tests_name("cpu_conv", tests, NULL, NULL);
}
