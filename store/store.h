/* Where annotations live: what was asked for, who is working on it, and what came out.
 *
 * A store is a SQLite file or a PostgreSQL database; both keep the same tables (docs/store.md)
 * behind one vtable. A *run* is a model with settings: a video is annotated once per run, and again
 * when its content changed. Work moves through states in transactions: todo, leased to a worker
 * until a time, then done or failed. A worker that dies loses its leases when they expire, and at
 * once when another worker on the same machine sees that its process is gone; a result is taken
 * only from whoever holds the lease, so that no video is annotated twice.
 *
 * A store belongs to one thread, and must not cross a fork. Every function that takes a context
 * fails with HEDON_EIO when the database does (a lock is waited for, a lost connection
 * re-established, for as long as `patience_s`), HEDON_EDATA when the store is damaged,
 * HEDON_ENOMEM; then nothing was changed. What it is asked for happens once, even when the answer
 * to a COMMIT is lost. After hedon_cancel a store still works, so that leases can be given back,
 * but waits two seconds at most; hedon_store_each ends with HEDON_ECANCELLED.
 */
#ifndef HEDON_STORE_STORE_H
#define HEDON_STORE_STORE_H

#include "hedon.h"

typedef struct HedonStore HedonStore;

typedef struct HedonStoreOptions {
    int read_only;     /* nothing is created or migrated; HEDON_ENOENT when there is no store */
    double lease_s;    /* default 120: how long work stays with a worker that is not heard of */
    double patience_s; /* default 60: for a database that does not answer (restarts, locks) */
    int known; /* it has been reached before: if it cannot be now, that is waited for, too */
} HedonStoreOptions;

void hedon_store_options_default(HedonStoreOptions *options);
/**
 * Open, making and migrating tables when needed.
 *
 * @param place  "postgresql://…" or "postgres://…", otherwise a file's name
 * @return 0; HEDON_ENOENT; HEDON_EDATA for a file that is no store or one of a later version;
 *         HEDON_EUNSUPPORTED for a kind of database this build lacks; HEDON_EIO
 */
int hedon_store_open(HedonContext *ctx, HedonStore **out, const char *place,
                     const HedonStoreOptions *options);
void hedon_store_close(HedonStore *store);
/** place as it may be shown: a password in it becomes "***". */
void hedon_store_shown(const char *place, char *out, size_t size);

/* ---- Runs */

typedef struct HedonStoreRun {
    int64_t id;
    char model_name[64], model_sha256[65];
    const char *model;    /* JSON: what score's JSON says under "model", and "warning", "notes",
                             "reference": all that an output needs to know about the model */
    const char *settings; /* canonical JSON: what else a result depends on (window, stride, …) */
    int64_t todo, leased, done, failed; /* hedon_store_runs fills them */
    double created_s;                   /* since 1970, UTC */
} HedonStoreRun;

/** Find or make the run of this model and these settings; fills run->id. */
int hedon_store_run(HedonContext *ctx, HedonStore *store, HedonStoreRun *run);
/** All runs, oldest first; free with hedon_store_runs_free. */
int hedon_store_runs(HedonContext *ctx, HedonStore *store, HedonStoreRun **runs, int *count);
void hedon_store_runs_free(HedonStoreRun *runs, int count);

/* ---- Work */

/* A file as the directory walk sees it. Paths are absolute bytes, not necessarily UTF-8. */
typedef struct HedonStoreFile {
    const char *path;
    const char *root; /* the folder given by the user: what `serve` may show, what paths are shown
                         relative to; that of the first time stays */
    int64_t size, mtime_ns;
} HedonStoreFile;

typedef struct HedonStoreEntered {
    int64_t added;   /* new to the run */
    int64_t changed; /* size or time are not those of its outcome: to be looked at again */
    int64_t known;   /* as before, or waiting already */
} HedonStoreEntered;

/** Enter a batch of files into a run (a thousand or so at a time: one transaction). A file that the
 * run knows with this size and time costs a look-up. Adds to *entered. */
int hedon_store_enter(HedonContext *ctx, HedonStore *store, int64_t run,
                      const HedonStoreFile *files, int count, HedonStoreEntered *entered);
/** Which of these files the run knows with this size and time: known[i] becomes 1 or 0. */
int hedon_store_known(HedonContext *ctx, HedonStore *store, int64_t run,
                      const HedonStoreFile *files, int count, uint8_t *known);

typedef struct HedonStoreJob {
    int64_t annotation; /* its row */
    int64_t attempt;    /* counts leases of it, this one included: the token that finishing needs */
    char *path;
    int64_t size, mtime_ns; /* as entered */
    char *known_hash;       /* of the content that the present result is of; NULL: no result yet */
} HedonStoreJob;

/** Register this process (host, boot, pid, start time) as a worker of the run. */
int hedon_store_worker_begin(HedonContext *ctx, HedonStore *store, int64_t run, int64_t *worker);
/** Take up to `most` jobs, lowest row first; *count 0: nothing is to be had now. First frees what
 * dead workers held. Clear each job with hedon_store_job_clear. */
int hedon_store_claim(HedonContext *ctx, HedonStore *store, int64_t run, int64_t worker, int most,
                      HedonStoreJob *jobs, int *count);
void hedon_store_job_clear(HedonStoreJob *job);
/** Prolong all leases of this worker; call every lease_s / 4 or so. */
int hedon_store_heartbeat(HedonContext *ctx, HedonStore *store, int64_t worker);
/** Give back what this worker still holds, and forget it. */
int hedon_store_worker_end(HedonContext *ctx, HedonStore *store, int64_t worker);
/** Failed videos become todo again, to be tried once more; adds their number to *count. */
int hedon_store_retry(HedonContext *ctx, HedonStore *store, int64_t run, int64_t *count);
/** Jobs by state: whether there is anything to wait for. Counts rows: some 20 ms for 100,000. */
int hedon_store_progress(HedonContext *ctx, HedonStore *store, int64_t run, HedonStoreRun *counts);

typedef enum HedonStoreOutcome {
    HEDON_STORE_SCORED,    /* score holds the result, or the error when score->code */
    HEDON_STORE_UNCHANGED, /* content is that of the present result: keep it, note size and time */
    HEDON_STORE_GIVEN_BACK /* not done: todo again */
} HedonStoreOutcome;

typedef struct HedonStoreResult {
    const HedonStoreJob *job;
    HedonStoreOutcome outcome;
    const HedonScore *score; /* SCORED only */
    const char *hash;        /* SHA-256 of the content, hexadecimal; NULL when it cannot be read */
    int64_t size, mtime_ns;  /* of the content that was hashed */
} HedonStoreResult;

/** Write results in one transaction, replacing a video's earlier one, which is readable until then.
 * A failed video stays so until it changes or hedon_store_retry. A result whose lease was lost is
 * dropped and counted in *lost (may be NULL). */
int hedon_store_finish(HedonContext *ctx, HedonStore *store, int64_t worker,
                       const HedonStoreResult *results, int count, int64_t *lost);

/* ---- Reading */

typedef enum HedonStoreOrder {
    HEDON_STORE_BY_PATH,
    HEDON_STORE_BY_UTILITY,
    HEDON_STORE_BY_EMOTION
} HedonStoreOrder;

typedef struct HedonStoreQuery {
    int64_t run;
    HedonStoreOrder order;
    int emotion; /* of BY_EMOTION */
    int descending;
    int errors;        /* 0: results only, 1: errors only, 2: both, errors last unless BY_PATH */
    int clips;         /* fetch timelines too */
    const char *where; /* conditions as people write them ("Joy > .3 and duration < 60 and path ~
                          holiday"): parsed by hedon, never pasted into SQL; NULL: all */
    const char *path;  /* exactly this video; NULL: all */
    int64_t id;        /* exactly this annotation; 0: all */
    int64_t offset, limit; /* limit 0: all */
} HedonStoreQuery;

/* One annotated video. Borrowed: valid until the callback returns. */
typedef struct HedonStoreRow {
    int64_t id; /* of the annotation: stable while the video and the run are */
    const char *path, *root, *hash;
    int64_t size, mtime_ns;
    double annotated_s; /* since 1970, UTC */
    HedonScore score;   /* video is path; number, runtime seconds and thumbnails are not kept */
} HedonStoreRow;

/** The place of an emotion in VCE's order by its name ("Awe (or Wonder)") or column ("awe"), in any
 * case; -1: there is no such emotion. */
int hedon_store_emotion(const char *name);

/** Rows one after another; memory does not grow with their number. A ranking (by utility or
 * emotion) has the results that have that value; ties are in order of path. each: non-zero stops,
 * and is returned; it must not use this store. HEDON_EINVAL with a sentence for a wrong `where`. */
int hedon_store_each(HedonContext *ctx, HedonStore *store, const HedonStoreQuery *query,
                     int (*each)(void *opaque, const HedonStoreRow *row), void *opaque);
/** How many rows a query has, offset and limit apart. */
int hedon_store_count(HedonContext *ctx, HedonStore *store, const HedonStoreQuery *query,
                      int64_t *count);

#endif
