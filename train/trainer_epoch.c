/* The end of an epoch: validation, checkpoints, the report. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "train/report.h"
#include "train/trainer_private.h"
#include "train/validate.h"

static void set_number(json_t *object, const char *name, double value)
{
    if (isfinite(value)) json_object_set_new(object, name, json_real(value));
}

static const char *metric_name(const HedonTrainer *trainer)
{
    switch (trainer->config->recipe.task) {
    case HEDON_TASK_VCE:
        return "top-3";
    case HEDON_TASK_V2V:
        return "pairs";
    default:
        return "top-3 and pairs";
    }
}

static double share(int64_t part, int64_t whole)
{
    return whole ? (double)part / (double)whole : NAN;
}

static json_t *epoch_event(const HedonTrainer *trainer, const HedonValidation *validation,
                           int is_best)
{
    const HedonEpochSums *sums = &trainer->sums;
    const double batches = sums->batches ? (double)sums->batches : NAN;
    json_t *event =
        json_pack("{s:s, s:I, s:I, s:b, s:I}", "event", "epoch", "epoch",
                  (json_int_t)trainer->epochs_done + 1, "step", (json_int_t)trainer->step, "best",
                  is_best, "broken", (json_int_t)trainer->broken_count);
    if (!event) return NULL;
    set_number(event, "train_loss", sums->loss / batches);
    set_number(event, "train_top3", share(sums->top3, sums->clips));
    set_number(event, "train_pairs", share(sums->pairs_right, sums->pairs));
    set_number(event, "held_top3", validation->top3);
    set_number(event, "held_pairs", validation->pairs_right);
    set_number(event, "held_emotions_loss", validation->emotions_loss);
    set_number(event, "held_utility_loss", validation->utility_loss);
    json_object_set_new(event, "held_clips", json_integer(validation->clips));
    json_object_set_new(event, "held_pair_count", json_integer(validation->pairs));
    return event;
}

static void board_epoch(HedonTrainer *trainer, const HedonValidation *validation)
{
    const struct {
        const char *tag;
        double value;
    } scalars[] = {{"held_out/top3", validation->top3},
                   {"held_out/pairs", validation->pairs_right},
                   {"held_out/emotions_loss", validation->emotions_loss},
                   {"held_out/utility_loss", validation->utility_loss}};
    for (size_t i = 0; i < sizeof(scalars) / sizeof(*scalars); i++)
        if (isfinite(scalars[i].value))
            hedon_tensorboard_scalar(&trainer->board, scalars[i].tag, trainer->step,
                                     scalars[i].value);
}

/* What the model file says of how it came to be. */
static int describe(HedonTrainer *trainer, const HedonValidation *validation)
{
    const HedonTrainConfig *config = trainer->config;
    char name[128], trained_on[1024], reference[256];
    const int synthetic = trainer->data.synthetic;
    snprintf(name, sizeof(name), "%.60s-%s", config->model, config->recipe.name);
    snprintf(trained_on, sizeof(trained_on), "%s, recipe %s, %lld of %lld epochs, seed %lld%s",
             trainer->data.trained_on, config->recipe.name, (long long)trainer->epochs_done + 1,
             (long long)config->recipe.epochs, (long long)config->seed, trainer->begun_with);
    snprintf(reference, sizeof(reference), "%lld %svideos held out of training (seed %lld)",
             (long long)validation->utility_count, synthetic ? "synthetic " : "",
             (long long)config->seed);
    const HedonProvenance provenance = {
        .name = name,
        .trained_on = trained_on,
        .caveat = synthetic ? "trained on synthetic videos with made-up ratings" : "",
        .human_trained = !synthetic,
        .reference_name = validation->utility_count > 1 ? reference : NULL,
        .reference = validation->utilities,
        .reference_count = validation->utility_count,
    };
    return hedon_model_set_provenance(trainer->ctx, trainer->model, &provenance);
}

static int save_model(HedonTrainer *trainer, const char *name)
{
    char path[4096];
    return hedon_model_save(trainer->ctx, trainer->model,
                            hedon_run_folder_path(&trainer->folder, name, path));
}

/* Without a held-out part there is nothing to choose by: the last is the best. */
static int is_better(const HedonTrainer *trainer, const HedonValidation *validation)
{
    return !isfinite(validation->metric) || !isfinite(trainer->best) ||
           validation->metric > trainer->best;
}

/* On the disk: rank 0's. */
static int write_epoch(HedonTrainer *trainer, const HedonValidation *validation, int best)
{
    int code = describe(trainer, validation);
    if (!code) code = save_model(trainer, "last.safetensors");
    if (!code && best) code = save_model(trainer, "best.safetensors");
    if (code) return code;
    hedon_trainer_event(trainer, epoch_event(trainer, validation, best));
    board_epoch(trainer, validation);
    return 0;
}

static int validate(HedonTrainer *trainer, HedonValidation *validation)
{
    HedonTrainConfig config = *trainer->config;
    config.device.threads = hedon_engine_threads(trainer->engine);
    config.device.device = hedon_engine_device(trainer->engine);
    trainer->progress.validating = 1;
    if (trainer->callbacks.progress && trainer->group->rank == 0)
        trainer->callbacks.progress(trainer->callbacks.opaque, &trainer->progress);
    int code =
        hedon_trainer_agree(trainer, hedon_engine_store(trainer->ctx, trainer->engine,
                                                        config.recipe.average > 0, trainer->model));
    if (!code)
        code = hedon_validate(trainer->ctx, validation, trainer->model, &trainer->data, &config,
                              hedon_trainer_workers(trainer), trainer->group, hedon_trainer_stopped,
                              trainer);
    trainer->progress.validating = 0;
    return code;
}

int hedon_trainer_end_epoch(HedonTrainer *trainer)
{
    HedonValidation validation;
    int code = validate(trainer, &validation);
    if (code) return code;
    const int is_first = trainer->group->rank == 0, best = is_better(trainer, &validation);
    if (is_first) code = write_epoch(trainer, &validation, best);
    if (best) {
        trainer->best = validation.metric;
        trainer->best_epoch = trainer->epochs_done + 1;
    }
    trainer->metric = validation.metric;
    trainer->progress.metric = validation.metric;
    trainer->progress.metric_name = isfinite(validation.metric) ? metric_name(trainer) : NULL;
    hedon_free(validation.utilities);
    if (code) return code;
    trainer->epochs_done++;
    trainer->sums = (HedonEpochSums){0};
    code = hedon_trainer_save(trainer);
    return code || !is_first ? code
                             : hedon_report_write(trainer->ctx, &trainer->folder, trainer->config);
}
