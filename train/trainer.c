#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "train/prior.h"
#include "train/trainer_private.h"

enum { MOST_WORKERS = 8 };
static const double SAVE_EVERY_S = 60;  /* when --save-every does not say */
static const double SAVING_SHARE = .02; /* and never more of the time than this */

int64_t hedon_trainer_steps(const HedonTrainer *trainer)
{
    return trainer->sequence.steps_per_epoch * trainer->config->recipe.epochs;
}

int hedon_trainer_workers(const HedonTrainer *trainer)
{
    const int cores = trainer->group->cores;
    if (trainer->config->workers > 0) return (int)trainer->config->workers;
    return cores < MOST_WORKERS ? cores : MOST_WORKERS;
}

int hedon_trainer_stopped(void *opaque)
{
    const HedonTrainer *trainer = opaque;
    return trainer->callbacks.stop && trainer->callbacks.stop(trainer->callbacks.opaque);
}

void hedon_trainer_event(HedonTrainer *trainer, json_t *event)
{
    const int is_mine = trainer->group->rank == 0;
    int code = event ? 0 : hedon_fail_memory(trainer->ctx);
    if (!code && is_mine) code = hedon_run_folder_log(trainer->ctx, &trainer->folder, event);
    char *text = event && is_mine && trainer->callbacks.event
                     ? json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(9))
                     : NULL;
    if (text) trainer->callbacks.event(trainer->callbacks.opaque, text);
    free(text);
    json_decref(event);
    if (!code || trainer->late_code) return;
    trainer->late_code = code;
    snprintf(trainer->late, sizeof(trainer->late), "%s", hedon_last_error(trainer->ctx));
}

/* What an event left. */
static int late(HedonTrainer *trainer)
{
    return trainer->late_code ? hedon_fail(trainer->ctx, trainer->late_code, "%s", trainer->late)
                              : 0;
}

/* ---- Opening */

static const char *heads_of(HedonTask task)
{
    return task == HEDON_TASK_VCE   ? "emotions"
           : task == HEDON_TASK_V2V ? "utility"
                                    : "emotions,utility";
}

static int open_model(HedonTrainer *trainer)
{
    const HedonTrainConfig *config = trainer->config;
    const HedonRecipe *recipe = &config->recipe;
    HedonModel *from = NULL;
    int copied, fresh;
    int code = hedon_model_open_fresh(trainer->ctx, &trainer->model, config->model,
                                      (uint64_t)config->seed, heads_of(recipe->task));
    if (!code && recipe->prior_bias)
        code = hedon_train_prior_bias(trainer->ctx, trainer->model, &trainer->data);
    if (!code && config->init) code = hedon_model_open(trainer->ctx, &from, config->init);
    if (!code && from) {
        const HedonModelInfo *info = hedon_model_info(from);
        code = hedon_model_copy_weights(trainer->ctx, trainer->model, from, &copied, &fresh);
        snprintf(trainer->begun_with, sizeof(trainer->begun_with), ", begun with %.60s (%.160s)",
                 info->name, info->trained_on);
    }
    hedon_model_close(from);
    if (!code)
        code = hedon_model_set_clip(trainer->ctx, trainer->model, config->frames, config->size);
    if (code) return code;
    /* as it was trained: so is it to be used */
    const double window_s =
        (double)hedon_model_info(trainer->model)->clip_frames / recipe->clip_rate;
    if (recipe->sampling == HEDON_CLIP_EVEN)
        hedon_model_set_sampling(trainer->model, "even", 0, 0);
    else
        hedon_model_set_sampling(trainer->model, "windows", window_s, window_s);
    return 0;
}

static int open_feed(HedonTrainer *trainer)
{
    const HedonRecipe *recipe = &trainer->config->recipe;
    const HedonSequence *sequence = &trainer->sequence;
    const int64_t a_step = sequence->accumulate * sequence->batch_clips;
    HedonClipFeedOptions options = {
        .preprocessing = *hedon_model_preprocessing(trainer->model),
        .sampling = recipe->sampling,
        .clip_rate = recipe->clip_rate,
        .leave_out_short = recipe->leave_out_short,
        .augment = recipe->augment,
        .workers = hedon_trainer_workers(trainer),
        .device = hedon_engine_device(trainer->engine),
        .decoder = trainer->config->decoder,
        .first = trainer->step * a_step,
        .end = hedon_trainer_steps(trainer) * a_step,
        .place = hedon_sequence_place,
        .opaque = &trainer->sequence,
    };
    options.window = 3 * sequence->batch_clips + 2 * options.workers;
    return hedon_clip_feed_open(trainer->ctx, &trainer->feed, &options);
}

static int open_batch(HedonTrainer *trainer)
{
    const size_t n = (size_t)trainer->sequence.batch_clips;
    HedonTrainBatch *batch = &trainer->batch;
    trainer->fed = hedon_calloc(n, sizeof(*trainer->fed));
    trainer->emotions = hedon_calloc(n, HEDON_EMOTIONS * sizeof(float));
    trainer->utilities = hedon_calloc(n, sizeof(float));
    trainer->broken = hedon_calloc((size_t)hedon_sequence_videos(&trainer->sequence), 1);
    batch->pixels = hedon_calloc(n, sizeof(*batch->pixels));
    batch->targets = hedon_calloc(n, HEDON_EMOTIONS * sizeof(float));
    batch->clip_weights = hedon_calloc(n, sizeof(float));
    batch->pair_weights = hedon_calloc((n + 1) / 2, sizeof(float));
    batch->ties = hedon_calloc((n + 1) / 2, sizeof(float));
    batch->mask = hedon_calloc(n, sizeof(float));
    const HedonRecipe *recipe = &trainer->config->recipe;
    const HedonModelInfo *info = hedon_model_info(trainer->model);
    const size_t size = 3 * (size_t)(info->clip_frames * info->clip_height * info->clip_width);
    const int mixes = trainer->sequence.clips && (recipe->mixup > 0 || recipe->cutmix > 0);
    if (mixes) trainer->mixed = hedon_calloc((size_t)trainer->sequence.clips, size * sizeof(float));
    const int together = trainer->group->ranks > 1;
    if (together) {
        trainer->blank = hedon_calloc(size, sizeof(float));
        trainer->samples = hedon_calloc(n, sizeof(*trainer->samples));
        if (!trainer->blank || !trainer->samples) return hedon_fail_memory(trainer->ctx);
        for (size_t i = 0; i < n; i++)
            trainer->samples[i] = hedon_sequence_slot(&trainer->sequence, (int64_t)i);
    }
    batch->samples = trainer->samples;
    return (trainer->mixed || !mixes) && trainer->fed && trainer->emotions && trainer->utilities &&
                   trainer->broken && batch->pixels && batch->targets && batch->clip_weights &&
                   batch->pair_weights && batch->ties && batch->mask
               ? 0
               : hedon_fail_memory(trainer->ctx);
}

static json_t *start_event(const HedonTrainer *trainer)
{
    const HedonTrainData *data = &trainer->data;
    const char *name = trainer->options.resume ? "resume" : "start";
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
        "s:I, "
        "s:b, s:s, s:i}",
        "event", name, "recipe", trainer->config->recipe.name, "model", trainer->config->model,
        "device", hedon_engine_backend(trainer->engine), "step", (json_int_t)trainer->step, "steps",
        (json_int_t)hedon_trainer_steps(trainer), "train_clips", (json_int_t)data->train.clip_count,
        "train_pairs", (json_int_t)data->train.pair_count, "held_out_clips",
        (json_int_t)data->held.clip_count, "held_out_pairs", (json_int_t)data->held.pair_count,
        "vce_left_out", (json_int_t)data->vce_left_out, "v2v_left_out",
        (json_int_t)data->v2v_left_out, "held_out_shared", (json_int_t)data->held_shared,
        "train_lists", (json_int_t)data->list_count, "lists_left_out",
        (json_int_t)data->lists_left_out, "ties", (json_int_t)data->ties, "ties_left_out",
        (json_int_t)data->ties_left_out, "parameters",
        (json_int_t)hedon_model_info(trainer->model)->parameters, "synthetic", data->synthetic,
        "out", trainer->folder.dir, "ranks", trainer->group->ranks);
}

static int open_folder(HedonTrainer *trainer, const char *out)
{
    int code = hedon_run_folder_open(trainer->ctx, &trainer->folder, out, !trainer->options.resume);
    if (code || trainer->options.resume) return code;
    json_t *config = hedon_train_config_json(trainer->config);
    code = config
               ? hedon_run_folder_write_json(trainer->ctx, &trainer->folder, "config.json", config)
               : hedon_fail_memory(trainer->ctx);
    json_decref(config);
    return code;
}

/* What each rank does for itself. */
static int open_parts(HedonTrainer *trainer)
{
    HedonContext *ctx = trainer->ctx;
    const HedonTrainConfig *config = trainer->config;
    const HedonProcessGroup *group = trainer->group;
    int code = hedon_train_config_check(ctx, config);
    if (!code) code = hedon_train_config_hash(ctx, config, trainer->hash);
    if (!code) code = hedon_train_data_open(ctx, &trainer->data, config);
    if (!code) code = open_model(trainer);
    if (!code)
        code = hedon_engine_open(ctx, &trainer->engine, trainer->model, config, trainer->group, 0);
    if (code) return code;
    hedon_sequence_init(&trainer->sequence, &trainer->data, config, group->rank, group->ranks);
    const int64_t share =
        config->recipe.task == HEDON_TASK_V2V ? config->recipe.pairs : config->recipe.clips;
    hedon_recipe_rates(&config->recipe, trainer->sequence.steps_per_epoch,
                       share * group->ranks * config->recipe.accumulate, &trainer->rates);
    return open_batch(trainer);
}

/* What is rank 0's alone: the folder. */
static int open_run(HedonTrainer *trainer, const char *out)
{
    char path[4096];
    int code = open_folder(trainer, out);
    if (!code && trainer->options.resume) code = hedon_trainer_resume(trainer);
    if (code) return code;
    hedon_run_folder_path(&trainer->folder, "tensorboard", path);
    return hedon_tensorboard_open(trainer->ctx, &trainer->board, path,
                                  trainer->options.resume ? trainer->step : -1);
}

static int open_trainer(HedonTrainer *trainer, const char *out)
{
    const int is_first = trainer->group->rank == 0;
    int code = hedon_trainer_agree(trainer, open_parts(trainer));
    if (!code) code = hedon_trainer_compare(trainer);
    if (!code) code = hedon_engine_join(trainer->ctx, trainer->engine);
    if (code) return code;
    /* only now that all this works does anything appear on the disk */
    code = hedon_trainer_agree(trainer, is_first ? open_run(trainer, out) : 0);
    if (!code) code = hedon_trainer_share(trainer);
    if (code) return code;
    hedon_trainer_event(trainer, start_event(trainer));
    if (is_first && trainer->options.resume) code = hedon_trainer_renew_config(trainer);
    if (!code && trainer->step < hedon_trainer_steps(trainer)) code = open_feed(trainer);
    return hedon_trainer_agree(trainer, code);
}

static void close_trainer(HedonTrainer *trainer)
{
    hedon_clip_feed_close(trainer->feed);
    hedon_tensorboard_close(&trainer->board);
    hedon_run_folder_close(&trainer->folder);
    hedon_engine_close(trainer->engine);
    hedon_model_close(trainer->model);
    hedon_train_data_close(&trainer->data);
    hedon_free(trainer->fed);
    hedon_free(trainer->mixed);
    hedon_free(trainer->blank);
    hedon_free(trainer->samples);
    hedon_free(trainer->emotions);
    hedon_free(trainer->utilities);
    hedon_free(trainer->broken);
    hedon_free(trainer->batch.pixels);
    hedon_free(trainer->batch.targets);
    hedon_free(trainer->batch.clip_weights);
    hedon_free(trainer->batch.pair_weights);
    hedon_free(trainer->batch.ties);
    hedon_free(trainer->batch.mask);
}

/* ---- The loop */

static void show_progress(HedonTrainer *trainer)
{
    HedonTrainProgress *progress = &trainer->progress;
    const HedonSequence *sequence = &trainer->sequence;
    const double seconds = hedon_clock_s() - trainer->started_s;
    const int64_t steps = hedon_trainer_steps(trainer), done = trainer->steps_here;
    progress->epochs = trainer->config->recipe.epochs;
    progress->step = trainer->step;
    progress->steps = steps;
    if (trainer->sums.batches) progress->loss = trainer->sums.loss / (double)trainer->sums.batches;
    if (done && seconds > 0) {
        const double clips =
            (double)(done * sequence->accumulate * sequence->batch_clips * trainer->group->ranks);
        progress->clips_per_s = clips / seconds;
        progress->left_s = seconds / (double)done * (double)(steps - trainer->step);
        progress->waiting = trainer->waited_s / seconds;
    }
    if (trainer->callbacks.progress && trainer->group->rank == 0)
        trainer->callbacks.progress(trainer->callbacks.opaque, progress);
}

static int is_time_to_save(const HedonTrainer *trainer)
{
    if (trainer->config->save_every > 0) return trainer->step % trainer->config->save_every == 0;
    const double since_s = hedon_clock_s() - trainer->saved_s;
    return since_s > SAVE_EVERY_S && since_s * SAVING_SHARE > trainer->saving_took_s;
}

static int interrupt(HedonTrainer *trainer)
{
    hedon_trainer_event(trainer, json_pack("{s:s, s:I}", "event", "interrupted", "step",
                                           (json_int_t)trainer->step));
    int code = late(trainer);
    if (!code) code = hedon_trainer_save(trainer);
    if (code) return code;
    return hedon_fail(trainer->ctx, HEDON_ECANCELLED, "interrupted at step %lld",
                      (long long)trainer->step);
}

static int finish(HedonTrainer *trainer)
{
    const double seconds = hedon_clock_s() - trainer->started_s;
    json_t *event = json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:f, s:f}", "event", "done", "step", (json_int_t)trainer->step,
        "best_epoch", (json_int_t)trainer->best_epoch, "broken", (json_int_t)trainer->broken_count,
        "short", (json_int_t)trainer->short_count, "seconds", seconds, "waiting",
        seconds > 0 ? trainer->waited_s / seconds : 0);
    if (event && isfinite(trainer->best))
        json_object_set_new(event, "best", json_real(trainer->best));
    hedon_trainer_event(trainer, event);
    return late(trainer);
}

static int advance(HedonTrainer *trainer)
{
    int code = hedon_trainer_step(trainer);
    show_progress(trainer);
    if (!code && trainer->step % trainer->sequence.steps_per_epoch && is_time_to_save(trainer))
        code = hedon_trainer_save(trainer);
    return code;
}

/* Ranks agree before everything that they do together, and so end together. An epoch that ended
 * without its validation (killed, interrupted) has it first. */
static int loop(HedonTrainer *trainer)
{
    const int64_t steps = hedon_trainer_steps(trainer), epoch = trainer->sequence.steps_per_epoch;
    int code = 0;
    for (;;) {
        const int has_ended =
            trainer->step % epoch == 0 && trainer->step / epoch > trainer->epochs_done;
        const int is_done = trainer->step >= steps && !has_ended;
        trainer->progress.epoch = trainer->step / epoch + (trainer->step < steps);
        if (!code) code = late(trainer);
        if (!code && !is_done && hedon_trainer_stopped(trainer))
            code = hedon_fail(trainer->ctx, HEDON_ECANCELLED, "interrupted");
        code = hedon_trainer_agree(trainer, code);
        if (code == HEDON_ECANCELLED) return interrupt(trainer);
        if (code) return code;
        if (is_done) return finish(trainer);
        code = has_ended ? hedon_trainer_end_epoch(trainer) : advance(trainer);
        if (code == HEDON_ECANCELLED && !has_ended) return code; /* within a step */
    }
}

/* A device that is lost, or a rank, costs no more than the steps since the last saved state. */
static int say_what_is_saved(const HedonTrainer *trainer)
{
    char sentence[512];
    snprintf(sentence, sizeof(sentence), "%s", hedon_last_error(trainer->ctx));
    if (trainer->group->rank)
        return hedon_fail(trainer->ctx, HEDON_EDEVICE,
                          "%s; what was saved is whole: --resume goes on from there", sentence);
    if (trainer->saved_step < 0)
        return hedon_fail(trainer->ctx, HEDON_EDEVICE,
                          "%s; nothing was saved yet: --resume begins anew", sentence);
    return hedon_fail(trainer->ctx, HEDON_EDEVICE,
                      "%s; resume.state of step %lld is whole: --resume goes on from there",
                      sentence, (long long)trainer->saved_step);
}

int hedon_train(HedonContext *ctx, const char *out, const HedonTrainConfig *config,
                const HedonTrainOptions *options, const HedonTrainCallbacks *callbacks)
{
    HedonTrainer trainer = {.ctx = ctx,
                            .config = config,
                            .options = *options,
                            .best = NAN,
                            .metric = NAN,
                            .saved_step = -1};
    hedon_process_group_alone(&trainer.alone);
    trainer.group = options->group ? options->group : &trainer.alone;
    if (callbacks) trainer.callbacks = *callbacks;
    int code = open_trainer(&trainer, out);
    trainer.started_s = trainer.saved_s = hedon_clock_s();
    if (!code && (code = loop(&trainer)) == HEDON_EDEVICE) code = say_what_is_saved(&trainer);
    close_trainer(&trainer);
    return code;
}
