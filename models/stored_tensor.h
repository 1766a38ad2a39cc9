/* Named tensors in a file of another framework or of ours, whatever the container: what the
 * importer and model files match with a model's parameters. */
#ifndef HEDON_MODELS_STORED_TENSOR_H
#define HEDON_MODELS_STORED_TENSOR_H

#include "hedon.h"

typedef struct HedonStoredTensor {
    const char *name;
    HedonDtype dtype;
    HedonShape shape;
    const uint8_t *data; /* row-major, any alignment; NULL: the source has to fetch it */
    size_t bytes;
} HedonStoredTensor;

/* The tensors of one open file. Borrowed from whatever has opened it. */
typedef struct HedonTensorSource {
    const HedonStoredTensor *tensors; /* by name, ascending, no name twice */
    int64_t count;
    /** Read tensors[i] as float32; out has room for every element. NULL: all have their data. */
    int (*fetch)(HedonContext *ctx, void *opaque, int64_t i, float *out);
    void *opaque;
} HedonTensorSource;

/** NULL when there is none of that name. */
const HedonStoredTensor *hedon_tensor_source_find(const HedonTensorSource *source,
                                                  const char *name);

/** Whether a file's text may go to terminals and logs: it has no control characters. */
int hedon_is_printable(const char *text);

/** Whether a type can become float32: float32, float64, float16, bfloat16. */
int hedon_stored_is_float(const HedonStoredTensor *tensor);
/** Convert a tensor that has its data to float32; out has room for every element. */
void hedon_stored_to_float(const HedonStoredTensor *tensor, float *out);
/** Convert count elements of a type that can become float32, at any alignment. */
void hedon_elements_to_float(HedonDtype dtype, const uint8_t *data, size_t count, float *out);

#endif
