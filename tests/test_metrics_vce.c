/* VCE's metrics: numbers against SciPy and scikit-learn, and what must hold whatever the numbers.
 */
#include "tests/metrics_fixture.h"

#include "base/memory.h"
#include "eval/bootstrap.h"
#include "eval/distribution.h"
#include "eval/statistics.h"
#include "eval/vce.h"

enum { ROWS = 64, N = HEDON_EMOTIONS };

static HedonContext *ctx;

static void mark_top(HedonVceRow *row)
{
    memset(row->positive, 0, sizeof(row->positive));
    for (int place = 0; place < 3; place++) {
        int best = -1;
        for (int e = 0; e < N; e++)
            if (!row->positive[e] && (best < 0 || row->label[e] > row->label[best])) best = e;
        row->positive[best] = 1;
    }
}

static void make_rows(HedonVceRow rows[ROWS], int ties)
{
    for (int i = 0; i < ROWS; i++) {
        for (int e = 0; e < N; e++) {
            const double label = floor(20 * draw("label", i * N + e)) - 11;
            rows[i].label[e] = i == 7 || i == 23 || label < 0 ? 0 : label / 8;
            rows[i].predicted[e] = draw("predicted", i * N + e);
            if (ties) rows[i].predicted[e] = floor(6 * rows[i].predicted[e]) / 6;
            rows[i].output[e] = rows[i].predicted[e];
        }
        mark_top(&rows[i]);
    }
}

static void measure(const HedonVce *vce, const int32_t *weight, double values[HEDON_VCE_VALUES])
{
    const HedonEvaluation evaluation = hedon_vce_evaluation(vce);
    double *scratch = hedon_malloc(evaluation.scratch, sizeof(*scratch));
    evaluation.measure(evaluation.data, weight, scratch, values);
    hedon_free(scratch);
}

static void measure_rows(const HedonVceRow *rows, int64_t count, double values[HEDON_VCE_VALUES])
{
    HedonVce *vce;
    check_code(ctx, hedon_vce_new(ctx, &vce, rows, count));
    measure(vce, NULL, values);
    hedon_vce_free(vce);
}

static void check_values(const json_t *wanted, const double values[HEDON_VCE_VALUES])
{
    for (int m = 0; m < HEDON_VCE_METRICS; m++) {
        const char *key = hedon_vce_metrics[m].key;
        const double tolerance = m == HEDON_VCE_WASSERSTEIN ? 1e-7 : 1e-9;
        assert_near(values[m], number(json_object_get(wanted, "values"), key), tolerance, key);
    }
    for (int e = 0; e < N; e++)
        for (int m = 0; m < HEDON_VCE_EMOTION_METRICS; m++) {
            const json_t *emotion = json_array_get(json_object_get(wanted, "emotions"), (size_t)e);
            const char *key = hedon_vce_emotion_metrics[m].key;
            assert_near(values[HEDON_VCE_METRICS + e * HEDON_VCE_EMOTION_METRICS + m],
                        number(emotion, key), 1e-9, key);
        }
}

static void metrics_agree_with_scikit_learn_and_scipy(void **state)
{
    (void)state;
    json_t *document = golden();
    size_t index;
    const json_t *wanted;
    json_array_foreach(json_object_get(document, "vce"), index, wanted)
    {
        HedonVceRow rows[ROWS];
        int32_t weight[ROWS];
        double values[HEDON_VCE_VALUES];
        HedonVce *vce;
        const int weighted = json_is_true(json_object_get(wanted, "weighted"));
        make_rows(rows, !strcmp(json_string_value(json_object_get(wanted, "kind")), "ties"));
        for (int i = 0; i < ROWS; i++) weight[i] = (int32_t)(3 * draw("weight", i));
        check_code(ctx, hedon_vce_new(ctx, &vce, rows, ROWS));
        measure(vce, weighted ? weight : NULL, values);
        check_values(wanted, values);
        assert_int_equal(hedon_vce_all_zero(vce), 2);
        HedonCalibrationBin bins[HEDON_CALIBRATION_BINS];
        check_code(ctx, hedon_vce_deciles(ctx, vce, bins));
        for (size_t b = 0; b < HEDON_CALIBRATION_BINS && !weighted; b++) {
            const json_t *bin = json_array_get(json_object_get(wanted, "deciles"), b);
            assert_int_equal(bins[b].count, json_integer_value(json_array_get(bin, 2)));
            if (!bins[b].count) continue;
            assert_near(bins[b].predicted, json_number_value(json_array_get(bin, 0)), 1e-9,
                        "decile");
            assert_near(bins[b].observed, json_number_value(json_array_get(bin, 1)), 1e-9,
                        "decile");
        }
        hedon_vce_free(vce);
    }
    json_decref(document);
}

static void the_label_is_the_first_maximum_in_class_order(void **state)
{
    (void)state;
    double label[N] = {0}, output[N] = {0};
    assert_int_equal(hedon_vce_label(label), 0); /* all zero: the paper's argmax */
    label[4] = label[9] = .5;
    assert_int_equal(hedon_vce_label(label), 4);
    output[9] = 1; /* the other maximum */
    assert_int_equal(hedon_vce_place(output, 4), 6);
    output[4] = 1;
    assert_int_equal(hedon_vce_place(output, 4), 1);
    assert_int_equal(hedon_vce_place(output, 9), 2);
}

static void the_order_of_videos_changes_nothing(void **state)
{
    (void)state;
    HedonVceRow rows[ROWS], reversed[ROWS];
    double values[HEDON_VCE_VALUES], others[HEDON_VCE_VALUES];
    make_rows(rows, 1);
    for (int i = 0; i < ROWS; i++) reversed[i] = rows[ROWS - 1 - i];
    measure_rows(rows, ROWS, values);
    measure_rows(reversed, ROWS, others);
    for (int m = 0; m < HEDON_VCE_VALUES; m++) assert_near(others[m], values[m], 1e-12, "value");
}

static void a_perfect_predictor_is_perfect(void **state)
{
    (void)state;
    HedonVceRow rows[ROWS];
    double values[HEDON_VCE_VALUES];
    make_rows(rows, 0);
    for (int i = 0; i < ROWS; i++) {
        memcpy(rows[i].predicted, rows[i].label, sizeof(rows[i].label));
        memcpy(rows[i].output, rows[i].label, sizeof(rows[i].label));
    }
    measure_rows(rows, ROWS, values);
    for (int m = HEDON_VCE_TOP1; m <= HEDON_VCE_MACRO_TOP5; m++)
        assert_near(values[m], 1, 0, hedon_vce_metrics[m].key);
    for (int m = HEDON_VCE_L1; m <= HEDON_VCE_WASSERSTEIN; m++)
        assert_near(values[m], 0, 1e-15, hedon_vce_metrics[m].key);
    assert_near(values[HEDON_VCE_PEARSON], 1, 1e-12, "pearson");
    assert_near(values[HEDON_VCE_CCC], 1, 1e-12, "ccc");
    assert_near(values[HEDON_VCE_MAE], 0, 0, "mae");
    assert_near(values[HEDON_VCE_SLOPE], 1, 1e-12, "slope");
}

/* Correlations of a constant are not defined: no number is made up for them. */
static void a_constant_predictor_has_no_correlation(void **state)
{
    (void)state;
    HedonVceRow rows[ROWS];
    double values[HEDON_VCE_VALUES];
    make_rows(rows, 0);
    for (int i = 0; i < ROWS; i++)
        for (int e = 0; e < N; e++) rows[i].predicted[e] = rows[i].output[e] = .1;
    measure_rows(rows, ROWS, values);
    assert_true(isnan(values[HEDON_VCE_PEARSON]) && isnan(values[HEDON_VCE_SPEARMAN]));
    assert_true(isnan(values[HEDON_VCE_SLOPE]));
    assert_near(values[HEDON_VCE_CCC], 0, 1e-12, "ccc");
    assert_near(values[HEDON_VCE_AUROC], .5, 1e-12, "auroc");
}

static void what_cannot_be_evaluated_is_refused(void **state)
{
    (void)state;
    HedonVceRow rows[ROWS];
    HedonVce *vce;
    make_rows(rows, 0);
    assert_int_equal(hedon_vce_new(ctx, &vce, rows, 0), HEDON_EINVAL);
    assert_null(vce);
    rows[3].output[2] = NAN;
    assert_int_equal(hedon_vce_new(ctx, &vce, rows, ROWS), HEDON_EINVAL);
    assert_non_null(strstr(hedon_last_error(ctx), "row 4"));
}

/* ---- Transport */

static void transport_of_points_is_their_distance(void **state)
{
    (void)state;
    double cost[N * N];
    hedon_vce_ground_metric(cost);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double p[N] = {0}, q[N] = {0};
            p[i] = q[j] = 1;
            assert_near(hedon_wasserstein(p, q, cost, N), cost[i * N + j], 1e-12, "distance");
            for (int k = 0; k < N; k++) /* the triangle inequality, which the solver relies on */
                assert_true(cost[i * N + j] <= cost[i * N + k] + cost[k * N + j] + 1e-12);
        }
}

/* On a line the distance has a closed form: the area between the cumulative distributions. Equal
 * masses everywhere make every path a tie. */
static void transport_on_a_line_is_the_area_between(void **state)
{
    (void)state;
    double cost[N * N];
    for (int i = 0; i < N * N; i++) cost[i] = abs(i / N - i % N);
    for (int trial = 0; trial < 300; trial++) {
        double p[N], q[N], between = 0, area = 0;
        for (int i = 0; i < N; i++) {
            const double x = draw("line p", trial * N + i), y = draw("line q", trial * N + i);
            p[i] = trial % 2 ? x : floor(3 * x);
            q[i] = trial % 2 ? y : floor(3 * y);
        }
        assert_true(hedon_normalise(p, p, N) && hedon_normalise(q, q, N));
        for (int i = 0; i < N; i++) {
            between += p[i] - q[i];
            area += fabs(between);
        }
        assert_near(hedon_wasserstein(p, q, cost, N), area, 1e-12, "line");
        assert_near(hedon_wasserstein(q, p, cost, N), area, 1e-12, "line, backwards");
    }
}

/* ---- Resampling */

static void resampling_depends_on_the_seed_alone(void **state)
{
    (void)state;
    HedonVceRow rows[ROWS];
    HedonVce *vce;
    make_rows(rows, 1);
    check_code(ctx, hedon_vce_new(ctx, &vce, rows, ROWS));
    const HedonEvaluation evaluation = hedon_vce_evaluation(vce);
    enum { REPLICATES = 40 };
    const size_t size = REPLICATES * HEDON_VCE_VALUES;
    double *one = malloc(size * sizeof(*one)), *four = malloc(size * sizeof(*four));
    HedonBootstrap options = {.seed = 3, .replicates = REPLICATES, .threads = 1};
    check_code(ctx, hedon_bootstrap_run(ctx, &options, &evaluation, one));
    options.threads = 4;
    check_code(ctx, hedon_bootstrap_run(ctx, &options, &evaluation, four));
    assert_memory_equal(one, four, size * sizeof(*one));
    options.seed = 4;
    check_code(ctx, hedon_bootstrap_run(ctx, &options, &evaluation, four));
    assert_memory_not_equal(one, four, size * sizeof(*one));
    free(one);
    free(four);
    hedon_vce_free(vce);
}

static void a_model_does_not_differ_from_itself(void **state)
{
    (void)state;
    HedonVceRow rows[ROWS], better[ROWS];
    HedonVce *vce, *other;
    make_rows(rows, 0);
    memcpy(better, rows, sizeof(rows));
    for (int i = 0; i < ROWS; i++)
        for (int e = 0; e < N; e++)
            better[i].predicted[e] = better[i].output[e] =
                .8 * rows[i].label[e] + .2 * rows[i].predicted[e];
    check_code(ctx, hedon_vce_new(ctx, &vce, rows, ROWS));
    check_code(ctx, hedon_vce_new(ctx, &other, better, ROWS));
    const HedonEvaluation first = hedon_vce_evaluation(vce), second = hedon_vce_evaluation(other);
    const HedonBootstrap options = {.seed = 1, .replicates = 400, .threads = 2};
    HedonDifference difference[HEDON_VCE_METRICS];
    check_code(ctx, hedon_compare(ctx, &options, &first, &first, hedon_vce_metrics,
                                  HEDON_VCE_METRICS, difference));
    assert_near(difference[HEDON_VCE_TOP3].value, 0, 0, "difference");
    assert_near(difference[HEDON_VCE_TOP3].p, 1, 0, "p");
    check_code(ctx, hedon_compare(ctx, &options, &second, &first, hedon_vce_metrics,
                                  HEDON_VCE_METRICS, difference));
    assert_true(difference[HEDON_VCE_TOP3].value > .5);
    assert_true(difference[HEDON_VCE_TOP3].interval.low > 0);
    assert_near(difference[HEDON_VCE_TOP3].p, 2.0 / 401, 1e-15, "p");
    assert_true(difference[HEDON_VCE_TOP3].holm > difference[HEDON_VCE_TOP3].p);
    assert_true(isnan(difference[HEDON_VCE_L2].holm)); /* not in the family */
    hedon_vce_free(vce);
    hedon_vce_free(other);
}

static void holm_steps_down(void **state)
{
    (void)state;
    const double p[] = {.01, .04, NAN, .03, .005};
    double corrected[5];
    hedon_holm(corrected, p, 5);
    assert_near(corrected[4], .02, 1e-15, "holm");
    assert_near(corrected[0], .03, 1e-15, "holm");
    assert_near(corrected[3], .06, 1e-15, "holm");
    assert_near(corrected[1], .06, 1e-15, "holm"); /* .04, but not below the one before */
    assert_true(isnan(corrected[2]));
}

static void every_failed_allocation_is_said(void **state)
{
    (void)state;
    HedonVceRow rows[ROWS];
    make_rows(rows, 0);
    for (int k = 1;; k++) {
        HedonVce *vce;
        hedon_memory_fail_at(k);
        const int code = hedon_vce_new(ctx, &vce, rows, ROWS);
        hedon_vce_free(vce);
        const int failed = hedon_memory_failed();
        hedon_memory_fail_at(0);
        assert_int_equal(code, failed ? HEDON_ENOMEM : 0);
        if (!failed) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_agree_with_scikit_learn_and_scipy),
        cmocka_unit_test(the_label_is_the_first_maximum_in_class_order),
        cmocka_unit_test(the_order_of_videos_changes_nothing),
        cmocka_unit_test(a_perfect_predictor_is_perfect),
        cmocka_unit_test(a_constant_predictor_has_no_correlation),
        cmocka_unit_test(what_cannot_be_evaluated_is_refused),
        cmocka_unit_test(transport_of_points_is_their_distance),
        cmocka_unit_test(transport_on_a_line_is_the_area_between),
        cmocka_unit_test(resampling_depends_on_the_seed_alone),
        cmocka_unit_test(a_model_does_not_differ_from_itself),
        cmocka_unit_test(holm_steps_down),
        cmocka_unit_test(every_failed_allocation_is_said),
    };
    ctx = hedon_context_new();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hedon_context_free(ctx);
    return failed;
}
