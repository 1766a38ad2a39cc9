/* Batch norm's kernels for every instruction set that this processor has, against plain loops in
 * double, at row counts around their tiles. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernels/cpu/norm.h"

enum { MAX_ROWS = 200, MAX_ROW = 64, CHANNELS_OFF = 5 }; /* the last lanes are padding */

typedef struct Data {
    float *x, *dy, *y, *residual, *out; /* (rows, row) */
    float *mean, *scale, *shift, *level, *slope;
    double *sums, *products;
    int64_t rows, row;
} Data;

static float *floats(int64_t count)
{
    float *data = hedon_malloc_aligned((size_t)count, sizeof(float));
    assert_non_null(data);
    return data;
}

/* Padding lanes hold zeros, as in the layout. */
static float *fill(const Data *d, int64_t rows, uint64_t number)
{
    const HedonRandomKey key = hedon_random_key(3, number, 0);
    float *data = floats(rows * d->row);
    for (int64_t i = 0; i < rows * d->row; i++)
        data[i] = i % d->row < d->row - CHANNELS_OFF
                      ? (float)(2 * hedon_random_uniform(key, (uint64_t)i) - 1)
                      : 0;
    return data;
}

static Data make(int64_t rows, int64_t row)
{
    Data d = {.rows = rows, .row = row};
    float **tables[] = {&d.x, &d.dy, &d.y, &d.residual, &d.out};
    float **vectors[] = {&d.mean, &d.scale, &d.shift, &d.level, &d.slope};
    for (uint64_t i = 0; i < 5; i++) {
        *tables[i] = fill(&d, rows, i);
        *vectors[i] = fill(&d, 1, 10 + i);
    }
    d.sums = hedon_malloc_aligned((size_t)row, sizeof(double));
    d.products = hedon_malloc_aligned((size_t)row, sizeof(double));
    assert_true(d.sums && d.products);
    return d;
}

static void discard(Data *d)
{
    void *all[] = {d->x,     d->dy,    d->y,     d->residual, d->out,  d->mean,
                   d->scale, d->shift, d->level, d->slope,    d->sums, d->products};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) hedon_free(all[i]);
}

static void near(const CpuNormIsa *isa, const char *what, double got, double wanted, double allowed)
{
    if (!(fabs(got - wanted) <= allowed))
        fail_msg("%s on %s: %.9g, not %.9g", what, isa->name, got, wanted);
}

static CpuNormCoefficients coefficients(const Data *d)
{
    return (CpuNormCoefficients){d->mean, d->scale, d->shift};
}

static void check_forward(const CpuNormIsa *isa, Data *d, int residual, int relu, int stream)
{
    const CpuNormCoefficients by = coefficients(d);
    isa->normalise(d->x, residual ? d->residual : NULL, d->out, d->rows, d->row, &by, relu,
                   stream);
    for (int64_t i = 0; i < d->rows * d->row; i++) {
        const int64_t c = i % d->row;
        double y = ((double)d->x[i] - d->mean[c]) * d->scale[c] + d->shift[c];
        if (residual) y += d->residual[i];
        if (relu && y < 0) y = 0;
        near(isa, "normalise", d->out[i], y, 1e-6);
    }
    isa->moments(d->x, d->rows, d->row, d->sums, d->products);
    for (int64_t c = 0; c < d->row; c++) {
        double sum = 0, squares = 0;
        for (int64_t i = c; i < d->rows * d->row; i += d->row) {
            sum += d->x[i];
            squares += (double)d->x[i] * d->x[i];
        }
        near(isa, "sum", d->sums[c], sum, 1e-12);
        near(isa, "squares", d->products[c], squares, 1e-12);
    }
}

/* dy where the mask lets it through; the self mask is float arithmetic, as the kernels'. */
static double masked(const Data *d, CpuNormMask mask, int64_t i)
{
    const int64_t c = i % d->row;
    const float centred = d->x[i] - d->mean[c], scaled = centred * d->scale[c];
    if (mask == CPU_NORM_BY_Y && d->y[i] <= 0) return 0;
    if (mask == CPU_NORM_BY_SELF && scaled + d->shift[c] <= 0) return 0;
    return d->dy[i];
}

static void check_gradient(const CpuNormIsa *isa, Data *d, CpuNormMask mask, int in_place)
{
    CpuNormGradient of = {.x = d->x, .dy = d->dy, .mask = mask, .by = coefficients(d)};
    if (mask == CPU_NORM_BY_Y) of.y = d->y;
    if (in_place) memcpy(d->out, d->dy, (size_t)(d->rows * d->row) * sizeof(float));
    if (in_place) of.dy = d->out;
    isa->products(&of, d->rows, d->row, d->sums, d->products);
    isa->gradient(&of, d->out, d->rows, d->row, d->level, d->slope);
    for (int64_t c = 0; c < d->row; c++) {
        double sum = 0, product = 0;
        for (int64_t i = c; i < d->rows * d->row; i += d->row) {
            const double g = masked(d, mask, i), centred = d->x[i] - d->mean[c];
            sum += g;
            product += g * centred;
            near(isa, "gradient", d->out[i],
                 d->scale[c] * (g - d->level[c] - centred * d->slope[c]), 1e-6);
        }
        near(isa, "sum of dy", d->sums[c], sum, 1e-12);
        near(isa, "products", d->products[c], product, 1e-12);
    }
}

static void kernels_do_what_they_say(void **state)
{
    (void)state;
    const CpuNormIsa *isas[3] = {&cpu_norm_isa_generic};
    int count = 1;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        isas[count++] = &cpu_norm_isa_avx2;
    if (__builtin_cpu_supports("avx512f")) isas[count++] = &cpu_norm_isa_avx512;
#endif
    static const int64_t rows[] = {1, 31, 32, 33, MAX_ROWS}, row[] = {16, 48, MAX_ROW};
    for (int k = 0; k < count; k++)
        for (int r = 0; r < 5; r++)
            for (int c = 0; c < 3; c++) {
                Data d = make(rows[r], row[c]);
                for (int variant = 0; variant < 8; variant++)
                    check_forward(isas[k], &d, variant & 1, variant >> 1 & 1, variant >> 2);
                for (int variant = 0; variant < 6; variant++)
                    check_gradient(isas[k], &d, (CpuNormMask)(variant / 2), variant % 2);
                discard(&d);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kernels_do_what_they_say)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
