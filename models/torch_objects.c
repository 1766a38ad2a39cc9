/* What a state dict's pickle may name, and what becomes of it: torch's storages, its functions that
 * rebuild tensors, OrderedDict. */
#include <string.h>

#include "base/error.h"
#include "models/torch_private.h"

enum { KEY_LIMIT = 64 };

static int odd(HedonContext *ctx, const char *what)
{
    return hedon_fail(ctx, HEDON_EDATA, "damaged PyTorch file: %s", what);
}

static int is_object(const HedonPickleValue *value, int tag)
{
    return value->kind == HEDON_PICKLE_OBJECT && value->tag == tag;
}

/* ---- Storages
 * ------------------------------------------------------------------------------------ */

/* Keys are numbers, and name a file in the zip: nothing else is let through. */
static int is_key(const HedonPickleValue *value)
{
    if (value->kind != HEDON_PICKLE_TEXT || value->length < 1 || value->length > KEY_LIMIT)
        return 0;
    for (int64_t i = 0; i < value->length; i++)
        if (value->text[i] < '0' || value->text[i] > '9') return 0;
    return 1;
}

/* ('storage', TYPE, key, location, count), before 1.6 also a view of another storage: None since
 * version 0.4. */
static int make_storage(HedonContext *ctx, void *opaque, const HedonPickleValue *id,
                        HedonPickleValue *out)
{
    HedonTorchFile *file = opaque;
    if (id->kind != HEDON_PICKLE_TUPLE || id->count < 5 || id->count > 6 ||
        !hedon_pickle_is_text(id->items[0], "storage"))
        return odd(ctx, "its pickle has a persistent id that names no storage");
    const HedonPickleValue *type = id->items[1], *key = id->items[2], *count = id->items[4];
    if (type->kind != HEDON_PICKLE_GLOBAL || !type->global->tag)
        return odd(ctx, "a storage has no type");
    if (!is_key(key)) return odd(ctx, "a storage's key is not a number");
    if (count->kind != HEDON_PICKLE_INT || count->integer < 0)
        return odd(ctx, "a storage's size is not a count");
    if (id->count == 6 && id->items[5]->kind != HEDON_PICKLE_NONE)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "saved by a PyTorch before 0.4: load it there and save it again");
    HedonTorchStorage *storage = hedon_arena_alloc(&file->arena, 1, sizeof(*storage));
    if (!storage) return hedon_fail_memory(ctx);
    *storage = (HedonTorchStorage){.key = key->text,
                                   .dtype = (HedonDtype)(type->global->tag - 1),
                                   .count = count->integer,
                                   .next = file->storages};
    file->storages = storage;
    *out = (HedonPickleValue){
        .kind = HEDON_PICKLE_OBJECT, .tag = HEDON_TORCH_STORAGE, .object = storage};
    return 0;
}

/* ---- Tensors
 * ------------------------------------------------------------------------------------- */

static int take_integers(HedonContext *ctx, const HedonPickleValue *tuple, int64_t *out)
{
    for (int64_t i = 0; i < tuple->count; i++) {
        if (tuple->items[i]->kind != HEDON_PICKLE_INT)
            return odd(ctx, "a tensor's shape or stride is not made of integers");
        out[i] = tuple->items[i]->integer;
    }
    return 0;
}

/* _rebuild_tensor(storage, offset, size, stride), and _v2 with (..., requires_grad, hooks[,
 * metadata]), which mean nothing here. */
static int rebuild_tensor(HedonContext *ctx, HedonArena *arena, const HedonPickleValue *arguments,
                          HedonPickleValue *out)
{
    HedonPickleValue *const *items = arguments->items;
    if (arguments->count < 4 || arguments->count > 7 || !is_object(items[0], HEDON_TORCH_STORAGE))
        return odd(ctx, "a tensor is rebuilt from no storage");
    if (items[1]->kind != HEDON_PICKLE_INT || items[2]->kind != HEDON_PICKLE_TUPLE ||
        items[3]->kind != HEDON_PICKLE_TUPLE || items[2]->count != items[3]->count)
        return odd(ctx, "a tensor has no offset, shape and stride");
    if (items[2]->count > HEDON_MAX_RANK)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED, "a tensor has more than 6 dimensions");
    HedonTorchTensor *tensor = hedon_arena_alloc(arena, 1, sizeof(*tensor));
    if (!tensor) return hedon_fail_memory(ctx);
    tensor->storage = items[0]->object;
    tensor->offset = items[1]->integer;
    tensor->shape.rank = (int)items[2]->count;
    int code = take_integers(ctx, items[2], tensor->shape.dim);
    if (!code) code = take_integers(ctx, items[3], tensor->stride);
    *out = (HedonPickleValue){
        .kind = HEDON_PICKLE_OBJECT, .tag = HEDON_TORCH_TENSOR, .object = tensor};
    return code;
}

/* _rebuild_parameter(tensor, requires_grad, hooks) */
static int rebuild_parameter(HedonContext *ctx, HedonArena *arena,
                             const HedonPickleValue *arguments, HedonPickleValue *out)
{
    (void)arena;
    if (arguments->count != 3 || !is_object(arguments->items[0], HEDON_TORCH_TENSOR))
        return odd(ctx, "a parameter is rebuilt from no tensor");
    *out = *arguments->items[0];
    return 0;
}

/* ---- Containers
 * ---------------------------------------------------------------------------------- */

/* OrderedDict() and, by Python 2, OrderedDict([[key, value], ...]) */
static int ordered_dict(HedonContext *ctx, HedonArena *arena, const HedonPickleValue *arguments,
                        HedonPickleValue *out)
{
    *out = (HedonPickleValue){.kind = HEDON_PICKLE_DICT};
    if (!arguments->count) return 0;
    const HedonPickleValue *pairs = arguments->items[0];
    if (arguments->count != 1 || pairs->kind != HEDON_PICKLE_LIST)
        return odd(ctx, "an OrderedDict is made of no list");
    if (!pairs->count) return 0;
    out->items = hedon_arena_alloc(arena, (size_t)pairs->count, 2 * sizeof(*out->items));
    if (!out->items) return hedon_fail_memory(ctx);
    out->room = 2 * pairs->count;
    for (int64_t i = 0; i < pairs->count; i++) {
        const HedonPickleValue *pair = pairs->items[i];
        if ((pair->kind != HEDON_PICKLE_LIST && pair->kind != HEDON_PICKLE_TUPLE) ||
            pair->count != 2)
            return odd(ctx, "an OrderedDict is made of no pairs");
        out->items[out->count++] = pair->items[0];
        out->items[out->count++] = pair->items[1];
    }
    return 0;
}

/* torch.Size(tuple) */
static int size(HedonContext *ctx, HedonArena *arena, const HedonPickleValue *arguments,
                HedonPickleValue *out)
{
    (void)arena;
    if (arguments->count != 1 || arguments->items[0]->kind != HEDON_PICKLE_TUPLE)
        return odd(ctx, "a torch.Size is made of no tuple");
    *out = *arguments->items[0];
    return 0;
}

/* The tag of a storage's type is its HedonDtype and one. */
static const HedonPickleGlobal globals[] = {
    {"collections", "OrderedDict", 0, ordered_dict},
    {"torch._utils", "_rebuild_tensor_v2", 0, rebuild_tensor},
    {"torch._utils", "_rebuild_tensor", 0, rebuild_tensor},
    {"torch._utils", "_rebuild_parameter", 0, rebuild_parameter},
    {"torch", "Size", 0, size},
    {"torch", "FloatStorage", HEDON_F32 + 1, NULL},
    {"torch", "DoubleStorage", HEDON_F64 + 1, NULL},
    {"torch", "HalfStorage", HEDON_F16 + 1, NULL},
    {"torch", "BFloat16Storage", HEDON_BF16 + 1, NULL},
    {"torch", "LongStorage", HEDON_I64 + 1, NULL},
    {"torch", "IntStorage", HEDON_I32 + 1, NULL},
    {"torch", "ByteStorage", HEDON_U8 + 1, NULL},
    {NULL},
};

HedonPickleRules hedon_torch_rules(HedonTorchFile *file)
{
    return (HedonPickleRules){.globals = globals, .persistent = make_storage, .opaque = file};
}
