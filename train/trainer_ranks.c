/* What the processes of a training run tell each other, apart from sums: whether they go on, rank
 * 0's state, which videos are missing. With one process most of it is nothing. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "train/trainer_private.h"

enum { EARLY = 5 }; /* broken videos that never stop a run, however small it is */

int hedon_trainer_agree(HedonTrainer *trainer, int code)
{
    if (trainer->group->broken) return code ? code : HEDON_EDEVICE;
    return hedon_process_group_agree(trainer->ctx, trainer->group, code);
}

int hedon_trainer_part(HedonTrainer *trainer, int code)
{
    if (trainer->group->ranks > 1) trainer->group->broken = 1;
    return code;
}

/* ---- The same run --------------------------------------------------------------------------- */

typedef struct Likeness {
    char hash[HEDON_CONFIG_HASH_ROOM];
    int64_t videos, steps, parameters;
    uint64_t order; /* of the first places: other files give other ones */
} Likeness;

static Likeness likeness_of(const HedonTrainer *trainer)
{
    HedonSequence sequence = trainer->sequence;
    Likeness likeness;
    memset(&likeness, 0, sizeof(likeness)); /* it is compared byte by byte */
    memcpy(likeness.hash, trainer->hash, sizeof(likeness.hash));
    likeness.videos = hedon_sequence_videos(&sequence);
    likeness.steps = sequence.steps_per_epoch;
    likeness.parameters = hedon_model_info(trainer->model)->parameters;
    sequence.rank = 0;
    for (int64_t i = 0; i < sequence.batch_clips; i++) {
        const HedonShown shown = hedon_sequence_at(&sequence, i);
        const char *id = shown.item ? shown.item->id : "";
        likeness.order = hedon_random_key_name(likeness.order, id).value;
    }
    return likeness;
}

int hedon_trainer_compare(HedonTrainer *trainer)
{
    HedonProcessGroup *group = trainer->group;
    const Likeness mine = likeness_of(trainer);
    Likeness first = mine;
    int code = group->broadcast(trainer->ctx, group, &first, sizeof(first));
    if (!code && memcmp(&first, &mine, sizeof(mine)))
        code = hedon_fail(trainer->ctx, HEDON_EINVAL,
                          "it sees another dataset or model than rank 0: all need the same files "
                          "under the same names");
    return hedon_trainer_agree(trainer, code);
}

int hedon_trainer_share(HedonTrainer *trainer)
{
    HedonProcessGroup *group = trainer->group;
    const struct {
        void *at;
        size_t bytes;
    } parts[] = {
        {&trainer->step, sizeof(trainer->step)},
        {&trainer->epochs_done, sizeof(trainer->epochs_done)},
        {&trainer->sums, sizeof(trainer->sums)},
        {&trainer->best, sizeof(trainer->best)},
        {&trainer->best_epoch, sizeof(trainer->best_epoch)},
        {&trainer->metric, sizeof(trainer->metric)},
        {&trainer->broken_count, sizeof(trainer->broken_count)},
        {&trainer->short_count, sizeof(trainer->short_count)},
        {trainer->broken, (size_t)hedon_sequence_videos(&trainer->sequence)},
    };
    if (group->ranks == 1) return 0;
    int code = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && !code; i++)
        code = group->broadcast(trainer->ctx, group, parts[i].at, parts[i].bytes);
    if (!code) code = hedon_engine_share(trainer->ctx, trainer->engine);
    return code ? hedon_trainer_part(trainer, code) : 0;
}

/* ---- Missing clips -------------------------------------------------------------------------- */

static int too_many(HedonTrainer *trainer, const HedonMissing *missing, const HedonShown *shown)
{
    const HedonTrainPart *part = &trainer->data.train;
    const int64_t items = part->clip_count + 2 * part->pair_count;
    const double most = trainer->config->max_broken * (double)items;
    if ((double)trainer->broken_count <= most || trainer->broken_count <= EARLY) return 0;
    return hedon_fail(trainer->ctx, HEDON_EDATA,
                      "%lld videos are broken, more than %g of all; the last is %s: %s; "
                      "'hedon dataset check' lists them, --max-broken lets more pass",
                      (long long)trainer->broken_count, trainer->config->max_broken,
                      shown->item->path, missing->message);
}

static int note(HedonTrainer *trainer, const HedonMissing *missing, const HedonShown *shown)
{
    if (trainer->broken[shown->number]) return 0;
    trainer->broken[shown->number] = 1;
    ++*(missing->is_short ? &trainer->short_count : &trainer->broken_count);
    const int code = missing->is_short ? 0 : too_many(trainer, missing, shown);
    if (code) return code;
    hedon_trainer_event(trainer, json_pack("{s:s, s:I, s:s, s:s, s:s}", "event",
                                           missing->is_short ? "short" : "broken", "step",
                                           (json_int_t)trainer->step, "video", shown->item->id,
                                           "path", shown->item->path, "error", missing->message));
    return 0;
}

/* all: `most` of each rank, the first counts[rank] of which count. */
static int note_all(HedonTrainer *trainer, const HedonMissing *all, const double *counts,
                    int64_t most)
{
    HedonSequence sequence = trainer->sequence;
    int code = 0;
    for (int rank = 0; rank < trainer->group->ranks; rank++)
        for (int64_t i = 0; i < (int64_t)counts[rank] && !code; i++) {
            const HedonMissing *missing = &all[rank * most + i];
            sequence.rank = rank;
            const HedonShown shown = hedon_sequence_at(&sequence, missing->place);
            code = note(trainer, missing, &shown);
        }
    return code;
}

int hedon_trainer_note_missing(HedonTrainer *trainer, const HedonMissing *missing, int64_t count,
                               int has_clip, int *any)
{
    HedonProcessGroup *group = trainer->group;
    const int ranks = group->ranks;
    int64_t most = 0;
    double *counts = hedon_calloc((size_t)ranks + 1, sizeof(*counts));
    if (!counts) return hedon_trainer_part(trainer, hedon_fail_memory(trainer->ctx));
    counts[group->rank] = (double)count;
    counts[ranks] = has_clip;
    int code = group->sum(trainer->ctx, group, counts, ranks + 1);
    *any = counts[ranks] > 0;
    for (int i = 0; i < ranks; i++) most = counts[i] > (double)most ? (int64_t)counts[i] : most;
    if (!code && most) {
        HedonMissing *all = hedon_calloc((size_t)((ranks + 1) * most), sizeof(*all));
        if (all) {
            memcpy(all + ranks * most, missing, (size_t)count * sizeof(*all));
            code = group->gather(trainer->ctx, group, all + ranks * most,
                                 (size_t)most * sizeof(*all), all);
            if (!code) code = note_all(trainer, all, counts, most);
        } else {
            code = hedon_trainer_part(trainer, hedon_fail_memory(trainer->ctx));
        }
        hedon_free(all);
    }
    hedon_free(counts);
    return code;
}
