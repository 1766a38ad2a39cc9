/* What opening did not find: comparisons that disagree, videos that are not there, and what joint
 * training has to leave out. */
#include "datasets/check.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/memory.h"
#include "datasets/graph.h"

typedef struct Checking {
    HedonContext *ctx;
    const HedonCheckOptions *options;
    HedonDataset *dataset;
    HedonCheck *check;
    char **trouble; /* by item: why its video is no good; NULL when it is, or was not looked at */
    uint8_t *state; /* by item: MISSING, OPENED or neither */
} Checking;

enum { MISSING = 1, OPENED = 2 };

void hedon_check_options_default(HedonCheckOptions *options)
{
    *options = (HedonCheckOptions){.examples = 5};
    hedon_worker_options_default(&options->worker);
}

static const char *id_of(const Checking *c, int32_t item)
{
    return hedon_dataset_item(c->dataset, item)->id;
}

/* ---- Comparisons ---------------------------------------------------------------------------- */

static int check_self(Checking *c)
{
    int code = 0;
    for (int64_t i = 0; i < hedon_dataset_comparisons(c->dataset) && !code; i++) {
        const HedonComparison *one = hedon_dataset_comparison(c->dataset, i);
        for (int k = 0; k < one->count * one->count && !code; k++)
            if (k / one->count < k % one->count &&
                one->item[k / one->count] == one->item[k % one->count])
                code = hedon_faults_add(c->ctx, &c->check->faults, HEDON_FAULT_SELF_PAIR,
                                        "%s: video %s is compared with itself",
                                        hedon_split_name(one->split),
                                        id_of(c, one->item[k / one->count]));
    }
    return code;
}

/* Pairs only: lists may share videos. */
static int check_duplicates(Checking *c)
{
    const int64_t count = hedon_dataset_comparisons(c->dataset);
    uint64_t *seen = hedon_calloc(4 * (size_t)count + 1, sizeof(*seen)); /* a hash set */
    if (!seen) return hedon_fail_memory(c->ctx);
    const size_t room = 4 * (size_t)count + 1;
    int code = 0;
    for (int64_t i = 0; i < count && !code; i++) {
        const HedonComparison *one = hedon_dataset_comparison(c->dataset, i);
        if (one->count != 2 || one->tied || one->split == HEDON_SPLIT_LISTS) continue;
        const uint64_t pair = ((uint64_t)one->item[0] << 32 | (uint32_t)one->item[1]) + 1;
        size_t slot = (size_t)(pair * 0x9e3779b97f4a7c15u % room);
        while (seen[slot] && seen[slot] != pair) slot = (slot + 1) % room;
        if (seen[slot])
            code = hedon_faults_add(c->ctx, &c->check->faults, HEDON_FAULT_DUPLICATE_PAIR,
                                    "%s: %s < %s again", hedon_split_name(one->split),
                                    id_of(c, one->item[0]), id_of(c, one->item[1]));
        seen[slot] = pair;
    }
    hedon_free(seen);
    return code;
}

static int has_edge(const HedonEdge *edges, int64_t count, HedonEdge wanted)
{
    int64_t low = 0, high = count;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        const HedonEdge *e = &edges[middle];
        if (e->less < wanted.less || (e->less == wanted.less && e->more < wanted.more))
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && edges[low].less == wanted.less && edges[low].more == wanted.more;
}

static int check_contradictions(Checking *c, const HedonEdge *edges, int64_t count)
{
    int code = 0;
    for (int64_t i = 0; i < count && !code; i++) {
        const HedonEdge back = {edges[i].more, edges[i].less};
        if (edges[i].less < edges[i].more && has_edge(edges, count, back))
            code = hedon_faults_add(c->ctx, &c->check->faults, HEDON_FAULT_CONTRADICTION,
                                    "%s < %s and %s < %s", id_of(c, back.more), id_of(c, back.less),
                                    id_of(c, back.less), id_of(c, back.more));
    }
    return code;
}

static int tell_cycle(void *opaque, const int32_t *cycle, int length)
{
    Checking *c = opaque;
    char text[512];
    size_t used = 0;
    const int shown = length < 8 ? length : 8;
    for (int i = 0; i < shown && used < sizeof(text); i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%.40s < ", id_of(c, cycle[i]));
    return hedon_faults_add(c->ctx, &c->check->faults, HEDON_FAULT_CYCLE, "%s%s%s (%d videos)",
                            text, shown < length ? "... < " : "", id_of(c, cycle[0]), length);
}

static int check_comparisons(Checking *c)
{
    HedonEdge *edges = NULL;
    int64_t count;
    if (!hedon_dataset_comparisons(c->dataset)) return 0;
    int code = check_self(c);
    if (!code) code = check_duplicates(c);
    if (!code) code = hedon_graph_edges(c->ctx, c->dataset, HEDON_SPLIT_ALL, &edges, &count);
    if (!code) code = check_contradictions(c, edges, count);
    if (!code)
        code =
            hedon_graph_cycles(c->ctx, hedon_dataset_size(c->dataset), edges, count, tell_cycle, c);
    hedon_free(edges);
    return code;
}

/* ---- Videos --------------------------------------------------------------------------------- */

static int check_presence(Checking *c)
{
    int code = 0;
    for (int64_t i = 0; i < hedon_dataset_size(c->dataset) && !code; i++) {
        const HedonDatasetItem *item = hedon_dataset_item(c->dataset, i);
        struct stat status;
        if (!stat(item->path, &status)) continue;
        c->state[i] = MISSING;
        code = hedon_faults_add(c->ctx, &c->check->faults, HEDON_FAULT_MISSING_VIDEO, "%s",
                                item->path);
    }
    return code;
}

static int is_present(void *opaque, int64_t item)
{
    return ((const Checking *)opaque)->state[item] != MISSING;
}

static int ignore_frame(void *opaque, const HedonFrame *frame)
{
    (void)opaque;
    (void)frame;
    return 0;
}

/* Runs in several threads: an item's own places only. */
static int look_at(void *opaque, HedonContext *ctx, HedonWorker *worker, int64_t item, int code)
{
    Checking *c = opaque;
    char text[600];
    int damaged = 0;
    if (!code) {
        const int64_t frames = hedon_worker_info(worker)->frames, ends[2] = {0, frames - 1};
        code =
            hedon_visit_frames(ctx, worker, ends, frames > 1 ? 2 : 1, ignore_frame, NULL, &damaged);
    }
    if (code == HEDON_ECANCELLED || code == HEDON_ENOMEM) return code;
    if (!code && !damaged) {
        c->state[item] = OPENED;
        return 0;
    }
    const HedonVideoInfo *info = code ? NULL : hedon_worker_info(worker);
    if (info)
        snprintf(text, sizeof(text), "damaged: %lld frames decode, %lld are lost",
                 (long long)info->frames, (long long)info->lost);
    else
        snprintf(text, sizeof(text), "%s", hedon_last_error(ctx));
    c->trouble[item] = hedon_strdup(text);
    return c->trouble[item] ? 0 : hedon_fail_memory(ctx);
}

static void show_progress(void *opaque, int64_t done, int64_t total)
{
    const HedonCheckOptions *options = ((const Checking *)opaque)->options;
    if (options->progress) options->progress(options->opaque, done, total);
}

static int open_videos(Checking *c)
{
    const HedonVisitOptions visit = {.workers = c->options->workers,
                                     .worker = c->options->worker,
                                     .wanted = is_present,
                                     .visit = look_at,
                                     .progress = show_progress,
                                     .opaque = c};
    int code = hedon_visit_videos(c->ctx, c->dataset, &visit);
    for (int64_t i = 0; i < hedon_dataset_size(c->dataset) && !code; i++) {
        c->check->opened += c->state[i] == OPENED;
        if (c->trouble[i])
            code =
                hedon_faults_add(c->ctx, &c->check->faults, HEDON_FAULT_UNREADABLE_VIDEO, "%s: %s",
                                 hedon_dataset_item(c->dataset, i)->path, c->trouble[i]);
    }
    return code;
}

static int check_videos(Checking *c)
{
    const size_t size = (size_t)hedon_dataset_size(c->dataset);
    c->state = hedon_calloc(size, 1);
    c->trouble = hedon_calloc(size, sizeof(*c->trouble));
    int code = c->state && c->trouble ? check_presence(c) : hedon_fail_memory(c->ctx);
    if (!code && !c->options->no_open) code = open_videos(c);
    for (size_t i = 0; c->trouble && i < size; i++) hedon_free(c->trouble[i]);
    hedon_free(c->trouble);
    hedon_free(c->state);
    return code;
}

/* ---- Beside the other dataset --------------------------------------------------------------- */

static int add_leaks(Checking *c, const HedonDataset *dataset, const uint8_t *out, const char *what)
{
    int code = 0;
    for (int64_t i = 0; i < hedon_dataset_size(dataset) && !code; i++)
        if (out[i])
            code = hedon_faults_add(c->ctx, &c->check->faults, HEDON_FAULT_JOINT_LEAK,
                                    "video %s %s", hedon_dataset_item(dataset, i)->id, what);
    return code;
}

static int add_strangers(Checking *c, const HedonDataset *vce, const HedonDataset *v2v)
{
    int code = 0;
    for (int64_t i = 0; i < hedon_dataset_size(v2v) && !code; i++) {
        const char *id = hedon_dataset_item(v2v, i)->id;
        if (hedon_dataset_find(vce, id) < 0)
            code = hedon_faults_add(c->ctx, &c->check->faults, HEDON_FAULT_UNKNOWN_ID,
                                    "video %s of V2V is not one of VCE's", id);
    }
    return code;
}

static int check_joint(Checking *c)
{
    const int is_vce = !strcmp(c->check->kind->name, "vce");
    if (!is_vce && strcmp(c->check->kind->name, "v2v"))
        return hedon_fail(c->ctx, HEDON_EINVAL, "only VCE and V2V are trained on jointly, not a %s",
                          c->check->kind->name);
    HedonDataset *other;
    HedonFaults ignored; /* the other one is checked when it is asked for */
    hedon_faults_init(&ignored, 0);
    int code = hedon_dataset_open(c->ctx, &other, is_vce ? "v2v" : "vce", c->options->joint,
                                  &(HedonDatasetOptions){.faults = &ignored});
    hedon_faults_free(&ignored);
    if (code) {
        char reason[512];
        snprintf(reason, sizeof(reason), "%s", hedon_last_error(c->ctx));
        return hedon_fail(c->ctx, code, "%s: %s", c->options->joint, reason);
    }
    const HedonDataset *vce = is_vce ? c->dataset : other, *v2v = is_vce ? other : c->dataset;
    uint8_t *vce_out = hedon_malloc((size_t)hedon_dataset_size(vce), 1);
    uint8_t *v2v_out = hedon_malloc((size_t)hedon_dataset_size(v2v), 1);
    code = vce_out && v2v_out ? 0 : hedon_fail_memory(c->ctx);
    if (!code) {
        c->check->is_joint = 1;
        hedon_dataset_joint(vce, v2v, vce_out, v2v_out, NULL, &c->check->joint);
        code = add_leaks(c, vce, vce_out, "is in VCE's train and in V2V's test or lists");
    }
    if (!code) code = add_leaks(c, v2v, v2v_out, "is in V2V's train and in VCE's test");
    if (!code) code = add_strangers(c, vce, v2v);
    hedon_free(vce_out);
    hedon_free(v2v_out);
    hedon_dataset_close(other);
    return code;
}

/* --------------------------------------------------------------------------------------------- */

static void count(Checking *c)
{
    for (int64_t i = 0; i < hedon_dataset_size(c->dataset); i++)
        c->check->videos[hedon_dataset_item(c->dataset, i)->split]++;
    for (int64_t i = 0; i < hedon_dataset_comparisons(c->dataset); i++)
        c->check->comparisons[hedon_dataset_comparison(c->dataset, i)->split]++;
}

int hedon_dataset_check(HedonContext *ctx, HedonCheck *check, const char *dir,
                        const HedonCheckOptions *options)
{
    Checking c = {.ctx = ctx, .options = options, .check = check};
    HedonDatasetOptions collect = options->dataset;
    memset(check, 0, sizeof(*check));
    hedon_faults_init(&check->faults, options->examples);
    collect.faults = &check->faults;
    int code = hedon_dataset_open(ctx, &c.dataset, options->kind, dir, &collect);
    if (code) return code;
    check->kind = hedon_dataset_kind(c.dataset);
    count(&c);
    code = check_comparisons(&c);
    if (!code && options->joint) code = check_joint(&c);
    if (!code) code = check_videos(&c);
    hedon_dataset_close(c.dataset);
    return code;
}

void hedon_check_free(HedonCheck *check)
{
    hedon_faults_free(&check->faults);
}
