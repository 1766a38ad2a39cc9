#include "models/json.h"

#include "base/error.h"

int hedon_fail_json(HedonContext *ctx, const json_error_t *reason, const char *what)
{
    switch (json_error_code(reason)) {
    case json_error_unknown: /* jansson leaves it so for most failed allocations */
    case json_error_out_of_memory:
        return hedon_fail_memory(ctx);
    case json_error_duplicate_key:
        return hedon_fail(ctx, HEDON_EDATA, "%s names something twice", what);
    case json_error_stack_overflow:
        return hedon_fail(ctx, HEDON_EDATA, "%s is nested too deeply", what);
    default:
        return hedon_fail(ctx, HEDON_EDATA, "%s is not valid JSON", what);
    }
}
