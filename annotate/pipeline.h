/* What the threads of an annotation run share. */
#ifndef HEDON_ANNOTATE_PIPELINE_H
#define HEDON_ANNOTATE_PIPELINE_H

#include <pthread.h>

#include "annotate/annotate.h"
#include "annotate/content_hash.h"
#include "annotate/measure.h"
#include "annotate/queue.h"
#include "annotate/rate.h"

enum {
    HEDON_PIPELINE_READY = 4,    /* videos that wait for a decoder, or one a core if these are more:
                                    leased, so few */
    HEDON_PIPELINE_RESULTS = 64, /* that wait for the writer */
    HEDON_PIPELINE_HASHERS = 4,  /* at most */
    HEDON_PIPELINE_RESTLESS = 64
};

/* A video on its way from the store and back. */
typedef struct HedonWork {
    HedonStoreJob job;
    HedonContent content;
    int hashed;
    HedonStoreOutcome outcome;
    HedonScore score; /* SCORED: a copy, with all that it points to */
    int64_t number;   /* in the scorer's run */
    struct HedonWork *next;
} HedonWork;

typedef struct HedonPipeline {
    const HedonAnnotateOptions *options;
    const HedonAnnotateCallbacks *callbacks;
    HedonSource *source;
    const HedonScorer *scorer; /* of the run under way */
    int measuring; /* whether the first videos are to tell how many lanes there should be */
    int64_t run, worker;
    double lease_s;
    HedonQueue jobs;    /* claimed, to be hashed */
    HedonQueue ready;   /* to be scored */
    HedonQueue results; /* to be written */

    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t changed;
    int stop; /* no more work is taken */
    int code; /* why, when it is a failure */
    char message[512];
    int entering;        /* files are still being found */
    int dry;             /* there was nothing to claim when last asked */
    int finished;        /* nothing is left, with anybody */
    int64_t upstream;    /* claimed, neither ready nor a result yet */
    int64_t held;        /* claimed, not written yet */
    HedonWork *flying;   /* being scored */
    int64_t next_number; /* in this run of the scorer */
    int reopen;          /* the scorer is to be opened again, with `share` */
    HedonMeasuredShare share;
    HedonAnnotateStageTime earlier[HEDON_ANNOTATE_STAGES]; /* the scorer's runs that are over */
    struct HedonRestless {
        int64_t annotation;
        int times;
    } restless[HEDON_PIPELINE_RESTLESS]; /* files that changed while they were read; the last ones
                                          */
    int restless_count;
    HedonAnnotateState state;
    HedonRate rate;
    struct HedonUseMark {
        double time_s, busy_s[HEDON_ANNOTATE_STAGES];
    } marks[2];                   /* some seconds ago, and some seconds before that */
    double started_s, entering_s; /* when; how long discovery took, once it is over */

    pthread_mutex_t telling; /* callbacks are called one at a time */
} HedonPipeline;

/** A connection of this thread's own to the run's store, which has been reached before. */
int hedon_pipeline_open_store(HedonContext *ctx, const HedonPipeline *pipeline, HedonStore **store);
/** Note a failure (the first one is told) and stop all threads. HEDON_ECANCELLED only stops. */
void hedon_pipeline_fail(HedonPipeline *pipeline, int code, const char *message);
int hedon_pipeline_stopped(HedonPipeline *pipeline);
/** Sleep until something changes, at most so long. */
void hedon_pipeline_nap(HedonPipeline *pipeline, double seconds);
/** Something changed: wake who sleeps. Without the lock. */
void hedon_pipeline_wake(HedonPipeline *pipeline);
/* A stretch of work of one thread at one stage. */
typedef struct HedonStretch {
    double wall_s, cpu_s;
} HedonStretch;
HedonStretch hedon_stretch_begin(void);
/** Adds what passed since to a stage. */
void hedon_stretch_end(HedonPipeline *pipeline, HedonAnnotateStage stage, HedonStretch begun);
/** Take over what the scorer says of its run; `ended`: it is over, the next one counts anew. */
void hedon_pipeline_scored(HedonPipeline *pipeline, const HedonScorerStats *stats, int ended);
/** A copy of the state, with rates and utilisations as of now. */
void hedon_pipeline_state(HedonPipeline *pipeline, HedonAnnotateState *state);

/** Thread functions; opaque is the pipeline. */
void *hedon_pipeline_enter(void *opaque);
void *hedon_pipeline_claim(void *opaque);
void *hedon_pipeline_hash(void *opaque);
void *hedon_pipeline_write(void *opaque);

/** hedon_scorer_run's callbacks; opaque is the pipeline. */
int hedon_pipeline_next(void *opaque, const char **path);
int hedon_pipeline_finished(void *opaque, const HedonScore *score);
/** Forget what a stopped run of the scorer had under way. */
void hedon_pipeline_ground(HedonPipeline *pipeline);

HedonWork *hedon_work_new(const HedonStoreJob *job); /* owns the job's fields; NULL: no memory */
/** Make work a result: an error of its own. HEDON_ENOMEM. */
int hedon_work_fail(HedonWork *work, int code, const char *message);
/** Make work a result: a deep copy of score. HEDON_ENOMEM. */
int hedon_work_score(HedonWork *work, const HedonScore *score);
void hedon_work_free(HedonWork *work);

#endif
