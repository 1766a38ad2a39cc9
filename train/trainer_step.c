/* A step: batches in the order of the sequence, their gradients added up, one update. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "train/augment/mix.h"
#include "train/trainer_private.h"
#include "train/validate.h"

/* Epochs of keys that are no epoch's: dropout and mixing, by batch. */
static const uint64_t DROPOUT = UINT64_MAX, MIXING = UINT64_MAX - 1;

static int64_t first_good(const HedonFedClip *fed, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (fed[i].pixels) return i;
    return -1;
}

/* A missing clip's place shows its neighbour's, with weight 0: batch norm then sees ordinary
 * pictures, and which ones depends on nothing but the files. A rank that has none at all, while
 * another has, shows the mean of all pictures. */
static void fill_gaps(HedonTrainer *trainer, int64_t count)
{
    const HedonFedClip *fed = trainer->fed;
    HedonTrainBatch *batch = &trainer->batch;
    int64_t good = first_good(fed, count);
    for (int64_t i = 0; i < count && good < 0; i++) batch->pixels[i] = trainer->blank;
    if (good < 0) return;
    for (int64_t i = 0; i < count; i++) {
        if (fed[i].pixels) good = i;
        batch->pixels[i] = fed[good].pixels;
        if (i != good) /* mixing may take it */
            memcpy(batch->targets + i * HEDON_EMOTIONS, batch->targets + good * HEDON_EMOTIONS,
                   HEDON_EMOTIONS * sizeof(float));
    }
}

/* Mixup and cutmix of the VCE clips, in a copy of them side by side. */
static int mix(HedonTrainer *trainer, int64_t number)
{
    const HedonRecipe *recipe = &trainer->config->recipe;
    const HedonMixRecipe mixing = {
        .mixup_alpha = recipe->mixup, .cutmix_alpha = recipe->cutmix, .p = 1, .switch_p = .5};
    const HedonModelInfo *info = hedon_model_info(trainer->model);
    const int64_t clips = trainer->sequence.clips, planes = 3 * info->clip_frames,
                  size = planes * info->clip_height * info->clip_width;
    HedonMixDraw draw;
    if (!trainer->mixed) return 0;
    const HedonRandomKey key = hedon_random_key(trainer->sequence.seed, MIXING, (uint64_t)number);
    int code = hedon_mix_draw(trainer->ctx, key, &mixing, (int32_t)info->clip_width,
                              (int32_t)info->clip_height, &draw);
    for (int64_t i = 0; i < clips && !code; i++) {
        memcpy(trainer->mixed + i * size, trainer->batch.pixels[i], (size_t)size * sizeof(float));
        trainer->batch.pixels[i] = trainer->mixed + i * size;
    }
    return code ? code
                : hedon_mix_apply(trainer->ctx, &draw, trainer->mixed, trainer->batch.targets,
                                  clips, planes, (int32_t)info->clip_width,
                                  (int32_t)info->clip_height, HEDON_EMOTIONS);
}

/* ---- A batch */

/* Place i of a batch in its comparison. A pair without one of its videos is left out; a list goes
 * on without it. */
static void weigh_comparison(HedonTrainer *trainer, const HedonShown *shown, int64_t i, int good)
{
    const int64_t compared = trainer->sequence.compared;
    float *weight = &trainer->batch.pair_weights[i / compared];
    if (i % compared == 0) *weight = (float)shown->is_pair;
    trainer->batch.mask[i] = (float)(good && shown->is_pair);
    if (trainer->data.lists) return;
    trainer->batch.ties[i / compared] = (float)shown->is_tie;
    if (!good && shown->is_pair) *weight = 0;
}

static HedonMissing missing_of(const HedonFedClip *clip)
{
    HedonMissing missing = {.place = clip->place, .is_short = clip->is_short};
    snprintf(missing.message, sizeof(missing.message), "%s", clip->message);
    return missing;
}

/* Weights, targets, what is missing; all but the pixels. */
static void describe_batch(HedonTrainer *trainer, HedonMissing *missing, int64_t *missing_count)
{
    HedonTrainBatch *batch = &trainer->batch;
    const HedonSequence *sequence = &trainer->sequence;
    for (int64_t i = 0; i < sequence->batch_clips; i++) {
        const HedonShown shown = hedon_sequence_at(sequence, trainer->fed[i].place);
        const int good = trainer->fed[i].code == 0, is_clip = i < sequence->clips;
        batch->clip_weights[i] = (float)(good && is_clip);
        weigh_comparison(trainer, &shown, i, good);
        if (is_clip)
            memcpy(batch->targets + i * HEDON_EMOTIONS, shown.item->intensities,
                   HEDON_EMOTIONS * sizeof(float));
        if (!good && shown.item && !trainer->broken[shown.number])
            missing[(*missing_count)++] = missing_of(&trainer->fed[i]);
    }
}

/* 0, or 1 when no clip of it could be decoded on any rank. */
static int make_batch(HedonTrainer *trainer, int64_t number)
{
    const int64_t n = trainer->sequence.batch_clips;
    int64_t missing_count = 0;
    int any = 0;
    HedonMissing *missing = hedon_calloc((size_t)n, sizeof(*missing));
    int code = missing ? hedon_clip_feed_take(trainer->ctx, trainer->feed, trainer->fed, n,
                                              &trainer->waited_s)
                       : hedon_fail_memory(trainer->ctx);
    code = hedon_trainer_agree(trainer, code);
    if (!code) {
        describe_batch(trainer, missing, &missing_count);
        code = hedon_trainer_note_missing(trainer, missing, missing_count,
                                          first_good(trainer->fed, n) >= 0, &any);
    }
    hedon_free(missing);
    if (code) return code;
    if (!any) return 1;
    fill_gaps(trainer, n);
    return mix(trainer, number);
}

/* What is counted of a batch, as numbers that ranks can sum. */
enum { CLIPS, TOP3, PAIRS, PAIRS_RIGHT, COUNTS };

/* Of a list its neighbours are counted; ties are not. */
static void count_comparisons(const HedonTrainer *trainer, double counts[COUNTS])
{
    const HedonTrainBatch *batch = &trainer->batch;
    const HedonSequence *sequence = &trainer->sequence;
    int64_t before = -1;
    for (int64_t i = sequence->clips; i < sequence->batch_clips; i++) {
        const int64_t k = i / sequence->compared;
        if (i % sequence->compared == 0) before = -1;
        if (!(batch->pair_weights[k] > 0) || batch->mask[i] == 0) continue;
        if (before >= 0 && (trainer->data.lists || batch->ties[k] == 0)) {
            counts[PAIRS]++;
            counts[PAIRS_RIGHT] += trainer->utilities[i] > trainer->utilities[before];
        }
        before = i;
    }
}

static void count_clips(const HedonTrainer *trainer, double counts[COUNTS])
{
    const HedonSequence *sequence = &trainer->sequence;
    for (int64_t i = 0; i < sequence->clips; i++) {
        if (!(trainer->batch.clip_weights[i] > 0)) continue;
        const HedonShown shown = hedon_sequence_at(sequence, trainer->fed[i].place);
        counts[CLIPS]++;
        counts[TOP3] += hedon_in_top3(trainer->emotions + i * HEDON_EMOTIONS, shown.item->label);
    }
}

static int count_right(HedonTrainer *trainer)
{
    HedonEpochSums *sums = &trainer->sums;
    double counts[COUNTS] = {0};
    int code =
        hedon_engine_logits(trainer->ctx, trainer->engine, trainer->emotions, trainer->utilities);
    if (code) return hedon_trainer_part(trainer, code);
    count_clips(trainer, counts);
    count_comparisons(trainer, counts);
    code = trainer->group->sum(trainer->ctx, trainer->group, counts, COUNTS);
    sums->clips += (int64_t)counts[CLIPS];
    sums->top3 += (int64_t)counts[TOP3];
    sums->pairs += (int64_t)counts[PAIRS];
    sums->pairs_right += (int64_t)counts[PAIRS_RIGHT];
    return code;
}

/* ---- What is not finite */

static int not_finite(HedonTrainer *trainer, int64_t batch, const char *what)
{
    char videos[512] = "";
    size_t used = 0;
    const int64_t n = trainer->sequence.batch_clips;
    HedonSequence sequence = trainer->sequence; /* of each rank in turn */
    for (int64_t i = 0; i < n * sequence.ranks && used < sizeof(videos) - 64; i++) {
        sequence.rank = (int)(i / n);
        const HedonShown shown = hedon_sequence_at(&sequence, batch * n + i % n);
        if (shown.item)
            used += (size_t)snprintf(videos + used, sizeof(videos) - used, "%s%.40s",
                                     used ? ", " : "", shown.item->id);
    }
    char good[4200];
    if (trainer->epochs_done)
        snprintf(good, sizeof(good), "%.3000s/last.safetensors of epoch %lld", trainer->folder.dir,
                 (long long)trainer->epochs_done);
    else
        snprintf(good, sizeof(good), "none yet");
    return hedon_fail(
        trainer->ctx, HEDON_EDATA,
        "%s is not finite at step %lld (videos %s); the last good checkpoint: %.400s; "
        "try a lower --rate, or --clip-norm 1",
        what, (long long)trainer->step + 1, videos, good);
}

/* ---- The step */

static int run_batch(HedonTrainer *trainer, int64_t number, int place, HedonTrainLosses *losses)
{
    HedonEpochSums *sums = &trainer->sums;
    const HedonRandomKey key = hedon_random_key(trainer->sequence.seed, DROPOUT, (uint64_t)number);
    int code =
        hedon_engine_batch(trainer->ctx, trainer->engine, &trainer->batch, key, place, losses);
    if (code) return hedon_trainer_part(trainer, code);
    if (!isfinite(losses->total)) return not_finite(trainer, number, "the loss");
    sums->loss += losses->total;
    sums->emotions_loss += losses->emotions;
    sums->utility_loss += losses->utility;
    sums->batches++;
    return count_right(trainer);
}

static void log_step(HedonTrainer *trainer, const HedonTrainLosses *losses, double rate,
                     double gradient_norm)
{
    const HedonTask task = trainer->config->recipe.task;
    const int64_t step = trainer->step;
    if (trainer->group->rank) return;
    hedon_tensorboard_scalar(&trainer->board, "train/loss", step, losses->total);
    hedon_tensorboard_scalar(&trainer->board, "train/learning_rate", step, rate);
    hedon_tensorboard_scalar(&trainer->board, "train/gradient_norm", step, gradient_norm);
    if (step % trainer->config->log_every) return;
    json_t *event = json_pack("{s:s, s:I, s:I, s:f, s:f, s:f}", "event", "step", "step",
                              (json_int_t)step, "epoch", (json_int_t)trainer->progress.epoch,
                              "loss", losses->total, "rate", rate, "gradient_norm", gradient_norm);
    if (event && task == HEDON_TASK_JOINT) {
        json_object_set_new(event, "emotions_loss", json_real(losses->emotions));
        json_object_set_new(event, "utility_loss", json_real(losses->utility));
    }
    hedon_trainer_event(trainer, event);
}

int hedon_trainer_step(HedonTrainer *trainer)
{
    const int64_t accumulate = trainer->sequence.accumulate;
    const double rate = hedon_rate_at(&trainer->rates, trainer->step);
    HedonTrainLosses sum = {0};
    HedonOptimiserResult result = {.finite = 1};
    int64_t whole = 0; /* batches that gave gradients */
    for (int64_t k = 0; k < accumulate; k++) {
        const int64_t number = trainer->step * accumulate + k;
        int code = make_batch(trainer, number);
        if (code < 0) return code;
        if (code) continue; /* nothing in it could be decoded */
        HedonTrainLosses losses;
        const int place =
            (whole++ == 0 ? HEDON_BATCH_FIRST : 0) | (k == accumulate - 1 ? HEDON_BATCH_LAST : 0);
        code = run_batch(trainer, number, place, &losses);
        if (code) return code;
        sum.total += losses.total;
        sum.emotions += losses.emotions;
        sum.utility += losses.utility;
    }
    if (whole) {
        const int code =
            hedon_engine_update(trainer->ctx, trainer->engine, trainer->step, rate, &result);
        if (code) return hedon_trainer_part(trainer, code);
        if (!result.finite) return not_finite(trainer, trainer->step * accumulate, "a gradient");
        sum.total /= (double)whole;
        sum.emotions /= (double)whole;
        sum.utility /= (double)whole;
    }
    trainer->step++;
    trainer->steps_here++;
    log_step(trainer, &sum, rate, result.gradient_norm);
    return 0;
}
