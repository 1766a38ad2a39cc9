#include "models/stored_tensor.h"

#include <stdlib.h>
#include <string.h>

#include "models/half.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(((const HedonStoredTensor *)a)->name, ((const HedonStoredTensor *)b)->name);
}

const HedonStoredTensor *hedon_tensor_source_find(const HedonTensorSource *source, const char *name)
{
    const HedonStoredTensor key = {.name = name};
    if (!source->count) return NULL;
    return bsearch(&key, source->tensors, (size_t)source->count, sizeof(key), by_name);
}

int hedon_is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f) return 0;
    return 1;
}

int hedon_stored_is_float(const HedonStoredTensor *tensor)
{
    return tensor->dtype == HEDON_F32 || tensor->dtype == HEDON_F64 || tensor->dtype == HEDON_F16 ||
           tensor->dtype == HEDON_BF16;
}

void hedon_elements_to_float(HedonDtype dtype, const uint8_t *data, size_t count, float *out)
{
    const size_t size = hedon_dtype_size(dtype);
    if (dtype == HEDON_F32) {
        memcpy(out, data, count * size);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (dtype == HEDON_F64) {
            double value;
            memcpy(&value, data + i * size, size);
            out[i] = (float)value;
        } else {
            uint16_t half;
            memcpy(&half, data + i * size, size);
            out[i] = dtype == HEDON_F16 ? hedon_float_from_f16(half) : hedon_float_from_bf16(half);
        }
    }
}

void hedon_stored_to_float(const HedonStoredTensor *tensor, float *out)
{
    hedon_elements_to_float(tensor->dtype, tensor->data,
                            tensor->bytes / hedon_dtype_size(tensor->dtype), out);
}
