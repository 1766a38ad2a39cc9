#include "kernels/parameter_tensor.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"

void hedon_convert_reals(void *to, HedonDtype to_type, const void *from, HedonDtype from_type,
                         int64_t count)
{
    if (to_type == from_type) {
        memcpy(to, from, (size_t)count * hedon_dtype_size(to_type));
    } else if (to_type == HEDON_F64) {
        for (int64_t i = 0; i < count; i++) ((double *)to)[i] = ((const float *)from)[i];
    } else {
        for (int64_t i = 0; i < count; i++) ((float *)to)[i] = (float)((const double *)from)[i];
    }
}

int hedon_parameter_tensor_check(HedonContext *ctx, const HedonGraph *graph, int parameter,
                                 const HedonTensor *tensor)
{
    if (parameter < 0 || parameter >= graph->parameter_count)
        return hedon_fail(ctx, HEDON_EINVAL, "the graph has no parameter %d", parameter);
    const HedonValue *value = &graph->values[hedon_graph_parameter_value(graph, parameter)];
    if (tensor->dtype != HEDON_F32 && tensor->dtype != HEDON_F64)
        return hedon_fail(ctx, HEDON_EINVAL, "parameter %s must be float32 or float64, not %s",
                          value->name, hedon_dtype_name(tensor->dtype));
    const HedonShape *a = &tensor->shape, *b = &value->shape;
    if (!tensor->data || a->rank != b->rank ||
        memcmp(a->dim, b->dim, (size_t)a->rank * sizeof(a->dim[0])))
        return hedon_fail(ctx, HEDON_EINVAL,
                          "parameter %s has another shape than the graph's (%" PRId64
                          " elements wanted)",
                          value->name, hedon_shape_count(b));
    return 0;
}
