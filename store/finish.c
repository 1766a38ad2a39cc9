/* Writing results: first who still holds what, then the rows, in one transaction. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "store/backend.h"
#include "store/clips.h"

enum { LONGEST_MESSAGE = 4096 };

/* A result with what its annotation's row says. */
typedef struct Finished {
    const HedonStoreResult *result;
    int64_t worker; /* whose it has to be */
    int64_t run, video;
    int held; /* by this worker, in this attempt */
    int had_outcome, had_failed;
} Finished;

typedef struct Finishing {
    int64_t worker;
    Finished *all;
    int count;
} Finishing;

static int is_text(const HedonValue *value, const char *text)
{
    return hedon_text_of(value) && !strcmp(hedon_text_of(value), text);
}

static int take_token(void *opaque, const HedonValue *row, int count)
{
    (void)count;
    Finished *f = opaque;
    f->run = hedon_integer_of(&row[0]);
    f->video = hedon_integer_of(&row[1]);
    f->held = is_text(&row[2], "leased") && hedon_integer_of(&row[3]) == f->worker;
    f->had_outcome = !row[4].null;
    f->had_failed = is_text(&row[4], "failed");
    return 0;
}

static int look_at_tokens(HedonContext *ctx, HedonStore *store, Finishing *finishing)
{
    for (int i = 0; i < finishing->count; i++) {
        Finished *f = &finishing->all[i];
        const HedonStoreResult *result = f->result;
        *f = (Finished){.result = result, .worker = finishing->worker};
        const HedonValue values[] = {hedon_value_integer(result->job->annotation),
                                     hedon_value_integer(result->job->attempt)};
        const int code = hedon_store_sql(
            ctx, store,
            &(HedonSql){.text =
                            "SELECT run_id, video_id, state, worker_id, outcome FROM annotations "
                            "WHERE id = $1 AND attempt = $2 @for_update",
                        .values = values,
                        .count = 2,
                        .row = take_token,
                        .opaque = f});
        if (code) return code;
    }
    return hedon_store_flush(ctx, store);
}

/* ---- One result */

static int delete_outcome(HedonContext *ctx, HedonStore *store, const HedonValue *annotation)
{
    static const char *const statements[] = {
        "DELETE FROM wellbeing WHERE annotation_id = $1",
        "DELETE FROM emotions WHERE annotation_id = $1",
        "DELETE FROM clips WHERE annotation_id = $1",
        "DELETE FROM errors WHERE annotation_id = $1",
    };
    int code = 0;
    for (int i = 0; !code && i < 4; i++)
        code = hedon_store_sql(
            ctx, store, &(HedonSql){.text = statements[i], .values = annotation, .count = 1});
    return code;
}

static int write_error(HedonContext *ctx, HedonStore *store, const Finished *f)
{
    const HedonScore *score = f->result->score;
    char message[LONGEST_MESSAGE];
    hedon_utf8_clean(message, sizeof(message), score->error ? score->error : "");
    const HedonValue values[] = {hedon_value_integer(f->result->job->annotation),
                                 hedon_value_integer(f->run), hedon_value_integer(score->code),
                                 hedon_value_text(hedon_error_name(score->code)),
                                 hedon_value_text(message)};
    return hedon_store_sql(
        ctx, store,
        &(HedonSql){.text = "INSERT INTO errors(annotation_id, run_id, code, name, message) "
                            "VALUES($1, $2, $3, $4, $5)",
                    .values = values,
                    .count = 5});
}

static int write_wellbeing(HedonContext *ctx, HedonStore *store, const Finished *f)
{
    const HedonScore *score = f->result->score;
    if (!score->has_utility) return 0;
    HedonValue values[] = {hedon_value_integer(f->result->job->annotation),
                           hedon_value_integer(f->run), hedon_value_real(score->utility),
                           hedon_value_real(score->percentile),
                           hedon_value_real(score->utility_sd)};
    values[3].null |= !score->has_percentile;
    return hedon_store_sql(
        ctx, store,
        &(HedonSql){
            .text = "INSERT INTO wellbeing(annotation_id, run_id, utility, percentile, utility_sd) "
                    "VALUES($1, $2, $3, $4, $5)",
            .values = values,
            .count = 5});
}

static int write_emotions(HedonContext *ctx, HedonStore *store, const Finished *f)
{
    const HedonScore *score = f->result->score;
    if (!score->has_emotions) return 0;
    HedonValue values[2 + HEDON_EMOTIONS] = {hedon_value_integer(f->result->job->annotation),
                                             hedon_value_integer(f->run)};
    for (int i = 0; i < HEDON_EMOTIONS; i++) values[2 + i] = hedon_value_real(score->emotions[i]);
    return hedon_store_sql(
        ctx, store,
        &(HedonSql){
            .text =
                "INSERT INTO emotions(annotation_id, run_id, admiration, adoration, "
                "aesthetic_appreciation, amusement, anger, anxiety, awe, awkwardness, boredom, "
                "calmness, confusion, craving, disgust, empathic_pain, entrancement, excitement, "
                "fear, horror, interest, joy, nostalgia, relief, romance, sadness, satisfaction, "
                "sexual_desire, surprise) VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "
                "$12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, "
                "$28, $29)",
            .values = values,
            .count = 2 + HEDON_EMOTIONS});
}

static int write_clips(HedonContext *ctx, HedonStore *store, const Finished *f)
{
    const HedonScore *score = f->result->score;
    if (!score->clip_count) return 0;
    uint8_t *records = hedon_clips_pack(score->clips, score->clip_count);
    if (!records) return hedon_fail_memory(ctx);
    const HedonValue values[] = {
        hedon_value_integer(f->result->job->annotation), hedon_value_integer(score->clip_count),
        hedon_value_blob(records, (size_t)score->clip_count * HEDON_CLIP_RECORD)};
    const int code = hedon_store_sql(
        ctx, store,
        &(HedonSql){.text = "INSERT INTO clips(annotation_id, count, records) VALUES($1, $2, $3)",
                    .values = values,
                    .count = 3});
    hedon_free(records);
    return code;
}

/* What the video is, known once it has been opened. Of a failed one only its content's hash; what
 * was measured of the same content stays. */
static int write_video(HedonContext *ctx, HedonStore *store, const Finished *f)
{
    const HedonScore *score = f->result->score;
    if (!f->result->hash) return 0;
    const HedonValue values[] = {
        hedon_value_integer(f->video),       hedon_value_text(f->result->hash),
        hedon_value_real(score->duration_s), hedon_value_integer(score->frames),
        hedon_value_integer(score->width),   hedon_value_integer(score->height)};
    if (!score->code)
        return hedon_store_sql(
            ctx, store,
            &(HedonSql){
                .text = "UPDATE videos SET hash = $2, duration_s = $3, frames = $4, width = $5, "
                        "height = $6 WHERE id = $1",
                .values = values,
                .count = 6});
    return hedon_store_sql(
        ctx, store,
        &(HedonSql){
            .text = "UPDATE videos SET hash = $2, duration_s = NULL, frames = NULL, width = NULL, "
                    "height = NULL WHERE id = $1 AND (hash IS NULL OR hash <> $2)",
            .values = values,
            .count = 2});
}

/* Size and time are those of the content that was read; when it could not be, those entered, so
 * that the file is not tried again until it changes. */
static int write_annotation(HedonContext *ctx, HedonStore *store, const Finished *f)
{
    const HedonStoreResult *result = f->result;
    const HedonScore *score = result->score;
    const int good = !score->code, read = result->hash != NULL;
    HedonValue values[] = {hedon_value_integer(result->job->annotation),
                           hedon_value_text(good ? "done" : "failed"),
                           hedon_value_text(good ? "scored" : "failed"),
                           hedon_value_text(result->hash),
                           hedon_value_integer(read ? result->size : result->job->size),
                           hedon_value_integer(read ? result->mtime_ns : result->job->mtime_ns),
                           hedon_value_integer(score->views),
                           hedon_value_integer(score->damaged),
                           hedon_value_integer(score->lost),
                           hedon_value_real(score->emotions_sd)};
    for (int i = 6; i < 10; i++) values[i].null |= !good;
    return hedon_store_sql(
        ctx, store,
        &(HedonSql){
            .text = "UPDATE annotations SET worker_id = NULL, annotated_s = @now, state = $2, "
                    "outcome = $3, hash = $4, size = $5, mtime_ns = $6, views = $7, damaged = $8, "
                    "lost = $9, emotions_sd = $10 WHERE id = $1",
            .values = values,
            .count = 10});
}

static int write_scored(HedonContext *ctx, HedonStore *store, const Finished *f)
{
    const HedonValue annotation = hedon_value_integer(f->result->job->annotation);
    int code = f->had_outcome ? delete_outcome(ctx, store, &annotation) : 0;
    if (!code) code = write_annotation(ctx, store, f);
    if (!code) code = write_video(ctx, store, f);
    if (!code && f->result->score->code) return write_error(ctx, store, f);
    if (!code) code = write_wellbeing(ctx, store, f);
    if (!code) code = write_emotions(ctx, store, f);
    return code ? code : write_clips(ctx, store, f);
}

static int write_unchanged(HedonContext *ctx, HedonStore *store, const Finished *f)
{
    const HedonStoreResult *result = f->result;
    const HedonValue values[] = {hedon_value_integer(result->job->annotation),
                                 hedon_value_text(!f->had_outcome ? "todo"
                                                  : f->had_failed ? "failed"
                                                                  : "done"),
                                 hedon_value_integer(result->size),
                                 hedon_value_integer(result->mtime_ns)};
    return hedon_store_sql(
        ctx, store,
        &(HedonSql){
            .text = "UPDATE annotations SET worker_id = NULL, state = $2, size = $3, mtime_ns = $4 "
                    "WHERE id = $1",
            .values = values,
            .count = 4});
}

static int write_given_back(HedonContext *ctx, HedonStore *store, const Finished *f)
{
    const HedonValue annotation = hedon_value_integer(f->result->job->annotation);
    return hedon_store_sql(
        ctx, store,
        &(HedonSql){.text = "UPDATE annotations SET worker_id = NULL, state = 'todo' WHERE id = $1",
                    .values = &annotation,
                    .count = 1});
}

static int write_result(HedonContext *ctx, HedonStore *store, const Finished *f)
{
    switch (f->result->outcome) {
    case HEDON_STORE_SCORED:
        return write_scored(ctx, store, f);
    case HEDON_STORE_UNCHANGED:
        return write_unchanged(ctx, store, f);
    case HEDON_STORE_GIVEN_BACK:
        return write_given_back(ctx, store, f);
    }
    return hedon_fail(ctx, HEDON_EINVAL, "an unknown outcome");
}

/* ---- All of them */

static int write_results(HedonContext *ctx, HedonStore *store, void *opaque)
{
    Finishing *finishing = opaque;
    int code = look_at_tokens(ctx, store, finishing);
    for (int i = 0; !code && i < finishing->count; i++)
        if (finishing->all[i].held) code = write_result(ctx, store, &finishing->all[i]);
    return code ? code : hedon_store_flush(ctx, store);
}

int hedon_store_finish(HedonContext *ctx, HedonStore *store, int64_t worker,
                       const HedonStoreResult *results, int count, int64_t *lost)
{
    Finishing finishing = {.worker = worker,
                           .count = count,
                           .all = hedon_calloc((size_t)count, sizeof(*finishing.all))};
    if (!finishing.all) return hedon_fail_memory(ctx);
    for (int i = 0; i < count; i++) finishing.all[i].result = &results[i];
    const int code = hedon_store_transact(ctx, store, HEDON_WRITING, write_results, &finishing);
    for (int i = 0; !code && lost && i < count; i++)
        *lost += !finishing.all[i].held && results[i].outcome != HEDON_STORE_GIVEN_BACK;
    hedon_free(finishing.all);
    return code;
}
