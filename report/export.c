#include "report/export.h"

#include <stdlib.h>

#include "base/error.h"
#include "score/json.h"

typedef struct Sheet {
    HedonContext *ctx;
    const HedonExport *export;
    FILE *out;
    HedonExported *exported;
} Sheet;

static int finish_row(Sheet *sheet, const HedonStoreRow *row)
{
    sheet->exported->videos++;
    sheet->exported->errors += row->score.code != 0;
    if (ferror(sheet->out)) return hedon_fail_errno(sheet->ctx, "cannot write");
    return hedon_check_cancelled(sheet->ctx);
}

static int json_row(void *opaque, const HedonStoreRow *row)
{
    Sheet *sheet = opaque;
    HedonJson json = {.out = sheet->out};
    hedon_json_object(&json, NULL);
    hedon_score_write_json(&json, &sheet->export->run->info, &row->score);
    hedon_json_end_object(&json);
    fputc('\n', sheet->out);
    return finish_row(sheet, row);
}

static int csv_row(void *opaque, const HedonStoreRow *row)
{
    Sheet *sheet = opaque;
    char *text;
    const int code = hedon_score_csv(sheet->ctx, &row->score, sheet->export->per_clip, &text);
    if (code) return code;
    fputs(text, sheet->out);
    free(text);
    return finish_row(sheet, row);
}

static int write_rows(Sheet *sheet, int clips, int (*each)(void *, const HedonStoreRow *))
{
    const HedonStoreQuery query = {.run = sheet->export->run->id,
                                   .order = HEDON_STORE_BY_PATH,
                                   .errors = 2,
                                   .clips = clips,
                                   .where = sheet->export->where};
    return hedon_store_each(sheet->ctx, sheet->export->store, &query, each, sheet);
}

int hedon_export_jsonl(HedonContext *ctx, const HedonExport *export, FILE *out,
                       HedonExported *exported)
{
    Sheet sheet = {.ctx = ctx, .export = export, .out = out, .exported = exported};
    return write_rows(&sheet, 1, json_row);
}

int hedon_export_csv(HedonContext *ctx, const HedonExport *export, FILE *out,
                     HedonExported *exported)
{
    char *header;
    const int code = hedon_score_csv(ctx, NULL, 0, &header);
    if (code) return code;
    fputs(header, out);
    free(header);
    Sheet sheet = {.ctx = ctx, .export = export, .out = out, .exported = exported};
    return write_rows(&sheet, export->per_clip, csv_row);
}
