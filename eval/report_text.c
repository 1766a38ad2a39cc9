/* Tables for a person at a terminal. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/distribution.h"
#include "eval/study.h"
#include "eval/vce.h"
#include "score/json_writer.h"
#include "score/wording.h"

enum { NAME_WIDTH = 23, MAIN_WIDTH = 23, COLUMN_WIDTH = 11, ROW_NAME_WIDTH = 30, CELL = 64 };

typedef struct Page {
    FILE *out;
    const HedonStudy *study;
    const HedonTextStyle *style;
} Page;

static void bold(const Page *page, int on)
{
    if (page->style->colour) fputs(on ? "\033[0;1m" : "\033[0m", page->out);
}

/* The last part of a path, at most `width` wide: its end is what tells files apart. */
static const char *short_name(char *buffer, size_t size, const char *name, int width)
{
    const char *slash = strrchr(name, '/');
    hedon_utf8_clean(buffer, size, slash && slash[1] ? slash + 1 : name);
    const int length = (int)strlen(buffer);
    return length > width ? buffer + length - width : buffer;
}

static void number(char cell[CELL], const HedonMetric *metric, double value)
{
    if (isnan(value))
        strcpy(cell, "-");
    else if (metric->percent)
        snprintf(cell, CELL, "%.1f", 100 * value);
    else
        snprintf(cell, CELL, "%.3f", value);
}

static void estimate(char cell[3 * CELL], const HedonMetric *metric, double value,
                     const HedonInterval *interval)
{
    char middle[CELL], low[CELL], high[CELL];
    number(middle, metric, value);
    if (isnan(value) || !interval || isnan(interval->low)) {
        snprintf(cell, 3 * CELL, "%7s", middle);
        return;
    }
    number(low, metric, interval->low);
    number(high, metric, interval->high);
    snprintf(cell, 3 * CELL, "%7s  [%s, %s]", middle, low, high);
}

static void heading(const Page *page, const char *text)
{
    fputc('\n', page->out);
    bold(page, 1);
    fprintf(page->out, "%s\n", text);
    bold(page, 0);
}

/* "label  " + text, or "text %" for percentages */
static void metric_name(const Page *page, const HedonMetric *metric)
{
    char name[CELL];
    snprintf(name, sizeof(name), "%s%s", metric->name, metric->percent ? ", %" : "");
    fprintf(page->out, "%-*s", NAME_WIDTH, name);
}

static void write_title(const Page *page)
{
    static const char *const parts[] = {"test", "test", "train", "lists", "held-out part of train"};
    const HedonStudy *study = page->study;
    const int is_vce = study->task == &hedon_eval_vce;
    const int both = study->part == HEDON_PART_DEFAULT && !is_vce;
    bold(page, 1);
    fprintf(page->out, "%s, %s: ", study->task->title,
            both ? "test and lists" : parts[study->part]);
    bold(page, 0);
    fprintf(page->out, "%lld %s%s\n", (long long)study->row_count,
            is_vce ? "labelled video" : "comparison", study->row_count == 1 ? "" : "s");
}

static void item(const Page *page, int *items, int64_t count, const char *fmt, const char *example)
{
    if (!count) return;
    fprintf(page->out, "%s%lld ", *items ? ", " : "; ", (long long)count);
    fprintf(page->out, fmt, example);
    ++*items;
}

static void write_subject(const Page *page, const HedonResult *result)
{
    char name[256], extra[HEDON_OUTPUT_EXAMPLE], twice[HEDON_OUTPUT_EXAMPLE];
    const HedonOutputs *outputs = result->outputs;
    int items = 0;
    hedon_utf8_clean(name, sizeof(name), result->name);
    hedon_utf8_clean(extra, sizeof(extra), outputs->extra_id);
    hedon_utf8_clean(twice, sizeof(twice), outputs->duplicate_id);
    fprintf(page->out, "%s: %lld evaluated", name, (long long)result->rows);
    if (outputs->width > 1) fprintf(page->out, ", as %s", hedon_scale_name(outputs->scale));
    item(page, &items, result->missing, "without a prediction%s", "");
    item(page, &items, outputs->extra, "of ids that the dataset has not (%s)", extra);
    item(page, &items, outputs->duplicates, "repeated, the first counts (%s)", twice);
    item(page, &items, outputs->empty, "without numbers%s", "");
    item(page, &items, outputs->failed, "that could not be decoded%s", "");
    item(page, &items, result->all_zero, "labels all zero, in no distance%s", "");
    item(page, &items, result->zero_predictions, "predictions all zero, in no distance%s", "");
    item(page, &items, result->output_ties, "ties decided by class order%s", "");
    fputc('\n', page->out);
    if (result->largest_group > .1 && !page->study->ungrouped)
        fprintf(
            page->out,
            "one group of videos that comparisons connect has %.0f%% of the comparisons: intervals "
            "are rough; --resample\ncomparisons makes narrower ones that take comparisons of the "
            "same videos for independent\n",
            100 * result->largest_group);
    if (outputs->warning)
        fprintf(page->out, "not an estimate of viewers' feelings: %s\n", outputs->warning);
}

static void write_table_head(const Page *page)
{
    const HedonStudy *study = page->study;
    char buffer[256];
    bold(page, 1);
    fprintf(page->out, "\n%-*s", NAME_WIDTH, "");
    if (study->mean) {
        snprintf(buffer, sizeof(buffer), "mean of %d files (sd)", study->subject_count);
        fprintf(page->out, "%-*s", MAIN_WIDTH, buffer);
    } else {
        fprintf(page->out, "%-*s", MAIN_WIDTH,
                study->subject_count
                    ? short_name(buffer, sizeof(buffer), study->result[0].name, MAIN_WIDTH - 2)
                    : "");
    }
    for (int i = study->subject_count; i < study->result_count; i++)
        fprintf(page->out, "%*s", COLUMN_WIDTH,
                short_name(buffer, sizeof(buffer), study->result[i].name, COLUMN_WIDTH - 1));
    bold(page, 0);
    fputc('\n', page->out);
}

static void write_table(const Page *page)
{
    const HedonStudy *study = page->study;
    write_table_head(page);
    for (int m = 0; m < study->task->metric_count; m++) {
        const HedonMetric *metric = &study->task->metrics[m];
        char cell[3 * CELL], spread[CELL];
        int known = 0;
        for (int i = 0; i < study->result_count; i++) known |= !isnan(study->result[i].value[m]);
        if (!known) continue;
        metric_name(page, metric);
        if (study->mean) {
            number(spread, metric, study->sd[m]);
            number(cell, metric, study->mean[m]);
            fprintf(page->out, "%7s  (%s)%*s", cell, spread, MAIN_WIDTH - 11 - (int)strlen(spread),
                    "");
        } else if (study->subject_count) {
            estimate(cell, metric, study->result[0].value[m], &study->result[0].interval[m]);
            fprintf(page->out, "%-*s", MAIN_WIDTH, cell);
        } else {
            fprintf(page->out, "%-*s", MAIN_WIDTH, "");
        }
        for (int i = study->subject_count; i < study->result_count; i++) {
            number(cell, metric, study->result[i].value[m]);
            fprintf(page->out, "%*s", COLUMN_WIDTH, cell);
        }
        fputc('\n', page->out);
    }
}

/* "By emotion", and of which file when there are several. */
static void first_heading(const Page *page, const char *text)
{
    char name[256], title[512];
    hedon_utf8_clean(name, sizeof(name), page->study->result[0].name);
    snprintf(title, sizeof(title), "%s, of %s", text, name);
    heading(page, page->study->subject_count > 1 ? title : text);
}

static void write_emotions(const Page *page)
{
    const HedonResult *result = &page->study->result[0];
    first_heading(page, "By emotion");
    fprintf(page->out, "%-*s", NAME_WIDTH, "");
    for (int m = 0; m < HEDON_VCE_EMOTION_METRICS; m++)
        fprintf(page->out, "%9s", hedon_vce_emotion_metrics[m].name);
    fputc('\n', page->out);
    for (int e = 0; e < HEDON_EMOTIONS; e++) {
        fprintf(page->out, "%-*s", NAME_WIDTH, hedon_emotion_name(e));
        for (int m = 0; m < HEDON_VCE_EMOTION_METRICS; m++) {
            char cell[CELL];
            number(cell, &hedon_vce_emotion_metrics[m],
                   result->value[HEDON_VCE_METRICS + e * HEDON_VCE_EMOTION_METRICS + m]);
            fprintf(page->out, "%9s", cell);
        }
        fputc('\n', page->out);
    }
}

static void write_calibration(const Page *page)
{
    const HedonResult *result = &page->study->result[0];
    const int is_vce = page->study->task == &hedon_eval_vce;
    if (!is_vce && !result->pairs) return;
    first_heading(page, is_vce ? "Calibration: mean label by decile of the prediction"
                               : "Calibration: how often right, by the model's confidence");
    static const char *const rows[2][3] = {{"confidence", "right", "pairs"},
                                           {"predicted", "label", "intensities"}};
    for (int r = 0; r < 3; r++) {
        fprintf(page->out, "%-12s", rows[is_vce][r]);
        for (int b = 0; b < HEDON_CALIBRATION_BINS; b++) {
            const HedonCalibrationBin *bin = &result->bins[b];
            if (r == 2)
                fprintf(page->out, "%7lld", (long long)bin->count);
            else if (!bin->count)
                fprintf(page->out, "%7s", "-");
            else
                fprintf(page->out, "%7.3f", r ? bin->observed : bin->predicted);
        }
        fputc('\n', page->out);
    }
    if (is_vce) return;
    if (isnan(result->temperature))
        fprintf(page->out,
                "no temperature: predictions of train's held-out pairs are needed to fit "
                "one (%lld are there)\n",
                (long long)result->temperature_pairs);
    else
        fprintf(page->out, "temperature %.4g, fitted on %lld held-out pairs of train\n",
                result->temperature, (long long)result->temperature_pairs);
}

/* The metrics that matter most, in a row for each result. */
static void headline_head(const Page *page)
{
    fprintf(page->out, "%-*s%8s", ROW_NAME_WIDTH, "", "N");
    for (const int *m = page->study->task->headline; *m >= 0; m++) {
        char name[CELL];
        const HedonMetric *metric = &page->study->task->metrics[*m];
        snprintf(name, sizeof(name), "  %s%s", metric->name, metric->percent ? ", %" : "");
        fprintf(page->out, "  %-*s", m[1] < 0 ? 0 : MAIN_WIDTH, name);
    }
    fputc('\n', page->out);
}

static void headline_row(const Page *page, const char *name, const HedonResult *result)
{
    char shown[256], cell[3 * CELL];
    fprintf(page->out, "%-*s%8lld", ROW_NAME_WIDTH,
            short_name(shown, sizeof(shown), name, ROW_NAME_WIDTH - 1), (long long)result->rows);
    for (const int *m = page->study->task->headline; *m >= 0; m++) {
        estimate(cell, &page->study->task->metrics[*m], result->value[*m], &result->interval[*m]);
        fprintf(page->out, "  %-*s", m[1] < 0 ? 0 : MAIN_WIDTH, cell);
    }
    fputc('\n', page->out);
}

static void write_files(const Page *page)
{
    const HedonStudy *study = page->study;
    if (!study->mean) return;
    heading(page, "Each file");
    headline_head(page);
    for (int i = 0; i < study->subject_count; i++)
        headline_row(page, study->result[i].name, &study->result[i]);
}

static void write_difference(const Page *page)
{
    const HedonStudy *study = page->study;
    if (!study->difference) return;
    char name[256], title[512], cell[3 * CELL];
    hedon_utf8_clean(name, sizeof(name), study->against);
    snprintf(title, sizeof(title), "Minus %.200s, on the %lld that both have", name,
             (long long)study->common);
    heading(page, title);
    fprintf(page->out, "%-*s%-*s%10s%10s\n", NAME_WIDTH, "", MAIN_WIDTH + 2, "  difference", "p",
            "p, Holm");
    for (int m = 0; m < study->task->metric_count; m++) {
        const HedonDifference *difference = &study->difference[m];
        const HedonMetric *metric = &study->task->metrics[m];
        if (!metric->tested || isnan(difference->value)) continue;
        metric_name(page, metric);
        estimate(cell, metric, difference->value, &difference->interval);
        fprintf(page->out, "%-*s%10.4f%10.4f\n", MAIN_WIDTH + 2, cell, difference->p,
                difference->holm);
    }
}

static void write_slices(const Page *page)
{
    const HedonStudy *study = page->study;
    if (!study->slice_count) return;
    first_heading(page, "Slices");
    headline_head(page);
    for (int i = 0; i < study->slice_count; i++)
        headline_row(page, study->slices[i].name, &study->slices[i].result);
}

static void write_notes(const Page *page)
{
    const HedonStudy *study = page->study;
    const int is_vce = study->task == &hedon_eval_vce;
    fputc('\n', page->out);
    for (int i = study->subject_count; i < study->result_count; i++)
        fprintf(page->out, "%s: %s.\n", study->result[i].name, study->result[i].note);
    fprintf(page->out, "[ ]: 95%% of %lld resamples of %s, seed %llu.\n",
            (long long)study->bootstrap.replicates,
            is_vce             ? "the videos"
            : study->ungrouped ? "the comparisons"
                               : "groups of videos that comparisons connect",
            (unsigned long long)study->bootstrap.seed);
    if (is_vce)
        fprintf(
            page->out,
            "Top-k: the label's first maximum in class order is among the k highest outputs. "
            "Distances are of\nintensities made to sum to 1; KL in nats, %g added to both; "
            "Jensen-Shannon in base 2, its root;\nWasserstein by the emotions' pleasure, arousal "
            "and dominance, in points of 1 to 9. An intensity is\nthe mean of several raters' "
            "ratings of a whole clip: neither a share of viewers nor one viewer's strength.\n",
            HEDON_KL_EPSILON);
    else
        fprintf(
            page->out,
            "Pairs: the one that people found more pleasant has the higher utility; a tie is not "
            "right. Lists, as\nthe paper counts: no step down, so a constant gets all of them; "
            "strict: every step up.\n");
}

int hedon_study_text(HedonContext *ctx, const HedonStudy *study, const HedonTextStyle *style,
                     char **text)
{
    size_t size;
    FILE *out = hedon_wording_open(ctx, text, &size);
    if (!out) return HEDON_ENOMEM;
    const Page page = {.out = out, .study = study, .style = style};
    write_title(&page);
    for (int i = 0; i < study->subject_count; i++) write_subject(&page, &study->result[i]);
    write_table(&page);
    if (study->subject_count) {
        if (study->task == &hedon_eval_vce) write_emotions(&page);
        write_calibration(&page);
        write_files(&page);
    }
    write_difference(&page);
    write_slices(&page);
    write_notes(&page);
    return hedon_wording_close(ctx, out, text);
}
