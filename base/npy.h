/* NumPy's .npy files, versions 1 and 2, little-endian, C order. */
#ifndef HEDON_BASE_NPY_H
#define HEDON_BASE_NPY_H

#include "hedon.h"

/** Read path into a new tensor (hedon_tensor_free). HEDON_EDATA names what is wrong. */
int hedon_npy_read(HedonContext *ctx, HedonTensor *out, const char *path);
/** Write atomically; "-" is standard output. */
int hedon_npy_write(HedonContext *ctx, const char *path, const HedonTensor *tensor);

#endif
