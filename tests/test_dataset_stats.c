/* Statistics of datasets, and videos that look the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "worker_fixture.h"

#include "dataset_fixture.h"
#include "datasets/stats.h"

static HedonDataset *opened(const char *kind, const char *dir)
{
    HedonContext *ctx = hedon_context_new();
    HedonDataset *dataset;
    if (hedon_dataset_open(ctx, &dataset, kind, dir, NULL)) fail_msg("%s", hedon_last_error(ctx));
    hedon_context_free(ctx);
    return dataset;
}

static void measured(HedonDatasetStats *stats, const HedonDataset *dataset, int open,
                     int duplicates)
{
    HedonContext *ctx = hedon_context_new();
    HedonStatsOptions options;
    hedon_stats_options_default(&options);
    options.open = open;
    options.duplicates = duplicates;
    options.workers = 2;
    if (hedon_dataset_stats(ctx, stats, dataset, &options)) fail_msg("%s", hedon_last_error(ctx));
    hedon_context_free(ctx);
}

static void test_balance_of_labels(void **state)
{
    (void)state;
    HedonDatasetStats stats;
    const char *folder = write_vce("balance");
    char *text = labels_of(vce_train_ids, 5, 0); /* the first: Admiration, then Adoration, ... */
    char *tied = replaced(text, "\"Anger\": 0.0", "\"Anger\": 0.75");
    write_in(folder, "train_labels.json", tied);
    Text zero = {0};
    say(&zero, "{\"00001\": {\"emotions\": {");
    for (int e = 0; e < HEDON_EMOTIONS; e++)
        say(&zero, "%s\"%s\": 0", e ? ", " : "", hedon_emotion_name(e));
    say(&zero, "}}}");
    write_in(folder, "test_labels.json", zero.data);
    HedonDataset *dataset = opened("vce", folder);
    measured(&stats, dataset, 0, 0);
    assert_int_equal(stats.videos[HEDON_SPLIT_TRAIN], 5);
    assert_int_equal(stats.rated[HEDON_SPLIT_TRAIN], 5);
    assert_int_equal(stats.rated[HEDON_SPLIT_TEST], 1);
    assert_int_equal(stats.all_zero, 1);
    assert_int_equal(stats.tied, 1);
    for (int e = 0; e < 6; e++) assert_int_equal(stats.label[HEDON_SPLIT_TRAIN][e], e < 5);
    assert_int_equal(stats.label[HEDON_SPLIT_TEST][0], 1); /* the first maximum of nothing */
    /* topK of the five: 0 1 2, 1 2 3, 2 3 4, 3 4 5, 4 5 6 */
    static const int64_t top[] = {1, 2, 3, 3, 3, 2, 1, 0};
    for (int e = 0; e < 8; e++) assert_int_equal(stats.top[e], top[e]);
    /* Anger is 4: .75 by the tie, .25 + .5 + .75 of the third to fifth; of six videos */
    assert_true(fabs(stats.mean[4] - 2.25 / 6) < 1e-12);
    assert_int_equal(stats.duration_count, 6);
    assert_true(stats.duration_s[0] == 10 && stats.duration_s[5] == 16);
    hedon_stats_free(&stats);
    hedon_dataset_close(dataset);
    free(zero.data);
    free(tied);
    free(text);
}

static void test_classes_and_ratings(void **state)
{
    (void)state;
    HedonDatasetStats stats;
    write_file("r.csv", "path,class,rating\na,y,1\nb,x,2\nc,y,6\nd,,\n");
    HedonDataset *dataset = opened(NULL, in_scratch("r.csv"));
    measured(&stats, dataset, 0, 0);
    assert_int_equal(stats.classes, 2);
    assert_string_equal(stats.class_name[1], "y");
    assert_int_equal(stats.class_count[0], 1);
    assert_int_equal(stats.class_count[1], 2);
    assert_int_equal(stats.rating_count, 3);
    assert_true(stats.rating_mean == 3 && stats.rating_least == 1 && stats.rating_most == 6);
    assert_true(fabs(stats.rating_sd - sqrt(7)) < 1e-12);
    assert_true(isnan(hedon_stats_duration(&stats, .5)));
    hedon_stats_free(&stats);
    hedon_dataset_close(dataset);
}

static void test_connectivity(void **state)
{
    (void)state;
    HedonDatasetStats stats;
    const char *folder = make_folder("connectivity");
    write_in(folder, "train_labels.json",
             "{\"comparisons\": [[\"a\",\"b\"], [\"a\",\"c\"], [\"d\",\"a\"], [\"e\",\"f\"], "
             "[\"g\",\"h\"]]}");
    write_in(folder, "listwise_labels.json", "{\"comparisons\": [[\"p\",\"q\",\"r\",\"s\"]]}");
    HedonDataset *dataset = opened(NULL, folder);
    measured(&stats, dataset, 0, 0);
    const HedonGraphStats *graph = &stats.graph[HEDON_SPLIT_TRAIN];
    assert_int_equal(stats.comparisons[HEDON_SPLIT_TRAIN], 5);
    assert_int_equal(graph->videos, 8);
    assert_int_equal(graph->components, 3);
    assert_int_equal(graph->largest, 4);
    assert_int_equal(graph->size[0], 2);
    assert_int_equal(graph->size[1], 0);
    assert_int_equal(graph->size[2], 1);
    assert_int_equal(graph->degree[0], 7);
    assert_int_equal(graph->degree[2], 1);
    assert_int_equal(graph->most_compared, 3);
    assert_true(graph->mean_degree == 10 / 8.0);
    assert_int_equal(stats.graph[HEDON_SPLIT_LISTS].components, 1);
    assert_int_equal(stats.graph[HEDON_SPLIT_LISTS].largest, 4);
    assert_int_equal(stats.graph[HEDON_SPLIT_TEST].components, 0);
    hedon_stats_free(&stats);
    hedon_dataset_close(dataset);
}

static void test_durations_by_nearest_rank(void **state)
{
    (void)state;
    double values[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    const HedonDatasetStats stats = {.duration_count = 10, .duration_s = values};
    assert_true(hedon_stats_duration(&stats, 0) == 1);
    assert_true(hedon_stats_duration(&stats, .1) == 1);
    assert_true(hedon_stats_duration(&stats, .11) == 2);
    assert_true(hedon_stats_duration(&stats, .5) == 5);
    assert_true(hedon_stats_duration(&stats, 1) == 10);
}

/* Where metadata is silent, videos are opened. */
static void test_durations_of_videos(void **state)
{
    (void)state;
    HedonDatasetStats stats;
    const char *folder = make_folder("opened");
    char command[700];
    snprintf(command, sizeof(command),
             "cp %s %s/videos/; cp %s %s/videos/; echo x > %s/videos/z.mp4", in_scratch("a.mp4"),
             folder, in_scratch("other.mp4"), folder, folder);
    assert_int_equal(system(command), 0);
    HedonDataset *dataset = opened("folder", folder);
    measured(&stats, dataset, 1, 0);
    assert_int_equal(stats.duration_count, 2);
    assert_int_equal(stats.unreadable, 1);
    assert_true(fabs(stats.duration_s[0] - 2) < .01 && fabs(stats.duration_s[1] - 3) < .01);
    assert_true(fabs(stats.total_s - 5) < .02);
    hedon_stats_free(&stats);
    measured(&stats, dataset, 0, 0);
    assert_int_equal(stats.duration_count, 0);
    hedon_stats_free(&stats);
    hedon_dataset_close(dataset);
}

/* ---- Duplicates ----------------------------------------------------------------------------- */

/* The same picture as 8 bits, 10 bits, and as grey RGB, at three sizes. */
static void test_frame_hash_sees_the_picture_only(void **state)
{
    (void)state;
    const HedonRandomKey key = hedon_random_key(9, 0, 0);
    uint64_t hashes[4]; /* 8 bits, 10 bits, RGB, P010 */
    double blobs[16];
    for (int i = 0; i < 16; i++) blobs[i] = hedon_random_uniform(key, (uint64_t)i);
    for (int form = 0; form < 4; form++) {
        const int width = 180 << form, height = 96 << form, deep = form % 2,
                  shift = form == 3 ? 6 : 0;
        uint16_t *words = calloc((size_t)width * height, 2);
        uint8_t *bytes = (uint8_t *)words;
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                const double u = (double)x / width, v = (double)y / height;
                const double value =
                    128 + 100 * sin(9 * u * blobs[0] + 20 * v * blobs[1] + 3 * blobs[2]) *
                              cos(30 * u * blobs[3] - 7 * v);
                if (deep)
                    words[y * width + x] =
                        (uint16_t)((int)(4 * value) << shift | ((x * 11) & ((1 << shift) - 1)));
                else
                    bytes[y * width + x] = (uint8_t)value;
            }
        const HedonFrame frame = {.plane = {words, words, words},
                                  .stride = {width << deep, width << deep, width << deep},
                                  .width = width,
                                  .height = height,
                                  .layout = form == 2   ? HEDON_PIXEL_RGB
                                            : form == 3 ? HEDON_PIXEL_NV12
                                                        : HEDON_PIXEL_YUV420,
                                  .bits = deep ? 10 : 8,
                                  .shift = shift};
        hashes[form] = hedon_frame_hash(&frame);
        free(words);
    }
    assert_true(__builtin_popcountll(hashes[0]) >= 8);
    assert_true(__builtin_popcountll(hashes[0] ^ hashes[1]) <= 2);
    assert_true(__builtin_popcountll(hashes[0] ^ hashes[2]) <= 2);
    assert_true(__builtin_popcountll(hashes[0] ^ hashes[3]) <= 2);
    /* 1 x 1: every cell is the same sample */
    const uint8_t one = 77;
    const HedonFrame tiny = {.plane = {&one}, .stride = {1}, .width = 1, .height = 1, .bits = 8};
    assert_true(hedon_frame_hash(&tiny) == 0);
    /* a ramp, dark to the right: every bit; and the other way, none */
    uint8_t ramp[9];
    for (int i = 0; i < 9; i++) ramp[i] = (uint8_t)(200 - 20 * i);
    HedonFrame row = {.plane = {ramp}, .stride = {0}, .width = 9, .height = 8, .bits = 8};
    assert_true(hedon_frame_hash(&row) == UINT64_MAX);
    for (int i = 0; i < 9; i++) ramp[i] = (uint8_t)(2 * i);
    assert_true(hedon_frame_hash(&row) == 0);
}

/* a.mp4 again, smaller and at a low quality; mirrored; another; two black ones; one broken. */
static void test_near_duplicates_are_found_and_nothing_else(void **state)
{
    (void)state;
    HedonDatasetStats stats;
    const char *folder = write_vce("duplicates");
    static const struct {
        const char *id, *source;
    } videos[] = {{"00000", "a.mp4"},     {"00003", "mirrored.mp4"}, {"00005", "other.mp4"},
                  {"00007", "black.mp4"}, {"00012", "black2.mp4"},   {"00001", "again.mp4"}};
    for (int i = 0; i < 6; i++) {
        char path[400];
        snprintf(path, sizeof(path), "%s/videos/%s.mp4", folder, videos[i].id);
        assert_int_equal(link(in_scratch(videos[i].source), path), 0);
    }
    write_in(folder, "videos/00009.mp4", "no video");
    HedonDataset *dataset = opened("vce", folder);
    measured(&stats, dataset, 0, 1);
    const HedonDuplicates *same = &stats.duplicates;
    assert_int_equal(same->looked, 6);
    assert_int_equal(same->blank, 2);
    assert_int_equal(same->failed, 1);
    assert_int_equal(same->pairs, 1);
    assert_int_equal(same->across, 1);
    assert_int_equal(same->groups, 1);
    assert_int_equal(same->grouped, 2);
    assert_int_equal(same->example_count, 1);
    assert_string_equal(hedon_dataset_item(dataset, same->example[0].a)->id, "00000");
    assert_string_equal(hedon_dataset_item(dataset, same->example[0].b)->id, "00001");
    assert_true(same->example[0].bits <= 24);
    hedon_stats_free(&stats);
    hedon_dataset_close(dataset);
}

/* Three of one kind, two of another: groups and the best examples. */
static void test_groups_of_duplicates(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    const char *folder = make_folder("groups");
    static const char *const sources[] = {"a.mp4", "again.mp4", "a.mp4", "other.mp4", "other.mp4"};
    for (int i = 0; i < 5; i++) {
        char path[400];
        snprintf(path, sizeof(path), "%s/videos/%d.mp4", folder, i);
        assert_int_equal(link(in_scratch(sources[i]), path), 0);
    }
    HedonDataset *dataset = opened("folder", folder);
    HedonVisitOptions visit;
    HedonDuplicates same;
    hedon_visit_options_default(&visit);
    assert_int_equal(hedon_dataset_duplicates(ctx, &same, dataset, &visit, 24, 2), 0);
    assert_int_equal(same.pairs, 4);
    assert_int_equal(same.across, 0);
    assert_int_equal(same.groups, 2);
    assert_int_equal(same.grouped, 5);
    assert_int_equal(same.example_count, 2);
    for (int i = 0; i < 2; i++) assert_int_equal(same.example[i].bits, 0); /* the links */
    hedon_duplicates_free(&same);
    hedon_dataset_close(dataset);
    hedon_context_free(ctx);
}

/* --------------------------------------------------------------------------------------------- */

static void test_memory_may_run_out(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    HedonDataset *dataset = opened("v2v", write_v2v("memory"));
    HedonStatsOptions options;
    hedon_stats_options_default(&options);
    options.open = 0;
    int failed = 1;
    for (int64_t k = 1; failed; k++) {
        HedonDatasetStats stats;
        hedon_memory_fail_at(k);
        const int code = hedon_dataset_stats(ctx, &stats, dataset, &options);
        failed = hedon_memory_failed();
        hedon_memory_fail_at(0);
        assert_int_equal(code, failed ? HEDON_ENOMEM : 0);
        hedon_stats_free(&stats);
    }
    hedon_dataset_close(dataset);
    hedon_context_free(ctx);
}

static int render_all(void **state)
{
    const char *encoder = "-c:v libx264 -pix_fmt yuv420p";
    if (make_scratch(state) || render("a.mp4", "192x144", 2, encoder)) return -1;
    char command[1200];
    snprintf(command, sizeof(command),
             "cd %s && q='ffmpeg -v error -nostdin -y' && "
             "$q -i a.mp4 -vf scale=128:96 -c:v libx264 -crf 33 again.mp4 && "
             "$q -i a.mp4 -vf hflip -c:v libx264 mirrored.mp4 && "
             "$q -f lavfi -i mandelbrot=size=160x120:rate=10 -t 3 -c:v libx264 -pix_fmt yuv420p "
             "other.mp4 && "
             "$q -f lavfi -i color=black:size=160x120:rate=10 -t 1 -c:v libx264 black.mp4 && "
             "$q -f lavfi -i color=black:size=64x64:rate=10 -t 1 -c:v libx264 black2.mp4",
             scratch);
    return system(command);
}

int main(void)
{
    setenv("HEDON_DECODE_WORKER", REAL_WORKER, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_balance_of_labels),
        cmocka_unit_test(test_classes_and_ratings),
        cmocka_unit_test(test_connectivity),
        cmocka_unit_test(test_durations_by_nearest_rank),
        cmocka_unit_test(test_durations_of_videos),
        cmocka_unit_test(test_frame_hash_sees_the_picture_only),
        cmocka_unit_test(test_near_duplicates_are_found_and_nothing_else),
        cmocka_unit_test(test_groups_of_duplicates),
        cmocka_unit_test(test_memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, render_all, remove_scratch);
}
