/* safetensors files: an 8-byte little-endian length, that many bytes of JSON, then the tensors'
 * bytes. https://github.com/huggingface/safetensors#format. Read by mapping, so that nothing is
 * copied; written atomically. */
#ifndef HEDON_MODELS_SAFETENSORS_H
#define HEDON_MODELS_SAFETENSORS_H

#include <stdio.h>

#include "base/arena.h"
#include "base/mapped_file.h"
#include "hedon.h"
#include "models/stored_tensor.h"

typedef struct HedonStoredText {
    const char *key, *value;
} HedonStoredText;

typedef struct HedonSafetensors {
    HedonMappedFile file; /* empty when the bytes are the caller's */
    HedonArena arena;
    HedonStoredTensor *tensors; /* by name, ascending */
    HedonStoredText *metadata;
    int64_t tensor_count, metadata_count;
} HedonSafetensors;

/**
 * Map a file and check all of its header.
 *
 * @return 0; HEDON_ENOENT, HEDON_EISDIR, HEDON_EIO; HEDON_EDATA: too short, a header that is too
 *         long or no valid JSON, an unknown type, a shape that does not fit its bytes, offsets that
 *         overlap, leave holes or reach beyond the end; HEDON_ENOMEM. After a failure
 *         there is nothing to close.
 */
int hedon_safetensors_open(HedonContext *ctx, HedonSafetensors *out, const char *path);
/** The same for bytes that lie in memory, 8-byte aligned, and outlive what is opened: the program's
 * own. */
int hedon_safetensors_open_bytes(HedonContext *ctx, HedonSafetensors *out, const uint8_t *bytes,
                                 size_t size);
void hedon_safetensors_close(HedonSafetensors *file);
/** Its tensors, borrowed until it is closed. */
HedonTensorSource hedon_safetensors_source(const HedonSafetensors *file);
/** NULL when there is none of that name. */
const HedonStoredTensor *hedon_safetensors_find(const HedonSafetensors *file, const char *name);
const char *hedon_safetensors_metadata(const HedonSafetensors *file, const char *key);

/* What is to be written: float32 values, stored as float32 or float16. */
typedef struct HedonTensorToStore {
    const char *name;
    HedonDtype stored; /* HEDON_F32 or HEDON_F16 */
    const HedonTensor *values;
} HedonTensorToStore;

/** Write to a stream. HEDON_EIO (also for a full disk), HEDON_ENOMEM. */
int hedon_safetensors_write(HedonContext *ctx, FILE *stream, const HedonTensorToStore *tensors,
                            int64_t tensor_count, const HedonStoredText *metadata,
                            int64_t metadata_count);

#endif
