/* Checkpoints as torch.save writes them, made by hand: pickle bytes put together opcode by opcode,
 * zipped by libzip. */
#ifndef HEDON_TESTS_TORCH_FIXTURE_H
#define HEDON_TESTS_TORCH_FIXTURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "hedon.h"

/* ---- Bytes ---------------------------------------------------------------------------------- */

typedef struct Bytes {
    uint8_t *data;
    size_t size, room;
} Bytes;

static inline void put(Bytes *bytes, const void *data, size_t size)
{
    if (bytes->size + size > bytes->room) {
        bytes->room = 2 * (bytes->size + size) + 256;
        bytes->data = realloc(bytes->data, bytes->room);
        if (!bytes->data) abort();
    }
    if (size) memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

static inline void put_string(Bytes *bytes, const char *text)
{
    put(bytes, text, strlen(text));
}

static inline void free_bytes(Bytes *bytes)
{
    free(bytes->data);
    *bytes = (Bytes){0};
}

/* ---- Pickle opcodes, protocol 2
 * ------------------------------------------------------------------ */

static inline void put_text(Bytes *pickle, const char *text)
{
    const uint32_t length = (uint32_t)strlen(text);
    put(pickle, "X", 1);
    put(pickle, &length, 4);
    put_string(pickle, text);
}

static inline void put_integer(Bytes *pickle, int64_t value)
{
    put(pickle, "\x8a\x08", 2);
    put(pickle, &value, 8);
}

static inline void put_tuple(Bytes *pickle, int rank, const int64_t *values)
{
    put(pickle, "(", 1);
    for (int i = 0; i < rank; i++) put_integer(pickle, values[i]);
    put(pickle, "t", 1);
}

typedef struct FixtureTensor {
    const char *type, *key; /* "FloatStorage", "0" */
    int64_t count, offset;  /* of the storage */
    int rank;
    int64_t size[HEDON_MAX_RANK + 1], stride[HEDON_MAX_RANK + 1];
} FixtureTensor;

static inline void put_tensor(Bytes *pickle, const FixtureTensor *tensor)
{
    put_string(pickle, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_text(pickle, "storage");
    put_string(pickle, "ctorch\n");
    put_string(pickle, tensor->type);
    put_string(pickle, "\n");
    put_text(pickle, tensor->key);
    put_text(pickle, "cpu");
    put_integer(pickle, tensor->count);
    put_string(pickle, "tQ");
    put_integer(pickle, tensor->offset);
    put_tuple(pickle, tensor->rank, tensor->size);
    put_tuple(pickle, tensor->rank, tensor->stride);
    put_string(pickle, "\x89"
                       "ccollections\nOrderedDict\n)RtR");
}

/* The legacy format's storages have a sixth element. */
static inline void put_legacy_tensor(Bytes *pickle, const FixtureTensor *tensor)
{
    Bytes modern = {0};
    put_tensor(&modern, tensor);
    for (size_t i = 0; i + 1 < modern.size; i++) {
        if (modern.data[i] == 't' && modern.data[i + 1] == 'Q') {
            put(pickle, modern.data, i);
            put_string(pickle, "N");
            put(pickle, modern.data + i, modern.size - i);
            break;
        }
    }
    free_bytes(&modern);
}

/* ---- Zip
 * ----------------------------------------------------------------------------------------- */

typedef struct FixtureEntry {
    const char *name;
    const void *data;
    size_t size;
    int compressed;
} FixtureEntry;

/* 0 when it went well. */
static inline int write_zip(const char *path, const FixtureEntry *entries, int count)
{
    unlink(path);
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    if (!zip) return -1;
    for (int i = 0; i < count; i++) {
        zip_source_t *source = zip_source_buffer(zip, entries[i].data, entries[i].size, 0);
        const zip_int64_t at = zip_file_add(zip, entries[i].name, source, ZIP_FL_ENC_UTF_8);
        if (at < 0) zip_source_free(source);
        if (at < 0 ||
            zip_set_file_compression(zip, (zip_uint64_t)at,
                                     entries[i].compressed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0)) {
            zip_discard(zip);
            return -1;
        }
    }
    return zip_close(zip);
}

static inline Bytes read_bytes(const char *path)
{
    Bytes bytes = {0};
    char piece[4096];
    FILE *file = fopen(path, "rb");
    for (size_t got; file && (got = fread(piece, 1, sizeof(piece), file)) > 0;)
        put(&bytes, piece, got);
    if (file) fclose(file);
    return bytes;
}

static inline int write_bytes(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file) return -1;
    const int failed = fwrite(data, 1, size, file) != size;
    return fclose(file) || failed ? -1 : 0;
}

#endif
