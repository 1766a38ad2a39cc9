/* The insides of HedonTorchFile. torch_file.c opens and fetches; torch_zip.c and torch_legacy.c are
 * the two containers; torch_objects.c makes storages and tensors of what the pickle says;
 * torch_state.c finds the state dict among them and checks it. */
#ifndef HEDON_MODELS_TORCH_PRIVATE_H
#define HEDON_MODELS_TORCH_PRIVATE_H

#include "base/arena.h"
#include "base/mapped_file.h"
#include "models/pickle.h"
#include "models/torch_file.h"

/* A typed run of elements that tensors are views of. */
typedef struct HedonTorchStorage {
    const char *key; /* its name in the container */
    HedonDtype dtype;
    int64_t count;
    struct HedonTorchStorage *next; /* in the order of the pickle, last first */
} HedonTorchStorage;

/* As the pickle says it: nothing but the kinds of the numbers is checked. */
typedef struct HedonTorchTensor {
    const HedonTorchStorage *storage;
    int64_t offset; /* in elements, like the strides */
    HedonShape shape;
    int64_t stride[HEDON_MAX_RANK];
} HedonTorchTensor;

/* Tags of HEDON_PICKLE_OBJECT. */
enum { HEDON_TORCH_STORAGE = 1, HEDON_TORCH_TENSOR };

/* Where the pickle and the storages lie. */
typedef struct HedonTorchContainer {
    int (*recognise)(const uint8_t *bytes, size_t size);
    /** Read the pickle of the saved object, with hedon_torch_rules. */
    int (*open)(HedonContext *ctx, HedonTorchFile *file, HedonPickleValue **root);
    /** Bytes of a storage as they lie in the container; HEDON_EDATA when it is not there. */
    int (*size)(HedonContext *ctx, HedonTorchFile *file, const char *key, uint64_t *bytes);
    /** A storage's bytes, valid until the next call; needed: what a tensor takes of them. */
    int (*read)(HedonContext *ctx, HedonTorchFile *file, const char *key, uint64_t needed,
                const uint8_t **bytes);
    void (*close)(HedonTorchFile *file);
} HedonTorchContainer;

extern const HedonTorchContainer hedon_torch_zip;
extern const HedonTorchContainer hedon_torch_legacy;

struct HedonTorchFile {
    HedonMappedFile file;
    HedonArena arena;
    const HedonTorchContainer *container;
    void *contents; /* the container's own */
    HedonTorchStorage *storages;
    HedonTensorSource source;
    HedonStoredTensor *stored;
    const HedonTorchTensor **views; /* of stored[i] */
    char taken[160];
};

HedonPickleRules hedon_torch_rules(HedonTorchFile *file);
/** Fill stored, views and source from the saved object. */
int hedon_torch_find_state(HedonContext *ctx, HedonTorchFile *file, const HedonPickleValue *root);

#endif
