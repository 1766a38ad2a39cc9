#include "report/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* While loading, a video's values stand together. */
typedef struct Entry {
    char *path;
    double value[HEDON_COMPARED];
} Entry;

typedef struct Loading {
    HedonContext *ctx;
    const char *folder;
    Entry *entries;
    int64_t count, room;
} Loading;

static int is_under(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    while (length && folder[length - 1] == '/') length--;
    return !strncmp(path, folder, length) && path[length] == '/';
}

static int take(void *opaque, const HedonStoreRow *row)
{
    Loading *loading = opaque;
    if (loading->folder && !is_under(row->path, loading->folder)) return 0;
    if (loading->count == loading->room) {
        const int64_t room = loading->room ? 2 * loading->room : 256;
        Entry *more = hedon_realloc(loading->entries, (size_t)room, sizeof(*more));
        if (!more) return hedon_fail_memory(loading->ctx);
        loading->entries = more;
        loading->room = room;
    }
    Entry *entry = &loading->entries[loading->count];
    if (!(entry->path = hedon_strdup(row->path))) return hedon_fail_memory(loading->ctx);
    for (int c = 0; c < HEDON_COMPARED; c++) {
        const int measure = c ? c - 1 : HEDON_REPORT_UTILITY;
        entry->value[c] =
            hedon_report_has(&row->score, measure) ? hedon_report_value(&row->score, measure) : NAN;
    }
    loading->count++;
    return hedon_check_cancelled(loading->ctx);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const Entry *)a)->path, ((const Entry *)b)->path);
}

static int make_columns(HedonContext *ctx, HedonSample *sample, Loading *loading)
{
    const int64_t n = loading->count;
    if (n) qsort(loading->entries, (size_t)n, sizeof(Entry), by_path);
    sample->path = hedon_calloc((size_t)n + 1, sizeof(*sample->path));
    sample->value = hedon_malloc((size_t)n + 1, HEDON_COMPARED * sizeof(double));
    if (!sample->path || !sample->value) return hedon_fail_memory(ctx);
    sample->count = n;
    for (int64_t i = 0; i < n; i++) {
        sample->path[i] = loading->entries[i].path;
        loading->entries[i].path = NULL;
        for (int c = 0; c < HEDON_COMPARED; c++)
            sample->value[c * n + i] = loading->entries[i].value[c];
    }
    return 0;
}

int hedon_sample_load(HedonContext *ctx, HedonSample *sample, HedonStore *store,
                      const HedonCompareSide *side, const char *where)
{
    *sample = (HedonSample){0};
    Loading loading = {.ctx = ctx, .folder = side->folder};
    const HedonStoreQuery query = {.run = side->run, .order = HEDON_STORE_BY_PATH, .where = where};
    int code = hedon_store_each(ctx, store, &query, take, &loading);
    if (!code) code = make_columns(ctx, sample, &loading);
    for (int64_t i = 0; i < loading.count; i++) hedon_free(loading.entries[i].path);
    hedon_free(loading.entries);
    if (code) hedon_sample_clear(sample);
    return code;
}

/* Keep the videos marked in keep: columns move together. */
static void keep_only(HedonSample *sample, const uint8_t *keep)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < sample->count; i++) kept += keep[i];
    double *to = sample->value;
    for (int c = 0; c < HEDON_COMPARED; c++)
        for (int64_t i = 0; i < sample->count; i++)
            if (keep[i]) *to++ = sample->value[c * sample->count + i];
    int64_t at = 0;
    for (int64_t i = 0; i < sample->count; i++) {
        if (keep[i])
            sample->path[at++] = sample->path[i];
        else
            hedon_free(sample->path[i]);
    }
    sample->count = kept;
}

int hedon_sample_pair(HedonContext *ctx, HedonSample *a, HedonSample *b)
{
    uint8_t *keep_a = hedon_calloc((size_t)a->count + 1, 1);
    uint8_t *keep_b = hedon_calloc((size_t)b->count + 1, 1);
    const int code = keep_a && keep_b ? 0 : hedon_fail_memory(ctx);
    for (int64_t i = 0, j = 0; !code && i < a->count && j < b->count;) {
        const int order = strcmp(a->path[i], b->path[j]);
        if (!order) keep_a[i] = keep_b[j] = 1;
        i += order <= 0;
        j += order >= 0;
    }
    if (!code) {
        keep_only(a, keep_a);
        keep_only(b, keep_b);
    }
    hedon_free(keep_a);
    hedon_free(keep_b);
    return code;
}

const double *hedon_sample_column(const HedonSample *sample, int column)
{
    return sample->value + column * sample->count;
}

void hedon_sample_clear(HedonSample *sample)
{
    for (int64_t i = 0; i < sample->count; i++) hedon_free(sample->path[i]);
    hedon_free(sample->path);
    hedon_free(sample->value);
    *sample = (HedonSample){0};
}
