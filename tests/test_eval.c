/* hedon eval as a user runs it, on datasets of a few videos whose numbers are known by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <math.h>

#include "tests/eval_fixture.h"

/* ---- Reading results */

static json_t *result_of(const Ran *ran)
{
    json_error_t error;
    if (ran->status) fail_msg("exit %d: %s", ran->status, ran->err);
    json_t *document = json_loads(ran->out, 0, &error);
    if (!document) fail_msg("%s in %s", error.text, ran->out);
    assert_string_equal(json_string_value(json_object_get(document, "schema")), "hedon.eval/1");
    return document;
}

static const json_t *named(const json_t *document, const char *list, const char *name)
{
    size_t i;
    const json_t *result;
    json_array_foreach(json_object_get(document, list), i, result)
    {
        const char *has = json_string_value(json_object_get(result, "name"));
        if (strstr(has, name)) return result;
    }
    fail_msg("there is no %s among the %s", name, list);
    return NULL;
}

static void check_metric(const json_t *result, const char *key, double wanted)
{
    const json_t *metric = json_object_get(json_object_get(result, "metrics"), key);
    if (!metric) fail_msg("there is no metric %s", key);
    const double value = json_number_value(json_object_get(metric, "value"));
    if (!(fabs(value - wanted) < 1e-5)) fail_msg("%s is %g, not %g", key, value, wanted);
}

static void check_count(const json_t *result, const char *key, int wanted)
{
    const json_t *count = json_object_get(result, key);
    if (!json_is_integer(count) || json_integer_value(count) != wanted)
        fail_msg("%s is %lld, not %d", key, (long long)json_integer_value(count), wanted);
}

/* ---- VCE */

static void vce_gives_the_numbers_known_by_hand(void **state)
{
    (void)state;
    Ran ran = RUN("eval", "vce", "--data", in_scratch("vce"), "--predictions",
                  in_scratch("all.csv"), "--json", "--bootstrap", "50");
    json_t *document = result_of(&ran);
    const json_t *model = named(document, "models", "all.csv");
    check_count(model, "evaluated", 4);
    check_count(model, "all_zero_labels", 1);
    assert_string_equal(json_string_value(json_object_get(model, "scale")), "intensities");
    /* places of the labels: 1; 2 (the tie's first is Anger); 2 (all zero counts as Admiration,
     * which is first among the other zeros); 4 */
    check_metric(model, "top1", .25);
    check_metric(model, "top2", .75);
    check_metric(model, "top3", .75);
    check_metric(model, "top5", 1);
    check_metric(model, "macro_top2", .75);
    check_metric(model, "l1", (0 + 2 * (.8 / 1.5 - .5) + 2 * (1 - .1 / 2.5)) / 3);
    check_metric(
        model, "wasserstein",
        /* a thirtieth from Anger to Joy; from Sadness .36, .32 and .28 to Joy, Fear, Anger */
        ((.8 / 1.5 - .5) * sqrt(5.71 * 5.71 + .38 * .38 + 1.86 * 1.86) +
         .36 * sqrt(5.81 * 5.81 + 2.74 * 2.74 + 3.16 * 3.16) +
         .32 * sqrt(.53 * .53 + 3.33 * 3.33 + .52 * .52) +
         .28 * sqrt(.1 * .1 + 3.12 * 3.12 + 1.3 * 1.3)) /
            3);
    const json_t *majority = named(document, "baselines", "majority");
    check_metric(majority, "top1", .25);
    check_metric(majority, "top3", .5); /* Joy, Fear, then class order: Admiration is third */
    check_metric(named(document, "baselines", "mean label"), "l1",
                 (2. / 3 + (1. / 6 + 1. / 2 + 1. / 3) + 2) / 3);
    named(document, "baselines", "random");
    json_decref(document);
    ran_free(&ran);
}

static void missing_extra_and_repeated_ids_are_counted_and_said(void **state)
{
    (void)state;
    char *data = in_scratch("vce"), *file = in_scratch("some.csv");
    Ran ran =
        RUN("eval", "vce", "--data", data, "--predictions", file, "--json", "--bootstrap", "20");
    json_t *document = result_of(&ran);
    const json_t *model = named(document, "models", "some.csv");
    check_count(model, "evaluated", 2);
    check_count(model, "missing", 2);
    check_count(model, "extra", 1);
    check_count(model, "duplicates", 1);
    check_metric(model, "top1", .5);
    json_decref(document);
    ran_free(&ran);
    ran = RUN("eval", "vce", "--data", data, "--predictions", file, "--bootstrap", "20");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "2 without a prediction"));
    assert_non_null(strstr(ran.out, "77777"));
    assert_non_null(strstr(ran.out, "1 repeated, the first counts (00001)"));
    ran_free(&ran);
}

static void a_model_is_compared_on_what_both_have(void **state)
{
    (void)state;
    char *all = in_scratch("all.csv");
    Ran ran = RUN("eval", "vce", "--data", in_scratch("vce"), "--predictions", all, "--against",
                  in_scratch("some.csv"), "--json", "--bootstrap", "50");
    json_t *document = result_of(&ran);
    const json_t *against = json_object_get(document, "against");
    check_count(against, "common", 2);
    const json_t *top1 = json_object_get(json_object_get(against, "metrics"), "top1");
    assert_true(json_number_value(json_object_get(top1, "difference")) == 0);
    assert_true(json_number_value(json_object_get(top1, "p_holm")) == 1);
    json_decref(document);
    ran_free(&ran);
}

static void several_files_give_mean_and_spread(void **state)
{
    (void)state;
    Ran ran = RUN("eval", "vce", "--data", in_scratch("vce"), "--predictions",
                  in_scratch("all.csv"), in_scratch("some.csv"), "--json", "--bootstrap", "20");
    json_t *document = result_of(&ran);
    const json_t *spread = json_object_get(document, "spread");
    check_count(spread, "files", 2);
    const json_t *top1 = json_object_get(json_object_get(spread, "metrics"), "top1");
    const double mean = json_number_value(json_object_get(top1, "mean"));
    const double sd = json_number_value(json_object_get(top1, "sd"));
    assert_true(fabs(mean - .375) < 1e-6 && fabs(sd - .25 / sqrt(2)) < 1e-6);
    json_decref(document);
    ran_free(&ran);
}

static void slices_hold_their_own_videos(void **state)
{
    (void)state;
    Ran ran =
        RUN("eval", "vce", "--data", in_scratch("vce"), "--predictions", in_scratch("all.csv"),
            "--json", "--bootstrap", "20", "--slice", "codec_name,duration,margin,label");
    json_t *document = result_of(&ran);
    check_count(named(document, "slices", "codec_name h264"), "evaluated", 2);
    check_metric(named(document, "slices", "codec_name h264"), "top1", .5);
    check_metric(named(document, "slices", "codec_name vp9"), "top1", 0);
    check_metric(named(document, "slices", "duration 9"), "top2", .5);
    check_count(named(document, "slices", "margin 0"), "evaluated", 2); /* the tie, the all zero */
    check_metric(named(document, "slices", "label Sadness"), "top5", 1);
    json_decref(document);
    ran_free(&ran);
}

/* ---- V2V */

static void v2v_gives_the_numbers_known_by_hand(void **state)
{
    (void)state;
    Ran ran = RUN("eval", "v2v", "--data", in_scratch("v2v"), "--predictions",
                  in_scratch("utilities.csv"), "--json", "--bootstrap", "50");
    json_t *document = result_of(&ran);
    const json_t *model = named(document, "models", "utilities.csv");
    check_count(model, "pairs", 2);
    check_count(model, "lists", 2);
    check_metric(model, "pair_accuracy", .5);
    check_metric(model, "pair_ties", .5);
    check_metric(model, "pair_accuracy_ties_half", .75);
    check_metric(model, "log_loss", (log(2) + log(1 + exp(-1))) / 2);
    check_metric(model, "list_paper", .5);
    check_metric(model, "list_strict", 0);
    check_metric(model, "list_ties", .5);
    check_metric(model, "list_chance", (1. / 6 + 1. / 2) / 2);
    check_metric(model, "kendall_tau_b", (2 / sqrt(3 * 2) - 1) / 2);
    check_metric(model, "reciprocal_rank", (1 + .5) / 2);
    assert_true(json_is_null(json_object_get(model, "temperature")));
    const json_t *chance = named(document, "baselines", "chance");
    check_metric(chance, "pair_accuracy", .5);
    check_metric(chance, "list_paper", (1. / 6 + 1. / 2) / 2);
    check_metric(named(document, "baselines", "duration"), "pair_accuracy", 1);
    json_decref(document);
    ran_free(&ran);
}

/* 400 train pairs of videos of their own: the preferred one has utility 3 three times out of four,
 * so the best temperature is 3 / log 3. Test is not looked at. */
static void a_temperature_is_fitted_on_what_training_held_out(void **state)
{
    (void)state;
    if (shell("mkdir -p %s", in_scratch("fit"))) abort();
    FILE *train = create("fit/train_labels.json"), *file = create("fit.csv");
    fputs("{\"comparisons\":[", train);
    fputs("id,utility\nt0,0\nt1,-3\n", file);
    for (int i = 0; i < 400; i++) {
        fprintf(train, "%s[\"a%d\",\"b%d\"]", i ? "," : "", i, i);
        fprintf(file, "a%d,%d\nb%d,%d\n", i, i % 4 ? 0 : 3, i, i % 4 ? 3 : 0);
    }
    fputs("]}", train);
    fclose(train);
    fclose(file);
    write_text("fit/test_labels.json", "{\"comparisons\":[[\"t0\",\"t1\"]]}");
    write_text("fit/listwise_labels.json", "{\"comparisons\":[]}");
    write_text("fit/metadata.json", "{}");
    Ran ran = RUN("eval", "v2v", "--data", in_scratch("fit"), "--predictions",
                  in_scratch("fit.csv"), "--json", "--bootstrap", "20", "--holdout", "0.999");
    json_t *document = result_of(&ran);
    const json_t *model = named(document, "models", "fit.csv");
    check_count(model, "evaluated", 1);
    const double temperature = json_number_value(json_object_get(model, "temperature"));
    assert_true(json_integer_value(json_object_get(model, "temperature_pairs")) > 390);
    if (!(fabs(temperature - 3 / log(3)) < .1)) fail_msg("temperature %g", temperature);
    check_metric(model, "log_loss_fitted", log(1 + exp(3 / temperature)));
    json_decref(document);
    ran_free(&ran);
    ran = RUN("eval", "v2v", "--data", in_scratch("fit"), "--predictions", in_scratch("fit.csv"),
              "--json", "--bootstrap", "20", "--holdout", "0.5", "--split", "holdout");
    document = result_of(&ran);
    model = named(document, "models", "fit.csv");
    const json_int_t held = json_integer_value(json_object_get(model, "evaluated"));
    assert_in_range(held, 150, 250);
    assert_true(json_is_null(json_object_get(model, "temperature")));
    json_decref(document);
    ran_free(&ran);
}

/* What hedon score --json prints is a prediction file; views are averaged. */
static void views_are_averaged_and_scores_are_predictions(void **state)
{
    (void)state;
    char *data = in_scratch("v2v"), *file = in_scratch("views.jsonl");
    Ran ran =
        RUN("eval", "v2v", "--data", data, "--predictions", file, "--json", "--bootstrap", "20");
    json_t *document = result_of(&ran);
    const json_t *model = named(document, "models", "views.jsonl");
    check_count(model, "evaluated", 1);
    check_count(model, "empty", 1);
    check_metric(model, "log_loss", log(1 + exp(-.5))); /* 1.5 - (4 - 2) / 2 */
    json_decref(document);
    ran_free(&ran);
    ran = RUN("eval", "v2v", "--data", data, "--predictions", file, "--split", "lists");
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.err, "says nothing about"));
    ran_free(&ran);
}

/* ---- What goes wrong */

static void check_refused(Ran ran, int status, const char *sentence)
{
    assert_int_equal(ran.status, status);
    if (!strstr(ran.err, sentence)) fail_msg("no '%s' in: %s", sentence, ran.err);
    assert_int_equal(count_lines(ran.err), 1);
    ran_free(&ran);
}

static void mistakes_are_explained(void **state)
{
    (void)state;
    char vce[256], v2v[256], all[256]; /* in_scratch's buffers take turns */
    snprintf(vce, sizeof(vce), "%s", in_scratch("vce"));
    snprintf(v2v, sizeof(v2v), "%s", in_scratch("v2v"));
    snprintf(all, sizeof(all), "%s", in_scratch("all.csv"));
    check_refused(RUN("eval", "vce"), 2, "--data DIR");
    check_refused(RUN("eval", "vce", "--data", vce, all), 2, "--predictions");
    check_refused(RUN("eval", "vce", "--data", vce, "--slice", "label"), 2, "--slice");
    check_refused(RUN("eval", "vce", "--data", vce, "--split", "lists"), 2, "test|train|holdout");
    check_refused(RUN("eval", "vce", "--data", vce, "--holdout", "2"), 2, "share");
    check_refused(RUN("eval", "vce", "--data", in_scratch("nowhere")), 1, "nowhere");
    check_refused(RUN("eval", "vce", "--data", vce, "--predictions", in_scratch("none.csv")), 1,
                  "none.csv");
    check_refused(RUN("eval", "vce", "--data", vce, "--predictions", all, "--slice", "colour"), 1,
                  "colour");
    check_refused(RUN("eval", "vce", "--data", vce, "--predictions", in_scratch("utilities.csv")),
                  1, "line 2: there is no value for 'Admiration'");
    write_text("bad.csv", "id,utility\n01,0\n02,high\n");
    check_refused(RUN("eval", "v2v", "--data", v2v, "--predictions", in_scratch("bad.csv")), 1,
                  "line 3: not a number in column 'utility'");
    write_text("bad.csv", "name,utility\n01,0\n");
    check_refused(RUN("eval", "v2v", "--data", v2v, "--predictions", in_scratch("bad.csv")), 1,
                  "'id'");
    write_text("bad.csv", "id,utility\n01,0\n02,nan\n");
    check_refused(RUN("eval", "v2v", "--data", v2v, "--predictions", in_scratch("bad.csv")), 1,
                  "line 3: not a number");
}

static void nothing_is_left_where_an_output_failed(void **state)
{
    (void)state;
    char *out = in_scratch("result.json");
    Ran ran = RUN("eval", "vce", "--data", in_scratch("vce"), "--json", "--out", out);
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.out, "");
    char *text = read_file(out);
    assert_non_null(strstr(text, "hedon.eval/1"));
    free(text);
    ran_free(&ran);
    ran = RUN("eval", "vce", "--data", in_scratch("vce"), "--predictions", in_scratch("none.csv"),
              "--out", in_scratch("other.json"));
    assert_int_equal(ran.status, 1);
    assert_false(exists(in_scratch("other.json")));
    ran_free(&ran);
}

/* ---- A model over videos */

static void a_models_saved_predictions_give_its_numbers(void **state)
{
    (void)state;
    char *data = in_scratch("vce"), *saved = in_scratch("saved.csv");
    for (int i = 1; i <= 3; i++) { /* 00004 stays missing */
        char options[256], name[64];
        snprintf(options, sizeof(options),
                 "-f lavfi -i color=c=0x%02x%02x40:size=64x48:rate=10:duration=%d -c:v libx264 "
                 "-pix_fmt yuv420p",
                 60 * i, 255 - 70 * i, 1 + i);
        snprintf(name, sizeof(name), "vce/videos/%05d.mp4", i);
        render(options, name);
    }
    Ran ran = RUN("eval", "vce", "--data", data, "--model", "lowlevel", "--save-predictions", saved,
                  "--json", "--bootstrap", "20", "--baselines", "all");
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.err, "00004.mp4: "));
    assert_int_equal(count_lines(ran.err), 1);
    ran.status = 0;
    json_t *document = result_of(&ran);
    const json_t *model = named(document, "models", "lowlevel");
    check_count(model, "evaluated", 3);
    check_count(model, "missing", 1);
    check_count(model, "failed", 1);
    assert_non_null(json_object_get(model, "warning"));
    const json_t *metrics = json_object_get(model, "metrics");
    const double mae = json_number_value(json_object_get(json_object_get(metrics, "mae"), "value"));
    check_metric(named(document, "baselines", "lowlevel"), "mae", mae);
    ran_free(&ran);

    /* the video of four seconds has three windows of two: by view, more rows than videos */
    char *text = read_file(saved);
    assert_non_null(text);
    assert_true(!strncmp(text, "id,clip,view,Admiration,", 24));
    assert_true(count_lines(text) > 1 + 3);
    free(text);
    ran = RUN("eval", "vce", "--data", data, "--predictions", saved, "--json", "--bootstrap", "20",
              "--slice", "brightness");
    json_t *again = result_of(&ran);
    const json_t *file = named(again, "models", "saved.csv");
    assert_string_equal(json_string_value(json_object_get(file, "scale")), "logits");
    check_metric(file, "mae", mae);
    const char *key;
    const json_t *metric;
    json_object_foreach((json_t *)metrics, key, metric)
    {
        if (json_is_number(json_object_get(metric, "value")))
            check_metric(file, key, json_number_value(json_object_get(metric, "value")));
    }
    named(again, "slices", "brightness");
    json_decref(document);
    json_decref(again);
    ran_free(&ran);
}

static void brighter_is_more_pleasant_to_the_brightness_baseline(void **state)
{
    (void)state;
    for (int i = 1; i <= 9; i++) { /* ever brighter */
        char options[256], name[64];
        snprintf(options, sizeof(options),
                 "-f lavfi -i color=c=0x%02x%02x%02x:size=32x32:rate=10:duration=1 -c:v libx264 "
                 "-pix_fmt yuv420p",
                 25 * i, 25 * i, 25 * i);
        snprintf(name, sizeof(name), "v2v/videos/%02d.mp4", i);
        render(options, name);
    }
    Ran ran = RUN("eval", "v2v", "--data", in_scratch("v2v"), "--json", "--bootstrap", "20",
                  "--baselines", "all", "--split", "lists");
    json_t *document = result_of(&ran);
    check_metric(named(document, "baselines", "brightness"), "list_strict", 1);
    check_metric(named(document, "baselines", "lowlevel"), "list_strict", 1);
    json_decref(document);
    ran_free(&ran);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vce_gives_the_numbers_known_by_hand),
        cmocka_unit_test(missing_extra_and_repeated_ids_are_counted_and_said),
        cmocka_unit_test(a_model_is_compared_on_what_both_have),
        cmocka_unit_test(several_files_give_mean_and_spread),
        cmocka_unit_test(slices_hold_their_own_videos),
        cmocka_unit_test(v2v_gives_the_numbers_known_by_hand),
        cmocka_unit_test(a_temperature_is_fitted_on_what_training_held_out),
        cmocka_unit_test(views_are_averaged_and_scores_are_predictions),
        cmocka_unit_test(mistakes_are_explained),
        cmocka_unit_test(nothing_is_left_where_an_output_failed),
        cmocka_unit_test(a_models_saved_predictions_give_its_numbers),
        cmocka_unit_test(brighter_is_more_pleasant_to_the_brightness_baseline),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
