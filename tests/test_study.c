/* A whole evaluation in this process, where memory can be made to fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"
#include "eval/study.h"
#include "tests/eval_fixture.h"

typedef struct Case {
    const HedonEvalTask *task;
    const char *data, *predictions, *slice;
} Case;

/* Everything but the dataset's opening: predictions, baselines, comparison, slices, both reports.
 */
static int evaluate(HedonContext *ctx, const HedonDataset *dataset, const Case *given)
{
    const HedonStudyOptions options = {.task = given->task,
                                       .bootstrap = {.seed = 1, .replicates = 4, .threads = 1},
                                       .holdout_share = .5};
    const HedonTextStyle style = {.columns = 100};
    HedonStudy *study = NULL;
    char *text = NULL, *json = NULL;
    int code = hedon_study_open(ctx, &study, dataset, &options);
    for (int i = 0; i < 3 && !code; i++) {
        HedonOutputs *outputs;
        code = hedon_predictions_read(ctx, &outputs, in_scratch(given->predictions), dataset,
                                      given->task->width, HEDON_SCALE_AUTO);
        if (code) break;
        code = i < 2 ? hedon_study_add_subject(ctx, study, outputs)
                     : hedon_study_compare(ctx, study, outputs);
        if (!code && i == 1) code = hedon_study_add_cheap_baselines(ctx, study);
    }
    if (!code) code = hedon_study_spread(ctx, study);
    if (!code) code = hedon_study_slice(ctx, study, given->slice);
    if (!code) code = hedon_study_json(ctx, study, &json);
    if (!code) code = hedon_study_text(ctx, study, &style, &text);
    if (!code) {
        assert_non_null(strstr(json, "hedon.eval/1"));
        assert_non_null(strstr(text, given->predictions));
    }
    free(text);
    free(json);
    hedon_study_close(study);
    return code;
}

static void every_failed_allocation_is_said_and_nothing_is_lost(void **state)
{
    (void)state;
    const Case cases[] = {{&hedon_eval_vce, "vce", "all.csv", "codec_name"},
                          {&hedon_eval_v2v, "v2v", "utilities.csv", "duration"}};
    HedonContext *ctx = hedon_context_new();
    for (int c = 0; c < 2; c++) {
        HedonDataset *dataset;
        assert_int_equal(hedon_dataset_open(ctx, &dataset, NULL, in_scratch(cases[c].data), NULL),
                         0);
        for (int k = 1;; k++) {
            hedon_memory_fail_at(k);
            const int code = evaluate(ctx, dataset, &cases[c]);
            const int failed = hedon_memory_failed();
            hedon_memory_fail_at(0);
            if (code != (failed ? HEDON_ENOMEM : 0))
                fail_msg("allocation %d: %s: %s", k, hedon_error_name(code), hedon_last_error(ctx));
            if (!failed) break;
            assert_true(k < 10000);
        }
        hedon_dataset_close(dataset);
    }
    hedon_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failed_allocation_is_said_and_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
