/* report.html: one file for people, with the curves inside, nothing loaded from anywhere. */
#include "train/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mapped_file.h"

static void put_text(FILE *out, const char *text)
{
    for (; *text; text++) switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
}

/* RFC 4648 */
static void put_base64(FILE *out, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        const size_t left = size - i;
        const uint32_t group = (uint32_t)bytes[i] << 16 |
                               (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                               (left > 2 ? (uint32_t)bytes[i + 2] : 0);
        fputc(digits[group >> 18], out);
        fputc(digits[group >> 12 & 63], out);
        fputc(left > 1 ? digits[group >> 6 & 63] : '=', out);
        fputc(left > 2 ? digits[group & 63] : '=', out);
    }
}

static void put_value(FILE *out, const json_t *value)
{
    if (json_is_string(value)) {
        put_text(out, json_string_value(value));
    } else if (json_is_real(value)) {
        fprintf(out, "%.6g", json_real_value(value));
    } else if (value && !json_is_null(value)) {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        put_text(out, text ? text : "");
        free(text);
    }
}

static void put_table(FILE *out, const char *title, const json_t *object)
{
    const char *key;
    json_t *value;
    fprintf(out, "<h2>%s</h2>\n<table>\n", title);
    json_object_foreach((json_t *)object, key, value)
    {
        fputs("<tr><th>", out);
        put_text(out, key);
        fputs("</th><td>", out);
        put_value(out, value);
        fputs("</td></tr>\n", out);
    }
    fputs("</table>\n", out);
}

static void put_epochs(FILE *out, const HedonRunHistory *history)
{
    static const char *const columns[] = {
        "epoch",     "step",       "train_loss",         "train_top3",       "train_pairs",
        "held_top3", "held_pairs", "held_emotions_loss", "held_utility_loss"};
    enum { COLUMNS = sizeof(columns) / sizeof(*columns) };
    fputs("<h2>Epochs</h2>\n<table>\n<tr>", out);
    for (int k = 0; k < COLUMNS; k++) fprintf(out, "<th>%s</th>", columns[k]);
    fputs("</tr>\n", out);
    for (size_t i = 0; i < json_array_size(history->epochs); i++) {
        const json_t *epoch = json_array_get(history->epochs, i);
        const int best = json_integer_value(json_object_get(epoch, "epoch")) == history->best_epoch;
        fputs(best ? "<tr class=best>" : "<tr>", out);
        for (int k = 0; k < COLUMNS; k++) {
            fputs("<td>", out);
            put_value(out, json_object_get(epoch, columns[k]));
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</table>\n<p>Held out: a part of the training data by seed, one clip a video from its "
          "middle. It chose the best epoch (marked); it is not the test part.</p>\n",
          out);
}

static int put_picture(HedonContext *ctx, FILE *out, const HedonRunFolder *folder)
{
    char path[4096];
    HedonMappedFile picture;
    const int code =
        hedon_mapped_open(ctx, &picture, hedon_run_folder_path(folder, "curves.png", path));
    if (code) return code;
    fputs("<img alt=\"loss and held-out metrics over steps\" src=\"data:image/png;base64,", out);
    put_base64(out, picture.data, picture.size);
    fputs("\">\n", out);
    hedon_mapped_close(&picture);
    return 0;
}

static int put_page(HedonContext *ctx, FILE *out, const HedonRunFolder *folder,
                    const HedonTrainConfig *config, const HedonRunHistory *history,
                    const char *title)
{
    json_t *settings = hedon_train_config_json(config);
    if (!settings) return hedon_fail_memory(ctx);
    fputs("<!doctype html>\n<html lang=en><head><meta charset=utf-8><title>", out);
    put_text(out, title);
    fputs("</title>\n<style>body{font:15px/1.5 sans-serif;margin:2em auto;max-width:1000px;"
          "color:#1f2933}table{border-collapse:collapse}td,th{padding:2px 12px;text-align:left;"
          "border-bottom:1px solid #e4e7eb}.best{background:#e3f4e5}img{max-width:100%}</style>"
          "</head>\n<body>\n<h1>",
          out);
    put_text(out, title);
    fputs("</h1>\n", out);
    if (json_is_true(json_object_get(history->start, "synthetic")))
        fputs("<p><b>Synthetic videos and ratings: no human rated anything here.</b></p>\n", out);
    if (history->broken)
        fprintf(out, "<p>%lld broken videos were left out; log.jsonl names them.</p>\n",
                (long long)history->broken);
    const int code = put_picture(ctx, out, folder);
    put_epochs(out, history);
    if (history->start) put_table(out, "Data and model", history->start);
    put_table(out, "Configuration", settings);
    fputs("</body></html>\n", out);
    json_decref(settings);
    return code;
}

int hedon_report_write(HedonContext *ctx, const HedonRunFolder *folder,
                       const HedonTrainConfig *config)
{
    char path[4096], title[256];
    HedonRunHistory history;
    HedonAtomicFile *file;
    int code = hedon_history_read(ctx, &history, folder);
    if (code) return code;
    snprintf(title, sizeof(title), "hedon train %.20s: %.60s, seed %lld", config->recipe.name,
             config->model, (long long)config->seed);
    code = hedon_curves_write(ctx, folder, &history, title);
    if (!code)
        code = hedon_atomic_open(ctx, &file, hedon_run_folder_path(folder, "report.html", path));
    if (!code) {
        code = put_page(ctx, hedon_atomic_stream(file), folder, config, &history, title);
        if (code)
            hedon_atomic_abort(file);
        else
            code = hedon_atomic_commit(ctx, file);
    }
    hedon_history_free(&history);
    return code;
}
