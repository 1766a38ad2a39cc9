/* The cpu backend's backward convolutions, every instruction set that this processor runs, against
 * plain loops in double.
 *
 * Each case also checks what conv_backward.h promises: zeros in the padding channels of dx, the
 * same bits whatever the number of threads and, for dx, whatever the batch; scratch and packed
 * weights of the size that was asked for and of any content before.
 */
#include "tests/conv_fixture.h"

#include "tests/conv_backward_bench.h"

enum { SPATIAL, TEMPORAL, DIRECT, KERNELS };

static const CpuConvDataKernel *const data_kernels[KERNELS] = {
    &cpu_conv_data_winograd_spatial, &cpu_conv_data_winograd_temporal, &cpu_conv_data_direct};
static const CpuConvWeightsKernel *const weights_kernels[KERNELS] = {
    &cpu_conv_weights_winograd_spatial, &cpu_conv_weights_winograd_temporal,
    &cpu_conv_weights_direct};

/* Largest error over the root mean square of what is wanted. */
static const double data_tolerance[KERNELS] = {5e-5, 3e-5, 1e-5};
static const double weights_tolerance[KERNELS] = {3e-5, 1e-5, 5e-6};

/* ---- Data and the definition ---------------------------------------------------------------- */

typedef struct Data {
    float *x, *dy, *weights, *residual;
    double *dx, *dw; /* wanted, without residual; logical channels */
    int64_t in_pixels, out_pixels, weight_count;
} Data;

/* One product of the convolution: into dx and dw. */
static void accumulate(const CpuConvShape *s, Data *d, int64_t in, int64_t out, int64_t tap)
{
    const int64_t taps = s->kt * s->kh * s->kw;
    const float *x = d->x + in * cpu_pad_lanes(s->ic), *dy = d->dy + out * cpu_pad_lanes(s->oc);
    for (int64_t o = 0; o < s->oc; o++)
        for (int64_t i = 0; i < s->ic; i++) {
            const int64_t w = (o * s->ic + i) * taps + tap;
            d->dx[in * s->ic + i] += (double)dy[o] * (double)d->weights[w];
            d->dw[w] += (double)dy[o] * (double)x[i];
        }
}

static void reference(const CpuConvShape *s, Data *d)
{
    for (int64_t out = 0; out < d->out_pixels; out++) {
        const int64_t ox = out % s->ow, oy = out / s->ow % s->oh;
        const int64_t ot = out / (s->ow * s->oh) % s->ot, n = out / (s->ow * s->oh * s->ot);
        for (int64_t tap = 0; tap < s->kt * s->kh * s->kw; tap++) {
            const int64_t t = ot * s->st + tap / (s->kh * s->kw) - s->pt;
            const int64_t y = oy * s->sh + tap / s->kw % s->kh - s->ph;
            const int64_t x = ox * s->sw + tap % s->kw - s->pw;
            if (t < 0 || t >= s->it || y < 0 || y >= s->ih || x < 0 || x >= s->iw) continue;
            accumulate(s, d, ((n * s->it + t) * s->ih + y) * s->iw + x, out, tap);
        }
    }
}

static Data make_data(const CpuConvShape *s)
{
    Data d = {.in_pixels = s->n * s->it * s->ih * s->iw,
              .out_pixels = s->n * s->ot * s->oh * s->ow,
              .weight_count = s->oc * s->ic * s->kt * s->kh * s->kw};
    d.x = random_pixels(d.in_pixels, s->ic);
    d.dy = random_pixels(d.out_pixels, s->oc);
    d.residual = random_pixels(d.in_pixels, s->ic);
    d.weights = dirty((size_t)d.weight_count * sizeof(float));
    for (int64_t i = 0; i < d.weight_count; i++) d.weights[i] = uniform();
    d.dx = calloc((size_t)(d.in_pixels * s->ic), sizeof(double));
    d.dw = calloc((size_t)d.weight_count, sizeof(double));
    assert_true(d.dx && d.dw);
    reference(s, &d);
    return d;
}

static void free_data(Data *d)
{
    free(d->x);
    free(d->dy);
    free(d->residual);
    free(d->weights);
    free(d->dx);
    free(d->dw);
}

/* rows x columns, `stride` floats and `columns` doubles apart; infinity for a NaN. */
static double worst_error(const float *got, int64_t stride, const double *want, int64_t rows,
                          int64_t columns)
{
    double worst = 0, square = 0;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++) {
            const double w = want[r * columns + c];
            const double error = fabs((double)got[r * stride + c] - w);
            square += w * w;
            if (!(error <= worst)) worst = isnan(error) ? INFINITY : error;
        }
    return worst / (sqrt(square / (double)(rows * columns)) + 1e-3);
}

static void describe_failure(const CpuConvIsa *isa, const char *what, const CpuConvShape *s,
                             double error)
{
    fail_msg("%s, %s: n %lld, %lldx%lldx%lld, %lld -> %lld, kernel %lld,%lld,%lld: error %.2e",
             isa->name, what, (long long)s->n, (long long)s->it, (long long)s->ih, (long long)s->iw,
             (long long)s->ic, (long long)s->oc, (long long)s->kt, (long long)s->kh,
             (long long)s->kw, error);
}

/* ---- Backward data -------------------------------------------------------------------------- */

typedef enum Residual { NO_RESIDUAL, RESIDUAL, IN_PLACE } Residual;

static void run_data(const CpuConvIsa *isa, int kernel, const CpuConvShape *s,
                     const CpuConvDataCall *call)
{
    if (kernel == SPATIAL)
        cpu_conv_data_spatial_on(isa, s, call);
    else if (kernel == TEMPORAL)
        cpu_conv_data_temporal_on(isa, s, call);
    else
        isa->data_direct(s, call);
}

/* dx of clips [first, first + n), in a new buffer. */
static float *data_of_clips(const CpuConvIsa *isa, int kernel, const CpuConvShape *whole,
                            const Data *d, int64_t first, int64_t n, int threads, Residual residual)
{
    CpuConvShape s = *whole;
    s.n = n;
    const int64_t in_clip = s.it * s.ih * s.iw * cpu_pad_lanes(s.ic);
    const int64_t out_clip = s.ot * s.oh * s.ow * cpu_pad_lanes(s.oc);
    const size_t dx_bytes = (size_t)(n * in_clip) * sizeof(float);
    const size_t packed_bytes = data_kernels[kernel]->packed_bytes(&s);
    const size_t scratch_bytes = data_kernels[kernel]->scratch_bytes(&s, threads);
    void *packed = dirty(packed_bytes), *scratch = dirty(scratch_bytes);
    float *dx = dirty(dx_bytes);

    if (residual == IN_PLACE) memcpy(dx, d->residual + first * in_clip, dx_bytes);
    data_kernels[kernel]->pack(&s, d->weights, packed, threads);
    run_data(isa, kernel, &s,
             &(CpuConvDataCall){.dy = d->dy + first * out_clip,
                                .packed = packed,
                                .residual = residual == NO_RESIDUAL ? NULL
                                            : residual == IN_PLACE  ? dx
                                                                    : d->residual + first * in_clip,
                                .dx = dx,
                                .scratch = scratch,
                                .threads = threads});
    assert_true(guard_intact(packed, packed_bytes));
    assert_true(guard_intact(scratch, scratch_bytes));
    assert_true(guard_intact(dx, dx_bytes));
    free(packed);
    free(scratch);
    return dx;
}

static void check_data(const CpuConvIsa *isa, int kernel, const CpuConvShape *s, const Data *d)
{
    const int64_t padded = cpu_pad_lanes(s->ic), clip_floats = s->it * s->ih * s->iw * padded;
    const size_t bytes = (size_t)(d->in_pixels * padded) * sizeof(float);
    float *dx = data_of_clips(isa, kernel, s, d, 0, s->n, 1, NO_RESIDUAL);
    const double error = worst_error(dx, padded, d->dx, d->in_pixels, s->ic);

    if (error > data_tolerance[kernel]) describe_failure(isa, data_kernels[kernel]->name, s, error);
    for (int64_t p = 0; p < d->in_pixels; p++)
        for (int64_t c = s->ic; c < padded; c++) assert_true(dx[p * padded + c] == 0);
    float *two_threads = data_of_clips(isa, kernel, s, d, 0, s->n, 2, NO_RESIDUAL);
    assert_memory_equal(dx, two_threads, bytes);
    free(two_threads);
    for (int64_t clip = 0; clip < s->n; clip++) {
        float *alone = data_of_clips(isa, kernel, s, d, clip, 1, 3, NO_RESIDUAL);
        assert_memory_equal(dx + clip * clip_floats, alone, (size_t)clip_floats * sizeof(float));
        free(alone);
    }
    float *sum = data_of_clips(isa, kernel, s, d, 0, s->n, 2, RESIDUAL);
    float *in_place = data_of_clips(isa, kernel, s, d, 0, s->n, 2, IN_PLACE);
    for (int64_t i = 0; i < d->in_pixels * padded; i++)
        assert_true(sum[i] == dx[i] + d->residual[i]);
    assert_memory_equal(sum, in_place, bytes);
    free(sum);
    free(in_place);
    free(dx);
}

/* ---- Backward weights ----------------------------------------------------------------------- */

static float *weights_of(const CpuConvIsa *isa, int kernel, const CpuConvShape *s, const Data *d,
                         int threads, int accumulate_to)
{
    const size_t bytes = (size_t)d->weight_count * sizeof(float);
    const size_t scratch_bytes = weights_kernels[kernel]->scratch_bytes(s, threads);
    void *scratch = dirty(scratch_bytes);
    float *dw = dirty(bytes);

    if (accumulate_to) memcpy(dw, d->weights, bytes);
    isa->weights(s,
                 &(CpuConvWeightsCall){.x = d->x,
                                       .dy = d->dy,
                                       .dw = dw,
                                       .accumulate = accumulate_to,
                                       .scratch = scratch,
                                       .threads = threads},
                 cpu_conv_weights_form(weights_kernels[kernel], s));
    assert_true(guard_intact(scratch, scratch_bytes));
    assert_true(guard_intact(dw, bytes));
    free(scratch);
    return dw;
}

static void check_weights(const CpuConvIsa *isa, int kernel, const CpuConvShape *s, const Data *d)
{
    float *dw = weights_of(isa, kernel, s, d, 1, 0);
    const double error = worst_error(dw, 1, d->dw, d->weight_count, 1);

    if (error > weights_tolerance[kernel])
        describe_failure(isa, weights_kernels[kernel]->name, s, error);
    for (int threads = 2; threads <= 3; threads++) {
        float *same = weights_of(isa, kernel, s, d, threads, 0);
        assert_memory_equal(dw, same, (size_t)d->weight_count * sizeof(float));
        free(same);
    }
    float *sum = weights_of(isa, kernel, s, d, 2, 1);
    for (int64_t i = 0; i < d->weight_count; i++) assert_true(sum[i] == dw[i] + d->weights[i]);
    free(sum);
    free(dw);
}

/* ---- Cases ---------------------------------------------------------------------------------- */

/* Every kernel that supports the shape, on every instruction set; returns how many kernels. */
static int check_shape(CpuConvShape s)
{
    const CpuConvIsa *isas[4];
    const int count = runnable(isas);
    int supported = 0;

    fill_output_size(&s);
    Data d = make_data(&s);
    for (int kernel = 0; kernel < KERNELS; kernel++) {
        assert_int_equal(data_kernels[kernel]->supports(&s), weights_kernels[kernel]->supports(&s));
        if (!data_kernels[kernel]->supports(&s)) continue;
        supported++;
        for (int i = 0; i < count; i++) {
            check_data(isas[i], kernel, &s, &d);
            check_weights(isas[i], kernel, &s, &d);
        }
    }
    free_data(&d);
    return supported;
}

/* clang-format off */
#define SPATIAL_SHAPE(n_, ic_, oc_, t, h, w, p) \
    {.n = n_, .ic = ic_, .it = t, .ih = h, .iw = w, .oc = oc_, .kt = 1, .kh = 3, .kw = 3, \
     .st = 1, .sh = 1, .sw = 1, .ph = p, .pw = p}
#define TEMPORAL_SHAPE(n_, ic_, oc_, t, h, w, p) \
    {.n = n_, .ic = ic_, .it = t, .ih = h, .iw = w, .oc = oc_, .kt = 3, .kh = 1, .kw = 1, \
     .st = 1, .sh = 1, .sw = 1, .pt = p}
/* clang-format on */

static void test_spatial(void **state)
{
    (void)state;
    static const CpuConvShape shapes[] = {
        SPATIAL_SHAPE(3, 1, 1, 1, 1, 1, 1),
        SPATIAL_SHAPE(3, 3, 17, 2, 5, 7, 1),
        SPATIAL_SHAPE(2, 17, 45, 1, 7, 5, 1),
        SPATIAL_SHAPE(2, 45, 17, 2, 14, 15, 1),
        SPATIAL_SHAPE(3, 16, 32, 3, 15, 14, 0),
        SPATIAL_SHAPE(3, 17, 33, 1, 9, 4, 2),
        SPATIAL_SHAPE(2, 49, 50, 1, 7, 7, 1),
        SPATIAL_SHAPE(2, 16, 16, 5, 17, 18, 1), /* several parts of the tiles */
        SPATIAL_SHAPE(2, 17, 304, 1, 7, 7, 1),  /* so wide that the team shares dy's transform */
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        seed = (uint32_t)i;
        assert_int_equal(check_shape(shapes[i]), 2);
    }
}

static void test_temporal(void **state)
{
    (void)state;
    static const int64_t frames[] = {1, 2, 3, 4, 5, 16};
    static const int64_t channels[][2] = {{1, 3}, {45, 17}, {17, 50}};
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
        for (size_t c = 0; c < 3; c++) {
            seed = (uint32_t)(i * 3 + c);
            const CpuConvShape s =
                TEMPORAL_SHAPE(3, channels[c][0], channels[c][1], frames[i], 7, 5, 1);
            assert_int_equal(check_shape(s), 2);
        }
    static const CpuConvShape more[] = {
        TEMPORAL_SHAPE(3, 17, 16, 7, 3, 3, 0),
        TEMPORAL_SHAPE(3, 17, 16, 4, 3, 3, 0), /* four frames to two */
        TEMPORAL_SHAPE(3, 17, 16, 2, 3, 3, 2), /* two frames to four */
        TEMPORAL_SHAPE(2, 16, 17, 2, 9, 9, 1), /* several blocks of pairs */
    };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        assert_int_equal(check_shape(more[i]), 2);
}

static void test_direct(void **state)
{
    (void)state;
    static const CpuConvShape shapes[] = {
        /* n ic it ih iw  oc  -  -  -  kernel    stride   padding */
        {2, 3, 2, 15, 14, 45, 0, 0, 0, 1, 7, 7, 1, 2, 2, 0, 3, 3},  /* the stem */
        {2, 3, 3, 9, 9, 17, 0, 0, 0, 3, 7, 7, 1, 2, 2, 1, 3, 3},    /* r3d's stem */
        {3, 17, 2, 7, 7, 45, 0, 0, 0, 1, 3, 3, 1, 2, 2, 0, 1, 1},   /* spatial, strided */
        {2, 16, 2, 20, 22, 50, 0, 0, 0, 1, 3, 3, 1, 2, 2, 0, 1, 1}, /* several blocks */
        {3, 33, 1, 15, 14, 64, 0, 0, 0, 1, 3, 3, 1, 2, 2, 0, 1, 1}, /* several chunks of depth */
        {3, 45, 5, 5, 1, 17, 0, 0, 0, 3, 1, 1, 2, 1, 1, 1, 0, 0},   /* temporal, strided */
        {3, 17, 4, 3, 2, 330, 0, 0, 0, 3, 1, 1, 2, 1, 1, 1, 0, 0},  /* depth split inside a tap */
        {3, 17, 3, 7, 5, 45, 0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0},   /* downsample */
        {3, 16, 3, 5, 7, 16, 0, 0, 0, 3, 3, 3, 1, 1, 1, 1, 1, 1},   /* r3d */
        {3, 16, 2, 11, 9, 17, 0, 0, 0, 1, 5, 5, 1, 1, 1, 0, 2, 2},
        {3, 16, 1, 9, 8, 16, 0, 0, 0, 1, 2, 2, 1, 3, 4, 0, 0, 0}, /* inputs that nothing reads */
        {3, 1, 1, 1, 1, 1, 0, 0, 0, 3, 3, 3, 1, 1, 1, 1, 1, 1},
        {3, 5, 2, 6, 4, 3, 0, 0, 0, 2, 4, 3, 1, 3, 2, 1, 2, 0}, /* nothing symmetric */
        {3, 20, 3, 6, 5, 3, 0, 0, 0, 2, 4, 3, 2, 3, 2, 1, 2, 1},
        {3, 33, 1, 121, 121, 5, 0, 0, 0, 1, 3, 3, 1, 2, 2, 0, 1, 1}, /* dx past the caches */
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        seed = (uint32_t)i;
        assert_int_equal(check_shape(shapes[i]), 1);
    }
}

/* A reference that differs by a product of small operands (a tap at an edge, a position) must not
 * pass. */
static void test_tolerance_notices_one_product(void **state)
{
    (void)state;
    const CpuConvIsa *isas[4];
    const int count = runnable(isas);
    CpuConvShape shapes[] = {SPATIAL_SHAPE(2, 45, 17, 2, 15, 14, 1),
                             TEMPORAL_SHAPE(2, 45, 17, 5, 5, 7, 1)};

    for (int c = 0; c < 2; c++) {
        CpuConvShape *s = &shapes[c];
        seed = 7;
        fill_output_size(s);
        Data d = make_data(s);
        const int kernel = c == 0 ? SPATIAL : TEMPORAL;
        float *dx = data_of_clips(isas[count - 1], kernel, s, &d, 0, s->n, 2, NO_RESIDUAL);
        float *dw = weights_of(isas[count - 1], kernel, s, &d, 2, 0);
        for (int64_t k = 0; k < 20; k++) {
            const int64_t in = k * 37 % d.in_pixels * s->ic + k % s->ic;
            const int64_t w = k * 211 % d.weight_count;
            const double step = k % 2 ? 0.02 : -0.02;
            d.dx[in] += step;
            d.dw[w] += step;
            assert_true(worst_error(dx, cpu_pad_lanes(s->ic), d.dx, d.in_pixels, s->ic) >
                        3 * data_tolerance[kernel]);
            assert_true(worst_error(dw, 1, d.dw, d.weight_count, 1) >
                        3 * weights_tolerance[kernel]);
            d.dx[in] -= step;
            d.dw[w] -= step;
        }
        free(dx);
        free(dw);
        free_data(&d);
    }
}

static double rms_error(const float *got, const double *want, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
    return sqrt(sum / (double)count);
}

/* Over tens of thousands of positions the direct sums stay at what fp32 can do, and Winograd's
 * transforms add a few roundings, not digits. */
static void test_sums_over_many_positions_stay_accurate(void **state)
{
    (void)state;
    const CpuConvIsa *isas[4];
    const int count = runnable(isas);
    CpuConvShape shapes[] = {SPATIAL_SHAPE(2, 16, 16, 8, 40, 40, 1),
                             TEMPORAL_SHAPE(2, 32, 32, 16, 28, 28, 1)};

    for (int c = 0; c < 2; c++) {
        CpuConvShape *s = &shapes[c];
        seed = 11;
        fill_output_size(s);
        Data d = make_data(s);
        double scale = 0;
        for (int64_t i = 0; i < d.weight_count; i++) scale += d.dw[i] * d.dw[i];
        scale = sqrt(scale / (double)d.weight_count);
        for (int i = 0; i < count; i++) {
            float *winograd = weights_of(isas[i], c == 0 ? SPATIAL : TEMPORAL, s, &d, 2, 0);
            float *direct = weights_of(isas[i], DIRECT, s, &d, 2, 0);
            const double by_winograd = rms_error(winograd, d.dw, d.weight_count) / scale;
            const double by_direct = rms_error(direct, d.dw, d.weight_count) / scale;
            if (getenv("HEDON_TEST_VERBOSE"))
                print_message("%s: %s winograd %.2e direct %.2e\n", isas[i]->name,
                              c == 0 ? "spatial" : "temporal", by_winograd, by_direct);
            assert_true(by_direct < 4e-7);
            assert_true(by_winograd < 1.6e-6);
            free(winograd);
            free(direct);
        }
        free_data(&d);
    }
}

/* dw of one weight of a (1,3,3) kernel on frames one row high. */
static double weight_of_row(const CpuConvShape *s, const float *x, const float *dy, int64_t o,
                            int64_t i, int64_t tap)
{
    double sum = 0;
    if (tap / 3 != 1) return 0; /* the other rows of the kernel see only padding */
    for (int64_t out = 0; out < s->ow; out++) {
        const int64_t in = out + tap % 3 - 1;
        if (in < 0 || in >= s->iw) continue;
        sum +=
            (double)x[in * cpu_pad_lanes(s->ic) + i] * (double)dy[out * cpu_pad_lanes(s->oc) + o];
    }
    return sum;
}

/* So many channels that no worker can have sums of its own: a sample of the weights. */
static void test_team_shares_large_sums(void **state)
{
    (void)state;
    const CpuConvIsa *isas[4];
    const int count = runnable(isas);
    CpuConvShape s = SPATIAL_SHAPE(1, 496, 496, 1, 1, 1041, 1);
    ConvWeightsPlan plan;

    seed = 5;
    fill_output_size(&s);
    cpu_conv_weights_plan(&s, CONV_WEIGHTS_SPATIAL, &plan);
    assert_true(!plan.fused && plan.parts == 0 && plan.blocks > 1);
    Data d = {.weight_count = s.oc * s.ic * 9};
    d.x = random_pixels(s.iw, s.ic);
    d.dy = random_pixels(s.ow, s.oc);
    float *dw = weights_of(isas[count - 1], SPATIAL, &s, &d, 1, 0);
    float *same = weights_of(isas[count - 1], SPATIAL, &s, &d, 2, 0);
    assert_memory_equal(dw, same, (size_t)d.weight_count * sizeof(float));
    for (int64_t k = 0; k < 2000; k++) {
        const int64_t o = k * 37 % s.oc, i = k * 101 % s.ic, tap = k % 9;
        const double want = weight_of_row(&s, d.x, d.dy, o, i, tap);
        assert_true(fabs((double)dw[(o * s.ic + i) * 9 + tap] - want) < 1e-3);
    }
    free(dw);
    free(same);
    free(d.x);
    free(d.dy);
}

static void test_refuses_nonsense(void **state)
{
    (void)state;
    const CpuConvShape good = {1, 16, 4, 8, 8, 16, 4, 8, 8, 1, 3, 3, 1, 1, 1, 0, 1, 1};
    assert_ptr_equal(cpu_conv_data_choose(&good), &cpu_conv_data_winograd_spatial);
    assert_ptr_equal(cpu_conv_weights_choose(&good), &cpu_conv_weights_winograd_spatial);

    CpuConvShape wrong_output = good, no_channels = good, no_stride = good, batch = good;
    wrong_output.oh = 7;
    no_channels.ic = 0;
    no_stride.sw = 0;
    const CpuConvShape *bad[] = {&wrong_output, &no_channels, &no_stride};
    for (int i = 0; i < 3; i++) {
        assert_null(cpu_conv_data_choose(bad[i]));
        assert_null(cpu_conv_weights_choose(bad[i]));
    }
    batch.n = 5;
    assert_ptr_equal(cpu_conv_data_choose(&batch), cpu_conv_data_choose(&good));
}

int main(int argc, char **argv)
{
    if (argc > 1 && strncmp(argv[1], "--bench", 7) == 0)
        return bench(strcmp(argv[1], "--bench-own") != 0, argc > 2 ? atoi(argv[2]) : -1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spatial),
        cmocka_unit_test(test_temporal),
        cmocka_unit_test(test_direct),
        cmocka_unit_test(test_tolerance_notices_one_product),
        cmocka_unit_test(test_sums_over_many_positions_stay_accurate),
        cmocka_unit_test(test_team_shares_large_sums),
        cmocka_unit_test(test_refuses_nonsense),
    };
    return cmocka_run_group_tests_name("cpu_conv_backward", tests, NULL, NULL);
}
