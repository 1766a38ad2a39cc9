/* Folders of short videos, good ones and ones broken in fifteen ways, and what a store holds: for
 * test_annotate_cli.c. Include cli_fixture.h first. */
#ifndef HEDON_TESTS_ANNOTATE_FIXTURE_H
#define HEDON_TESTS_ANNOTATE_FIXTURE_H

#include <stdint.h>

#include "base/random.h"
#include "store/store.h"

enum { BAD_KINDS = 15, PATTERNS = 6 };

typedef struct Bytes {
    uint8_t *data;
    size_t size;
} Bytes;

static inline Bytes bytes_of(const char *path)
{
    Bytes bytes = {0};
    FILE *file = fopen(path, "rb");
    if (!file) abort();
    fseek(file, 0, SEEK_END);
    bytes.size = (size_t)ftell(file);
    rewind(file);
    bytes.data = malloc(bytes.size + 1);
    if (fread(bytes.data, 1, bytes.size, file) != bytes.size) abort();
    fclose(file);
    return bytes;
}

static inline void save(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file)) abort();
}

/* Small patterns, made once: everything else is copied from them. */
static inline void render_patterns(void)
{
    for (int i = 0; i < PATTERNS; i++) {
        char options[256], name[32];
        snprintf(options, sizeof(options),
                 "-f lavfi -i %s=size=64x48:rate=10:duration=%d -c:v libx264 -pix_fmt yuv420p",
                 i % 2 ? "testsrc2" : "mandelbrot", 1 + i % 3);
        if (!(i % 2)) /* mandelbrot has no end of its own */
            snprintf(
                options, sizeof(options),
                "-f lavfi -i mandelbrot=size=64x48:rate=10 -t %d -c:v libx264 -pix_fmt yuv420p",
                1 + i % 3);
        snprintf(name, sizeof(name), "pattern-%d.mp4", i);
        render(options, name);
    }
    render("-f lavfi -i testsrc2=size=64x48:rate=10:duration=1 -c:v libx264 -pix_fmt yuv420p "
           "-movflags +faststart",
           "fast.mp4");
    render("-f lavfi -i sine=duration=1 -c:a aac", "sound.mp4");
    render("-f lavfi -i testsrc2=size=64x48 -frames:v 1", "picture.png");
}

/* A pattern with a box that no player looks into: no two files have the same content. */
static inline void make_good(const char *path, int number)
{
    char pattern[32];
    snprintf(pattern, sizeof(pattern), "pattern-%d.mp4", number % PATTERNS);
    Bytes bytes = bytes_of(in_scratch(pattern));
    uint8_t box[16] = {0, 0, 0, 16, 'f', 'r', 'e', 'e'};
    snprintf((char *)box + 8, 8, "%07u", (unsigned)number % 10000000U);
    bytes.data = realloc(bytes.data, bytes.size + sizeof(box));
    memcpy(bytes.data + bytes.size, box, sizeof(box));
    save(path, bytes.data, bytes.size + sizeof(box));
    free(bytes.data);
}

static inline uint8_t *find_tag(Bytes bytes, const char *tag)
{
    uint8_t *found = memmem(bytes.data, bytes.size, tag, 4);
    if (!found) abort();
    return found;
}

static inline void make_bad(const char *path, int kind, int number)
{
    Bytes bytes = bytes_of(in_scratch("pattern-1.mp4"));
    Bytes fast = bytes_of(in_scratch("fast.mp4"));
    switch (kind) {
    case 0:
        save(path, "", 0);
        break;
    case 1:
        save(path, bytes.data, 100);
        break;
    case 2:
        save(path, bytes.data, bytes.size / 2);
        break; /* its index stands at the end */
    case 3:
        save(path, fast.data, (size_t)(find_tag(fast, "mdat") + 4 - fast.data));
        break;
    case 4: { /* zeros inside */
        uint8_t *moov = find_tag(bytes, "moov");
        memset(moov + 4, 0, bytes.size - (size_t)(moov + 4 - bytes.data));
        save(path, bytes.data, bytes.size);
        break;
    }
    case 5:
        for (size_t i = 0; i < bytes.size; i++)
            bytes.data[i] = (uint8_t)hedon_random_u64(hedon_random_key(1, 2, (uint64_t)number), i);
        save(path, bytes.data, bytes.size);
        break;
    case 6:
        save(path, "Dear diary, this is no video.\n", 30);
        break;
    case 7:
        if (shell("cp %s %s", in_scratch("sound.mp4"), path)) abort();
        break;
    case 8:
        if (shell("cp %s %s", in_scratch("picture.png"), path)) abort();
        break;
    case 9: /* nobody may read it; to root, who may, an Ogg page and no more */
        save(path, "OggS\0\2\0\0\0\0\0\0\0\0", 14);
        if (geteuid() && chmod(path, 0)) abort();
        break;
    case 10:
        save(path, "YUV4MPEG2 W100000 H100000 F10:1 Ip A1:1 C420\nFRAME\n", 51);
        break;
    case 11:
        save(path, "YUV4MPEG2 W64 H48 F10:1 Ip A1:1 C420\n", 37);
        break; /* no frames */
    case 12:
        if (symlink("nowhere", path)) abort();
        break;
    case 13: /* a codec that nobody knows */
        memcpy(find_tag(bytes, "avc1"), "zzzz", 4);
        for (uint8_t *tag; (tag = memmem(bytes.data, bytes.size, "avc1", 4));)
            memcpy(tag, "zzzz", 4);
        save(path, bytes.data, bytes.size);
        break;
    case 14: /* a small file that wants four billion pixels a picture */
        save(path, "GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2\2L\1\0;", 29);
        break;
    default:
        abort();
    }
    free(bytes.data);
    free(fast.data);
}

/* FOLDER of the scratch folder: good videos in subfolders, bad ones among them. */
static inline void make_folder(const char *folder, int good, int bad)
{
    char path[512];
    if (shell("mkdir -p %s", in_scratch(folder))) abort();
    for (int i = 0; i < good + bad; i++) {
        snprintf(path, sizeof(path), "%s/%02d", in_scratch(folder), i % 16);
        if (i < 16 && mkdir(path, 0700)) abort();
        snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%s-%05d.mp4",
                 i < good ? "good" : "bad", i);
        if (i < good)
            make_good(path, i);
        else
            make_bad(path, (i - good) % BAD_KINDS, i);
    }
}

/* ---- What a store holds */

typedef struct Dump {
    char *text; /* a line a video, times of the clock left out; sorted by path */
    size_t size;
    FILE *stream;
    int results, errors;
    int code; /* of reading */
    /* when each was annotated, in the same order */
    struct Stamp {
        char *path;
        double annotated_s;
    } * stamps;
    int count;
} Dump;

static inline int dump_row(void *opaque, const HedonStoreRow *row)
{
    Dump *dump = opaque;
    const HedonScore *score = &row->score;
    fprintf(dump->stream, "%s %s %lld %lld %d", row->path, row->hash ? row->hash : "-",
            (long long)row->size, (long long)row->mtime_ns, score->code);
    if (score->code) {
        fprintf(dump->stream, " %s\n", score->error);
        dump->errors++;
    } else {
        fprintf(dump->stream, " %a %lld %dx%d %a %a %a %lld", score->duration_s,
                (long long)score->frames, score->width, score->height, score->utility,
                score->percentile, score->utility_sd, (long long)score->views);
        for (int i = 0; i < HEDON_EMOTIONS; i++) fprintf(dump->stream, " %a", score->emotions[i]);
        for (int64_t c = 0; c < score->clip_count; c++)
            fprintf(dump->stream, " [%a %a %a %a]", score->clips[c].start_s, score->clips[c].end_s,
                    score->clips[c].utility, (double)score->clips[c].emotions[7]);
        fprintf(dump->stream, "\n");
        dump->results++;
    }
    dump->stamps = realloc(dump->stamps, (size_t)(dump->count + 1) * sizeof(*dump->stamps));
    dump->stamps[dump->count++] = (struct Stamp){strdup(row->path), row->annotated_s};
    return 0;
}

static inline Dump dump_store(const char *store_name)
{
    Dump dump = {0};
    dump.stream = open_memstream(&dump.text, &dump.size);
    HedonContext *ctx = hedon_context_new();
    HedonStore *store;
    HedonStoreRun *runs = NULL;
    int count = 0;
    const HedonStoreOptions options = {.read_only = 1, .lease_s = 120, .patience_s = 60};
    int code = hedon_store_open(ctx, &store, store_name, &options);
    if (!code) code = hedon_store_runs(ctx, store, &runs, &count);
    for (int i = 0; !code && i < count; i++) {
        const HedonStoreQuery query = {.run = runs[i].id, .errors = 2, .clips = 1};
        code = hedon_store_each(ctx, store, &query, dump_row, &dump);
    }
    dump.code = code;
    hedon_store_runs_free(runs, count);
    hedon_store_close(store);
    hedon_context_free(ctx);
    fclose(dump.stream);
    return dump;
}

static inline void dump_free(Dump *dump)
{
    for (int i = 0; i < dump->count; i++) free(dump->stamps[i].path);
    free(dump->stamps);
    free(dump->text);
}

#endif
