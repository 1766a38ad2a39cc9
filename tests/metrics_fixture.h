/* The inputs of tools/golden/metrics.py, made again, and its results. */
#ifndef HEDON_TESTS_METRICS_FIXTURE_H
#define HEDON_TESTS_METRICS_FIXTURE_H

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/random.h"
#include "hedon.h"

enum { GOLDEN_SEED = 5 };

static inline double draw(const char *name, int64_t counter)
{
    return hedon_random_uniform(hedon_random_key_name(GOLDEN_SEED, name), (uint64_t)counter);
}

static inline json_t *golden(void)
{
    json_error_t error;
    json_t *document = json_load_file(HEDON_SOURCE_DIR "/tests/golden/metrics.json", 0, &error);
    if (!document) fail_msg("tests/golden/metrics.json: %s", error.text);
    return document;
}

/* null is NaN */
static inline double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!value) fail_msg("the golden file has no %s", key);
    return json_is_null(value) ? NAN : json_number_value(value);
}

static inline void assert_near(double got, double want, double tolerance, const char *what)
{
    if (isnan(got) && isnan(want)) return;
    if (!(fabs(got - want) <= tolerance)) fail_msg("%s: %.17g, want %.17g", what, got, want);
}

static inline void check_code(HedonContext *ctx, int code)
{
    if (code) fail_msg("%s: %s", hedon_error_name(code), hedon_last_error(ctx));
}

#endif
