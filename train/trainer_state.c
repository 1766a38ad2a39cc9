/* Saving the state and putting it back. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "train/trainer_private.h"

/* ---- Saving */

static json_t *broken_list(const HedonTrainer *trainer)
{
    json_t *list = json_array();
    const int64_t videos = hedon_sequence_videos(&trainer->sequence);
    for (int64_t i = 0; i < videos; i++)
        if (trainer->broken[i]) json_array_append_new(list, json_integer(i));
    return list;
}

static json_t *number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *document_of(const HedonTrainer *trainer, int64_t log_bytes)
{
    char build[512];
    const HedonEpochSums *sums = &trainer->sums;
    hedon_engine_build(trainer->engine, build, sizeof(build));
    return json_pack(
        "{s:I, s:I, s:o, s:I, s:o, s:I, s:I, s:o, s:I, s:s, s:s, s:i, s:i, s:{s:f, s:f, s:f, "
        "s:I, s:I, s:I, s:I, s:I}}",
        "step", (json_int_t)trainer->step, "epochs_done", (json_int_t)trainer->epochs_done, "best",
        number_or_null(trainer->best), "best_epoch", (json_int_t)trainer->best_epoch, "metric",
        number_or_null(trainer->metric), "broken_count", (json_int_t)trainer->broken_count,
        "short_count", (json_int_t)trainer->short_count, "broken", broken_list(trainer),
        "log_bytes", (json_int_t)log_bytes, "config_hash", trainer->hash, "build", build, "threads",
        hedon_engine_threads(trainer->engine), "ranks", trainer->group->ranks, "epoch", "loss",
        sums->loss, "emotions_loss", sums->emotions_loss, "utility_loss", sums->utility_loss,
        "batches", (json_int_t)sums->batches, "clips", (json_int_t)sums->clips, "top3",
        (json_int_t)sums->top3, "pairs", (json_int_t)sums->pairs, "pairs_right",
        (json_int_t)sums->pairs_right);
}

int hedon_trainer_save(HedonTrainer *trainer)
{
    char path[4096];
    const double start_s = hedon_clock_s();
    if (trainer->group->rank) return 0;
    int code = hedon_tensorboard_flush(trainer->ctx, &trainer->board);
    const int64_t log_bytes = code ? 0 : hedon_run_folder_sync(trainer->ctx, &trainer->folder);
    if (code || log_bytes < 0) return code ? code : (int)log_bytes;
    json_t *document = document_of(trainer, log_bytes);
    if (!document) return hedon_fail_memory(trainer->ctx);
    code = hedon_resume_write(
        trainer->ctx, hedon_run_folder_path(&trainer->folder, "resume.state", path), document,
        hedon_engine_tensors(trainer->engine), hedon_engine_tensor, trainer->engine);
    json_decref(document);
    if (!code) trainer->saved_step = trainer->step;
    trainer->saved_s = hedon_clock_s();
    trainer->saving_took_s = trainer->saved_s - start_s;
    return code;
}

/* ---- Resuming */

static int64_t integer_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static double number_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static int read_config(HedonTrainer *trainer, json_t **out)
{
    char path[4096];
    return hedon_run_folder_read_json(
        trainer->ctx, hedon_run_folder_path(&trainer->folder, "config.json", path), out);
}

/* By --force now, or by one that was killed before it had saved a state of its own. */
static int is_accepted(HedonTrainer *trainer, const char *hash)
{
    json_t *config = NULL;
    if (trainer->options.force) return 1;
    if (read_config(trainer, &config)) return 0;
    const char *accepted = json_string_value(json_object_get(config, "accepted_state"));
    const int same = accepted && !strcmp(accepted, hash);
    json_decref(config);
    return same;
}

static int refuse(HedonTrainer *trainer, const json_t *document, const char *what, const char *was,
                  const char *is)
{
    const char *hash = json_string_value(json_object_get(document, "config_hash"));
    if (hash && is_accepted(trainer, hash)) {
        snprintf(trainer->accepted, sizeof(trainer->accepted), "%s", hash);
        return 0;
    }
    return hedon_fail(
        trainer->ctx, HEDON_EINVAL,
        "the saved state is of %s '%.200s', this would be '%.200s', and the run would not "
        "end with the same weights: make them agree, or accept that by --force",
        what, was, is);
}

/* A state of before there were ranks is of one. */
static int check_ranks(HedonTrainer *trainer, const json_t *document)
{
    char was[48], is[48];
    const json_t *saved = json_object_get(document, "ranks");
    const int64_t ranks = saved ? json_integer_value(saved) : 1;
    if (ranks == trainer->group->ranks) return 0;
    snprintf(was, sizeof(was), "--ranks %lld", (long long)ranks);
    snprintf(is, sizeof(is), "--ranks %d", trainer->group->ranks);
    return refuse(trainer, document, "a run with", was, is);
}

static int check_fit(HedonTrainer *trainer, const json_t *document)
{
    char build[512], was[32], is[32];
    const char *saved_build = json_string_value(json_object_get(document, "build"));
    const char *saved_hash = json_string_value(json_object_get(document, "config_hash"));
    const int64_t threads = integer_of(document, "threads");
    hedon_engine_build(trainer->engine, build, sizeof(build));
    int code = check_ranks(trainer, document);
    if (!code && threads != hedon_engine_threads(trainer->engine)) {
        snprintf(was, sizeof(was), "%lld threads", (long long)threads);
        snprintf(is, sizeof(is), "%d threads", hedon_engine_threads(trainer->engine));
        code = refuse(trainer, document, "a run with", was, is);
    }
    if (!code && (!saved_hash || strcmp(saved_hash, trainer->hash)))
        code = refuse(trainer, document, "the configuration", saved_hash ? saved_hash : "",
                      trainer->hash);
    if (!code && (!saved_build || strcmp(saved_build, build)))
        code = refuse(trainer, document, "the build", saved_build ? saved_build : "", build);
    return code;
}

static void restore_counts(HedonTrainer *trainer, const json_t *document)
{
    const json_t *epoch = json_object_get(document, "epoch");
    trainer->step = integer_of(document, "step");
    trainer->epochs_done = integer_of(document, "epochs_done");
    trainer->best = number_of(document, "best");
    trainer->best_epoch = integer_of(document, "best_epoch");
    trainer->metric = number_of(document, "metric");
    trainer->broken_count = integer_of(document, "broken_count");
    trainer->short_count = integer_of(document, "short_count");
    trainer->sums = (HedonEpochSums){.loss = number_of(epoch, "loss"),
                                     .emotions_loss = number_of(epoch, "emotions_loss"),
                                     .utility_loss = number_of(epoch, "utility_loss"),
                                     .batches = integer_of(epoch, "batches"),
                                     .clips = integer_of(epoch, "clips"),
                                     .top3 = integer_of(epoch, "top3"),
                                     .pairs = integer_of(epoch, "pairs"),
                                     .pairs_right = integer_of(epoch, "pairs_right")};
    const int64_t videos = hedon_sequence_videos(&trainer->sequence);
    const json_t *broken = json_object_get(document, "broken");
    for (size_t i = 0; i < json_array_size(broken); i++) {
        const json_int_t number = json_integer_value(json_array_get(broken, i));
        if (number >= 0 && number < videos) trainer->broken[number] = 1;
    }
}

static int check_counts(HedonTrainer *trainer)
{
    if (trainer->step >= 0 && trainer->step <= hedon_trainer_steps(trainer) &&
        trainer->epochs_done >= 0 &&
        trainer->epochs_done <= trainer->step / trainer->sequence.steps_per_epoch)
        return 0;
    return hedon_fail(trainer->ctx, HEDON_EDATA,
                      "the saved state is of step %lld, which this run does not have",
                      (long long)trainer->step);
}

int hedon_trainer_resume(HedonTrainer *trainer)
{
    char path[4096];
    HedonResume resume;
    hedon_run_folder_path(&trainer->folder, "resume.state", path);
    if (access(path, F_OK) && errno == ENOENT)
        return hedon_run_folder_truncate(trainer->ctx, &trainer->folder, 0);
    int code = hedon_resume_open(trainer->ctx, &resume, path);
    if (code) return code;
    code = check_fit(trainer, resume.document);
    if (!code) code = hedon_engine_restore(trainer->ctx, trainer->engine, &resume);
    if (!code) restore_counts(trainer, resume.document);
    if (!code) code = check_counts(trainer);
    if (!code) trainer->saved_step = trainer->step;
    if (!code)
        code = hedon_run_folder_truncate(trainer->ctx, &trainer->folder,
                                         integer_of(resume.document, "log_bytes"));
    hedon_resume_close(&resume);
    return code;
}

/* ---- Other options than before */

/* {"rate": [0.01, 0.005], ...}: what was, what is. An empty object when nothing changed; NULL when
 * memory is out. */
static json_t *changes_of(const json_t *before, json_t *after)
{
    const char *name;
    json_t *value, *changes = json_object();
    json_object_foreach(after, name, value)
    {
        json_t *was = json_object_get(before, name);
        if (!changes || (was && json_equal(was, value))) continue;
        json_t *pair = was ? json_pack("[O, O]", was, value) : json_pack("[n, O]", value);
        if (!pair || json_object_set_new(changes, name, pair)) {
            json_decref(changes);
            changes = NULL;
        }
    }
    return changes;
}

/* config.json as the run is now; with the state that --force took over, until the run has one of
 * its own: killed in between, it goes on without another --force. */
static int write_config(HedonTrainer *trainer, json_t *config, const char *accepted)
{
    if (!accepted[0])
        json_object_del(config, "accepted_state");
    else if (json_object_set_new(config, "accepted_state", json_string(accepted)))
        return hedon_fail_memory(trainer->ctx);
    return hedon_run_folder_write_json(trainer->ctx, &trainer->folder, "config.json", config);
}

static int renew(HedonTrainer *trainer, json_t *config, json_t *changes)
{
    int code = write_config(trainer, config, trainer->accepted);
    if (!code && json_object_size(changes))
        hedon_trainer_event(trainer, json_pack("{s:s, s:I, s:O}", "event", "options", "step",
                                               (json_int_t)trainer->step, "changed", changes));
    if (!code) code = hedon_trainer_save(trainer);
    if (!code && trainer->accepted[0]) code = write_config(trainer, config, "");
    return code;
}

int hedon_trainer_renew_config(HedonTrainer *trainer)
{
    HedonContext *ctx = trainer->ctx;
    json_t *before = NULL, *changes = NULL, *after = hedon_train_config_json(trainer->config);
    int code = after ? read_config(trainer, &before) : hedon_fail_memory(ctx);
    if (!code && !(changes = changes_of(before, after))) code = hedon_fail_memory(ctx);
    if (!code && (json_object_size(changes) || trainer->accepted[0]))
        code = renew(trainer, after, changes);
    else if (!code && json_object_get(before, "accepted_state")) /* it has a state of its own */
        code = write_config(trainer, after, "");
    json_decref(before);
    json_decref(changes);
    json_decref(after);
    return code;
}
