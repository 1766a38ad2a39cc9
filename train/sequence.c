#include "train/sequence.h"

#include "train/order.h"

/* Items of keys that are no item's: the orders of the two streams. */
static const uint64_t CLIP_ORDER = UINT64_MAX, PAIR_ORDER = UINT64_MAX - 1;
static const uint64_t PAIRS = (uint64_t)1 << 40; /* pairs' keys begin here */

static int64_t comparison_count(const HedonSequence *sequence)
{
    const HedonTrainData *data = sequence->data;
    return data->lists ? data->list_count : data->train.pair_count;
}

void hedon_sequence_init(HedonSequence *sequence, const HedonTrainData *data,
                         const HedonTrainConfig *config, int rank, int ranks)
{
    const HedonRecipe *recipe = &config->recipe;
    const int is_v2v = recipe->task == HEDON_TASK_V2V;
    *sequence = (HedonSequence){
        .data = data,
        .seed = (uint64_t)config->seed,
        .rank = rank,
        .ranks = ranks,
        .clips = is_v2v ? 0 : recipe->clips,
        .pairs = recipe->task == HEDON_TASK_VCE ? 0 : recipe->pairs,
        .compared = hedon_recipe_compared(recipe),
        .accumulate = recipe->accumulate,
    };
    sequence->batch_clips = sequence->clips + sequence->compared * sequence->pairs;
    const int64_t items = is_v2v ? comparison_count(sequence) : data->train.clip_count;
    const int64_t a_step = ranks * (is_v2v ? recipe->pairs : recipe->clips) * recipe->accumulate;
    sequence->steps_per_epoch = items / a_step > 0 ? items / a_step : 1;
}

int64_t hedon_sequence_videos(const HedonSequence *sequence)
{
    const HedonTrainData *data = sequence->data;
    return (data->vce ? hedon_dataset_size(data->vce) : 0) +
           (data->v2v ? hedon_dataset_size(data->v2v) : 0);
}

static HedonShown clip_at(const HedonSequence *sequence, uint64_t epoch, int64_t position)
{
    const HedonTrainPart *part = &sequence->data->train;
    const int64_t i = hedon_order_at(hedon_random_key(sequence->seed, epoch, CLIP_ORDER),
                                     part->clip_count, position % part->clip_count);
    const int32_t item = part->clips[i];
    return (HedonShown){.item = hedon_dataset_item(sequence->data->vce, item),
                        .key = hedon_random_key(sequence->seed, epoch, (uint64_t)item),
                        .number = item};
}

/* The item of member `member` of training comparison i; -1 past the end of a list. A comparison's
 * number is the dataset's, a list's its place among the lists. */
static int32_t member_at(const HedonSequence *sequence, int64_t i, int member, int64_t *number)
{
    const HedonTrainData *data = sequence->data;
    if (data->lists) {
        *number = i;
        return member < data->lists[i].count ? data->lists[i].item[member] : -1;
    }
    *number = data->train.pairs[i];
    return hedon_dataset_comparison(data->v2v, *number)->item[member];
}

static HedonShown pair_at(const HedonSequence *sequence, uint64_t epoch, int64_t position,
                          int member)
{
    const HedonTrainData *data = sequence->data;
    const int64_t count = comparison_count(sequence);
    const int64_t i = hedon_order_at(hedon_random_key(sequence->seed, epoch, PAIR_ORDER), count,
                                     position % count);
    int64_t number;
    const int32_t item = member_at(sequence, i, member, &number);
    if (item < 0) return (HedonShown){.is_pair = 1};
    const int64_t before = data->vce ? hedon_dataset_size(data->vce) : 0;
    const uint64_t showing = (uint64_t)(sequence->compared * number + member);
    return (HedonShown){.item = hedon_dataset_item(data->v2v, item),
                        .key = hedon_random_key(sequence->seed, epoch, PAIRS + showing),
                        .is_pair = 1,
                        .is_tie = !data->lists && hedon_dataset_comparison(data->v2v, number)->tied,
                        .number = before + item};
}

/* A share of the clips is two stretches, as far from the first clip as from the last, so that
 * mixing, which takes opposite ones together, stays within a rank. */
int64_t hedon_sequence_slot(const HedonSequence *sequence, int64_t slot)
{
    const int64_t clips = sequence->clips, others = sequence->batch_clips - clips;
    const int64_t back = clips / 2, front = clips - back, all = sequence->ranks * clips;
    if (slot < front) return sequence->rank * front + slot;
    if (slot < clips) return all - (sequence->rank + 1) * back + slot - front;
    return all + sequence->rank * others + slot - clips;
}

HedonShown hedon_sequence_at(const HedonSequence *sequence, int64_t place)
{
    const int64_t batch = place / sequence->batch_clips;
    const int64_t slot = hedon_sequence_slot(sequence, place % sequence->batch_clips);
    const int64_t clips = sequence->ranks * sequence->clips,
                  pairs = sequence->ranks * sequence->pairs;
    const int64_t an_epoch = sequence->steps_per_epoch * sequence->accumulate;
    const int64_t epoch = batch / an_epoch, within = batch % an_epoch;
    if (slot < clips) return clip_at(sequence, (uint64_t)epoch, within * clips + slot);
    const int64_t pair = (slot - clips) / sequence->compared;
    const int member = (int)((slot - clips) % sequence->compared);
    if (!clips) return pair_at(sequence, (uint64_t)epoch, within * pairs + pair, member);
    const int64_t number = batch * pairs + pair, count = comparison_count(sequence);
    return pair_at(sequence, (uint64_t)(number / count), number % count, member);
}

void hedon_sequence_place(void *opaque, int64_t place, HedonClipPlace *out)
{
    const HedonShown shown = hedon_sequence_at(opaque, place);
    *out = (HedonClipPlace){.path = shown.item ? shown.item->path : NULL, .key = shown.key};
}
