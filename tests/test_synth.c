/* Synthetic labels and scenes: the files obey every rule of the real layouts, and what the scenes
 * show is what the labels are about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "datasets/synth_outline.h"
#include "datasets/synth_scene.h"

enum { VIDEOS = 900 };

static char folder[] = "/tmp/hedon-synth-XXXXXX";
static HedonSynthPlan plan;
static json_t *vce[3], *v2v[4], *latents, *v2v_latents; /* train, test, metadata; and lists */

static json_t *load(const char *kind, const char *name)
{
    char path[256];
    json_error_t error;
    snprintf(path, sizeof(path), "%s/%s/%s", folder, kind, name);
    json_t *root = json_load_file(path, 0, &error);
    if (!root) fail_msg("%s: %s", path, error.text);
    return root;
}

static int write_datasets(void **state)
{
    (void)state;
    char path[256];
    HedonContext *ctx = hedon_context_new();
    if (!ctx || !mkdtemp(folder)) return -1;
    assert_int_equal(hedon_synth_plan(ctx, &plan, (HedonSynthUniverse){5, VIDEOS}), 0);
    for (HedonSynthKind kind = HEDON_SYNTH_VCE; kind <= HEDON_SYNTH_V2V; kind++) {
        snprintf(path, sizeof(path), "%s/%s", folder, hedon_synth_kind_name(kind));
        mkdir(path, 0700);
        assert_int_equal(hedon_synth_write_labels(ctx, &plan, kind, path), 0);
    }
    hedon_context_free(ctx);
    static const char *const names[] = {"train_labels.json", "test_labels.json", "metadata.json"};
    for (int i = 0; i < 3; i++) {
        vce[i] = load("vce", names[i]);
        v2v[i] = load("v2v", names[i]);
    }
    v2v[3] = load("v2v", "listwise_labels.json");
    latents = load("vce", "latents.json");
    v2v_latents = load("v2v", "latents.json");
    return 0;
}

static int remove_datasets(void **state)
{
    (void)state;
    char command[300];
    for (int i = 0; i < 3; i++) json_decref(vce[i]);
    for (int i = 0; i < 4; i++) json_decref(v2v[i]);
    json_decref(latents);
    json_decref(v2v_latents);
    hedon_synth_plan_free(&plan);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static double pleasure_of(const char *id)
{
    return json_real_value(json_array_get(json_object_get(latents, id), HEDON_PLEASURE));
}

/* ---- VCE ------------------------------------------------------------------------------------ */

typedef struct Seen {
    int ties, top_is_not_label;
} Seen;

static void check_rating(const char *id, json_t *entry, Seen *seen)
{
    char file[64];
    double intensity[HEDON_EMOTIONS];
    int label = 0, position = 0, rank[3];
    json_t *emotions = json_object_get(entry, "emotions"), *value;
    const char *name;
    assert_int_equal(json_object_size(entry), 3);
    assert_int_equal(json_object_size(emotions), HEDON_EMOTIONS);
    json_object_foreach(emotions, name, value)
    {
        assert_string_equal(name, hedon_emotion_name(position));
        assert_true(json_is_real(value));
        const double x = intensity[position] = json_real_value(value);
        assert_true(x >= 0 && x <= 1 && x == round(x * 120) / 120);
        if (x > intensity[label]) label = position;
        position++;
    }
    assert_true(intensity[label] > 0);
    snprintf(file, sizeof(file), "videos/%s.mp4", id);
    assert_string_equal(json_string_value(json_object_get(entry, "file")), file);

    json_t *top = json_object_get(entry, "topK");
    assert_int_equal(json_array_size(top), 3);
    for (size_t i = 0; i < 3; i++) {
        rank[i] = -1;
        for (int k = 0; k < HEDON_EMOTIONS; k++)
            if (!strcmp(json_string_value(json_array_get(top, i)), hedon_emotion_name(k)))
                rank[i] = k;
        assert_true(rank[i] >= 0);
        if (i > 0) assert_true(intensity[rank[i]] <= intensity[rank[i - 1]]);
    }
    assert_true(rank[0] != rank[1] && rank[1] != rank[2] && rank[0] != rank[2]);
    for (int k = 0; k < HEDON_EMOTIONS; k++)
        if (k != rank[0] && k != rank[1] && k != rank[2])
            assert_true(intensity[k] <= intensity[rank[2]]);
    assert_true(intensity[rank[0]] == intensity[label]);
    seen->top_is_not_label += rank[0] != label;
    seen->ties += intensity[rank[1]] == intensity[rank[0]];
}

static void vce_labels_obey_the_layout(void **state)
{
    (void)state;
    Seen seen = {0};
    const char *id;
    json_t *entry;
    for (int split = 0; split < 2; split++) json_object_foreach(vce[split], id, entry)
        {
            assert_int_equal(strlen(id), 5);
            assert_null(json_object_get(vce[1 - split], id));
            check_rating(id, entry, &seen);
        }
    assert_int_equal(json_object_size(vce[0]), lround(VIDEOS * 50000.0 / 61046));
    assert_int_equal(json_object_size(vce[0]) + json_object_size(vce[1]), VIDEOS);
    assert_non_null(json_object_get(vce[2], "00007"));
    assert_true(seen.ties > VIDEOS / 50 && seen.ties < VIDEOS / 2);
    assert_true(seen.top_is_not_label > VIDEOS / 100); /* so topK[0] can't stand for the label */
}

static void metadata_has_numbers_as_strings_where_vce_has(void **state)
{
    (void)state;
    const char *id;
    json_t *entry;
    assert_int_equal(json_object_size(vce[2]), VIDEOS);
    assert_true(json_equal(vce[2], v2v[2])); /* V2V's is VCE's whole one */
    int enough = 0;
    json_object_foreach(vce[2], id, entry)
    {
        int numerator, divisor, used = 0;
        const char *rate = json_string_value(json_object_get(entry, "frame_rate"));
        assert_int_equal(sscanf(rate, "%d/%d%n", &numerator, &divisor, &used), 2);
        assert_int_equal(rate[used], 0);
        const char *duration = json_string_value(json_object_get(entry, "duration"));
        const char *frames = json_string_value(json_object_get(entry, "number_of_frames"));
        const double seconds = atof(duration);
        assert_true(strlen(strchr(duration, '.')) == 7 && seconds > 1.9 && seconds < 12.1);
        assert_true(fabs(atoi(frames) * (double)divisor / numerator - seconds) < 1e-6);
        assert_true(json_is_integer(json_object_get(entry, "width")));
        assert_true(json_integer_value(json_object_get(entry, "height")) % 2 == 0);
        assert_string_equal(json_string_value(json_object_get(entry, "codec_name")), "h264");
        enough += seconds >= 4;
    }
    assert_true(enough > 0.85 * VIDEOS && enough < VIDEOS); /* 16 frames at 4 a second, mostly */
}

/* ---- V2V ------------------------------------------------------------------------------------ */

/* The root of a video's tree, by number. */
static int root_of(const int *parent, int i)
{
    while (parent[i] != i) i = parent[i];
    return i;
}

static void v2v_pairs_are_trees_and_splits_share_no_video(void **state)
{
    (void)state;
    int split_of[VIDEOS] = {0}, parent[VIDEOS], shown = 0, right = 0, pairs = 0;
    for (int i = 0; i < VIDEOS; i++) parent[i] = i;
    static const int files[] = {0, 1, 3};
    for (int f = 0; f < 3; f++) {
        size_t i, k;
        json_t *comparison, *member;
        json_array_foreach(json_object_get(v2v[files[f]], "comparisons"), i, comparison)
        {
            const size_t count = json_array_size(comparison);
            assert_true(f < 2 ? count == 2 : count >= 2 && count <= 4);
            json_array_foreach(comparison, k, member)
            {
                const char *id = json_string_value(member);
                const int number = atoi(id);
                assert_true(strlen(id) == 5 && number < VIDEOS);
                assert_non_null(json_object_get(v2v_latents, id));
                assert_true(!split_of[number] || split_of[number] == f + 1);
                shown += !split_of[number];
                split_of[number] = f + 1;
                for (size_t other = 0; other < k; other++)
                    assert_string_not_equal(id,
                                            json_string_value(json_array_get(comparison, other)));
            }
            if (count > 2 || f == 2) continue;
            const char *least = json_string_value(json_array_get(comparison, 0));
            const char *most = json_string_value(json_array_get(comparison, 1));
            const int a = root_of(parent, atoi(least)), b = root_of(parent, atoi(most));
            assert_int_not_equal(a, b); /* neither twice nor in a circle */
            parent[a] = b;
            pairs++;
            right += pleasure_of(most) > pleasure_of(least);
        }
    }
    assert_int_equal(shown, lround(VIDEOS * 26670.0 / 61046));
    assert_int_equal(json_object_size(v2v_latents), shown);
    assert_true(right > 0.8 * pairs && right < pairs); /* the second is the more pleasant, mostly */
}

static void splits_of_the_two_datasets_differ(void **state)
{
    (void)state;
    int vce_test_in_v2v_train = 0;
    for (int64_t i = 0; i < plan.pairs_train.count; i++)
        vce_test_in_v2v_train += plan.vce_test[plan.pairs_train.at[i].video[0]];
    assert_true(vce_test_in_v2v_train > 10);
}

/* ---- Seeds, bounds -------------------------------------------------------------------------- */

static char *read_label_file(const char *kind, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s/%s", folder, kind, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, 4 << 20);
    assert_true(text && fread(text, 1, (4 << 20) - 1, file) > 100);
    fclose(file);
    return text;
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    static const char *const names[] = {"train_labels.json", "listwise_labels.json",
                                        "metadata.json"};
    char path[256];
    snprintf(path, sizeof(path), "%s/other", folder);
    mkdir(path, 0700);
    for (uint64_t seed = 5; seed <= 6; seed++) {
        HedonSynthPlan other;
        assert_int_equal(hedon_synth_plan(NULL, &other, (HedonSynthUniverse){seed, VIDEOS}), 0);
        assert_int_equal(hedon_synth_write_labels(NULL, &other, HEDON_SYNTH_V2V, path), 0);
        for (int i = 0; i < 3; i++) {
            char *one = read_label_file("v2v", names[i]), *two = read_label_file("other", names[i]);
            assert_int_equal(!strcmp(one, two), seed == 5);
            free(one);
            free(two);
        }
        hedon_synth_plan_free(&other);
    }
}

/* Top-3 and pairs of the oracle, from nothing but the files. */
static void the_ceiling_is_that_of_the_files_latents(void **state)
{
    (void)state;
    const char *id;
    json_t *entry, *comparison;
    int top3 = 0, right = 0;
    json_object_foreach(vce[1], id, entry)
    {
        const char *name;
        json_t *value;
        int label = 0, k = 0, nearer = 0;
        double most = -1, distance[HEDON_EMOTIONS];
        json_object_foreach(json_object_get(entry, "emotions"), name, value)
        {
            if (json_real_value(value) > most) label = k;
            if (json_real_value(value) > most) most = json_real_value(value);
            distance[k] = 0;
            for (int d = 0; d < HEDON_PAD; d++) {
                json_t *at = json_array_get(json_object_get(latents, id), (size_t)d);
                distance[k] += pow(json_real_value(at) - hedon_emotion_word_standard(k, d), 2);
            }
            k++;
        }
        for (k = 0; k < HEDON_EMOTIONS; k++) nearer += distance[k] < distance[label];
        top3 += nearer < 3;
    }
    json_t *pairs = json_object_get(v2v[1], "comparisons");
    size_t i;
    json_array_foreach(pairs, i, comparison) right +=
        pleasure_of(json_string_value(json_array_get(comparison, 1))) >
        pleasure_of(json_string_value(json_array_get(comparison, 0)));
    char *card;
    assert_int_equal(hedon_synth_card(NULL, &plan, HEDON_SYNTH_VCE, 1, &card), 0);
    json_t *root = json_loads(card, 0, NULL);
    free(card);
    const double printed =
        json_real_value(json_object_get(json_object_get(root, "oracle"), "top3"));
    assert_true(fabs(printed - (double)top3 / (double)json_object_size(vce[1])) < 1e-6);
    assert_true(printed > 0.75 && printed < 0.97);
    json_decref(root);
    const HedonSynthV2vBounds bounds = hedon_synth_v2v_bounds(&plan);
    assert_true(fabs(bounds.oracle_pairs - (double)right / (double)json_array_size(pairs)) < 1e-9);
    assert_true(bounds.chance_lists > 1.0 / 24 && bounds.chance_lists < 0.5);
}

static void every_size_of_universe_has_something_in_every_split(void **state)
{
    (void)state;
    for (int64_t videos = HEDON_SYNTH_LEAST; videos < 120; videos++) {
        HedonSynthPlan small;
        assert_int_equal(hedon_synth_plan(NULL, &small, (HedonSynthUniverse){1, videos}), 0);
        assert_true(small.pairs_train.count > 0 && small.pairs_test.count > 0);
        assert_true(small.lists.count > 0 && small.vce_train < videos);
        for (int64_t i = 0; i < small.lists.count; i++) assert_true(small.lists.at[i].count >= 2);
        hedon_synth_plan_free(&small);
    }
    HedonContext *ctx = hedon_context_new();
    HedonSynthPlan wrong;
    assert_int_equal(hedon_synth_plan(ctx, &wrong, (HedonSynthUniverse){1, 3}), HEDON_EINVAL);
    hedon_synth_plan_free(&wrong);
    hedon_context_free(ctx);
}

static void a_plan_survives_failing_allocations(void **state)
{
    (void)state;
    int failed = 1;
    for (int64_t k = 1; failed; k++) {
        HedonSynthPlan partial;
        hedon_memory_fail_at(k);
        const int code = hedon_synth_plan(NULL, &partial, (HedonSynthUniverse){1, 50});
        failed = hedon_memory_failed();
        hedon_memory_fail_at(0);
        assert_int_equal(code, failed ? HEDON_ENOMEM : 0);
        hedon_synth_plan_free(&partial);
    }
}

/* ---- Scenes --------------------------------------------------------------------------------- */

static double correlation(const double *x, const double *y, int n)
{
    double sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0;
    for (int i = 0; i < n; i++) {
        sx += x[i];
        sy += y[i];
        sxx += x[i] * x[i];
        syy += y[i] * y[i];
        sxy += x[i] * y[i];
    }
    return (sxy - sx * sy / n) / sqrt((sxx - sx * sx / n) * (syy - sy * sy / n));
}

/* The figures' hue says how pleasant the film is, their size dominance, their number arousal; the
 * background says nothing. */
static void scenes_tell_the_latents(void **state)
{
    (void)state;
    static double pleasure[VIDEOS], arousal[VIDEOS], dominance[VIDEOS], hue[VIDEOS],
        radius[VIDEOS], number[VIDEOS], wall[VIDEOS], brightness[VIDEOS];
    for (int i = 0; i < VIDEOS; i++) {
        static HedonSynthScene scene;
        const HedonSynthLatent latent = hedon_synth_latent(5, i);
        hedon_synth_scene(&scene, 5, i);
        pleasure[i] = latent.at[HEDON_PLEASURE];
        arousal[i] = latent.at[HEDON_AROUSAL];
        dominance[i] = latent.at[HEDON_DOMINANCE];
        hue[i] = scene.fill.v - 128; /* red is high, green low */
        radius[i] = scene.radius;
        number[i] = scene.figure_count;
        wall[i] = scene.shots[0].wall.first.v;
        brightness[i] = scene.shots[0].wall.first.y + scene.shots[0].wall.second.y;
    }
    assert_true(correlation(hue, pleasure, VIDEOS) > 0.95);
    assert_true(correlation(radius, dominance, VIDEOS) > 0.85);
    assert_true(correlation(number, arousal, VIDEOS) > 0.8);
    assert_true(fabs(correlation(wall, pleasure, VIDEOS)) < 0.12);
    assert_true(fabs(correlation(brightness, pleasure, VIDEOS)) < 0.12);
}

static uint64_t hash_frame(HedonSynthPainter *painter, const HedonSynthScene *scene, int index)
{
    static uint8_t planes[3][400 * 400];
    const HedonSynthPicture picture = {{planes[0], planes[1], planes[2]}, {400, 400, 400}};
    memset(planes, 0, sizeof(planes));
    assert_int_equal(hedon_synth_paint(NULL, painter, scene, index, &picture), 0);
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < sizeof(planes); i++)
        hash = (hash ^ ((const uint8_t *)planes)[i]) * 0x100000001b3u;
    return hash;
}

static void a_frame_depends_on_nothing_but_scene_and_number(void **state)
{
    (void)state;
    static HedonSynthScene one, two;
    HedonSynthPainter *painter = hedon_synth_painter_new(), *fresh = hedon_synth_painter_new();
    assert_true(painter && fresh);
    hedon_synth_scene(&one, 5, 1);
    hedon_synth_scene(&two, 5, 2);
    const uint64_t first = hash_frame(painter, &one, 3);
    assert_true(hash_frame(painter, &two, one.frames - 1) != first);
    assert_true(hash_frame(painter, &one, 4) != first);
    assert_true(hash_frame(painter, &one, 3) == first);
    assert_true(hash_frame(fresh, &one, 3) == first);
    hedon_synth_painter_free(painter);
    hedon_synth_painter_free(fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vce_labels_obey_the_layout),
        cmocka_unit_test(metadata_has_numbers_as_strings_where_vce_has),
        cmocka_unit_test(v2v_pairs_are_trees_and_splits_share_no_video),
        cmocka_unit_test(splits_of_the_two_datasets_differ),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(the_ceiling_is_that_of_the_files_latents),
        cmocka_unit_test(every_size_of_universe_has_something_in_every_split),
        cmocka_unit_test(a_plan_survives_failing_allocations),
        cmocka_unit_test(scenes_tell_the_latents),
        cmocka_unit_test(a_frame_depends_on_nothing_but_scene_and_number),
    };
    return cmocka_run_group_tests(tests, write_datasets, remove_datasets);
}
