/* The trainer: what it leaves behind, that it goes on where it stopped, and that what goes wrong is
 * told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/model.h"
#include "train/data.h"
#include "tests/train_fixture.h"

/* ---- The run folder */

static void the_folder_has_what_is_promised(void **state)
{
    (void)state;
    static const char *const names[] = {"config.json",      "log.jsonl",        "curves.png",
                                        "last.safetensors", "best.safetensors", "resume.state",
                                        "report.html"};
    HedonTrainConfig config;
    Heard heard = {0};
    quick_config(&config, &hedon_recipe_joint);
    config.recipe.clips = 4;
    config.recipe.pairs = 2;
    assert_int_equal(train(&config, "folder", 0, &heard), 0);
    assert_int_equal(heard.epochs, 2);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64];
        struct stat status;
        snprintf(name, sizeof name, "folder/%s", names[i]);
        assert_int_equal(stat(in_folder(name), &status), 0);
        assert_true(status.st_size > 0);
    }
    HedonModel *model;
    assert_int_equal(hedon_model_open(ctx, &model, in_folder("folder/best.safetensors")), 0);
    const HedonModelInfo *info = hedon_model_info(model);
    assert_int_equal(info->head_count, 2);
    assert_int_equal(info->clip_frames, 4);
    assert_true(info->human_trained);
    assert_non_null(strstr(info->trained_on, "VCE train part and V2V train part"));
    assert_non_null(info->reference_name);
    assert_true(info->reference_count >= 2);
    hedon_model_close(model);
    /* what validates is not trained on, and the test part is in neither */
    const json_int_t clips = json_integer_value(json_object_get(heard.start, "train_clips"));
    const json_int_t held = json_integer_value(json_object_get(heard.start, "held_out_clips"));
    assert_int_equal(clips + held, VIDEOS);
    assert_true(held > 0);
    assert_true(json_integer_value(json_object_get(heard.start, "held_out_pairs")) > 0);
    assert_int_equal(train(&config, "folder", 0, &heard), HEDON_EINVAL); /* a run is there */
    assert_non_null(strstr(hedon_last_error(ctx), "--resume"));
    forget(&heard);
}

static void synthetic_data_is_said_to_be(void **state)
{
    (void)state;
    HedonTrainConfig config;
    Heard heard = {0};
    quick_config(&config, &hedon_recipe_vce);
    config.recipe.epochs = 1;
    dump(json_object(), "vce/synth.json");
    assert_int_equal(train(&config, "synthetic", 0, &heard), 0);
    remove(in_folder("vce/synth.json"));
    HedonModel *model;
    assert_int_equal(hedon_model_open(ctx, &model, in_folder("synthetic/last.safetensors")), 0);
    assert_false(hedon_model_info(model)->human_trained);
    assert_non_null(strstr(hedon_model_info(model)->trained_on, "synthetic"));
    assert_non_null(strstr(hedon_model_info(model)->caveat, "synthetic"));
    hedon_model_close(model);
    forget(&heard);
}

/* ---- What percentiles are against */

typedef struct Scored {
    double utility[VIDEOS];
    char paths[VIDEOS][256];
    int next, count;
} Scored;

static int next_path(void *opaque, const char **path)
{
    Scored *scored = opaque;
    if (scored->next == scored->count) return 1;
    *path = scored->paths[scored->next++];
    return 0;
}

static int keep_score(void *opaque, const HedonScore *score)
{
    Scored *scored = opaque;
    assert_int_equal(score->code, 0);
    scored->utility[score->number] = score->utility;
    return 0;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

enum { CHANGING = 8 };

/* Videos that change, so that one clip of them does not tell what scoring finds in the whole. */
static void make_changing_videos(const char *table)
{
    FILE *file = fopen(in_folder(table), "wb");
    fputs("less,more\n", file);
    for (int i = 0; i < CHANGING; i++) {
        char arguments[256], name[64];
        snprintf(arguments, sizeof arguments,
                 "-f lavfi -t 7 -i color=c=black:s=32x32:r=4,"
                 "geq=lum='mod(%d*T+%d*T*T\\,256)':cb=128:cr=128 "
                 "-c:v libx264 -preset ultrafast -pix_fmt yuv420p",
                 10 + 5 * i, i);
        snprintf(name, sizeof name, "changing%d.mp4", i);
        render(arguments, name);
        if (i) fprintf(file, "changing%d,changing%d\n", i, i - 1);
    }
    fclose(file);
}

static void list_held_out(const HedonTrainConfig *config, Scored *scored)
{
    HedonTrainData data;
    char seen[CHANGING] = {0};
    assert_int_equal(hedon_train_data_open(ctx, &data, config), 0);
    for (int64_t i = 0; i < 2 * data.held.pair_count; i++) {
        const HedonComparison *pair = hedon_dataset_comparison(data.v2v, data.held.pairs[i / 2]);
        if (!seen[pair->item[i % 2]]++)
            snprintf(scored->paths[scored->count++], 256, "%s",
                     hedon_dataset_item(data.v2v, pair->item[i % 2])->path);
    }
    hedon_train_data_close(&data);
}

/* The model's reference is what hedon score says of the videos, ascending. */
static void assert_reference(const char *file, Scored *scored)
{
    HedonModel *model;
    HedonScorer *scorer;
    HedonScorerOptions options;
    assert_int_equal(hedon_model_open(ctx, &model, in_folder(file)), 0);
    hedon_scorer_options_default(&options);
    options.device.threads = 1;
    assert_int_equal(hedon_scorer_open(ctx, &scorer, model, &options), 0);
    const HedonScoreCallbacks callbacks = {
        .opaque = scored, .next = next_path, .finished = keep_score};
    assert_int_equal(hedon_scorer_run(ctx, scorer, &callbacks), 0);
    qsort(scored->utility, (size_t)scored->count, sizeof(double), ascending);
    const HedonModelInfo *info = hedon_model_info(model);
    assert_int_equal(info->reference_count, scored->count);
    for (int i = 0; i < scored->count; i++)
        assert_true(fabs(info->reference[i] - scored->utility[i]) <=
                    1e-6 * fabs(scored->utility[i]));
    hedon_scorer_close(scorer);
    hedon_model_close(model);
}

static void the_reference_is_what_scoring_finds(void **state)
{
    (void)state;
    static const struct {
        HedonClipSampling sampling;
        const char *out, *file;
    } cases[] = {{HEDON_CLIP_RATE, "at-rate", "at-rate/last.safetensors"},
                 {HEDON_CLIP_EVEN, "evenly", "evenly/best.safetensors"}};
    char path[256];
    make_changing_videos("changing.csv");
    snprintf(path, sizeof path, "%s", in_folder("changing.csv"));
    for (int k = 0; k < 2; k++) {
        HedonTrainConfig config;
        Heard heard = {0};
        Scored scored = {.count = 0};
        quick_config(&config, &hedon_recipe_v2v);
        config.v2v = path;
        config.recipe.epochs = 1;
        config.recipe.held_out = .5;
        config.recipe.pairs = 1;
        config.recipe.sampling = cases[k].sampling;
        config.recipe.clip_rate = 4;
        assert_int_equal(train(&config, cases[k].out, 0, &heard), 0);
        list_held_out(&config, &scored);
        assert_true(scored.count >= 3);
        assert_reference(cases[k].file, &scored);
        forget(&heard);
    }
}

/* ---- Lists and ties */

static void write_lists(const char *name, const char *rows)
{
    FILE *file = fopen(in_folder(name), "wb");
    fputs("less,more,tie,list\n", file);
    fputs(rows, file);
    fclose(file);
}

/* Chains of pairs and a given list, one of whose videos is broken: the rest of it still counts. */
static void lists_are_learnt(void **state)
{
    (void)state;
    HedonTrainConfig config;
    Heard heard = {0}, again = {0};
    char path[256];
    write_lists("lists.csv",
                "vce/videos/00000,vce/videos/00005,,\n"
                "vce/videos/00005,vce/videos/00010,,\n"
                "vce/videos/00010,vce/videos/00015,,\n"
                "vce/videos/00002,vce/videos/00019,,\n"
                ",,,vce/videos/00001 vce/videos/none vce/videos/00011 vce/videos/00018\n");
    snprintf(path, sizeof path, "%s", in_folder("lists.csv"));
    quick_config(&config, &hedon_recipe_v2v);
    config.v2v = path;
    config.recipe.utility_loss = HEDON_LOSS_PLACKETT_LUCE;
    config.recipe.held_out = 0;
    config.recipe.pairs = 3;
    config.recipe.epochs = 60;
    config.recipe.drop_path = 0;
    assert_int_equal(train(&config, "lists", 0, &heard), 0);
    assert_int_equal(json_integer_value(json_object_get(heard.start, "train_lists")), 3);
    assert_int_equal(heard.broken, 1);
    print_message("lists: loss %.4f to %.4f\n", heard.first_loss, heard.last_loss);
    assert_true(heard.first_loss >
                1); /* of random orders of 4, 3 and 2: (log 24 + log 6 + log 2) / 3 */
    assert_true(heard.last_loss < .1);
    config.recipe.epochs = 5;
    config.recipe.margin = .5;
    assert_int_equal(train(&config, "margin", 0, &again), HEDON_EINVAL);
    forget(&heard);
    forget(&again);
}

/* Of a tie nothing better can be learnt than equal utilities: its loss goes to log 2. */
static void ties_are_learnt_as_equal(void **state)
{
    (void)state;
    HedonTrainConfig config;
    Heard half = {0}, out = {0};
    char path[256];
    write_lists("ties.csv", "vce/videos/00000,vce/videos/00019,1,\n"
                            "vce/videos/00003,vce/videos/00012,,\n");
    snprintf(path, sizeof path, "%s", in_folder("ties.csv"));
    quick_config(&config, &hedon_recipe_v2v);
    config.v2v = path;
    config.recipe.held_out = 0;
    config.recipe.pairs = 2;
    config.recipe.epochs = 100;
    config.recipe.drop_path = 0;
    assert_int_equal(train(&config, "half", 0, &half), 0);
    assert_int_equal(json_integer_value(json_object_get(half.start, "ties")), 1);
    print_message("ties: loss %.4f to %.4f\n", half.first_loss, half.last_loss);
    assert_true(fabs(half.last_loss - log(2) / 2) < .05);
    config.recipe.ties = HEDON_TIES_LEAVE_OUT;
    config.recipe.epochs = 2;
    assert_int_equal(train(&config, "left-out", 0, &out), 0);
    assert_int_equal(json_integer_value(json_object_get(out.start, "train_pairs")), 1);
    assert_int_equal(json_integer_value(json_object_get(out.start, "ties_left_out")), 1);
    forget(&half);
    forget(&out);
}

/* ---- What goes wrong */

/* Stopped in the middle of an epoch, resumed, and stopped again at its end: the same weights. */
static void a_stopped_run_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    HedonTrainConfig config;
    quick_config(&config, &hedon_recipe_joint);
    config.recipe.clips = 2;
    config.recipe.pairs = 1;
    config.recipe.average = .9;
    config.recipe.epochs = 3;
    config.recipe.augment = "vce";
    config.recipe.mixup = .8;
    config.recipe.cutmix = 1;
    config.recipe.accumulate = 2;
    Heard whole = {0}, first = {.stop_at = 2}, second = {.stop_at = 4}, third = {0};
    assert_int_equal(train(&config, "whole", 0, &whole), 0);
    assert_int_equal(train(&config, "parts", 0, &first), HEDON_ECANCELLED);
    config.workers = 1; /* the number of decoders changes nothing */
    assert_int_equal(train(&config, "parts", 1, &second), HEDON_ECANCELLED);
    assert_int_equal(train(&config, "parts", 1, &third), 0);
    assert_int_equal(whole.steps, 9);
    assert_int_equal(first.steps + second.steps + third.steps, whole.steps);
    assert_same_files("whole/last.safetensors", "parts/last.safetensors");
    assert_same_files("whole/best.safetensors", "parts/best.safetensors");
    forget(&whole);
    forget(&first);
    forget(&second);
    forget(&third);
}

static void another_configuration_is_refused(void **state)
{
    (void)state;
    HedonTrainConfig config;
    Heard heard = {.stop_at = 2}, other = {0}, forced = {.stop_at = 1}, rest = {0};
    quick_config(&config, &hedon_recipe_vce);
    config.recipe.clips = 4;
    assert_int_equal(train(&config, "refuse", 0, &heard), HEDON_ECANCELLED);
    config.device.threads = 2;
    assert_int_equal(train(&config, "refuse", 1, &other), HEDON_EINVAL);
    assert_non_null(strstr(hedon_last_error(ctx), "threads"));
    config.device.threads = 1;
    config.recipe.rate *= 2;
    assert_int_equal(train(&config, "refuse", 1, &other), HEDON_EINVAL);
    assert_non_null(strstr(hedon_last_error(ctx), "configuration"));
    /* --force takes the state over, and says what changed; then it is the run's own */
    const HedonTrainCallbacks callbacks = {.opaque = &forced, .event = hear, .stop = wants_stop};
    assert_int_equal(hedon_train(ctx, in_folder("refuse"), &config,
                                 &(HedonTrainOptions){.resume = 1, .force = 1}, &callbacks),
                     HEDON_ECANCELLED);
    assert_int_equal(
        json_array_size(json_object_get(json_object_get(forced.options, "changed"), "rate")), 2);
    assert_int_equal(json_object_size(json_object_get(forced.options, "changed")), 1);
    assert_int_equal(train(&config, "refuse", 1, &rest), 0);
    assert_null(rest.options);
    forget(&heard);
    forget(&other);
    forget(&forced);
    forget(&rest);
}

static void not_finite_stops_and_names_the_videos(void **state)
{
    (void)state;
    HedonTrainConfig config;
    Heard heard = {0};
    quick_config(&config, &hedon_recipe_v2v);
    config.recipe.rate = 1e6;
    config.recipe.pairs = 2;
    assert_int_equal(train(&config, "nan", 0, &heard), HEDON_EDATA);
    const char *sentence = hedon_last_error(ctx);
    assert_non_null(strstr(sentence, "not finite at step"));
    assert_non_null(strstr(sentence, "videos 000"));
    assert_non_null(strstr(sentence, "last good checkpoint"));
    forget(&heard);
}

static void broken_videos_are_left_out(void **state)
{
    (void)state;
    HedonTrainConfig config;
    Heard heard = {0}, again = {0}, strict = {0};
    quick_config(&config, &hedon_recipe_vce);
    config.recipe.held_out = 0;
    config.recipe.clips = 4;
    config.recipe.epochs = 1;
    config.max_broken = .3;
    char saved[6][256];
    for (int i = 0; i < 6; i++) {
        char name[64];
        snprintf(name, sizeof name, "vce/videos/%05d.mp4", i * 3);
        snprintf(saved[i], sizeof saved[i], "%s.aside", in_folder(name));
        assert_int_equal(rename(in_folder(name), saved[i]), 0);
        FILE *file = fopen(in_folder(name), "wb");
        if (i % 2) fputs("not a video", file);
        fclose(file);
    }
    assert_int_equal(train(&config, "broken", 0, &heard), 0);
    assert_int_equal(heard.broken, 6);
    config.workers = 1;
    assert_int_equal(train(&config, "broken-again", 0, &again), 0);
    assert_same_files("broken/last.safetensors", "broken-again/last.safetensors");
    config.max_broken = .05;
    assert_int_equal(train(&config, "broken-strict", 0, &strict), HEDON_EDATA);
    assert_non_null(strstr(hedon_last_error(ctx), "--max-broken"));
    for (int i = 0; i < 6; i++) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)(strlen(saved[i]) - strlen(".aside")), saved[i]);
        assert_int_equal(rename(saved[i], name), 0);
    }
    forget(&heard);
    forget(&again);
    forget(&strict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_folder_has_what_is_promised),
        cmocka_unit_test(synthetic_data_is_said_to_be),
        cmocka_unit_test(the_reference_is_what_scoring_finds),
        cmocka_unit_test(lists_are_learnt),
        cmocka_unit_test(ties_are_learnt_as_equal),
        cmocka_unit_test(a_stopped_run_goes_on_to_the_same_bits),
        cmocka_unit_test(another_configuration_is_refused),
        cmocka_unit_test(not_finite_stops_and_names_the_videos),
        cmocka_unit_test(broken_videos_are_left_out),
    };
    return cmocka_run_group_tests(tests, start_training_tests, end_training_tests);
}
