/* torch.save before 1.6: five pickles (a magic number, the protocol's, the machine's types, the
 * object, the storages' keys), then for each key its count as int64 and its elements. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "models/torch_private.h"

enum { PROTOCOL = 1001, HEAD_BYTES = 32 };

/* 0x1950a86a20f9469cfc6c as the pickle of a long of ten bytes */
static const uint8_t magic[] = {0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};

typedef struct Place {
    const char *key;
    int64_t bytes; /* -1 until its place is known */
    int64_t element;
    const uint8_t *data;
} Place;

typedef struct Contents {
    Place *places; /* by key, ascending */
    int64_t count;
} Contents;

static int recognise(const uint8_t *bytes, size_t size)
{
    return size >= 2 && bytes[0] == 0x80 &&
           memmem(bytes, size < HEAD_BYTES ? size : HEAD_BYTES, magic, sizeof(magic)) != NULL;
}

/* The next pickle of the stream. */
static int next(HedonContext *ctx, HedonTorchFile *file, size_t *at, HedonPickleValue **out)
{
    const HedonPickleRules rules = hedon_torch_rules(file);
    size_t used = 0;
    const int code = hedon_pickle_read(ctx, &file->arena, &rules, file->file.data + *at,
                                       file->file.size - *at, &used, out);
    *at += used;
    return code;
}

static int check_head(HedonContext *ctx, HedonTorchFile *file, size_t *at)
{
    HedonPickleValue *value;
    int code = next(ctx, file, at, &value); /* the magic number, which recognise has seen */
    if (!code) code = next(ctx, file, at, &value);
    if (code) return code;
    if (value->kind != HEDON_PICKLE_INT || value->integer != PROTOCOL)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "an unknown old PyTorch format: load it and torch.save it again");
    code = next(ctx, file, at, &value);
    for (int64_t i = 0; !code && value->kind == HEDON_PICKLE_DICT && i < value->count; i += 2)
        if (hedon_pickle_is_text(value->items[i], "little_endian") &&
            (value->items[i + 1]->kind != HEDON_PICKLE_BOOL || !value->items[i + 1]->integer))
            return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                              "saved on a big-endian machine: load it there and save it as "
                              "safetensors");
    return code;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const Place *)a)->key, ((const Place *)b)->key);
}

static Place *find_place(const Contents *contents, const char *key)
{
    const Place wanted = {.key = key};
    if (!contents->count) return NULL;
    return bsearch(&wanted, contents->places, (size_t)contents->count, sizeof(wanted), by_key);
}

/* Every storage that the pickle has named, once. */
static int list_places(HedonContext *ctx, HedonTorchFile *file, Contents *contents)
{
    int64_t count = 0;
    for (const HedonTorchStorage *storage = file->storages; storage; storage = storage->next)
        count++;
    contents->places = hedon_calloc((size_t)count + 1, sizeof(*contents->places));
    if (!contents->places) return hedon_fail_memory(ctx);
    Place *place = contents->places;
    for (const HedonTorchStorage *storage = file->storages; storage; storage = storage->next)
        *place++ = (Place){
            .key = storage->key, .bytes = -1, .element = (int64_t)hedon_dtype_size(storage->dtype)};
    qsort(contents->places, (size_t)count, sizeof(*contents->places), by_key);
    for (int64_t i = 0; i < count; i++)
        if (!contents->count ||
            strcmp(contents->places[i].key, contents->places[contents->count - 1].key))
            contents->places[contents->count++] = contents->places[i];
    return 0;
}

static int find_places(HedonContext *ctx, HedonTorchFile *file, const HedonPickleValue *keys,
                       size_t at)
{
    if (keys->kind != HEDON_PICKLE_LIST)
        return hedon_fail(ctx, HEDON_EDATA, "damaged PyTorch file: it has no list of storages");
    for (int64_t i = 0; i < keys->count; i++) {
        Place *place = keys->items[i]->kind == HEDON_PICKLE_TEXT
                           ? find_place(file->contents, keys->items[i]->text)
                           : NULL;
        if (!place || place->bytes >= 0)
            return hedon_fail(ctx, HEDON_EDATA,
                              "damaged PyTorch file: a storage is there twice or for no tensor");
        int64_t count, bytes;
        if (file->file.size - at < sizeof(count))
            return hedon_fail(ctx, HEDON_EDATA, "damaged PyTorch file: cut off");
        memcpy(&count, file->file.data + at, sizeof(count));
        at += sizeof(count);
        if (count < 0 || __builtin_mul_overflow(count, place->element, &bytes) ||
            (uint64_t)bytes > file->file.size - at)
            return hedon_fail(ctx, HEDON_EDATA,
                              "damaged PyTorch file: a storage reaches beyond its end (is it cut "
                              "off?)");
        place->bytes = bytes;
        place->data = file->file.data + at;
        at += (size_t)bytes;
    }
    return 0;
}

static int open_contents(HedonContext *ctx, HedonTorchFile *file, HedonPickleValue **root)
{
    Contents *contents = file->contents = hedon_calloc(1, sizeof(*contents));
    if (!contents) return hedon_fail_memory(ctx);
    size_t at = 0;
    HedonPickleValue *keys;
    int code = check_head(ctx, file, &at);
    if (!code) code = next(ctx, file, &at, root);
    if (!code) code = next(ctx, file, &at, &keys);
    if (!code) code = list_places(ctx, file, contents);
    return code ? code : find_places(ctx, file, keys, at);
}

static int storage_size(HedonContext *ctx, HedonTorchFile *file, const char *key, uint64_t *bytes)
{
    const Place *place = find_place(file->contents, key);
    if (!place || place->bytes < 0)
        return hedon_fail(ctx, HEDON_EDATA, "damaged PyTorch file: it has no storage %s", key);
    *bytes = (uint64_t)place->bytes;
    return 0;
}

static int read_storage(HedonContext *ctx, HedonTorchFile *file, const char *key, uint64_t needed,
                        const uint8_t **bytes)
{
    (void)ctx;
    (void)needed;
    *bytes = find_place(file->contents, key)->data;
    return 0;
}

static void close_contents(HedonTorchFile *file)
{
    Contents *contents = file->contents;
    if (!contents) return;
    hedon_free(contents->places);
    hedon_free(contents);
}

const HedonTorchContainer hedon_torch_legacy = {
    .recognise = recognise,
    .open = open_contents,
    .size = storage_size,
    .read = read_storage,
    .close = close_contents,
};
