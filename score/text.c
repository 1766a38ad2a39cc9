/* A result for a person at a terminal. */
#include <math.h>
#include <string.h>

#include "score/json_writer.h"
#include "score/series.h"
#include "score/scorer.h"
#include "score/wording.h"

enum { INDENT = 12, SHOWN = 6, NAME_WIDTH = 22, CELLS = 60 };

typedef struct Page {
    FILE *out;
    const HedonTextStyle *style;
    int columns;
} Page;

typedef enum Tint { PLAIN, BOLD, DIM, BAR } Tint;

static void tint(const Page *page, Tint which)
{
    static const char *const codes[] = {"\033[0m", "\033[0;1m", "\033[0;2m", "\033[0;36m"};
    if (page->style->colour) fputs(codes[which], page->out);
}

static void heading(const Page *page, const char *text)
{
    tint(page, BOLD);
    fprintf(page->out, "%-*s", INDENT, text);
    tint(page, PLAIN);
}

static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* Words within the columns right of the indent; the cursor is there already. */
static void paragraph(const Page *page, const char *text)
{
    int column = INDENT;
    tint(page, DIM);
    while (*text) {
        const int length = (int)strcspn(text, " ");
        if (column > INDENT && column + 1 + length > page->columns) {
            fprintf(page->out, "\n%*s", INDENT, "");
            column = INDENT;
        } else if (column > INDENT) {
            fputc(' ', page->out);
            column++;
        }
        fwrite(text, 1, (size_t)length, page->out);
        column += length;
        text += length;
        text += strspn(text, " ");
    }
    tint(page, PLAIN);
    fputc('\n', page->out);
}

/* share 0..1 of width cells, to an eighth of a cell where the terminal can. */
static void bar(const Page *page, double share, int width, int rest)
{
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const int eighths = (int)lrint(fmin(1, fmax(0, share)) * width * 8);
    int cells = eighths / 8;
    tint(page, BAR);
    for (int i = 0; i < cells; i++) fputs(page->style->unicode ? "█" : "#", page->out);
    if (page->style->unicode && eighths % 8) {
        fputs(parts[eighths % 8], page->out);
        cells++;
    }
    tint(page, rest ? DIM : PLAIN);
    for (int i = cells; rest && i < width; i++) fputs(page->style->unicode ? "·" : ".", page->out);
    tint(page, PLAIN);
}

static void write_title(const Page *page, const HedonScorer *scorer, const HedonScore *score)
{
    char name[1024], length[32], facts[256];
    hedon_utf8_clean(name, sizeof(name),
                     strcmp(score->video, "-") ? score->video : "(standard input)");
    hedon_wording_time(length, sizeof(length), score->duration_s);
    snprintf(facts, sizeof(facts), "%s, %lld frame%s, model %s", length, (long long)score->frames,
             score->frames == 1 ? "" : "s", scorer->info->name);
    const int room = page->columns - width_of(facts) - 2;
    const char *shown = name;
    const int cut = width_of(name) > room;
    for (int width = width_of(name); width > room - 3 * cut && *shown; shown++) /* keep its end */
        if (((unsigned char)shown[1] & 0xc0) != 0x80) width--;
    tint(page, BOLD);
    fprintf(page->out, "%s%s", cut ? "..." : "", shown);
    tint(page, DIM);
    const int gap = page->columns - width_of(shown) - 3 * cut - width_of(facts);
    fprintf(page->out, "%*s%s\n", gap > 2 ? gap : 2, "", facts);
    tint(page, PLAIN);
}

static void write_damage(const Page *page, const HedonScore *score)
{
    if (!score->damaged) return;
    char text[160];
    snprintf(text, sizeof(text),
             "%lld packet%s of this file gave no frame; scored from the %lld that decode",
             (long long)score->lost, score->lost == 1 ? "" : "s", (long long)score->frames);
    heading(page, "Damaged");
    paragraph(page, text);
}

static void write_wellbeing(const Page *page, const HedonScorer *scorer, const HedonScore *score)
{
    char meaning[512], number[32];
    if (!score->has_utility) return;
    fputc('\n', page->out);
    heading(page, "Wellbeing");
    hedon_format_number(number, round(score->utility * 1000) / 1000);
    if (score->has_percentile) {
        fprintf(page->out, "percentile %-3.0f ", score->percentile);
        bar(page, score->percentile / 100, 30, 1);
        fprintf(page->out, "  utility %s\n", number);
    } else {
        fprintf(page->out, "utility %s\n", number);
    }
    fprintf(page->out, "%*s", INDENT, "");
    hedon_wording_meaning(meaning, sizeof(meaning), scorer->info, score);
    paragraph(page, meaning);
}

static void write_emotions(const Page *page, const HedonScore *score)
{
    if (!score->has_emotions) return;
    int order[SHOWN];
    hedon_series_strongest(score, 0, order, SHOWN);
    const int width = page->columns - INDENT - NAME_WIDTH - 8;
    fputc('\n', page->out);
    for (int i = 0; i < SHOWN; i++) {
        if (i)
            fprintf(page->out, "%*s", INDENT, "");
        else
            heading(page, "Emotions");
        const int hundredths = (int)lrint(100 * score->emotions[order[i]]);
        fprintf(page->out, "%-*s %d.%02d  ", NAME_WIDTH, hedon_emotion_name(order[i]),
                hundredths / 100, hundredths % 100);
        bar(page, score->emotions[order[i]], width < 40 ? width : 40, 0);
        fputc('\n', page->out);
    }
}

/* The utility over time; the strongest emotion's where a model has no utility. */
static void write_timeline(const Page *page, const HedonScore *score)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char ascii[] = "_.,-~=*#";
    if (score->clip_count < 2) return;
    const int series = score->has_utility ? HEDON_SERIES_UTILITY : score->top[0];
    const int room = page->columns - INDENT, cells = room < CELLS ? room : CELLS;
    double low, high;
    hedon_series_range(score, series, &low, &high);
    fputc('\n', page->out);
    heading(page, "Timeline");
    tint(page, BAR);
    for (int i = 0; i < cells; i++) {
        const double value = hedon_series_mean(score, series, i, cells, NULL);
        const double share = high > low ? (value - low) / (high - low) : .5;
        const int level = share >= 1 ? 7 : (int)(8 * share);
        if (page->style->unicode)
            fputs(blocks[level], page->out);
        else
            fputc(ascii[level], page->out);
    }
    tint(page, DIM);
    char end[32], from[32], to[32], range[128];
    hedon_wording_time(end, sizeof(end), score->duration_s);
    hedon_format_number(from, round(low * 1000) / 1000);
    hedon_format_number(to, round(high * 1000) / 1000);
    snprintf(range, sizeof(range), "%s %s to %s",
             series < 0 ? "utility" : hedon_emotion_name(series), from, to);
    const int gap = cells - 4 - (int)strlen(range) - (int)strlen(end);
    fprintf(page->out, "\n%*s0:00%*s%s%*s%s\n", INDENT, "", gap / 2, "", range, gap - gap / 2, "",
            end);
    tint(page, PLAIN);
}

static void write_spread(const Page *page, const HedonScore *score)
{
    if (score->views < 2) return;
    char text[200], utility[32], emotions[32];
    hedon_format_number(utility, round(score->utility_sd * 1000) / 1000);
    hedon_format_number(emotions, round(score->emotions_sd * 1000) / 1000);
    snprintf(text, sizeof(text),
             "over %lld views of the video: standard deviation of utility %s, of emotions %s",
             (long long)score->views, score->has_utility ? utility : "-",
             score->has_emotions ? emotions : "-");
    fputc('\n', page->out);
    heading(page, "Spread");
    paragraph(page, text);
}

int hedon_score_text(HedonContext *ctx, const HedonScorer *scorer, const HedonScore *score,
                     const HedonTextStyle *style, char **text)
{
    size_t size;
    FILE *out = hedon_wording_open(ctx, text, &size);
    if (!out) return HEDON_ENOMEM;
    const Page page = {
        .out = out, .style = style, .columns = style->columns < 60 ? 60 : style->columns};
    if (score->code) {
        char name[1024], error[1024];
        hedon_utf8_clean(name, sizeof(name), score->video);
        hedon_utf8_clean(error, sizeof(error), score->error);
        fprintf(out, "%s: not scored: %s\n", name, error);
    } else {
        write_title(&page, scorer, score);
        write_damage(&page, score);
        write_wellbeing(&page, scorer, score);
        write_emotions(&page, score);
        write_timeline(&page, score);
        write_spread(&page, score);
    }
    return hedon_wording_close(ctx, out, text);
}
