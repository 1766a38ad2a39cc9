/* Dense host tensors: sizes, allocation. */
#include <string.h>

#include "base/memory.h"
#include "hedon.h"

static const struct {
    size_t size;
    const char *name;
} dtypes[] = {
    [HEDON_F32] = {4, "float32"}, [HEDON_F64] = {8, "float64"}, [HEDON_BF16] = {2, "bfloat16"},
    [HEDON_F16] = {2, "float16"}, [HEDON_I64] = {8, "int64"},   [HEDON_I32] = {4, "int32"},
    [HEDON_U8] = {1, "uint8"},
};

size_t hedon_dtype_size(HedonDtype dtype)
{
    return dtypes[dtype].size;
}

const char *hedon_dtype_name(HedonDtype dtype)
{
    return dtypes[dtype].name;
}

int64_t hedon_shape_count(const HedonShape *shape)
{
    if (shape->rank < 0 || shape->rank > HEDON_MAX_RANK) return -1;
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i] < 0 || __builtin_mul_overflow(count, shape->dim[i], &count)) return -1;
    return count;
}

int hedon_tensor_alloc(HedonTensor *out, HedonDtype dtype, const HedonShape *shape)
{
    const HedonShape copy = *shape;
    memset(out, 0, sizeof(*out));
    const int64_t count = hedon_shape_count(&copy);
    if (count < 0) return HEDON_EINVAL;
    void *data = hedon_malloc_aligned((size_t)count, hedon_dtype_size(dtype));
    if (!data) return HEDON_ENOMEM;
    memset(data, 0, (size_t)count * hedon_dtype_size(dtype));
    *out = (HedonTensor){.dtype = dtype, .shape = copy, .data = data};
    return 0;
}

void hedon_tensor_free(HedonTensor *tensor)
{
    if (!tensor) return;
    hedon_free(tensor->data);
    memset(tensor, 0, sizeof(*tensor));
}
