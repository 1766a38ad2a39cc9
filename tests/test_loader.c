/* The loader: every clip once and in order, each frame decoded once, broken videos apart, bounded
 * memory, and no way to hang it. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/memory.h"
#include "decode/loader.h"
#include "decode/loader_schedule.h"
#include "worker_fixture.h"

#define CLIP_FRAMES 4
#define JOBS_MAX    64

static HedonContext *ctx;

/* What a test asks of the loader and what its callbacks saw. */
typedef struct Work {
    const char *paths[JOBS_MAX];
    int count;
    HedonSampler sampler;
    atomic_int taken, plans, places;
    atomic_int decoded[JOBS_MAX][MOST_FRAMES]; /* by job and frame: different pictures placed */
    int64_t bad_plan;                          /* job whose plan fails; 0: none */
    int64_t bad_place;                         /* job whose placing fails */
    atomic_int place_delay_us;
    atomic_int slots, slots_taken, slots_refused; /* of the caller's own; 0: the loader's */
} Work;

/* A slot: what was placed where. */
typedef struct Slot {
    int64_t frame[CLIP_FRAMES];
    double time_s[CLIP_FRAMES];
    int64_t job;
} Slot;

static int next_job(void *opaque, HedonLoaderJob *job)
{
    Work *work = opaque;
    const int i = atomic_fetch_add(&work->taken, 1);
    if (i >= work->count) return 1;
    *job = (HedonLoaderJob){.id = i, .path = work->paths[i]};
    return 0;
}

static int plan(HedonContext *thread_ctx, void *opaque, int64_t job, const HedonVideoInfo *info,
                const double *times, HedonClips *clips)
{
    Work *work = opaque;
    atomic_fetch_add(&work->plans, 1);
    if (work->bad_plan && job == work->bad_plan)
        return hedon_fail(thread_ctx, HEDON_EINVAL, "no plan for this one");
    return hedon_sample(thread_ctx, clips, &work->sampler, times, info->frames, info->duration_s);
}

/* Consecutive calls with one frame's planes are one decoded frame. */
static int place(HedonContext *thread_ctx, void *opaque, int64_t job, const HedonFrame *frame,
                 int64_t clip, int64_t t, void *slot)
{
    static _Thread_local const HedonFrame *last;
    static _Thread_local int64_t last_job, last_index;
    Work *work = opaque;
    Slot *filled = slot;
    (void)clip;
    if (work->bad_place && job == work->bad_place)
        return hedon_fail(thread_ctx, HEDON_EUNSUPPORTED, "no place for this one");
    if (last != frame || last_job != job || last_index != frame->index)
        atomic_fetch_add(&work->decoded[job][frame->index], 1);
    last = frame;
    last_job = job;
    last_index = frame->index;
    atomic_fetch_add(&work->places, 1);
    filled->frame[t] = frame->index;
    filled->time_s[t] = frame->time_s;
    filled->job = job;
    if (work->place_delay_us) usleep((useconds_t)work->place_delay_us);
    return 0;
}

static void *slot_new(void *opaque)
{
    Work *work = opaque;
    if (atomic_fetch_add(&work->slots_taken, 1) < work->slots)
        return aligned_alloc(64, (sizeof(Slot) + 63) / 64 * 64);
    atomic_fetch_sub(&work->slots_taken, 1);
    atomic_fetch_add(&work->slots_refused, 1);
    return NULL;
}

static void slot_free(void *opaque, void *slot)
{
    assert_non_null(slot);
    atomic_fetch_sub(&((Work *)opaque)->slots_taken, 1);
    free(slot);
}

static HedonLoaderCallbacks callbacks_of(Work *work)
{
    HedonLoaderCallbacks callbacks = {
        .opaque = work, .next_job = next_job, .plan = plan, .place = place};
    if (work->slots) {
        callbacks.slot_new = slot_new;
        callbacks.slot_free = slot_free;
    }
    return callbacks;
}

static HedonLoaderOptions options_with(int workers)
{
    HedonLoaderOptions options;
    hedon_loader_options_default(&options);
    options.workers = workers;
    options.slot_bytes = sizeof(Slot);
    options.worker.program = REAL_WORKER;
    return options;
}

static HedonLoader *start(Work *work, const HedonLoaderOptions *options)
{
    HedonLoader *loader;
    const HedonLoaderCallbacks callbacks = callbacks_of(work);
    if (hedon_loader_start(ctx, &loader, options, &callbacks))
        fail_msg("%s", hedon_last_error(ctx));
    return loader;
}

/* What came of each job. */
typedef struct Outcome {
    int ended, code, begins;
    int64_t clips, clip_count, frames;
    char message[512];
} Outcome;

/* Take one event into account, checking the order and each clip against the sampler. */
static void account(Work *work, Outcome *outcomes, const HedonLoaded *event)
{
    assert_in_range(event->job, 0, work->count - 1);
    Outcome *outcome = &outcomes[event->job];
    assert_false(outcome->ended);
    switch (event->kind) {
    case HEDON_LOADED_BEGIN:
        outcome->begins++;
        outcome->clips = 0; /* what came before is void */
        outcome->clip_count = event->clip_count;
        outcome->frames = event->info.frames;
        break;
    case HEDON_LOADED_CLIP: {
        const Slot *slot = event->slot;
        assert_int_equal((uintptr_t)slot % 64, 0);
        assert_int_equal(event->clip, outcome->clips++);
        assert_int_equal(slot->job, event->job);
        for (int t = 1; t < CLIP_FRAMES; t++) assert_true(slot->frame[t] >= slot->frame[t - 1]);
        assert_true(event->start_s <= slot->time_s[0] + 0.11);
        assert_true(event->end_s > slot->time_s[CLIP_FRAMES - 1]);
        break;
    }
    case HEDON_LOADED_END:
        outcome->ended = 1;
        outcome->code = event->code;
        snprintf(outcome->message, sizeof(outcome->message), "%s", event->message);
        assert_int_equal(!event->code, !*event->message);
        if (!event->code) assert_int_equal(outcome->clips, outcome->clip_count);
        break;
    }
}

/* Run all jobs; 0 or what hedon_loader_next failed with. */
static int run(Work *work, const HedonLoaderOptions *options, Outcome *outcomes)
{
    HedonLoaded *event;
    int code;
    HedonLoader *loader = start(work, options);
    while (!(code = hedon_loader_next(ctx, loader, &event))) {
        account(work, outcomes, event);
        hedon_loader_release(loader, event);
    }
    hedon_loader_stop(loader);
    return code;
}

static const HedonSampler windows = {
    .kind = HEDON_SAMPLE_WINDOWS, .clip_frames = CLIP_FRAMES, .window_s = 2, .stride_s = 0.5};
static const HedonSampler even = {.kind = HEDON_SAMPLE_EVEN, .clip_frames = CLIP_FRAMES};

static Work *new_work(const HedonSampler *sampler)
{
    Work *work = calloc(1, sizeof(*work));
    if (!work) abort();
    work->sampler = *sampler;
    return work;
}

/* ---- Good and bad videos ------------------------------------------------------------------------
 */

static void test_good_and_bad_jobs(void **state)
{
    static const struct {
        const char *name;
        int code;
    } kinds[] = {{"good.mp4", 0},
                 {"text.mp4", HEDON_EDATA},
                 {"other.mp4", 0},
                 {"missing.mp4", HEDON_ENOENT},
                 {"empty.mp4", HEDON_EDATA},
                 {".", HEDON_EISDIR}};
    enum { KINDS = sizeof(kinds) / sizeof(*kinds) };
    (void)state;
    for (int workers = 1; workers <= 3; workers += 2) {
        Work *work = new_work(&windows);
        Outcome outcomes[JOBS_MAX] = {0};
        char paths[KINDS][256];
        for (int i = 0; i < KINDS; i++) snprintf(paths[i], 256, "%s", in_scratch(kinds[i].name));
        for (int i = 0; i < 24; i++) work->paths[work->count++] = paths[i % KINDS];
        const HedonLoaderOptions options = options_with(workers);
        assert_int_equal(run(work, &options, outcomes), 1);
        for (int i = 0; i < 24; i++) {
            assert_int_equal(outcomes[i].ended, 1);
            if (outcomes[i].code != kinds[i % KINDS].code)
                fail_msg("%s: %s", work->paths[i], outcomes[i].message);
            assert_int_equal(outcomes[i].begins, kinds[i % KINDS].code ? 0 : 1);
        }
        assert_int_equal(outcomes[0].frames, 100);
        assert_int_equal(outcomes[2].frames, 35);
        free(work);
    }
}

/* Windows of 2 s every tenth of a second show each frame several times; still it is decoded once.
 */
static void test_each_frame_is_decoded_once(void **state)
{
    (void)state;
    Work *work = new_work(&windows);
    work->sampler.stride_s = 0.1;
    Outcome outcomes[JOBS_MAX] = {0};
    const HedonLoaderOptions options = options_with(1);
    work->paths[work->count++] = in_scratch("good.mp4");
    assert_int_equal(run(work, &options, outcomes), 1);
    int used = 0;
    for (int i = 0; i < 100; i++) {
        assert_in_range(work->decoded[0][i], 0, 1);
        used += work->decoded[0][i];
    }
    assert_true(outcomes[0].clip_count > 50);
    assert_int_equal(work->places, outcomes[0].clip_count * CLIP_FRAMES);
    assert_true(work->places > 2 * used);
    free(work);
}

/* With too little room for the overlap the clips are the same, made in groups. */
static void test_little_room(void **state)
{
    (void)state;
    for (int room = 1; room <= 5; room++) {
        Work *work = new_work(&windows);
        Outcome outcomes[JOBS_MAX] = {0};
        HedonLoaderOptions options = options_with(1);
        options.max_bytes = room * (int64_t)sizeof(Slot);
        options.queue = 1;
        work->paths[work->count++] = in_scratch("good.mp4");
        assert_int_equal(run(work, &options, outcomes), 1);
        assert_int_equal(outcomes[0].code, 0);
        assert_true(outcomes[0].clips > 10);
        free(work);
    }
}

/* Of a caller's own slots no more are taken than the options say can be under way; all come back.
 */
static void test_slots_of_the_callers_own(void **state)
{
    (void)state;
    for (int room = 1; room <= 5; room++) {
        Work *work = new_work(&windows);
        Outcome outcomes[JOBS_MAX] = {0};
        HedonLoaderOptions options = options_with(2);
        options.max_bytes = room * (int64_t)sizeof(Slot);
        options.queue = room;
        work->sampler.stride_s = room % 2 ? 0.1 : 0.7;
        work->slots = 2 * room + options.queue + 1;
        for (int i = 0; i < 4; i++) work->paths[work->count++] = in_scratch("good.mp4");
        HedonLoader *loader = start(work, &options);
        HedonLoaded *event;
        int code;
        while (!(code = hedon_loader_next(ctx, loader, &event))) {
            account(work, outcomes, event);
            usleep(1000); /* while they pile up */
            hedon_loader_release(loader, event);
        }
        assert_int_equal(code, 1);
        hedon_loader_stop(loader);
        for (int i = 0; i < 4; i++) {
            if (outcomes[i].code) fail_msg("room %d: %s", room, outcomes[i].message);
            assert_true(outcomes[i].clips > 10);
        }
        assert_int_equal(work->slots_refused, 0);
        assert_int_equal(work->slots_taken, 0);
        free(work);
    }
    Work *work = new_work(&even); /* two videos, and one slot, which the caller keeps */
    HedonLoaderOptions options = options_with(1);
    HedonLoaded *event, *kept = NULL;
    work->slots = 1;
    for (int i = 0; i < 2; i++) work->paths[work->count++] = in_scratch("good.mp4");
    HedonLoader *loader = start(work, &options);
    while (!hedon_loader_next(ctx, loader, &event)) {
        if (event->kind == HEDON_LOADED_END)
            assert_int_equal(event->code, event->job ? HEDON_ENOMEM : 0);
        if (event->kind == HEDON_LOADED_CLIP)
            kept = event;
        else
            hedon_loader_release(loader, event);
    }
    assert_non_null(kept);
    assert_int_equal(work->slots_refused, 1);
    hedon_loader_release(loader, kept);
    hedon_loader_stop(loader);
    assert_int_equal(work->slots_taken, 0);
    free(work);
}

/* A caller that takes its time holds the loader back: it does not fill memory with clips. */
static void test_queue_is_bounded(void **state)
{
    (void)state;
    Work *work = new_work(&windows);
    HedonLoaderOptions options = options_with(1);
    HedonLoaded *event;
    options.queue = 2;
    work->paths[work->count++] = in_scratch("good.mp4");
    HedonLoader *loader = start(work, &options);
    assert_int_equal(hedon_loader_next(ctx, loader, &event), 0);
    assert_int_equal(event->kind, HEDON_LOADED_BEGIN);
    hedon_loader_release(loader, event);
    for (int i = 0, before = -1;
         i < 200 && (work->places < 2 * CLIP_FRAMES || before != work->places); i++) {
        before = work->places;
        usleep(SANITIZED ? 500 * 1000 : 100 * 1000);
    }
    assert_in_range(work->places, 2 * CLIP_FRAMES, 8 * CLIP_FRAMES); /* queue + overlap + one */
    hedon_loader_stop(loader);
    free(work);
}

static void test_failing_callbacks(void **state)
{
    (void)state;
    Work *work = new_work(&even);
    Outcome outcomes[JOBS_MAX] = {0};
    const HedonLoaderOptions options = options_with(2);
    for (int i = 0; i < 6; i++) work->paths[work->count++] = in_scratch("good.mp4");
    work->bad_plan = 2;
    work->bad_place = 3;
    assert_int_equal(run(work, &options, outcomes), 1);
    for (int i = 0; i < 6; i++)
        assert_int_equal(outcomes[i].code, i == 2 ? HEDON_EINVAL : i == 3 ? HEDON_EUNSUPPORTED : 0);
    assert_string_equal(outcomes[2].message, "no plan for this one");
    assert_string_equal(outcomes[3].message, "no place for this one");
    free(work);
}

/* A video whose index turns out wrong: a new BEGIN voids the first. */
static void test_damaged_video(void **state)
{
    (void)state;
    if (access(HEDON_MEDIA_DIR "/corrupted.mp4", R_OK)) skip();
    Work *work = new_work(&even);
    Outcome outcomes[JOBS_MAX] = {0};
    const HedonLoaderOptions options = options_with(1);
    work->paths[work->count++] = HEDON_MEDIA_DIR "/corrupted.mp4";
    work->paths[work->count++] = in_scratch("good.mp4");
    assert_int_equal(run(work, &options, outcomes), 1);
    assert_int_equal(outcomes[0].code, 0);
    assert_int_equal(outcomes[0].frames, 49);
    assert_int_equal(outcomes[0].clips, 1);
    assert_int_equal(outcomes[0].begins + outcomes[1].begins, work->plans);
    assert_int_equal(outcomes[1].code, 0);
    free(work);
}

/* ---- Trouble ------------------------------------------------------------------------------------
 */

/* Workers that crash cost the videos they were at, one END each. */
static void test_crashing_workers(void **state)
{
    (void)state;
    Work *work = new_work(&even);
    Outcome outcomes[JOBS_MAX] = {0};
    HedonLoaderOptions options = options_with(2);
    options.worker.program = FAULTY_WORKER;
    for (int i = 0; i < 6; i++) work->paths[work->count++] = in_scratch("good.mp4");
    setenv("HEDON_FAULT", "crash in the middle", 1);
    const int code = run(work, &options, outcomes);
    unsetenv("HEDON_FAULT");
    assert_int_equal(code, 1);
    for (int i = 0; i < 6; i++) assert_int_equal(outcomes[i].code, HEDON_EDECODER);
    free(work);
}

/* Stopped at any moment, with workers busy, blocked on a full queue, or silent. */
static void test_stop_early(void **state)
{
    (void)state;
    for (int events = 0; events < 12; events += 3) {
        Work *work = new_work(&windows);
        HedonLoaderOptions options = options_with(3);
        options.queue = 1;
        for (int i = 0; i < 12; i++) work->paths[work->count++] = in_scratch("good.mp4");
        HedonLoader *loader = start(work, &options);
        for (int i = 0; i < events; i++) {
            HedonLoaded *event;
            assert_int_equal(hedon_loader_next(ctx, loader, &event), 0);
            hedon_loader_release(loader, event);
        }
        const double before = hedon_clock_s();
        hedon_loader_stop(loader);
        assert_true(hedon_clock_s() - before < (SANITIZED ? 10 : 5));
        assert_false(has_children());
        free(work);
    }
    setenv("HEDON_FAULT", "silent in the middle", 1);
    Work *work = new_work(&even);
    HedonLoaderOptions options = options_with(2);
    options.worker.program = FAULTY_WORKER;
    for (int i = 0; i < 4; i++) work->paths[work->count++] = in_scratch("good.mp4");
    HedonLoader *loader = start(work, &options);
    usleep(200 * 1000);
    hedon_loader_stop(loader);
    unsetenv("HEDON_FAULT");
    free(work);
}

static void *cancel_soon(void *unused)
{
    usleep(150 * 1000);
    hedon_cancel();
    return unused;
}

static void test_cancel(void **state)
{
    (void)state;
    pthread_t thread;
    Work *work = new_work(&windows);
    Outcome outcomes[JOBS_MAX] = {0};
    HedonLoaderOptions options = options_with(2);
    for (int i = 0; i < JOBS_MAX; i++) work->paths[work->count++] = in_scratch("good.mp4");
    work->place_delay_us = 20 * 1000;
    const double before = hedon_clock_s();
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
    assert_int_equal(run(work, &options, outcomes), HEDON_ECANCELLED);
    assert_true(hedon_clock_s() - before < (SANITIZED ? 10 : 5));
    pthread_join(thread, NULL);
    hedon_cancel_reset();
    assert_false(has_children());
    free(work);
}

static void test_failing_allocations(void **state)
{
    (void)state;
    const int descriptors = open_descriptors();
    int64_t k = 1;
    for (;; k++) {
        HedonLoader *loader;
        HedonLoaded *event;
        Outcome outcomes[JOBS_MAX] = {0};
        Work *work = new_work(&even);
        HedonLoaderOptions options = options_with(1);
        options.worker.program = FAULTY_WORKER;
        for (int i = 0; i < 3; i++) work->paths[work->count++] = in_scratch("good.mp4");
        const HedonLoaderCallbacks callbacks = callbacks_of(work);
        hedon_memory_fail_at(k);
        int code = hedon_loader_start(ctx, &loader, &options, &callbacks);
        while (!code && !(code = hedon_loader_next(ctx, loader, &event))) {
            account(work, outcomes, event);
            hedon_loader_release(loader, event);
        }
        hedon_loader_stop(loader);
        const int failed = hedon_memory_failed();
        hedon_memory_fail_at(0);
        /* Either the loader says so, or exactly one job does and the others are well. */
        int ended = 0, out_of_memory = 0;
        for (int i = 0; i < work->count; i++) {
            ended += outcomes[i].ended;
            out_of_memory += outcomes[i].code == HEDON_ENOMEM;
            assert_true(outcomes[i].code == 0 || outcomes[i].code == HEDON_ENOMEM);
        }
        if (code == 1) assert_int_equal(ended, work->count);
        assert_int_equal((code == HEDON_ENOMEM) + out_of_memory, failed);
        assert_true(code == 1 || code == HEDON_ENOMEM);
        assert_int_equal(open_descriptors(), descriptors);
        assert_false(has_children());
        free(work);
        if (!failed) break;
    }
    assert_true(k > 10);
}

/* ---- The schedule, by itself --------------------------------------------------------------------
 */

static void test_schedule(void **state)
{
    /* Three clips of four frames; the second lies within the first, the third repeats its last. */
    int64_t frames[] = {0, 4, 8, 12, 3, 4, 5, 6, 8, 13, 13, 13};
    double seconds[3] = {0};
    const HedonClips clips = {3, 4, frames, seconds, seconds};
    HedonSchedule schedule;
    int64_t asked[16], from, to;
    (void)state;
    assert_int_equal(hedon_schedule_make(&schedule, &clips, 0, 3), 0);
    /* Clip 1 is whole before clip 0, whose last frame comes after clip 2's first: all three. */
    assert_int_equal(hedon_schedule_overlap(&schedule), 3);
    const int64_t all[] = {0, 3, 4, 5, 6, 8, 12, 13};
    assert_int_equal(hedon_schedule_chunk(&schedule, asked, 16, 3, &from, &to), 8);
    assert_memory_equal(asked, all, sizeof(all));
    assert_int_equal(to - from, 12);
    const int64_t at = hedon_schedule_find(&schedule, from, to, 8);
    assert_int_equal(schedule.order[at], 2);     /* clip 0, t 2 */
    assert_int_equal(schedule.order[at + 1], 8); /* clip 2, t 0 */
    assert_int_equal(hedon_schedule_find(&schedule, from, to, 7), to);
    assert_int_equal(hedon_schedule_chunk(&schedule, asked, 16, 3, &from, &to), 0);
    for (int t = 0; t < 4; t++) hedon_schedule_fill(&schedule, 1);
    assert_int_equal(schedule.finished, 0); /* in order: clip 0 is before it */
    for (int t = 0; t < 4; t++) hedon_schedule_fill(&schedule, 0);
    assert_int_equal(schedule.finished, 2);
    hedon_schedule_free(&schedule);

    /* With room for two, the chunk ends before the third clip begins. */
    assert_int_equal(hedon_schedule_make(&schedule, &clips, 0, 3), 0);
    assert_int_equal(hedon_schedule_chunk(&schedule, asked, 16, 2, &from, &to), 5);
    assert_int_equal(hedon_schedule_chunk(&schedule, asked, 2, 3, &from, &to), 2);
    assert_int_equal(asked[0], 8);
    hedon_schedule_free(&schedule);

    const HedonClips none = {0, 4, frames, seconds, seconds};
    assert_int_equal(hedon_schedule_make(&schedule, &none, 0, 0), 0);
    assert_int_equal(hedon_schedule_chunk(&schedule, asked, 16, 2, &from, &to), 0);
    hedon_schedule_free(&schedule);
    assert_int_equal(hedon_schedule_make(&schedule, &clips, 0, 4), HEDON_EINVAL);
}

static int prepare(void **state)
{
    ctx = hedon_context_new();
    if (!ctx || make_scratch(state)) return -1;
    write_file("text.mp4", "This is no video.\n");
    write_file("empty.mp4", "");
    return render("good.mp4", "64x48", 10, "-c:v mpeg4 -g 20") ||
           render("other.mp4", "48x64", 3.5, "-c:v libx264");
}

static int clean_up(void **state)
{
    hedon_context_free(ctx);
    return remove_scratch(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_good_and_bad_jobs),
        cmocka_unit_test(test_each_frame_is_decoded_once),
        cmocka_unit_test(test_little_room),
        cmocka_unit_test(test_slots_of_the_callers_own),
        cmocka_unit_test(test_queue_is_bounded),
        cmocka_unit_test(test_failing_callbacks),
        cmocka_unit_test(test_damaged_video),
        cmocka_unit_test(test_crashing_workers),
        cmocka_unit_test(test_stop_early),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
