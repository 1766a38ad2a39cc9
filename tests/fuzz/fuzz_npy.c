/* NumPy files, as hedon infer reads them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/npy.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    const int fd = fuzz_file(data, size, path);
    HedonContext *ctx = hedon_context_new();
    HedonTensor tensor;
    if (!hedon_npy_read(ctx, &tensor, path)) {
        /* What was read is as large as it says: the sanitizer sees to it. */
        const size_t bytes = (size_t)hedon_shape_count(&tensor.shape) * hedon_dtype_size(tensor.dtype);
        uint8_t sum = 0;
        for (size_t i = 0; i < bytes; i++) sum ^= ((const uint8_t *)tensor.data)[i];
        volatile uint8_t sink = sum;
        (void)sink;
        hedon_tensor_free(&tensor);
    } else if (!hedon_last_error(ctx)[0]) {
        abort(); /* a failure without a sentence */
    }
    hedon_context_free(ctx);
    close(fd);
    return 0;
}

/* Version `major`, the header padded as NumPy pads it, then `bytes` bytes of data. */
static uint8_t *npy(int major, const char *header, size_t bytes, size_t *size)
{
    const size_t prefix = major == 1 ? 10 : 12, length = strlen(header);
    const size_t padded = (prefix + length + 1 + 63) / 64 * 64 - prefix;
    uint8_t *file = calloc(1, prefix + padded + bytes);
    if (!file) return NULL;
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (uint8_t)major;
    for (size_t i = 8; i < prefix; i++) file[i] = (uint8_t)(padded >> 8 * (i - 8));
    memset(file + prefix, ' ', padded);
    memcpy(file + prefix, header, length);
    file[prefix + padded - 1] = '\n';
    for (size_t i = 0; i < bytes; i++) file[prefix + padded + i] = (uint8_t)(i * 37);
    *size = prefix + padded + bytes;
    return file;
}

uint8_t *fuzz_seed(int number, size_t *size)
{
    switch (number) {
    case 0: return npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 2, 4, 4), }", 384, size);
    case 1: return npy(2, "{'descr': '<f8', 'fortran_order': False, 'shape': (7,), }", 56, size);
    case 2: return npy(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (), }", 1, size);
    case 3: return npy(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (0, 5), }", 0, size);
    default: return NULL;
    }
}
