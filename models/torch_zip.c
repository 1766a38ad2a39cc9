/* torch.save since 1.6: a zip with FOLDER/data.pkl, FOLDER/byteorder and one file for each storage,
 * FOLDER/data/KEY. torch stores them; whoever has zipped again has compressed them. */
#include <stdio.h>
#include <string.h>
#include <zip.h>

#include "base/error.h"
#include "base/memory.h"
#include "models/torch_private.h"

/* A pickle of some ten thousand tensors takes 2 MB. */
enum { PICKLE_LIMIT = 16 << 20, ENTRY_LIMIT = 200000, FOLDER_LIMIT = 1024 };
/* A compressed storage may be larger than one tensor of it, but not by much more than this: what a
 * tensor needs bounds what is unpacked for it. */
enum { SLACK_FACTOR = 16, SLACK_BYTES = 1 << 16 };

typedef struct Contents {
    zip_t *zip;
    char *folder;
    uint8_t *block; /* the storage that was read last */
    zip_int64_t block_entry;
} Contents;

static int recognise(const uint8_t *bytes, size_t size)
{
    return size >= 4 && (!memcmp(bytes, "PK\3\4", 4) || !memcmp(bytes, "PK\5\6", 4));
}

static int zip_failure(HedonContext *ctx, zip_error_t *error)
{
    const int code = zip_error_code_zip(error);
    if (code == ZIP_ER_MEMORY) return hedon_fail_memory(ctx);
    return hedon_fail(ctx, HEDON_EDATA, "damaged zip file: %s%s", zip_error_strerror(error),
                      code == ZIP_ER_NOZIP || code == ZIP_ER_INCONS ? " (is the file cut off?)"
                                                                    : "");
}

/* ---- Directory
 * ------------------------------------------------------------------------------------ */

static int open_zip(HedonContext *ctx, HedonTorchFile *file, Contents *contents)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(file->file.data, file->file.size, 0, &error);
    if (source) contents->zip = zip_open_from_source(source, ZIP_RDONLY, &error);
    int code = 0;
    if (!contents->zip) {
        code = zip_failure(ctx, &error);
        zip_source_free(source);
    }
    zip_error_fini(&error);
    return code;
}

/* Names are only looked up here, never created; one that leaves its folder betrays its maker. */
static int is_safe(const char *name)
{
    if (*name == '/' || strchr(name, '\\') || !hedon_is_printable(name)) return 0;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (!strncmp(part, "..", 2) && (part[2] == '/' || !part[2])) return 0;
    }
    return 1;
}

/* FOLDER of FOLDER/data.pkl; a second one would leave it open which is meant. */
static int note_folder(HedonContext *ctx, Contents *contents, const char *name)
{
    static const char pickle[] = "/data.pkl";
    const size_t length = strlen(name), tail = sizeof(pickle) - 1;
    if (length <= tail || strcmp(name + length - tail, pickle)) return 0;
    if (strchr(name, '/') != name + length - tail) return 0;
    if (contents->folder)
        return hedon_fail(ctx, HEDON_EDATA, "damaged PyTorch file: it holds two data.pkl");
    if (length - tail > FOLDER_LIMIT)
        return hedon_fail(ctx, HEDON_EDATA, "damaged PyTorch file: a folder's name is too long");
    contents->folder = hedon_strndup(name, length - tail);
    return contents->folder ? 0 : hedon_fail_memory(ctx);
}

static int look_at_entry(HedonContext *ctx, Contents *contents, zip_uint64_t i, uint64_t *packed)
{
    zip_stat_t stat;
    if (zip_stat_index(contents->zip, i, 0, &stat))
        return zip_failure(ctx, zip_get_error(contents->zip));
    if (!(stat.valid & ZIP_STAT_NAME) || !(stat.valid & ZIP_STAT_SIZE) ||
        !(stat.valid & ZIP_STAT_COMP_SIZE))
        return hedon_fail(ctx, HEDON_EDATA, "damaged zip file: an entry without name or size");
    if (!is_safe(stat.name))
        return hedon_fail(ctx, HEDON_EDATA,
                          "refuses this zip: an entry's name leads out of its folder or has "
                          "control characters");
    if (zip_name_locate(contents->zip, stat.name, 0) != (zip_int64_t)i)
        return hedon_fail(ctx, HEDON_EDATA, "damaged zip file: two entries are called %.80s",
                          stat.name);
    if (__builtin_add_overflow(*packed, stat.comp_size, packed)) *packed = UINT64_MAX;
    return note_folder(ctx, contents, stat.name);
}

static int look_at_directory(HedonContext *ctx, HedonTorchFile *file, Contents *contents)
{
    const zip_int64_t count = zip_get_num_entries(contents->zip, 0);
    if (count > ENTRY_LIMIT)
        return hedon_fail(ctx, HEDON_ELIMIT, "a zip of %lld files: refused", (long long)count);
    uint64_t packed = 0;
    for (zip_int64_t i = 0; i < count; i++) {
        const int code = look_at_entry(ctx, contents, (zip_uint64_t)i, &packed);
        if (code) return code;
    }
    if (packed > file->file.size)
        return hedon_fail(ctx, HEDON_EDATA, "refuses this zip: its entries overlap");
    if (!contents->folder)
        return hedon_fail(ctx, HEDON_EDATA,
                          "a zip file, but not one of torch.save: it has no FOLDER/data.pkl");
    return 0;
}

/* ---- Entries
 * -------------------------------------------------------------------------------------- */

/* FOLDER/name's number and sizes; -1 with code 0 when there is none. */
static int locate(HedonContext *ctx, Contents *contents, const char *name, zip_int64_t *entry,
                  zip_stat_t *stat)
{
    char whole[FOLDER_LIMIT + 128];
    snprintf(whole, sizeof(whole), "%s/%s", contents->folder, name);
    *entry = zip_name_locate(contents->zip, whole, 0);
    if (*entry < 0) return 0;
    if (zip_stat_index(contents->zip, (zip_uint64_t)*entry, 0, stat))
        return zip_failure(ctx, zip_get_error(contents->zip));
    return 0;
}

/* All of an entry: exactly its size, and the checksum that libzip compares at its end. */
static int read_entry(HedonContext *ctx, Contents *contents, zip_int64_t entry, uint64_t size,
                      uint8_t *out)
{
    zip_file_t *stream = zip_fopen_index(contents->zip, (zip_uint64_t)entry, 0);
    if (!stream) return zip_failure(ctx, zip_get_error(contents->zip));
    uint64_t done = 0;
    uint8_t beyond;
    zip_int64_t got = 1;
    while (done < size && (got = zip_fread(stream, out + done, size - done)) > 0)
        done += (uint64_t)got;
    if (got > 0) got = zip_fread(stream, &beyond, 1);
    int code = 0;
    if (got < 0)
        code = zip_failure(ctx, zip_file_get_error(stream));
    else if (done < size || got > 0)
        code = hedon_fail(ctx, HEDON_EDATA, "damaged zip file: an entry is not as long as it says");
    zip_fclose(stream);
    return code;
}

static int check_byte_order(HedonContext *ctx, Contents *contents)
{
    zip_int64_t entry;
    zip_stat_t stat;
    int code = locate(ctx, contents, "byteorder", &entry, &stat);
    if (code || entry < 0) return code; /* before 2.1 there was none */
    char order[16] = "";
    if (stat.size < sizeof(order))
        code = read_entry(ctx, contents, entry, stat.size, (uint8_t *)order);
    if (code || !strcmp(order, "little")) return code;
    return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                      "its byte order is not little-endian: load it and save it again with "
                      "torch.serialization.set_default_load_endianness, or as safetensors");
}

static int refuse_programs(HedonContext *ctx, Contents *contents)
{
    zip_int64_t entry;
    zip_stat_t stat;
    const int code = locate(ctx, contents, "constants.pkl", &entry, &stat);
    if (code || entry < 0) return code;
    return hedon_fail(ctx, HEDON_EDATA,
                      "a TorchScript program, which is code: save its state dict instead, "
                      "torch.save(torch.jit.load(FILE).state_dict(), NEW)");
}

static int read_pickle(HedonContext *ctx, HedonTorchFile *file, Contents *contents,
                       HedonPickleValue **root)
{
    zip_int64_t entry;
    zip_stat_t stat;
    int code = locate(ctx, contents, "data.pkl", &entry, &stat);
    if (code) return code;
    if (stat.size > PICKLE_LIMIT)
        return hedon_fail(
            ctx, HEDON_ELIMIT,
            "its pickle would take %llu bytes, more than any state dict needs: refused",
            (unsigned long long)stat.size);
    uint8_t *pickle = hedon_malloc(stat.size ? (size_t)stat.size : 1, 1);
    if (!pickle) return hedon_fail_memory(ctx);
    code = read_entry(ctx, contents, entry, stat.size, pickle);
    const HedonPickleRules rules = hedon_torch_rules(file);
    if (!code)
        code = hedon_pickle_read(ctx, &file->arena, &rules, pickle, (size_t)stat.size, NULL, root);
    hedon_free(pickle);
    return code;
}

static int open_contents(HedonContext *ctx, HedonTorchFile *file, HedonPickleValue **root)
{
    Contents *contents = file->contents = hedon_calloc(1, sizeof(*contents));
    if (!contents) return hedon_fail_memory(ctx);
    contents->block_entry = -1;
    int code = open_zip(ctx, file, contents);
    if (!code) code = look_at_directory(ctx, file, contents);
    if (!code) code = refuse_programs(ctx, contents);
    if (!code) code = check_byte_order(ctx, contents);
    return code ? code : read_pickle(ctx, file, contents, root);
}

/* ---- Storages
 * ------------------------------------------------------------------------------------- */

static int locate_storage(HedonContext *ctx, HedonTorchFile *file, const char *key,
                          zip_int64_t *entry, zip_stat_t *stat)
{
    char name[80];
    snprintf(name, sizeof(name), "data/%s", key);
    const int code = locate(ctx, file->contents, name, entry, stat);
    if (!code && *entry < 0)
        return hedon_fail(ctx, HEDON_EDATA, "damaged PyTorch file: it has no storage %s", key);
    return code;
}

static int storage_size(HedonContext *ctx, HedonTorchFile *file, const char *key, uint64_t *bytes)
{
    zip_int64_t entry;
    zip_stat_t stat = {0};
    const int code = locate_storage(ctx, file, key, &entry, &stat);
    *bytes = stat.size;
    return code;
}

static int read_storage(HedonContext *ctx, HedonTorchFile *file, const char *key, uint64_t needed,
                        const uint8_t **bytes)
{
    Contents *contents = file->contents;
    zip_int64_t entry;
    zip_stat_t stat = {0};
    int code = locate_storage(ctx, file, key, &entry, &stat);
    if (code) return code;
    if (stat.comp_size != stat.size && stat.size / SLACK_FACTOR > needed + SLACK_BYTES)
        return hedon_fail(ctx, HEDON_ELIMIT,
                          "refuses to unpack %llu bytes for a tensor of %llu: a zip bomb?",
                          (unsigned long long)stat.size, (unsigned long long)needed);
    if (entry != contents->block_entry) {
        hedon_free(contents->block);
        contents->block_entry = -1;
        contents->block = hedon_malloc((size_t)stat.size, 1);
        if (!contents->block) return hedon_fail_memory(ctx);
        code = read_entry(ctx, contents, entry, stat.size, contents->block);
        if (code) return code;
        contents->block_entry = entry;
    }
    *bytes = contents->block;
    return 0;
}

static void close_contents(HedonTorchFile *file)
{
    Contents *contents = file->contents;
    if (!contents) return;
    if (contents->zip) zip_discard(contents->zip);
    hedon_free(contents->folder);
    hedon_free(contents->block);
    hedon_free(contents);
}

const HedonTorchContainer hedon_torch_zip = {
    .recognise = recognise,
    .open = open_contents,
    .size = storage_size,
    .read = read_storage,
    .close = close_contents,
};
