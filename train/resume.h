/* RUN/resume.state: everything that a run needs to go on as if it had not stopped. An own format,
 * little-endian: the line "hedon.state/1", the length of a JSON document (8 bytes), the document,
 * the tensors in the order and precision that the document names, and a CRC-32C of all that.
 * Written atomically; read only when the checksum fits. */
#ifndef HEDON_TRAIN_RESUME_H
#define HEDON_TRAIN_RESUME_H

#include <jansson.h>

#include "base/mapped_file.h"
#include "hedon.h"

typedef struct HedonStateTensor {
    char name[160];     /* "parameter:fc.weight", "moment1:...", "average:..." */
    HedonTensor values; /* float32 or float64 */
} HedonStateTensor;

/** Gives tensor i its name and values; called for 0, 1, ... in order. The values are borrowed until
 *  the next call. */
typedef int (*HedonStateSource)(HedonContext *ctx, void *opaque, int64_t i, HedonStateTensor *out);

/**
 * @param document  an object; "tensors" is added to it
 */
int hedon_resume_write(HedonContext *ctx, const char *path, json_t *document, int64_t tensors,
                       HedonStateSource source, void *opaque);

typedef struct HedonResume {
    json_t *document;
    HedonMappedFile file;
    const uint8_t *data; /* of the first tensor */
} HedonResume;

/** HEDON_ENOENT, HEDON_EDATA: truncated, changed, or not a state; HEDON_ENOMEM. */
int hedon_resume_open(HedonContext *ctx, HedonResume *out, const char *path);
/** Copy the named tensor into `out`, whose type and shape must be those stored. HEDON_EDATA. */
int hedon_resume_read(HedonContext *ctx, const HedonResume *resume, const char *name,
                      HedonTensor *out);
/** Whether a tensor of that name is there. */
int hedon_resume_has(const HedonResume *resume, const char *name);
void hedon_resume_close(HedonResume *resume);

#endif
