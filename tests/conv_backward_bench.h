/* test_cpu_conv_backward --bench|--bench-own [LAYER]: backward data, backward weights and packing of R(2+1)D-18's
 * convolutions at batch 2, 16x112x112, ours beside oneDNN's direct and Winograd where it is there. */
#ifndef HEDON_TESTS_CONV_BACKWARD_BENCH_H
#define HEDON_TESTS_CONV_BACKWARD_BENCH_H

#include "base/clock.h"
#include "tests/conv_fixture.h"
#include "tests/conv_onednn.h"

typedef struct BenchLayer {
    CpuConvShape s;
    int count; /* how often the network has it */
    int bottom; /* nothing below needs dx */
} BenchLayer;

/* clang-format off */
#define BENCH_SPATIAL(ic_, oc_, t, hw, stride) \
    {.n = 2, .ic = ic_, .it = t, .ih = hw, .iw = hw, .oc = oc_, .kt = 1, .kh = 3, .kw = 3, \
     .st = 1, .sh = stride, .sw = stride, .ph = 1, .pw = 1}
#define BENCH_TEMPORAL(ic_, oc_, t, hw, stride) \
    {.n = 2, .ic = ic_, .it = t, .ih = hw, .iw = hw, .oc = oc_, .kt = 3, .kh = 1, .kw = 1, \
     .st = stride, .sh = 1, .sw = 1, .pt = 1}
#define BENCH_POINTWISE(ic_, oc_, t, hw) \
    {.n = 2, .ic = ic_, .it = t, .ih = hw, .iw = hw, .oc = oc_, .kt = 1, .kh = 1, .kw = 1, \
     .st = 2, .sh = 2, .sw = 2}
/* clang-format on */

static const BenchLayer bench_layers[] = {
    {{.n = 2, .ic = 3, .it = 16, .ih = 112, .iw = 112, .oc = 45, .kt = 1, .kh = 7, .kw = 7,
      .st = 1, .sh = 2, .sw = 2, .ph = 3, .pw = 3}, 1, 1},
    {BENCH_TEMPORAL(45, 64, 16, 56, 1), 1, 0},
    {BENCH_SPATIAL(64, 144, 16, 56, 1), 4, 0},
    {BENCH_TEMPORAL(144, 64, 16, 56, 1), 4, 0},
    {BENCH_SPATIAL(64, 230, 16, 56, 2), 1, 0},
    {BENCH_TEMPORAL(230, 128, 16, 28, 2), 1, 0},
    {BENCH_POINTWISE(64, 128, 16, 56), 1, 0},
    {BENCH_SPATIAL(128, 230, 8, 28, 1), 1, 0},
    {BENCH_TEMPORAL(230, 128, 8, 28, 1), 1, 0},
    {BENCH_SPATIAL(128, 288, 8, 28, 1), 2, 0},
    {BENCH_TEMPORAL(288, 128, 8, 28, 1), 2, 0},
    {BENCH_SPATIAL(128, 460, 8, 28, 2), 1, 0},
    {BENCH_TEMPORAL(460, 256, 8, 14, 2), 1, 0},
    {BENCH_POINTWISE(128, 256, 8, 28), 1, 0},
    {BENCH_SPATIAL(256, 460, 4, 14, 1), 1, 0},
    {BENCH_TEMPORAL(460, 256, 4, 14, 1), 1, 0},
    {BENCH_SPATIAL(256, 576, 4, 14, 1), 2, 0},
    {BENCH_TEMPORAL(576, 256, 4, 14, 1), 2, 0},
    {BENCH_SPATIAL(256, 921, 4, 14, 2), 1, 0},
    {BENCH_TEMPORAL(921, 512, 4, 7, 2), 1, 0},
    {BENCH_POINTWISE(256, 512, 4, 14), 1, 0},
    {BENCH_SPATIAL(512, 921, 2, 7, 1), 1, 0},
    {BENCH_TEMPORAL(921, 512, 2, 7, 1), 1, 0},
    {BENCH_SPATIAL(512, 1152, 2, 7, 1), 2, 0},
    {BENCH_TEMPORAL(1152, 512, 2, 7, 1), 2, 0},
};

/* One layer's buffers and calls. */
typedef struct Bench {
    CpuConvShape s;
    const CpuConvKernel *forward;
    const CpuConvDataKernel *data;
    const CpuConvWeightsKernel *weights;
    float *x, *dy, *dx, *w, *dw, *y, *bias;
    void *packed_forward, *packed_data, *scratch;
    ConvOnednn *onednn; /* of the run at hand */
    int threads;
} Bench;

static void bench_data(Bench *b)
{
    b->data->run(&b->s, &(CpuConvDataCall){.dy = b->dy,
                                           .packed = b->packed_data,
                                           .dx = b->dx,
                                           .scratch = b->scratch,
                                           .threads = b->threads});
}

static void bench_weights(Bench *b)
{
    b->weights->run(&b->s, &(CpuConvWeightsCall){.x = b->x,
                                                 .dy = b->dy,
                                                 .dw = b->dw,
                                                 .scratch = b->scratch,
                                                 .threads = b->threads});
}

static void bench_forward(Bench *b)
{
    b->forward->run(&b->s, &(CpuConvCall){.x = b->x,
                                          .packed = b->packed_forward,
                                          .bias = b->bias,
                                          .y = b->y,
                                          .scratch = b->scratch,
                                          .threads = b->threads});
}

static void bench_pack_data(Bench *b)
{
    b->data->pack(&b->s, b->w, b->packed_data, b->threads);
}

static void bench_pack_forward(Bench *b)
{
    b->forward->pack(&b->s, b->w, b->packed_forward, b->threads);
}

static void bench_onednn(Bench *b)
{
    conv_onednn_run(b->onednn);
}

/* Best of several, milliseconds. */
static double best_ms(void (*run)(Bench *), Bench *b)
{
    double best = INFINITY;
    for (int i = 0; i < 8; i++) {
        const double start = hedon_clock_s();
        run(b);
        best = fmin(best, hedon_clock_s() - start);
    }
    return best * 1e3;
}

static double onednn_ms(Bench *b, ConvOnednnKind kind, int winograd)
{
    b->onednn = conv_onednn_new(&b->s, kind, winograd);
    const double ms = b->onednn ? best_ms(bench_onednn, b) : INFINITY;
    conv_onednn_free(b->onednn);
    return ms;
}

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

static Bench bench_open(const CpuConvShape *shape, int threads)
{
    Bench b = {.s = *shape, .threads = threads};
    fill_output_size(&b.s);
    const CpuConvShape *s = &b.s;
    const int64_t weights = s->oc * s->ic * s->kt * s->kh * s->kw;
    b.forward = cpu_conv_choose(s);
    b.data = cpu_conv_data_choose(s);
    b.weights = cpu_conv_weights_choose(s);
    b.x = random_pixels(s->n * s->it * s->ih * s->iw, s->ic);
    b.dx = random_pixels(s->n * s->it * s->ih * s->iw, s->ic);
    b.dy = random_pixels(s->n * s->ot * s->oh * s->ow, s->oc);
    b.y = random_pixels(s->n * s->ot * s->oh * s->ow, s->oc);
    b.bias = random_pixels(1, s->oc);
    b.w = dirty((size_t)weights * sizeof(float));
    b.dw = dirty((size_t)weights * sizeof(float));
    for (int64_t i = 0; i < weights; i++) b.w[i] = uniform();
    b.packed_forward = dirty(b.forward->packed_bytes(s));
    b.packed_data = dirty(b.data->packed_bytes(s));
    b.scratch = dirty(max_size(max_size(b.forward->scratch_bytes(s, threads),
                                        b.data->scratch_bytes(s, threads)),
                               b.weights->scratch_bytes(s, threads)));
    b.forward->pack(s, b.w, b.packed_forward, threads);
    b.data->pack(s, b.w, b.packed_data, threads);
    return b;
}

static void bench_close(Bench *b)
{
    void *const owned[] = {b->x,  b->dx,   b->dy,     b->y,     b->bias,
                           b->w,  b->dw,   b->packed_forward,   b->packed_data, b->scratch};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
}

enum { DATA_OWN, DATA_DIRECT, DATA_WINOGRAD, WEIGHTS_OWN, WEIGHTS_DIRECT, WEIGHTS_WINOGRAD,
       FORWARD_OWN, PACK_FORWARD, PACK_DATA, COLUMNS };

static void bench_layer(const BenchLayer *layer, int threads, int peers, double sum[COLUMNS])
{
    Bench b = bench_open(&layer->s, threads);
    const CpuConvShape *s = &b.s;
    const double gflop = 2e-9 * (double)(s->n * s->ot * s->oh * s->ow * s->oc * s->ic) *
                         (double)(s->kt * s->kh * s->kw);
    double ms[COLUMNS] = {0};

    if (!layer->bottom) ms[DATA_OWN] = best_ms(bench_data, &b);
    ms[WEIGHTS_OWN] = best_ms(bench_weights, &b);
    ms[FORWARD_OWN] = best_ms(bench_forward, &b);
    ms[PACK_FORWARD] = best_ms(bench_pack_forward, &b);
    if (!layer->bottom) ms[PACK_DATA] = best_ms(bench_pack_data, &b);
    for (int winograd = 0; winograd < 2 && peers; winograd++) {
        if (!layer->bottom)
            ms[DATA_DIRECT + winograd] = onednn_ms(&b, CONV_ONEDNN_DATA, winograd);
        ms[WEIGHTS_DIRECT + winograd] = onednn_ms(&b, CONV_ONEDNN_WEIGHTS, winograd);
    }
    /* Sums take the faster of direct and Winograd, as a program would. */
    if (!(ms[DATA_WINOGRAD] <= ms[DATA_DIRECT])) ms[DATA_WINOGRAD] = ms[DATA_DIRECT];
    if (!(ms[WEIGHTS_WINOGRAD] <= ms[WEIGHTS_DIRECT])) ms[WEIGHTS_WINOGRAD] = ms[WEIGHTS_DIRECT];
    printf("%d x %4lld->%-4lld %lld,%lld,%lld/%lld %2lldx%-3lld", layer->count, (long long)s->ic,
           (long long)s->oc, (long long)s->kt, (long long)s->kh, (long long)s->kw,
           (long long)(s->st > s->sh ? s->st : s->sh), (long long)s->it, (long long)s->ih);
    for (int i = 0; i < COLUMNS; i++) {
        sum[i] += layer->count * ms[i];
        printf(" %7.2f", ms[i]);
        if (i == DATA_OWN || i == WEIGHTS_OWN || i == FORWARD_OWN)
            printf(" (%4.0f)", ms[i] > 0 ? gflop / ms[i] * 1e3 : 0);
    }
    printf("\n");
    bench_close(&b);
}

/* peers: oneDNN, too. only: a layer's number in the list, or all of them when negative. */
static int bench(int peers, int only)
{
    double sum[COLUMNS] = {0};
    const int threads = hedon_cpu_count();
    printf("ms at batch 2, %d threads, %s; (GFLOP/s as a direct convolution's); 'best': the faster "
           "of oneDNN's direct and Winograd\n",
           threads, cpu_conv_isa_name());
    printf("%-29s %14s %7s %7s %14s %7s %7s %14s %7s %7s\n", "layer", "data", "direct", "best",
           "weights", "direct", "best", "forward", "pack", "pack dx");
    for (size_t i = 0; i < sizeof bench_layers / sizeof *bench_layers; i++)
        if (only < 0 || only == (int)i) bench_layer(&bench_layers[i], threads, peers, sum);
    printf("%-29s", "sum");
    for (int i = 0; i < COLUMNS; i++)
        printf(i == DATA_OWN || i == WEIGHTS_OWN || i == FORWARD_OWN ? " %7.1f       " : " %7.1f",
               sum[i]);
    printf("\n");
    return 0;
}

#endif
