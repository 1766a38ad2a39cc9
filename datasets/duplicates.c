#include "datasets/duplicates.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum { COLUMNS = 9, ROWS = 8, MARGIN = 2, CELLS = COLUMNS * ROWS };

/* ---- Of one frame --------------------------------------------------------------------------- */

static double sample(const HedonFrame *frame, int plane, int64_t x, int64_t y)
{
    const char *row = (const char *)frame->plane[plane] + y * frame->stride[plane];
    if (frame->bits <= 8) return ((const uint8_t *)row)[x];
    return (double)(((const uint16_t *)row)[x] >> frame->shift) / (1 << (frame->bits - 8));
}

/* Means over a 9 x 8 grid, of 255. A large picture is sampled, not read in full. */
static void shrink(const HedonFrame *frame, int plane, double grid[CELLS])
{
    enum { SAMPLES = 24 }; /* a cell, either way */
    for (int cell = 0; cell < CELLS; cell++) {
        const int64_t column = cell % COLUMNS, row = cell / COLUMNS;
        const int64_t x0 = column * frame->width / COLUMNS, y0 = row * frame->height / ROWS;
        int64_t x1 = (column + 1) * frame->width / COLUMNS, y1 = (row + 1) * frame->height / ROWS;
        if (x1 == x0) x1++;
        if (y1 == y0) y1++;
        const int64_t dx = (x1 - x0 + SAMPLES - 1) / SAMPLES,
                      dy = (y1 - y0 + SAMPLES - 1) / SAMPLES;
        double sum = 0;
        int64_t count = 0;
        for (int64_t y = y0; y < y1; y += dy)
            for (int64_t x = x0; x < x1; x += dx, count++) sum += sample(frame, plane, x, y);
        grid[cell] = sum / (double)count;
    }
}

uint64_t hedon_frame_hash(const HedonFrame *frame)
{
    double grey[CELLS];
    shrink(frame, 0, grey);
    if (frame->layout == HEDON_PIXEL_RGB) { /* near enough to luma */
        double green[CELLS], blue[CELLS];
        shrink(frame, 1, green);
        shrink(frame, 2, blue);
        for (int i = 0; i < CELLS; i++) grey[i] = (2 * grey[i] + 5 * green[i] + blue[i]) / 8;
    }
    uint64_t bits = 0;
    for (int row = 0; row < ROWS; row++)
        for (int column = 0; column + 1 < COLUMNS; column++) {
            const double *left = &grey[row * COLUMNS + column];
            bits = bits << 1 | (left[0] - left[1] > MARGIN);
        }
    return bits;
}

/* ---- Of every video ------------------------------------------------------------------------- */

typedef struct VideoHash {
    uint64_t frame[HEDON_HASH_FRAMES];
    enum { UNSEEN, FAILED, HASHED } state;
} VideoHash;

typedef struct Hashing {
    VideoHash *hash; /* by item */
    const HedonVisitOptions *visit;
} Hashing;

typedef struct Sink {
    int64_t index[HEDON_HASH_FRAMES];
    VideoHash *hash;
} Sink;

static int hash_one(void *opaque, const HedonFrame *frame)
{
    Sink *sink = opaque;
    const uint64_t bits = hedon_frame_hash(frame);
    for (int k = 0; k < HEDON_HASH_FRAMES; k++)
        if (sink->index[k] == frame->index) sink->hash->frame[k] = bits;
    return 0;
}

/* The middle frames of four equal stretches. */
static int hash_video(void *opaque, HedonContext *ctx, HedonWorker *worker, int64_t item, int code)
{
    VideoHash *hash = &((Hashing *)opaque)->hash[item];
    hash->state = FAILED;
    for (int attempt = 0; attempt < 2 && !code && hash->state == FAILED; attempt++) {
        const int64_t frames = hedon_worker_info(worker)->frames;
        Sink sink = {.hash = hash};
        int64_t indices[HEDON_HASH_FRAMES];
        size_t count = 0;
        for (int k = 0; k < HEDON_HASH_FRAMES && frames > 0; k++) {
            sink.index[k] = frames * (2 * k + 1) / (2 * HEDON_HASH_FRAMES);
            if (!count || indices[count - 1] != sink.index[k]) indices[count++] = sink.index[k];
        }
        const int got = hedon_worker_frames(ctx, worker, indices, count, 0, hash_one, &sink);
        if (!got && count) hash->state = HASHED;
        if (got != HEDON_ERESAMPLE) code = got;
    }
    return code == HEDON_ECANCELLED || code == HEDON_ENOMEM ? code : 0;
}

static void show_progress(void *opaque, int64_t done, int64_t total)
{
    const HedonVisitOptions *visit = ((Hashing *)opaque)->visit;
    if (visit->progress) visit->progress(visit->opaque, done, total);
}

/* ---- Comparing ------------------------------------------------------------------------------ */

static int is_blank(const VideoHash *hash)
{
    for (int k = 0; k < HEDON_HASH_FRAMES; k++)
        if (__builtin_popcountll(hash->frame[k]) >= 4) return 0;
    return 1;
}

/* More than threshold: somewhere above it. */
static int distance(const VideoHash *a, const VideoHash *b, int threshold)
{
    int bits = 0;
    for (int k = 0; k < HEDON_HASH_FRAMES && bits <= threshold; k++)
        bits += __builtin_popcountll(a->frame[k] ^ b->frame[k]);
    return bits;
}

static int32_t root(int32_t *group, int32_t i)
{
    while (group[i] != i) i = group[i] = group[group[i]];
    return i;
}

static int is_across(const HedonDataset *dataset, const HedonDuplicatePair *pair)
{
    return hedon_dataset_item(dataset, pair->a)->split !=
           hedon_dataset_item(dataset, pair->b)->split;
}

/* Insert among the examples, best first. */
static void keep_example(HedonDuplicates *result, const HedonDataset *dataset,
                         HedonDuplicatePair pair, int most)
{
    int at = result->example_count;
    const int rank = pair.bits - 1000 * is_across(dataset, &pair);
    while (at > 0) {
        const HedonDuplicatePair *before = &result->example[at - 1];
        if (before->bits - 1000 * is_across(dataset, before) <= rank) break;
        if (at < most) result->example[at] = *before;
        at--;
    }
    if (at < most) result->example[at] = pair;
    if (result->example_count < most) result->example_count++;
}

static int compare_all(HedonContext *ctx, HedonDuplicates *result, const HedonDataset *dataset,
                       const VideoHash *hash, const int32_t *list, int64_t count, int32_t *group,
                       int most)
{
    int code = 0;
    for (int64_t i = 0; i < count && !code; i++) {
        for (int64_t k = i + 1; k < count; k++) {
            const int bits = distance(&hash[list[i]], &hash[list[k]], result->threshold);
            if (bits > result->threshold) continue;
            const HedonDuplicatePair pair = {list[i], list[k], bits};
            result->pairs++;
            result->across += is_across(dataset, &pair);
            const int32_t a = root(group, pair.a), b = root(group, pair.b);
            group[a > b ? a : b] = a > b ? b : a;
            keep_example(result, dataset, pair, most);
        }
        if (!(i & 255)) code = hedon_check_cancelled(ctx);
    }
    return code;
}

static void count_groups(HedonDuplicates *result, int32_t *group, const int32_t *list,
                         int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const int32_t first = root(group, list[i]);
        group[list[i]] = first;
        if (first != list[i]) result->grouped++;
    }
    /* a group's first video is counted when its second is met: it then marks itself */
    for (int64_t i = 0; i < count; i++) {
        const int32_t first = group[list[i]];
        if (first == list[i] || first < 0 || group[first] < 0) continue;
        group[first] = -1;
        result->groups++;
    }
    result->grouped += result->groups;
}

int hedon_dataset_duplicates(HedonContext *ctx, HedonDuplicates *result,
                             const HedonDataset *dataset, const HedonVisitOptions *visit,
                             int threshold, int examples)
{
    const int64_t size = hedon_dataset_size(dataset);
    int64_t count = 0;
    *result = (HedonDuplicates){.threshold = threshold};
    Hashing hashing = {.hash = hedon_calloc((size_t)size, sizeof(VideoHash)), .visit = visit};
    int32_t *group = hedon_malloc((size_t)size, sizeof(*group));
    int32_t *list = hedon_malloc((size_t)size, sizeof(*list));
    result->example = hedon_malloc((size_t)examples, sizeof(*result->example));
    int code = hashing.hash && group && list && result->example ? 0 : hedon_fail_memory(ctx);
    if (!code) {
        HedonVisitOptions ours = *visit;
        ours.wanted = NULL;
        ours.visit = hash_video;
        ours.progress = show_progress;
        ours.opaque = &hashing;
        code = hedon_visit_videos(ctx, dataset, &ours);
    }
    for (int64_t i = 0; i < size && !code; i++) {
        const VideoHash *hash = &hashing.hash[i];
        group[i] = (int32_t)i;
        result->looked += hash->state == HASHED;
        result->failed += hash->state == FAILED;
        if (hash->state != HASHED) continue;
        if (is_blank(hash))
            result->blank++;
        else
            list[count++] = (int32_t)i;
    }
    if (!code) code = compare_all(ctx, result, dataset, hashing.hash, list, count, group, examples);
    if (!code) count_groups(result, group, list, count);
    hedon_free(hashing.hash);
    hedon_free(group);
    hedon_free(list);
    return code;
}

void hedon_duplicates_free(HedonDuplicates *result)
{
    hedon_free(result->example);
    result->example = NULL;
    result->example_count = 0;
}
