/* Reading safetensors. The header is hostile until every byte of it has been checked. */
#include "models/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "models/json.h"

enum { LENGTH_BYTES = 8, HEADER_LIMIT = 100000000, NAME_LIMIT = 1024 };

static const struct {
    const char *name;
    HedonDtype dtype;
} types[] = {
    {"F32", HEDON_F32}, {"F64", HEDON_F64}, {"F16", HEDON_F16}, {"BF16", HEDON_BF16},
    {"I64", HEDON_I64}, {"I32", HEDON_I32}, {"U8", HEDON_U8},
};

static int bad(HedonContext *ctx, const char *name, const char *what)
{
    return hedon_fail(ctx, HEDON_EDATA, "damaged safetensors file: tensor %.80s %s", name, what);
}

static int parse_type(HedonContext *ctx, const char *name, const json_t *entry, HedonDtype *dtype)
{
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    if (!type || !hedon_is_printable(type)) return bad(ctx, name, "has no dtype");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (!strcmp(types[i].name, type)) {
            *dtype = types[i].dtype;
            return 0;
        }
    return hedon_fail(
        ctx, HEDON_EDATA,
        "tensor %.80s has the type %.20s; hedon reads F32, F64, F16, BF16, I64, I32 and U8", name,
        type);
}

static int parse_shape(HedonContext *ctx, const char *name, const json_t *entry, HedonShape *shape)
{
    const json_t *dims = json_object_get(entry, "shape");
    if (!json_is_array(dims)) return bad(ctx, name, "has no shape");
    if (json_array_size(dims) > HEDON_MAX_RANK) return bad(ctx, name, "has more than 6 dimensions");
    shape->rank = (int)json_array_size(dims);
    for (int i = 0; i < shape->rank; i++) {
        const json_t *dim = json_array_get(dims, (size_t)i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return bad(ctx, name, "has a shape that is no list of counts");
        shape->dim[i] = json_integer_value(dim);
    }
    return 0;
}

static int parse_tensor(HedonContext *ctx, HedonSafetensors *file, const char *name,
                        const json_t *entry, const uint8_t *data, size_t data_size)
{
    HedonStoredTensor *tensor = &file->tensors[file->tensor_count];
    if (!json_is_object(entry)) return bad(ctx, name, "is not described by an object");
    int code = parse_type(ctx, name, entry, &tensor->dtype);
    if (!code) code = parse_shape(ctx, name, entry, &tensor->shape);
    if (code) return code;

    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return bad(ctx, name, "has no pair of data_offsets");
    const json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    if (begin < 0 || end < begin || (uint64_t)end > data_size)
        return bad(ctx, name, "lies outside the file (is the file cut off?)");

    const int64_t count = hedon_shape_count(&tensor->shape);
    const int64_t size = (int64_t)hedon_dtype_size(tensor->dtype);
    int64_t bytes;
    if (count < 0 || __builtin_mul_overflow(count, size, &bytes))
        return bad(ctx, name, "has an impossibly large shape");
    if (bytes != end - begin) return bad(ctx, name, "has a shape that does not fit its bytes");
    if (begin % size) return bad(ctx, name, "is misaligned");

    tensor->name = hedon_arena_strdup(&file->arena, name);
    if (!tensor->name) return hedon_fail_memory(ctx);
    tensor->data = data + begin;
    tensor->bytes = (size_t)bytes;
    file->tensor_count++;
    return 0;
}

static int parse_metadata(HedonContext *ctx, HedonSafetensors *file, json_t *metadata)
{
    if (!metadata) return 0;
    if (!json_is_object(metadata))
        return hedon_fail(ctx, HEDON_EDATA,
                          "damaged safetensors file: __metadata__ is not an object");
    file->metadata =
        hedon_arena_alloc(&file->arena, json_object_size(metadata), sizeof(*file->metadata));
    if (!file->metadata) return hedon_fail_memory(ctx);
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value))
            return hedon_fail(
                ctx, HEDON_EDATA,
                "damaged safetensors file: __metadata__ holds something other than text");
        HedonStoredText *text = &file->metadata[file->metadata_count];
        text->key = hedon_arena_strdup(&file->arena, key);
        text->value = hedon_arena_strdup(&file->arena, json_string_value(value));
        if (!text->key || !text->value) return hedon_fail_memory(ctx);
        file->metadata_count++;
    }
    return 0;
}

static int by_offset(const void *a, const void *b)
{
    const HedonStoredTensor *x = a, *y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const HedonStoredTensor *)a)->name, ((const HedonStoredTensor *)b)->name);
}

/* The format asks that tensors tile the data exactly: no byte shared, none hidden. */
static int check_tiling(HedonContext *ctx, HedonSafetensors *file, const uint8_t *data,
                        size_t data_size)
{
    qsort(file->tensors, (size_t)file->tensor_count, sizeof(*file->tensors), by_offset);
    const uint8_t *reached = data;
    for (int64_t i = 0; i < file->tensor_count; i++) {
        const HedonStoredTensor *tensor = &file->tensors[i];
        if (tensor->data < reached) return bad(ctx, tensor->name, "overlaps another");
        if (tensor->data > reached) return bad(ctx, tensor->name, "leaves a hole before it");
        reached += tensor->bytes;
    }
    if (reached != data + data_size)
        return hedon_fail(ctx, HEDON_EDATA,
                          "damaged safetensors file: %zu bytes at its end belong to no tensor",
                          (size_t)(data + data_size - reached));
    qsort(file->tensors, (size_t)file->tensor_count, sizeof(*file->tensors), by_name);
    return 0;
}

static int parse_header(HedonContext *ctx, HedonSafetensors *file, json_t *header,
                        const uint8_t *data, size_t data_size)
{
    file->tensors =
        hedon_arena_alloc(&file->arena, json_object_size(header), sizeof(*file->tensors));
    if (!file->tensors) return hedon_fail_memory(ctx);
    const char *name;
    json_t *entry;
    json_object_foreach(header, name, entry)
    {
        if (!strcmp(name, "__metadata__")) continue;
        if (!hedon_is_printable(name) || strlen(name) > NAME_LIMIT)
            return hedon_fail(
                ctx, HEDON_EDATA,
                "damaged safetensors file: a tensor's name is too long or has control "
                "characters");
        const int code = parse_tensor(ctx, file, name, entry, data, data_size);
        if (code) return code;
    }
    const int code = parse_metadata(ctx, file, json_object_get(header, "__metadata__"));
    return code ? code : check_tiling(ctx, file, data, data_size);
}

static int read_header(HedonContext *ctx, HedonSafetensors *file, const uint8_t *bytes, size_t size)
{
    if (size < LENGTH_BYTES)
        return hedon_fail(ctx, HEDON_EDATA, "not a safetensors file: it has only %zu bytes", size);
    uint64_t length = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--) length = length << 8 | bytes[i];
    /* the first test also tells any other kind of file, whose first bytes are no length */
    if (length < 2 || (size > LENGTH_BYTES && bytes[LENGTH_BYTES] != '{'))
        return hedon_fail(ctx, HEDON_EDATA, "not a safetensors file");
    if (length > HEADER_LIMIT)
        return hedon_fail(ctx, HEDON_EDATA,
                          "not a safetensors file, or damaged: its header would be over 100 MB");
    if (length > size - LENGTH_BYTES)
        return hedon_fail(ctx, HEDON_EDATA, "damaged safetensors file: cut off within its header");

    json_error_t reason;
    json_t *header = json_loadb((const char *)bytes + LENGTH_BYTES, (size_t)length,
                                JSON_REJECT_DUPLICATES, &reason);
    if (!header) return hedon_fail_json(ctx, &reason, "damaged safetensors file: its header");
    const uint8_t *data = bytes + LENGTH_BYTES + length;
    const int code = parse_header(ctx, file, header, data, size - LENGTH_BYTES - (size_t)length);
    json_decref(header);
    return code;
}

int hedon_safetensors_open(HedonContext *ctx, HedonSafetensors *out, const char *path)
{
    memset(out, 0, sizeof(*out));
    int code = hedon_mapped_open(ctx, &out->file, path);
    if (!code) code = read_header(ctx, out, out->file.data, out->file.size);
    if (code) hedon_safetensors_close(out);
    return code;
}

int hedon_safetensors_open_bytes(HedonContext *ctx, HedonSafetensors *out, const uint8_t *bytes,
                                 size_t size)
{
    memset(out, 0, sizeof(*out));
    const int code = read_header(ctx, out, bytes, size);
    if (code) hedon_safetensors_close(out);
    return code;
}

HedonTensorSource hedon_safetensors_source(const HedonSafetensors *file)
{
    return (HedonTensorSource){.tensors = file->tensors, .count = file->tensor_count};
}

const HedonStoredTensor *hedon_safetensors_find(const HedonSafetensors *file, const char *name)
{
    const HedonTensorSource source = hedon_safetensors_source(file);
    return hedon_tensor_source_find(&source, name);
}

const char *hedon_safetensors_metadata(const HedonSafetensors *file, const char *key)
{
    for (int64_t i = 0; i < file->metadata_count; i++)
        if (!strcmp(file->metadata[i].key, key)) return file->metadata[i].value;
    return NULL;
}
