/* Splits and comparisons of a synthetic universe, in the proportions of VCE and V2V. */
#include "base/error.h"
#include "base/memory.h"
#include "datasets/synth_people.h"

/* What the real datasets have: videos, and comparisons between them. */
static const double vce_videos = 61046, vce_train = 50000;
static const double v2v_videos = 26670, v2v_train = 16125, v2v_test = 6223, v2v_lists = 4322;
static const double pairs_train = 11038, pairs_test = 3189, lists = 1758;

static int64_t share(int64_t of, double part, double whole)
{
    return (int64_t)((double)of * part / whole + 0.5);
}

/* A permutation of 0..count-1 (Fisher-Yates). NULL when memory is out. */
static int32_t *shuffled(HedonRandomKey key, int64_t count)
{
    int32_t *order = hedon_malloc((size_t)count + 1, sizeof(*order));
    if (!order) return NULL;
    for (int64_t i = 0; i < count; i++) order[i] = (int32_t)i;
    for (int64_t i = count - 1; i > 0; i--) {
        const int64_t j = (int64_t)(hedon_random_u64(key, (uint64_t)i) % (uint64_t)(i + 1));
        const int32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    return order;
}

static HedonSynthComparison pair_of(uint64_t seed, int64_t number, int32_t a, int32_t b)
{
    const int a_last = hedon_synth_judge(seed, number, a) > hedon_synth_judge(seed, number, b);
    return (HedonSynthComparison){2, {a_last ? b : a, a_last ? a : b}};
}

/*
 * Pairs among `count` videos: `wanted` of them as a forest in which every video is compared. Each
 * of its trees starts as one pair; the videos left over each join an earlier one.
 */
static int draw_pairs(HedonContext *ctx, HedonSynthComparisons *out, uint64_t seed, int split,
                      const int32_t *video, int64_t count, int64_t wanted)
{
    int64_t trees = count - wanted;
    if (trees > count / 2) trees = count / 2;
    if (trees < 1) trees = 1;
    out->count = count - trees;
    out->at = hedon_malloc((size_t)out->count, sizeof(*out->at));
    const HedonRandomKey key = hedon_random_key(seed, HEDON_SYNTH_DRAW_PAIRS, (uint64_t)split);
    int32_t *order =
        shuffled(hedon_random_key(seed, HEDON_SYNTH_DRAW_PAIR_ORDER, (uint64_t)split), out->count);
    if (!out->at || !order) {
        hedon_free(order);
        return hedon_fail_memory(ctx);
    }
    for (int64_t i = 0; i < out->count; i++) {
        const int64_t one = i < trees ? 2 * i : i + trees;
        const int64_t other =
            i < trees ? 2 * i + 1 : (int64_t)(hedon_random_u64(key, (uint64_t)i) % (uint64_t)one);
        out->at[order[i]] = pair_of(seed, 2 * i + split, video[one], video[other]);
    }
    hedon_free(order);
    return 0;
}

static int holds(const HedonSynthComparison *list, int32_t video)
{
    for (int i = 0; i < list->count; i++)
        if (list->video[i] == video) return 1;
    return 0;
}

/* Puts a video where the panel has it. */
static void insert(HedonSynthComparison *list, uint64_t seed, int32_t video)
{
    const double pleasure = hedon_synth_panel(seed, video);
    int place = list->count++;
    for (; place > 0 && hedon_synth_panel(seed, list->video[place - 1]) > pleasure; place--)
        list->video[place] = list->video[place - 1];
    list->video[place] = video;
}

/* Lists of four (.7), three (.2) and two videos: first every video once, then any again. */
static int draw_lists(HedonContext *ctx, HedonSynthComparisons *out, uint64_t seed,
                      const int32_t *video, int64_t count, int64_t wanted)
{
    out->at = hedon_calloc((size_t)wanted, sizeof(*out->at));
    if (!out->at) return hedon_fail_memory(ctx);
    out->count = wanted;
    int64_t dealt = 0;
    for (int64_t i = 0; i < wanted; i++) {
        const HedonRandomKey key = hedon_random_key(seed, HEDON_SYNTH_DRAW_LISTS, (uint64_t)i);
        const double u = hedon_random_uniform(key, 0);
        int length = u < 0.7 ? 4 : u < 0.9 ? 3 : 2;
        if (i + 1 == wanted && count - dealt > length)
            length = count - dealt < HEDON_SYNTH_LIST ? (int)(count - dealt) : HEDON_SYNTH_LIST;
        if (length > count) length = (int)count;
        for (uint64_t draw = 1; out->at[i].count < length; draw++) {
            const int32_t next = dealt < count
                                     ? video[dealt++]
                                     : video[hedon_random_u64(key, draw) % (uint64_t)count];
            if (!holds(&out->at[i], next)) insert(&out->at[i], seed, next);
        }
    }
    return 0;
}

static int split_vce(HedonContext *ctx, HedonSynthPlan *plan)
{
    const int64_t videos = plan->universe.videos;
    plan->vce_train = share(videos, vce_train, vce_videos);
    plan->vce_test = hedon_calloc((size_t)videos, 1);
    int32_t *order =
        shuffled(hedon_random_key(plan->universe.seed, HEDON_SYNTH_DRAW_VCE_SPLIT, 0), videos);
    if (plan->vce_test && order)
        for (int64_t i = plan->vce_train; i < videos; i++) plan->vce_test[order[i]] = 1;
    hedon_free(order);
    return plan->vce_test && order ? 0 : hedon_fail_memory(ctx);
}

static int split_v2v(HedonContext *ctx, HedonSynthPlan *plan)
{
    const int64_t videos = plan->universe.videos;
    const uint64_t seed = plan->universe.seed;
    plan->v2v_videos = share(videos, v2v_videos, vce_videos);
    const int64_t test = share(plan->v2v_videos, v2v_test, v2v_videos);
    const int64_t listed = share(plan->v2v_videos, v2v_lists, v2v_videos);
    const int64_t train = plan->v2v_videos - test - listed;
    plan->in_v2v = hedon_calloc((size_t)videos, 1);
    int32_t *order = shuffled(hedon_random_key(seed, HEDON_SYNTH_DRAW_V2V_SPLIT, 0), videos);
    int code = plan->in_v2v && order ? 0 : hedon_fail_memory(ctx);
    for (int64_t i = 0; !code && i < plan->v2v_videos; i++) plan->in_v2v[order[i]] = 1;
    if (!code)
        code = draw_pairs(ctx, &plan->pairs_train, seed, 0, order, train,
                          share(train, pairs_train, v2v_train));
    if (!code)
        code = draw_pairs(ctx, &plan->pairs_test, seed, 1, order + train, test,
                          share(test, pairs_test, v2v_test));
    if (!code)
        code = draw_lists(ctx, &plan->lists, seed, order + train + test, listed,
                          share(listed, lists, v2v_lists));
    hedon_free(order);
    return code;
}

int hedon_synth_plan(HedonContext *ctx, HedonSynthPlan *plan, HedonSynthUniverse universe)
{
    *plan = (HedonSynthPlan){.universe = universe};
    if (universe.videos < HEDON_SYNTH_LEAST || universe.videos > 999999)
        return hedon_fail(ctx, HEDON_EINVAL, "a synthetic dataset has %d to 999,999 videos",
                          HEDON_SYNTH_LEAST);
    const int code = split_vce(ctx, plan);
    return code ? code : split_v2v(ctx, plan);
}

void hedon_synth_plan_free(HedonSynthPlan *plan)
{
    hedon_free(plan->vce_test);
    hedon_free(plan->in_v2v);
    hedon_free(plan->pairs_train.at);
    hedon_free(plan->pairs_test.at);
    hedon_free(plan->lists.at);
    *plan = (HedonSynthPlan){0};
}

int hedon_synth_shows(const HedonSynthPlan *plan, HedonSynthKind kind, int64_t video)
{
    return kind == HEDON_SYNTH_VCE || plan->in_v2v[video];
}
