/* Which part of a checkpoint is the state dict, and whether its tensors are what they claim. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "models/torch_private.h"

enum { DEPTH_LIMIT = 3, TENSOR_LIMIT = 100000, NAME_LIMIT = 1024, PREFIX_LIMIT = 3 };

#define SAVE_ALONE "save the state dict alone: torch.save(model.state_dict(), FILE)"

static int bad(HedonContext *ctx, const char *name, const char *what)
{
    return hedon_fail(ctx, HEDON_EDATA, "damaged PyTorch file: tensor %.80s %s", name, what);
}

static const HedonTorchTensor *as_tensor(const HedonPickleValue *value)
{
    return value->kind == HEDON_PICKLE_OBJECT && value->tag == HEDON_TORCH_TENSOR ? value->object
                                                                                  : NULL;
}

/* ---- Finding it
 * ---------------------------------------------------------------------------------- */

/* How training programs call the model's part of a checkpoint; the first that is there is taken. */
static const char *const usual_keys[] = {
    "state_dict", "model_state_dict", "model_state", "model", "module", "net", NULL};

static int has_tensors(const HedonPickleValue *dict)
{
    for (int64_t i = 1; i < dict->count; i += 2)
        if (as_tensor(dict->items[i])) return 1;
    return 0;
}

/* The dict under a key, or NULL; of two under the same key Python keeps the last. */
static const HedonPickleValue *sub_dict(const HedonPickleValue *dict, const char *key)
{
    const HedonPickleValue *found = NULL;
    for (int64_t i = 0; i + 1 < dict->count; i += 2)
        if (hedon_pickle_is_text(dict->items[i], key)) found = dict->items[i + 1];
    return found && found->kind == HEDON_PICKLE_DICT ? found : NULL;
}

static int is_plain(const HedonPickleValue *value)
{
    return value->kind == HEDON_PICKLE_TEXT && (size_t)value->length == strlen(value->text) &&
           hedon_is_printable(value->text);
}

static int not_found(HedonContext *ctx, const HedonPickleValue *dict)
{
    char keys[240] = "";
    size_t used = 0;
    for (int64_t i = 0; i < dict->count && used < sizeof(keys) - 60; i += 2)
        if (is_plain(dict->items[i]))
            used += (size_t)snprintf(keys + used, sizeof(keys) - used, "%s'%.40s'",
                                     used ? ", " : "", dict->items[i]->text);
    return hedon_fail(ctx, HEDON_EDATA,
                      "no state dict found in this checkpoint (its keys: %s): " SAVE_ALONE,
                      used ? keys : "none");
}

/* Down through the usual keys, past tensors beside them (a best accuracy, say), to the dict that
 * has none of them. */
static int find_state_dict(HedonContext *ctx, HedonTorchFile *file, const HedonPickleValue *root,
                           const HedonPickleValue **out)
{
    if (root->kind != HEDON_PICKLE_DICT)
        return hedon_fail(ctx, HEDON_EDATA, "this file holds no dict: " SAVE_ALONE);
    size_t used = 0;
    for (int depth = 0; depth < DEPTH_LIMIT; depth++) {
        const HedonPickleValue *next = NULL;
        const char *const *key = usual_keys;
        for (; *key && !(next = sub_dict(root, *key)); key++) continue;
        if (!next) break;
        used += (size_t)snprintf(file->taken + used, sizeof(file->taken) - used, "%s'%s'",
                                 used ? ", " : "under ", *key);
        root = next;
    }
    *out = root;
    return has_tensors(root) ? 0 : not_found(ctx, root);
}

/* ---- Names
 * --------------------------------------------------------------------------------------- */

/* What DataParallel and torch.compile put before every name. */
static const char *const prefixes[] = {"module.", "_orig_mod.", NULL};

static void take_off_prefixes(HedonTorchFile *file, int64_t count)
{
    size_t used = strlen(file->taken);
    for (int round = 0; round < PREFIX_LIMIT; round++) {
        const char *const *prefix = prefixes;
        for (; *prefix; prefix++) {
            int64_t with = 0;
            while (with < count && !strncmp(file->stored[with].name, *prefix, strlen(*prefix)))
                with++;
            if (with == count) break;
        }
        if (!*prefix) return;
        for (int64_t i = 0; i < count; i++) file->stored[i].name += strlen(*prefix);
        used += (size_t)snprintf(file->taken + used, sizeof(file->taken) - used, "%s'%s'",
                                 round  ? ", "
                                 : used ? ", names without "
                                        : "names without ",
                                 *prefix);
    }
}

/* ---- Checking a tensor
 * --------------------------------------------------------------------------- */

/* Elements of the storage from its first to behind the tensor's last; -1 when that overflows. Sizes
 * and strides are not negative, and no size is 0. */
static int64_t reach(const HedonTorchTensor *tensor)
{
    int64_t end;
    if (__builtin_add_overflow(tensor->offset, 1, &end)) return -1;
    for (int i = 0; i < tensor->shape.rank; i++) {
        int64_t step;
        if (__builtin_mul_overflow(tensor->shape.dim[i] - 1, tensor->stride[i], &step) ||
            __builtin_add_overflow(end, step, &end))
            return -1;
    }
    return end;
}

/* Whether two indices may mean one element: by ascending stride, each step has to go past all that
 * the smaller ones span. Called within the storage, so that nothing overflows. */
static int overlaps_itself(const HedonTorchTensor *tensor)
{
    int axis[HEDON_MAX_RANK], rank = 0;
    for (int i = 0; i < tensor->shape.rank; i++) {
        if (tensor->shape.dim[i] < 2) continue;
        int at = rank++;
        for (; at > 0 && tensor->stride[axis[at - 1]] > tensor->stride[i]; at--)
            axis[at] = axis[at - 1];
        axis[at] = i;
    }
    int64_t span = 0;
    for (int i = 0; i < rank; i++) {
        if (tensor->stride[axis[i]] <= span) return 1;
        span += (tensor->shape.dim[axis[i]] - 1) * tensor->stride[axis[i]];
    }
    return 0;
}

static int check_view(HedonContext *ctx, const char *name, const HedonTorchTensor *tensor)
{
    for (int i = 0; i < tensor->shape.rank; i++) {
        if (tensor->shape.dim[i] < 0) return bad(ctx, name, "has a negative size");
        if (tensor->stride[i] < 0) return bad(ctx, name, "has a negative stride");
    }
    if (tensor->offset < 0) return bad(ctx, name, "has a negative offset");
    if (hedon_shape_count(&tensor->shape) < 0)
        return bad(ctx, name, "has an impossibly large shape");
    if (!hedon_shape_count(&tensor->shape)) return 0;
    const int64_t end = reach(tensor);
    if (end < 0 || end > tensor->storage->count)
        return bad(ctx, name, "reaches beyond its storage");
    if (overlaps_itself(tensor))
        return hedon_fail(ctx, HEDON_EDATA,
                          "tensor %.80s has strides under which its elements overlap: save "
                          "tensor.contiguous()",
                          name);
    return 0;
}

static int check_tensor(HedonContext *ctx, HedonTorchFile *file, HedonStoredTensor *stored,
                        const HedonTorchTensor *tensor)
{
    const HedonTorchStorage *storage = tensor->storage;
    const int64_t size = (int64_t)hedon_dtype_size(storage->dtype);
    int code = check_view(ctx, stored->name, tensor);
    if (code) return code;
    int64_t storage_bytes;
    uint64_t there;
    if (__builtin_mul_overflow(storage->count, size, &storage_bytes))
        return bad(ctx, stored->name, "has an impossibly large storage");
    code = file->container->size(ctx, file, storage->key, &there);
    if (code) return code;
    if (there != (uint64_t)storage_bytes)
        return bad(ctx, stored->name, "has a storage that does not fit its bytes");
    stored->dtype = storage->dtype;
    stored->shape = tensor->shape;
    stored->bytes = (size_t)(hedon_shape_count(&tensor->shape) * size); /* within the storage */
    return 0;
}

/* ---- The list
 * ------------------------------------------------------------------------------------ */

/* While names are sorted, data holds the tensor that a name belongs to. */
static int by_name(const void *a, const void *b)
{
    return strcmp(((const HedonStoredTensor *)a)->name, ((const HedonStoredTensor *)b)->name);
}

static int list_names(HedonContext *ctx, HedonTorchFile *file, const HedonPickleValue *dict)
{
    const int64_t count = dict->count / 2;
    if (count > TENSOR_LIMIT)
        return hedon_fail(ctx, HEDON_ELIMIT, "a state dict of %lld tensors: refused",
                          (long long)count);
    file->stored = hedon_arena_alloc(&file->arena, (size_t)count, sizeof(*file->stored));
    file->views = hedon_arena_alloc(&file->arena, (size_t)count, sizeof(*file->views));
    if (!file->stored || !file->views) return hedon_fail_memory(ctx);
    for (int64_t i = 0; i < count; i++) {
        const HedonPickleValue *name = dict->items[2 * i], *value = dict->items[2 * i + 1];
        if (!is_plain(name) || name->length > NAME_LIMIT)
            return hedon_fail(ctx, HEDON_EDATA,
                              "damaged PyTorch file: a tensor's name is no text, "
                              "too long or has control characters");
        if (!as_tensor(value))
            return hedon_fail(ctx, HEDON_EDATA,
                              "'%.80s' lies among the tensors and is none: " SAVE_ALONE,
                              name->text);
        file->stored[i].name = name->text;
        file->stored[i].data = (const uint8_t *)as_tensor(value);
    }
    take_off_prefixes(file, count);
    qsort(file->stored, (size_t)count, sizeof(*file->stored), by_name);
    for (int64_t i = 0; i < count; i++) {
        file->views[i] = (const void *)file->stored[i].data;
        file->stored[i].data = NULL;
        if (i && !strcmp(file->stored[i].name, file->stored[i - 1].name))
            return bad(ctx, file->stored[i].name, "is there twice");
    }
    file->source.tensors = file->stored;
    file->source.count = count;
    return 0;
}

int hedon_torch_find_state(HedonContext *ctx, HedonTorchFile *file, const HedonPickleValue *root)
{
    const HedonPickleValue *dict = root;
    int code = find_state_dict(ctx, file, root, &dict);
    if (!code) code = list_names(ctx, file, dict);
    for (int64_t i = 0; !code && i < file->source.count; i++)
        code = check_tensor(ctx, file, &file->stored[i], file->views[i]);
    return code;
}
