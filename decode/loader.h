/* Several decode workers turning videos into clips, through bounded memory.
 *
 * Each loader thread owns a worker, pulls a job, asks `plan` which clips the video gives, decodes
 * every needed frame once and has `place` put it into each clip that shows it (that is where
 * pre-processing runs). Finished clips and finished videos come out of hedon_loader_next. A video's
 * clips come in order; videos interleave when there are several workers.
 */
#ifndef HEDON_DECODE_LOADER_H
#define HEDON_DECODE_LOADER_H

#include "decode/sampler.h"
#include "decode/worker.h"

typedef struct HedonLoader HedonLoader;

typedef struct HedonLoaderJob {
    int64_t id;
    const char *path; /* borrowed until the job's HEDON_LOADED_END is released */
} HedonLoaderJob;

/* Called from loader threads; ctx is the thread's own. */
typedef struct HedonLoaderCallbacks {
    void *opaque;
    /** Fetch the next job; 0 when there was one, 1 when there are none left (it is not asked
     * again). Serialised; should not wait for long, since hedon_loader_stop waits for it. */
    int (*next_job)(void *opaque, HedonLoaderJob *job);
    /** Choose clips (with hedon_sample, usually); the loader frees them. Called again when the
     * index changed. */
    int (*plan)(HedonContext *ctx, void *opaque, int64_t job, const HedonVideoInfo *info,
                const double *times, HedonClips *clips);
    /** Put frame at place t of a clip's slot. Several (clip, t) may show the same frame. */
    int (*place)(HedonContext *ctx, void *opaque, int64_t job, const HedonFrame *frame,
                 int64_t clip, int64_t t, void *slot);
    /** May be NULL, both: slots are host memory then. Otherwise the slot of a clip, which is used for one
     *  clip after another, or NULL when there is none left; and the end of one, when the loader stops.
     *  From any thread. No more are taken at once than may be filled, wait in the queue and are not
     *  released. */
    void *(*slot_new)(void *opaque);
    void (*slot_free)(void *opaque, void *slot);
} HedonLoaderCallbacks;

typedef struct HedonLoaderOptions {
    int workers;       /* loader threads, each with a process; default 1. No more than HEDON_GPU_WORKERS
                          decode on a GPU: AUTO has the others decode on the CPU, NVDEC has no others */
    size_t slot_bytes; /* of one clip, all its views; slots in host memory are 64-byte aligned, not cleared */
    int queue;         /* finished clips waiting, at most; default 4 */
    int64_t max_bytes; /* of slots being filled at once, per worker; default 512 MiB. Clips that
                          overlap more than that are made in groups: frames are then decoded
                          once a group */
    HedonWorkerOptions worker;
} HedonLoaderOptions;

typedef enum HedonLoadedKind {
    HEDON_LOADED_BEGIN,
    HEDON_LOADED_CLIP,
    HEDON_LOADED_END
} HedonLoadedKind;

/* BEGIN carries info and clip_count (again, when a damaged video is sampled anew: what came before
 * for this job is void); CLIP one clip; END the result, code 0 or an error with its sentence. A job
 * that fails to open has only an END. */
typedef struct HedonLoaded {
    HedonLoadedKind kind;
    int64_t job;
    HedonVideoInfo info;
    int64_t clip, clip_count;
    double start_s, end_s;
    void *slot;
    int repeats; /* CLIP: it shows the very frames of the clip before it */
    int code;
    char message[512];
    double open_s, decode_s, place_s; /* END: seconds spent by stage, waiting for room in the queue
                                         not counted */
} HedonLoaded;

/* Sums over the videos that have ended. Seconds of the wall clock, all loader threads together, and of
 * processors, the worker processes' included. */
typedef struct HedonLoaderStats {
    double open_s, decode_s, place_s;             /* waits for the caller not counted */
    double open_cpu_s, decode_cpu_s, place_cpu_s;
    double thread_cpu_s;  /* of these three, what the loader's threads used: the rest is the workers' */
    double starved_s;     /* in next_job */
    double blocked_s;     /* for room in the queue */
    int64_t memory_bytes; /* the most that any one worker process had resident */
} HedonLoaderStats;

void hedon_loader_options_default(HedonLoaderOptions *options);
/** Starts threads and worker processes. options and callbacks are copied. HEDON_EDECODER when the
 *  worker program is not there, HEDON_EDEVICE when its options insist on a GPU that doesn't decode,
 *  HEDON_ENOMEM. */
int hedon_loader_start(HedonContext *ctx, HedonLoader **out, const HedonLoaderOptions *options,
                       const HedonLoaderCallbacks *callbacks);
/** Waits for the next event; 0, or 1 when all jobs are done, or HEDON_ECANCELLED, or HEDON_ENOMEM
 * when there was not even memory for a failed job's END. Borrowed until released; NULL after
 * anything but 0, and when it was nudged. */
int hedon_loader_next(HedonContext *ctx, HedonLoader *loader, HedonLoaded **event);
/** From any thread, in any order. */
void hedon_loader_release(HedonLoader *loader, HedonLoaded *event);
/** From any thread: has the hedon_loader_next under way, or else the next one, return 0 with no event
 *  (NULL) when none waits. */
void hedon_loader_nudge(HedonLoader *loader);
void hedon_loader_stats(HedonLoader *loader, HedonLoaderStats *stats);
/** Stops workers (killing a busy one) and frees; events must have been released. */
void hedon_loader_stop(HedonLoader *loader);

#endif
