#include "datasets/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "datasets/graph.h"

void hedon_stats_options_default(HedonStatsOptions *options)
{
    *options = (HedonStatsOptions){.open = 1, .threshold = 24, .examples = 5};
    hedon_worker_options_default(&options->worker);
}

/* ---- Labels --------------------------------------------------------------------------------- */

static void add_rated(HedonDatasetStats *stats, const HedonDatasetItem *item)
{
    const float greatest = item->intensities[item->label];
    int sharing = 0;
    stats->rated[item->split]++;
    stats->label[item->split][item->label]++;
    for (int e = 0; e < HEDON_EMOTIONS; e++) {
        stats->mean[e] += item->intensities[e];
        sharing += item->intensities[e] >= greatest;
    }
    stats->all_zero += greatest <= 0;
    stats->tied += greatest > 0 && sharing > 1;
    for (int k = 0; k < HEDON_TOP; k++)
        if (item->top[k] >= 0) stats->top[item->top[k]]++;
}

static void count_labels(HedonDatasetStats *stats, const HedonDataset *dataset)
{
    int64_t rated = 0;
    double squares = 0;
    for (int64_t i = 0; i < hedon_dataset_size(dataset); i++) {
        const HedonDatasetItem *item = hedon_dataset_item(dataset, i);
        stats->videos[item->split]++;
        if (item->intensities) {
            add_rated(stats, item);
            rated++;
        }
        if (item->class_index >= 0) stats->class_count[item->class_index]++;
        if (isnan(item->rating)) continue;
        const double off = item->rating - stats->rating_mean; /* Welford's */
        stats->rating_mean += off / (double)++stats->rating_count;
        squares += off * (item->rating - stats->rating_mean);
        if (stats->rating_count == 1 || item->rating < stats->rating_least)
            stats->rating_least = item->rating;
        if (stats->rating_count == 1 || item->rating > stats->rating_most)
            stats->rating_most = item->rating;
    }
    for (int e = 0; e < HEDON_EMOTIONS && rated; e++) stats->mean[e] /= (double)rated;
    if (stats->rating_count > 1)
        stats->rating_sd = sqrt(squares / (double)(stats->rating_count - 1));
}

/* ---- Durations ------------------------------------------------------------------------------ */

typedef struct Durations {
    const HedonDataset *dataset;
    const HedonStatsOptions *options;
    double *duration_s; /* by item; NaN: not known */
    uint8_t *failed;
} Durations;

static int is_unknown(void *opaque, int64_t item)
{
    return isnan(hedon_dataset_item(((const Durations *)opaque)->dataset, item)->duration_s);
}

static int take_duration(void *opaque, HedonContext *ctx, HedonWorker *worker, int64_t item,
                         int code)
{
    Durations *d = opaque;
    (void)ctx;
    if (code)
        d->failed[item] = 1;
    else
        d->duration_s[item] = hedon_worker_info(worker)->duration_s;
    return code == HEDON_ECANCELLED || code == HEDON_ENOMEM ? code : 0;
}

static void show_progress(void *opaque, int64_t done, int64_t total)
{
    const HedonStatsOptions *options = ((const Durations *)opaque)->options;
    if (options->progress) options->progress(options->opaque, done, total);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Takes over d->duration_s. */
static void sort_durations(HedonDatasetStats *stats, Durations *d, int64_t size)
{
    int64_t count = 0;
    for (int64_t i = 0; i < size; i++) {
        stats->unreadable += d->failed[i];
        if (isnan(d->duration_s[i])) continue;
        stats->total_s += d->duration_s[i];
        d->duration_s[count++] = d->duration_s[i];
    }
    if (count) qsort(d->duration_s, (size_t)count, sizeof(double), by_value);
    stats->duration_s = d->duration_s;
    stats->duration_count = count;
}

static int find_durations(HedonContext *ctx, HedonDatasetStats *stats, const HedonDataset *dataset,
                          const HedonStatsOptions *options)
{
    const int64_t size = hedon_dataset_size(dataset);
    Durations d = {.dataset = dataset,
                   .options = options,
                   .duration_s = hedon_malloc((size_t)size, sizeof(double)),
                   .failed = hedon_calloc((size_t)size, 1)};
    int code = d.duration_s && d.failed ? 0 : hedon_fail_memory(ctx);
    for (int64_t i = 0; i < size && !code; i++)
        d.duration_s[i] = hedon_dataset_item(dataset, i)->duration_s;
    if (!code && options->open) {
        const HedonVisitOptions visit = {.workers = options->workers,
                                         .worker = options->worker,
                                         .wanted = is_unknown,
                                         .visit = take_duration,
                                         .progress = show_progress,
                                         .opaque = &d};
        code = hedon_visit_videos(ctx, dataset, &visit);
    }
    if (!code)
        sort_durations(stats, &d, size);
    else
        hedon_free(d.duration_s);
    hedon_free(d.failed);
    return code;
}

double hedon_stats_duration(const HedonDatasetStats *stats, double q)
{
    if (!stats->duration_count) return NAN;
    int64_t rank = (int64_t)ceil(q * (double)stats->duration_count) - 1;
    if (rank < 0) rank = 0;
    return stats->duration_s[rank];
}

/* ---- Comparisons ---------------------------------------------------------------------------- */

static int place(int64_t value, int64_t first)
{
    const int64_t at = value - first;
    return at < HEDON_DEGREES - 1 ? (int)at : HEDON_DEGREES - 1;
}

/* degree and size: scratch, by item. */
static void measure_graph(HedonGraphStats *graph, const HedonDataset *dataset, HedonSplit split,
                          int32_t *component, int32_t *degree, int32_t *size)
{
    const int64_t items = hedon_dataset_size(dataset);
    int64_t sum = 0;
    memset(degree, 0, (size_t)items * sizeof(*degree));
    memset(size, 0, (size_t)items * sizeof(*size));
    hedon_graph_components(dataset, HEDON_SPLIT_BIT(split), component);
    for (int64_t c = 0; c < hedon_dataset_comparisons(dataset); c++) {
        const HedonComparison *one = hedon_dataset_comparison(dataset, c);
        if (one->split != split) continue;
        graph->comparisons++;
        for (int k = 0; k < one->count; k++) degree[one->item[k]]++;
    }
    for (int64_t i = 0; i < items; i++) {
        if (!degree[i]) continue;
        graph->videos++;
        graph->degree[place(degree[i], 1)]++;
        if (degree[i] > graph->most_compared) graph->most_compared = degree[i];
        size[component[i]]++;
        sum += degree[i];
    }
    for (int64_t i = 0; i < items; i++) {
        if (!size[i]) continue;
        graph->components++;
        if (size[i] > 1) graph->size[place(size[i], 2)]++; /* one alone: a video against itself */
        if (size[i] > graph->largest) graph->largest = size[i];
    }
    if (graph->videos) graph->mean_degree = (double)sum / (double)graph->videos;
}

static int measure_graphs(HedonContext *ctx, HedonDatasetStats *stats, const HedonDataset *dataset)
{
    const size_t items = (size_t)hedon_dataset_size(dataset);
    if (!hedon_dataset_comparisons(dataset)) return 0;
    int32_t *scratch = hedon_malloc(items, 3 * sizeof(*scratch));
    if (!scratch) return hedon_fail_memory(ctx);
    for (int split = 0; split < HEDON_SPLITS; split++) {
        measure_graph(&stats->graph[split], dataset, (HedonSplit)split, scratch, scratch + items,
                      scratch + 2 * items);
        stats->comparisons[split] = stats->graph[split].comparisons;
    }
    hedon_free(scratch);
    return 0;
}

/* --------------------------------------------------------------------------------------------- */

static int name_classes(HedonContext *ctx, HedonDatasetStats *stats, const HedonDataset *dataset)
{
    const size_t classes = (size_t)hedon_dataset_classes(dataset);
    const char **names = hedon_malloc(classes, sizeof(*names));
    stats->class_name = names;
    stats->class_count = hedon_calloc(classes, sizeof(*stats->class_count));
    if (!names || !stats->class_count) return hedon_fail_memory(ctx);
    for (size_t i = 0; i < classes; i++) names[i] = hedon_dataset_class_name(dataset, (int)i);
    stats->classes = (int)classes;
    return 0;
}

int hedon_dataset_stats(HedonContext *ctx, HedonDatasetStats *stats, const HedonDataset *dataset,
                        const HedonStatsOptions *options)
{
    *stats = (HedonDatasetStats){.kind = hedon_dataset_kind(dataset)};
    int code = name_classes(ctx, stats, dataset);
    if (code) return code;
    count_labels(stats, dataset);
    code = measure_graphs(ctx, stats, dataset);
    if (!code) code = find_durations(ctx, stats, dataset, options);
    if (code || !options->duplicates) return code;
    const HedonVisitOptions visit = {.workers = options->workers,
                                     .worker = options->worker,
                                     .progress = options->progress,
                                     .opaque = options->opaque};
    return hedon_dataset_duplicates(ctx, &stats->duplicates, dataset, &visit, options->threshold,
                                    options->examples);
}

void hedon_stats_free(HedonDatasetStats *stats)
{
    hedon_free((void *)stats->class_name);
    hedon_free(stats->class_count);
    hedon_free(stats->duration_s);
    hedon_duplicates_free(&stats->duplicates);
}
