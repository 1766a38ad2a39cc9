/* The statistics of a dataset, for people and for machines. */
#include <math.h>

#include "score/json_writer.h"
#include "tools/dataset.h"

enum { INDENT = 14 };

static double percent(int64_t part, int64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static int64_t sum(const int64_t *counts)
{
    int64_t total = 0;
    for (int split = 0; split < HEDON_SPLITS; split++) total += counts[split];
    return total;
}

/* "3.5 s" or "1:02:03". */
static void format_seconds(char text[32], double seconds)
{
    const long long whole = llround(seconds);
    if (seconds < 100)
        snprintf(text, 32, "%.1f s", seconds);
    else if (whole < 3600)
        snprintf(text, 32, "%lld:%02lld", whole / 60, whole % 60);
    else
        snprintf(text, 32, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
}

/* ---- For people ----------------------------------------------------------------------------- */

static void print_emotions(FILE *out, const HedonDatasetStats *stats)
{
    const int64_t rated = sum(stats->rated);
    fprintf(out, "\n%-*s%lld rated; %lld all zero; %.1f%% share their greatest intensity\n", INDENT,
            "Emotions", (long long)rated, (long long)stats->all_zero,
            percent(stats->tied, rated - stats->all_zero));
    fprintf(out, "%*s%-24s%15s%15s%11s%9s\n", INDENT, "", "", "label, train", "label, test",
            "intensity", "in topK");
    for (int e = 0; e < HEDON_EMOTIONS; e++) {
        fprintf(out, "%*s%-24s", INDENT, "", hedon_emotion_name(e));
        for (int split = 0; split < 2; split++)
            fprintf(out, "%8lld %5.1f%%", (long long)stats->label[split][e],
                    percent(stats->label[split][e], stats->rated[split]));
        fprintf(out, "%11.3f%8.1f%%\n", stats->mean[e], percent(stats->top[e], rated));
    }
}

static void print_classes(FILE *out, const HedonDatasetStats *stats)
{
    int64_t total = 0;
    for (int i = 0; i < stats->classes; i++) total += stats->class_count[i];
    fprintf(out, "\n%-*s%d\n", INDENT, "Classes", stats->classes);
    for (int i = 0; i < stats->classes; i++) {
        char name[64];
        hedon_utf8_clean(name, sizeof(name), stats->class_name[i]);
        fprintf(out, "%*s%-24s%8lld %5.1f%%\n", INDENT, "", name, (long long)stats->class_count[i],
                percent(stats->class_count[i], total));
    }
}

static void print_durations(FILE *out, const HedonDatasetStats *stats)
{
    static const double shares[] = {0, .05, .25, .5, .75, .95, 1};
    static const char *const names[] = {"least", "5%", "25%", "median", "75%", "95%", "most"};
    char text[32];
    format_seconds(text, stats->total_s);
    fprintf(out, "\n%-*s%s in %lld videos\n%*s", INDENT, "Durations", text,
            (long long)stats->duration_count, INDENT, "");
    for (int i = 0; i < 7; i++) {
        format_seconds(text, hedon_stats_duration(stats, shares[i]));
        fprintf(out, "%s%s %s", i ? ", " : "", names[i], text);
    }
    fputc('\n', out);
    if (stats->unreadable)
        fprintf(out, "%*s%lld videos could not be opened ('hedon dataset check' says why)\n",
                INDENT, "", (long long)stats->unreadable);
}

static void print_graph(FILE *out, HedonSplit split, const HedonGraphStats *graph)
{
    static const char *const headings[HEDON_SPLITS] = {"Train pairs", "Test pairs", "Lists"};
    fprintf(out, "\n%-*s%lld of %lld videos, each in %.2f on average, %lld at most\n", INDENT,
            headings[split], (long long)graph->comparisons, (long long)graph->videos,
            graph->mean_degree, (long long)graph->most_compared);
    fprintf(out, "%*s%lld connected components, the largest of %lld videos (%.1f%%)\n", INDENT, "",
            (long long)graph->components, (long long)graph->largest,
            percent(graph->largest, graph->videos));
    fprintf(out, "%*s%lld of 2 videos, %lld of 3, %lld of 4, %lld of 5, %lld of more\n", INDENT, "",
            (long long)graph->size[0], (long long)graph->size[1], (long long)graph->size[2],
            (long long)graph->size[3],
            (long long)(graph->components - graph->size[0] - graph->size[1] - graph->size[2] -
                        graph->size[3]));
}

static void print_duplicates(FILE *out, const HedonDataset *dataset, const HedonDuplicates *same)
{
    fprintf(out,
            "\n%-*s%lld groups of %lld videos that look the same; %lld pairs, %lld of them across "
            "splits\n",
            INDENT, "Duplicates", (long long)same->groups, (long long)same->grouped,
            (long long)same->pairs, (long long)same->across);
    fprintf(out,
            "%*sdifference hash of %d frames, %d bits; the same: at most %d differ; %lld hashed,\n"
            "%*s%lld without contrast left out, %lld not readable\n",
            INDENT, "", HEDON_HASH_FRAMES, HEDON_HASH_BITS, same->threshold,
            (long long)same->looked, INDENT, "", (long long)same->blank, (long long)same->failed);
    for (int i = 0; i < same->example_count; i++) {
        const HedonDuplicatePair *pair = &same->example[i];
        const HedonDatasetItem *a = hedon_dataset_item(dataset, pair->a);
        const HedonDatasetItem *b = hedon_dataset_item(dataset, pair->b);
        char first[256], second[256];
        hedon_utf8_clean(first, sizeof(first), a->id);
        hedon_utf8_clean(second, sizeof(second), b->id);
        fprintf(out, "%*s%s (%s), %s (%s): %d bits\n", INDENT, "", first,
                hedon_split_name(a->split), second, hedon_split_name(b->split), pair->bits);
    }
}

static void print_text(FILE *out, const HedonDataset *dataset, const HedonDatasetStats *stats)
{
    const char *separator = ": ";
    fprintf(out, "%s: %s\n\n%-*s%lld", hedon_dataset_dir(dataset), stats->kind->name, INDENT,
            "Videos", (long long)sum(stats->videos));
    for (int split = 0; split < HEDON_SPLITS; split++) {
        if (!stats->videos[split]) continue;
        fprintf(out, "%s%lld %s", separator, (long long)stats->videos[split],
                hedon_split_name((HedonSplit)split));
        separator = ", ";
    }
    fputc('\n', out);
    if (sum(stats->rated)) print_emotions(out, stats);
    if (stats->classes) print_classes(out, stats);
    if (stats->rating_count)
        fprintf(out, "\n%-*s%lld; mean %.4g, standard deviation %.4g, from %.4g to %.4g\n", INDENT,
                "Ratings", (long long)stats->rating_count, stats->rating_mean, stats->rating_sd,
                stats->rating_least, stats->rating_most);
    for (int split = 0; split < HEDON_SPLITS; split++)
        if (stats->comparisons[split]) print_graph(out, (HedonSplit)split, &stats->graph[split]);
    if (stats->duration_count || stats->unreadable) print_durations(out, stats);
    if (stats->duplicates.threshold) print_duplicates(out, dataset, &stats->duplicates);
}

/* ---- For machines --------------------------------------------------------------------------- */

static void json_splits(HedonJson *json, const char *key, const int64_t *counts)
{
    hedon_json_object(json, key);
    for (int split = 0; split < HEDON_SPLITS; split++)
        hedon_json_integer(json, hedon_split_name((HedonSplit)split), counts[split]);
    hedon_json_end_object(json);
}

static void json_array(HedonJson *json, const char *key, const int64_t *counts, int count)
{
    hedon_json_array(json, key);
    for (int i = 0; i < count; i++) hedon_json_integer(json, NULL, counts[i]);
    hedon_json_end_array(json);
}

static void json_emotions(HedonJson *json, const HedonDatasetStats *stats)
{
    const int64_t rated = sum(stats->rated);
    json_splits(json, "rated", stats->rated);
    hedon_json_integer(json, "all_zero", stats->all_zero);
    hedon_json_integer(json, "tied", stats->tied);
    hedon_json_object(json, "emotions");
    for (int e = 0; e < HEDON_EMOTIONS && rated; e++) {
        hedon_json_object(json, hedon_emotion_name(e));
        hedon_json_integer(json, "label_train", stats->label[HEDON_SPLIT_TRAIN][e]);
        hedon_json_integer(json, "label_test", stats->label[HEDON_SPLIT_TEST][e]);
        hedon_json_number(json, "mean_intensity", stats->mean[e]);
        hedon_json_number(json, "top_share", (double)stats->top[e] / (double)rated);
        hedon_json_end_object(json);
    }
    hedon_json_end_object(json);
}

static void json_durations(HedonJson *json, const HedonDatasetStats *stats)
{
    hedon_json_object(json, "durations");
    hedon_json_integer(json, "videos", stats->duration_count);
    hedon_json_integer(json, "unreadable", stats->unreadable);
    hedon_json_number(json, "total_s", stats->total_s);
    hedon_json_number(json, "least_s", hedon_stats_duration(stats, 0));
    hedon_json_number(json, "q05_s", hedon_stats_duration(stats, .05));
    hedon_json_number(json, "q25_s", hedon_stats_duration(stats, .25));
    hedon_json_number(json, "median_s", hedon_stats_duration(stats, .5));
    hedon_json_number(json, "q75_s", hedon_stats_duration(stats, .75));
    hedon_json_number(json, "q95_s", hedon_stats_duration(stats, .95));
    hedon_json_number(json, "most_s", hedon_stats_duration(stats, 1));
    hedon_json_end_object(json);
}

static void json_graphs(HedonJson *json, const HedonDatasetStats *stats)
{
    hedon_json_object(json, "comparisons");
    for (int split = 0; split < HEDON_SPLITS; split++) {
        const HedonGraphStats *graph = &stats->graph[split];
        if (!stats->comparisons[split]) continue;
        hedon_json_object(json, hedon_split_name((HedonSplit)split));
        hedon_json_integer(json, "comparisons", graph->comparisons);
        hedon_json_integer(json, "videos", graph->videos);
        hedon_json_integer(json, "components", graph->components);
        hedon_json_integer(json, "largest_component", graph->largest);
        json_array(json, "components_of_2_to_9_and_more", graph->size, HEDON_DEGREES);
        json_array(json, "videos_in_1_to_8_and_more", graph->degree, HEDON_DEGREES);
        hedon_json_number(json, "mean_degree", graph->mean_degree);
        hedon_json_integer(json, "most_compared", graph->most_compared);
        hedon_json_end_object(json);
    }
    hedon_json_end_object(json);
}

static void json_duplicates(HedonJson *json, const HedonDataset *dataset,
                            const HedonDuplicates *same)
{
    hedon_json_object(json, "duplicates");
    hedon_json_string(json, "hash", "difference hash, 9x8 greys, 4 frames");
    hedon_json_integer(json, "bits", HEDON_HASH_BITS);
    hedon_json_integer(json, "threshold", same->threshold);
    hedon_json_integer(json, "hashed", same->looked);
    hedon_json_integer(json, "blank", same->blank);
    hedon_json_integer(json, "unreadable", same->failed);
    hedon_json_integer(json, "groups", same->groups);
    hedon_json_integer(json, "videos_in_groups", same->grouped);
    hedon_json_integer(json, "pairs", same->pairs);
    hedon_json_integer(json, "pairs_across_splits", same->across);
    hedon_json_array(json, "examples");
    for (int i = 0; i < same->example_count; i++) {
        hedon_json_object(json, NULL);
        hedon_json_string(json, "a", hedon_dataset_item(dataset, same->example[i].a)->id);
        hedon_json_string(json, "b", hedon_dataset_item(dataset, same->example[i].b)->id);
        hedon_json_integer(json, "bits", same->example[i].bits);
        hedon_json_end_object(json);
    }
    hedon_json_end_array(json);
    hedon_json_end_object(json);
}

static void print_json(FILE *out, const HedonDataset *dataset, const HedonDatasetStats *stats)
{
    HedonJson json = {.out = out};
    hedon_json_object(&json, NULL);
    hedon_json_string(&json, "schema", "hedon.dataset_stats/1");
    hedon_json_string(&json, "dataset", hedon_dataset_dir(dataset));
    hedon_json_string(&json, "kind", stats->kind->name);
    json_splits(&json, "videos", stats->videos);
    json_emotions(&json, stats);
    hedon_json_object(&json, "classes");
    for (int i = 0; i < stats->classes; i++)
        hedon_json_integer(&json, stats->class_name[i], stats->class_count[i]);
    hedon_json_end_object(&json);
    if (stats->rating_count) {
        hedon_json_object(&json, "ratings");
        hedon_json_integer(&json, "videos", stats->rating_count);
        hedon_json_number(&json, "mean", stats->rating_mean);
        hedon_json_number(&json, "sd", stats->rating_sd);
        hedon_json_number(&json, "least", stats->rating_least);
        hedon_json_number(&json, "most", stats->rating_most);
        hedon_json_end_object(&json);
    }
    json_graphs(&json, stats);
    json_durations(&json, stats);
    if (stats->duplicates.threshold) json_duplicates(&json, dataset, &stats->duplicates);
    hedon_json_end_object(&json);
    fputc('\n', out);
}

void hedon_stats_print(FILE *out, const HedonDataset *dataset, const HedonDatasetStats *stats,
                       int json)
{
    if (json)
        print_json(out, dataset, stats);
    else
        print_text(out, dataset, stats);
}
