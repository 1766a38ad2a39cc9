/* V2V's metrics: numbers against SciPy and scikit-learn, the paper's counting, groups of videos. */
#include "tests/metrics_fixture.h"

#include "eval/bootstrap.h"
#include "eval/v2v.h"

enum { PAIRS = 90, LISTS = 48, ROWS = PAIRS + LISTS };

static HedonContext *ctx;

typedef struct Input {
    double utility[ROWS][4], difference[PAIRS];
    HedonV2vRow rows[ROWS];
} Input;

/* Every comparison is a group of its own. */
static void make_input(Input *input, int ties)
{
    for (int i = 0; i < ROWS; i++) {
        const int is_list = i >= PAIRS, width = is_list ? 4 : 2, at = is_list ? i - PAIRS : i;
        for (int k = 0; k < width; k++) {
            double u = 4 * draw(is_list ? "lists" : "pairs", at * width + k) - 2;
            u += is_list ? .5 * k : .7 * k;
            input->utility[i][k] = ties ? floor(2 * u) / 2 : u;
        }
        input->rows[i] =
            (HedonV2vRow){.utility = input->utility[i], .count = 2, .is_list = is_list, .group = i};
        if (is_list)
            input->rows[i].count = 2 + (int)(3 * draw("lengths", at));
        else
            input->difference[i] = input->utility[i][1] - input->utility[i][0];
    }
}

static void measure(const HedonV2vRow *rows, int64_t count, int64_t groups, double temperature,
                    double values[HEDON_V2V_METRICS])
{
    HedonV2v *v2v;
    check_code(ctx, hedon_v2v_new(ctx, &v2v, rows, count, groups, temperature));
    const HedonEvaluation evaluation = hedon_v2v_evaluation(v2v);
    evaluation.measure(evaluation.data, NULL, NULL, values);
    hedon_v2v_free(v2v);
}

static void check_interval(const json_t *wanted, const Input *input)
{
    HedonV2v *v2v;
    check_code(ctx, hedon_v2v_new(ctx, &v2v, input->rows, PAIRS, PAIRS, NAN));
    const HedonEvaluation evaluation = hedon_v2v_evaluation(v2v);
    const HedonBootstrap options = {.seed = 11, .replicates = 200, .threads = 3};
    double values[200 * HEDON_V2V_METRICS];
    HedonInterval interval;
    check_code(ctx, hedon_bootstrap_run(ctx, &options, &evaluation, values));
    check_code(ctx, hedon_interval(ctx, &interval, values + HEDON_V2V_PAIR_ACCURACY, 200,
                                   HEDON_V2V_METRICS));
    const json_t *numbers = json_object_get(wanted, "pair_accuracy_interval");
    assert_near(interval.low, json_number_value(json_array_get(numbers, 0)), 1e-9, "low");
    assert_near(interval.high, json_number_value(json_array_get(numbers, 1)), 1e-9, "high");
    assert_near(interval.sd, json_number_value(json_array_get(numbers, 2)), 1e-9, "sd");
    hedon_v2v_free(v2v);
}

static void metrics_agree_with_scikit_learn_and_scipy(void **state)
{
    (void)state;
    json_t *document = golden();
    size_t index;
    const json_t *wanted;
    json_array_foreach(json_object_get(document, "v2v"), index, wanted)
    {
        Input input;
        double values[HEDON_V2V_METRICS];
        make_input(&input, !strcmp(json_string_value(json_object_get(wanted, "kind")), "ties"));
        const double temperature = hedon_fit_temperature(input.difference, PAIRS);
        assert_near(temperature, number(wanted, "temperature"), 1e-9, "temperature");
        measure(input.rows, ROWS, ROWS, temperature, values);
        for (int m = 0; m < HEDON_V2V_METRICS; m++) {
            const char *key = hedon_v2v_metrics[m].key;
            assert_near(values[m], number(json_object_get(wanted, "values"), key), 1e-9, key);
        }
        check_interval(wanted, &input);
    }
    json_decref(document);
}

/* The paper's count forgives a constant everything; the strict one nothing. */
static void a_constant_scores_all_lists_as_the_paper_counts_and_none_strictly(void **state)
{
    (void)state;
    Input input;
    double values[HEDON_V2V_METRICS];
    make_input(&input, 0);
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < 4; k++) input.utility[i][k] = 3;
    measure(input.rows, ROWS, ROWS, NAN, values);
    assert_near(values[HEDON_V2V_LIST_PAPER], 1, 0, "paper");
    assert_near(values[HEDON_V2V_LIST_STRICT], 0, 0, "strict");
    assert_near(values[HEDON_V2V_LIST_TIES], 1, 0, "ties");
    assert_near(values[HEDON_V2V_KENDALL], 0, 0, "tau");
    assert_near(values[HEDON_V2V_PAIR_ACCURACY], 0, 0, "pairs");
    assert_near(values[HEDON_V2V_PAIR_TIES], 1, 0, "pairs tied");
    assert_near(values[HEDON_V2V_PAIR_ACCURACY_HALF], .5, 0, "ties half");
    assert_near(values[HEDON_V2V_LOG_LOSS], log(2), 1e-15, "log loss");
    assert_near(values[HEDON_V2V_BRIER], .25, 1e-15, "brier");
    assert_true(isnan(values[HEDON_V2V_LOG_LOSS_FITTED]));
}

static void a_reversed_model_mirrors_what_is_symmetric(void **state)
{
    (void)state;
    Input input, mirrored;
    double values[HEDON_V2V_METRICS], others[HEDON_V2V_METRICS];
    make_input(&input, 1);
    make_input(&mirrored, 1);
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < 4; k++) mirrored.utility[i][k] = -mirrored.utility[i][k];
    measure(input.rows, ROWS, ROWS, NAN, values);
    measure(mirrored.rows, ROWS, ROWS, NAN, others);
    assert_near(others[HEDON_V2V_KENDALL], -values[HEDON_V2V_KENDALL], 1e-12, "tau");
    assert_near(others[HEDON_V2V_PAIR_ACCURACY_HALF], 1 - values[HEDON_V2V_PAIR_ACCURACY_HALF],
                1e-12, "pairs");
    assert_near(others[HEDON_V2V_LIST_TIES], values[HEDON_V2V_LIST_TIES], 0, "ties");
}

static void losses_of_far_apart_utilities_stay_finite(void **state)
{
    (void)state;
    assert_near(hedon_pair_log_loss(-2000), 2000, 0, "loss");
    assert_near(hedon_pair_log_loss(2000), 0, 0, "loss");
    assert_near(hedon_pair_brier(-2000), 1, 0, "brier");
    const double right[] = {1, 2, 3}, none[] = {0, 0};
    assert_true(isnan(hedon_fit_temperature(right, 3)));
    assert_true(isnan(hedon_fit_temperature(none, 2)));
    assert_true(isnan(hedon_fit_temperature(none, 0)));
}

static void chance_is_one_over_the_factorial(void **state)
{
    (void)state;
    assert_near(hedon_list_chance(2), 1 / 2., 0, "2");
    assert_near(hedon_list_chance(3), 1 / 6., 1e-17, "3");
    assert_near(hedon_list_chance(4), 1 / 24., 1e-17, "4");
}

static void comparisons_that_share_videos_are_one_group(void **state)
{
    (void)state;
    /* 0-1, 2-3, 4-5, then 5-1-7 joins the first and the third; 6-8 stands alone */
    const int32_t items[] = {0, 1, 2, 3, 4, 5, 5, 1, 7, 6, 8};
    const int64_t offsets[] = {0, 2, 4, 6, 9, 11};
    int32_t groups[5];
    assert_int_equal(hedon_comparison_groups(ctx, groups, items, offsets, 5, 9), 3);
    const int32_t wanted[] = {0, 1, 0, 0, 2};
    assert_memory_equal(groups, wanted, sizeof(wanted));
}

/* Copies of a comparison say nothing new: in one group they leave the interval as wide as it was.
 */
static void groups_are_resampled_whole(void **state)
{
    (void)state;
    Input input;
    make_input(&input, 0);
    HedonV2vRow twice[2 * PAIRS];
    for (int i = 0; i < 2 * PAIRS; i++) twice[i] = input.rows[i % PAIRS];
    const HedonBootstrap options = {.seed = 1, .replicates = 100, .threads = 1};
    double values[2][100 * HEDON_V2V_METRICS];
    for (int copies = 0; copies < 2; copies++) {
        HedonV2v *v2v;
        check_code(ctx, hedon_v2v_new(ctx, &v2v, copies ? twice : input.rows,
                                      copies ? 2 * PAIRS : PAIRS, PAIRS, NAN));
        const HedonEvaluation evaluation = hedon_v2v_evaluation(v2v);
        check_code(ctx, hedon_bootstrap_run(ctx, &options, &evaluation, values[copies]));
        hedon_v2v_free(v2v);
    }
    for (int r = 0; r < 100; r++)
        assert_near(values[1][r * HEDON_V2V_METRICS], values[0][r * HEDON_V2V_METRICS], 1e-12,
                    "replicate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_agree_with_scikit_learn_and_scipy),
        cmocka_unit_test(a_constant_scores_all_lists_as_the_paper_counts_and_none_strictly),
        cmocka_unit_test(a_reversed_model_mirrors_what_is_symmetric),
        cmocka_unit_test(losses_of_far_apart_utilities_stay_finite),
        cmocka_unit_test(chance_is_one_over_the_factorial),
        cmocka_unit_test(comparisons_that_share_videos_are_one_group),
        cmocka_unit_test(groups_are_resampled_whole),
    };
    ctx = hedon_context_new();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hedon_context_free(ctx);
    return failed;
}
