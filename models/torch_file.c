#include "models/torch_file.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "models/torch_private.h"

static const HedonTorchContainer *const containers[] = {&hedon_torch_zip, &hedon_torch_legacy,
                                                        NULL};

static const HedonTorchContainer *find_container(const HedonMappedFile *file)
{
    const HedonTorchContainer *const *container = containers;
    while (*container && !(*container)->recognise(file->data, file->size)) container++;
    return *container;
}

int hedon_torch_recognise(HedonContext *ctx, const char *path, int *is_torch)
{
    HedonMappedFile file;
    *is_torch = 0;
    const int code = hedon_mapped_open(ctx, &file, path);
    if (code) return code;
    *is_torch = find_container(&file) != NULL;
    hedon_mapped_close(&file);
    return 0;
}

/* ---- Fetching ------------------------------------------------------------------------------- */

/* The view's elements in row-major order: rows of the last dimension, or single elements where
 * that is not dense. */
static void gather(const HedonTorchTensor *view, const uint8_t *bytes, float *out)
{
    const int rank = view->shape.rank;
    const size_t size = hedon_dtype_size(view->storage->dtype);
    const int dense = rank > 0 && view->stride[rank - 1] == 1;
    const int outer = dense ? rank - 1 : rank;
    const size_t run = dense ? (size_t)view->shape.dim[rank - 1] : 1;
    int64_t index[HEDON_MAX_RANK] = {0}, at = view->offset;
    for (int axis = outer; axis >= 0; out += run) {
        hedon_elements_to_float(view->storage->dtype, bytes + (size_t)at * size, run, out);
        for (axis = outer - 1; axis >= 0; axis--) { /* the next index, as an odometer turns */
            at += view->stride[axis];
            if (++index[axis] < view->shape.dim[axis]) break;
            at -= index[axis] * view->stride[axis];
            index[axis] = 0;
        }
    }
}

static int fetch(HedonContext *ctx, void *opaque, int64_t i, float *out)
{
    HedonTorchFile *file = opaque;
    const HedonTorchTensor *view = file->views[i];
    if (!file->stored[i].bytes) return 0;
    const uint8_t *bytes;
    const int code =
        file->container->read(ctx, file, view->storage->key, file->stored[i].bytes, &bytes);
    if (!code) gather(view, bytes, out);
    return code;
}

/* ---- Opening -------------------------------------------------------------------------------- */

static int open_file(HedonContext *ctx, HedonTorchFile *file, const char *path)
{
    int code = hedon_mapped_open(ctx, &file->file, path);
    if (code) return code;
    const HedonTorchContainer *container = find_container(&file->file);
    if (!container) return hedon_fail(ctx, HEDON_EDATA, "not a PyTorch file");
    file->container = container;
    HedonPickleValue *root;
    code = container->open(ctx, file, &root);
    if (!code) code = hedon_torch_find_state(ctx, file, root);
    return code;
}

int hedon_torch_open(HedonContext *ctx, HedonTorchFile **out, const char *path)
{
    *out = NULL;
    HedonTorchFile *file = hedon_calloc(1, sizeof(*file));
    if (!file) return hedon_fail_memory(ctx);
    file->source.fetch = fetch;
    file->source.opaque = file;
    const int code = open_file(ctx, file, path);
    if (code)
        hedon_torch_close(file);
    else
        *out = file;
    return code;
}

void hedon_torch_close(HedonTorchFile *file)
{
    if (!file) return;
    if (file->container) file->container->close(file);
    hedon_mapped_close(&file->file);
    hedon_arena_free(&file->arena);
    hedon_free(file);
}

const HedonTensorSource *hedon_torch_source(const HedonTorchFile *file)
{
    return &file->source;
}

const char *hedon_torch_taken(const HedonTorchFile *file)
{
    return file->taken;
}
