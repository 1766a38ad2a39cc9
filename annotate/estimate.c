#include "annotate/estimate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "annotate/identity.h"
#include "annotate/pipeline.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

enum {
    SAMPLE = 20,
    ROWS =
        2000 /* that are written to learn what a row takes: fewer would all fit into first pages */
};

typedef struct Sample {
    char *paths[SAMPLE];
    int count;
    HedonWork *scored[SAMPLE]; /* results of it */
    int scored_count;
    double cost_s[SAMPLE]; /* of the scored ones */
    int costs;
    size_t path_bytes; /* the mean */
    HedonStoreRun run;
    int64_t known;
    const char *store;
    HedonContext *ctx;
    int code;
} Sample;

/* ---- Which videos */

/* Reservoir sampling (Vitter 1985, algorithm R): each video has the same chance, whatever their
 * number turns out to be. */
static int consider(HedonContext *ctx, Sample *sample, int64_t index, const char *path)
{
    int place = sample->count;
    if (place == SAMPLE) {
        const uint64_t draw = hedon_random_u64(hedon_random_key(1, 0, (uint64_t)index), 0);
        place = (int64_t)(draw % (uint64_t)(index + 1)) < SAMPLE ? (int)(draw % SAMPLE) : -1;
    }
    if (place < 0) return 0;
    char *copy = hedon_strdup(path);
    if (!copy) return hedon_fail_memory(ctx);
    if (place == sample->count)
        sample->count++;
    else
        hedon_free(sample->paths[place]);
    sample->paths[place] = copy;
    return 0;
}

static int find(HedonContext *ctx, const HedonAnnotateOptions *options,
                const HedonAnnotateCallbacks *callbacks, Sample *sample,
                HedonAnnotateEstimate *estimate)
{
    HedonSource *source;
    HedonStoreFile file;
    double path_bytes = 0;
    int unsure;
    int code =
        hedon_source_open(ctx, &source, &options->source, callbacks->trouble, callbacks->opaque);
    if (code) return code;
    while (!(code = hedon_source_next(ctx, source, &file, &unsure))) {
        if (unsure && !hedon_source_settle(ctx, source, file.path, 0)) continue;
        code = consider(ctx, sample, hedon_source_counts(source)->files - 1, file.path);
        if (code) break;
        estimate->bytes += file.size;
        path_bytes += (double)strlen(file.path);
    }
    estimate->found = *hedon_source_counts(source);
    if (estimate->found.files)
        sample->path_bytes = (size_t)(path_bytes / (double)estimate->found.files);
    hedon_source_close(source);
    return code < 0 ? code : 0;
}

/* ---- What they cost */

/* What the user's own store already has of this run. */
static int64_t count_known(HedonContext *ctx, const char *place, const HedonStoreRun *run)
{
    HedonStoreOptions options;
    HedonStore *store;
    HedonStoreRun *runs = NULL;
    int count = 0;
    int64_t known = 0;
    hedon_store_options_default(&options);
    options.read_only = 1;
    if (hedon_store_open(ctx, &store, place, &options)) return 0;
    if (hedon_store_runs(ctx, store, &runs, &count)) count = 0;
    for (int i = 0; i < count; i++)
        if (!strcmp(runs[i].model_sha256, run->model_sha256) &&
            !strcmp(runs[i].settings, run->settings))
            known = runs[i].done + runs[i].failed;
    hedon_store_runs_free(runs, count);
    hedon_store_close(store);
    return known;
}

static void note_run(void *opaque, const HedonStoreRun *run, const HedonScorer *scorer)
{
    (void)scorer;
    Sample *sample = opaque;
    sample->known = count_known(sample->ctx, sample->store, run);
}

static void keep_result(void *opaque, const char *path, const HedonScore *score)
{
    (void)path;
    Sample *sample = opaque;
    if (!score || sample->scored_count == SAMPLE) return;
    HedonWork *work = hedon_work_new(&(HedonStoreJob){0});
    if (work && hedon_work_score(work, score)) {
        hedon_work_free(work);
        work = NULL;
    }
    if (!work) {
        sample->code = HEDON_ENOMEM;
        return;
    }
    sample->scored[sample->scored_count++] = work;
    if (!score->code)
        sample->cost_s[sample->costs++] =
            score->open_s + score->decode_s + score->preprocess_s + score->predict_s;
}

/* The seconds that the busiest of cores and lanes worked: what a long run would take, without the
 * waiting at the ends of this short one. */
static double work_s(const HedonAnnotateState *state)
{
    double cpu_s = 0, most_s = 0;
    for (int i = 0; i < HEDON_ANNOTATE_STAGES; i++) {
        const HedonAnnotateStageTime *stage = &state->stages[i];
        double busy_s = stage->busy_s;
        cpu_s += stage->cpu_s;
        if (i == HEDON_ANNOTATE_DISCOVER || i == HEDON_ANNOTATE_PREPROCESS) continue;
        if (i == HEDON_ANNOTATE_DECODE) busy_s += state->stages[HEDON_ANNOTATE_PREPROCESS].busy_s;
        if (stage->lanes && busy_s / stage->lanes > most_s) most_s = busy_s / stage->lanes;
    }
    return cpu_s / state->cores > most_s ? cpu_s / state->cores : most_s;
}

/* Two standard errors of the mean, as a share of it. */
static double uncertainty(const Sample *sample)
{
    double mean = 0, square = 0;
    const int n = sample->costs;
    if (n < 2) return 1;
    for (int i = 0; i < n; i++) mean += sample->cost_s[i] / n;
    for (int i = 0; i < n; i++) square += pow(sample->cost_s[i] - mean, 2) / (n - 1);
    return mean > 0 ? 2 * sqrt(square / n) / mean : 0;
}

static int score_sample(HedonContext *ctx, const HedonModel *model,
                        const HedonAnnotateOptions *options, const char *store, Sample *sample,
                        HedonAnnotateEstimate *estimate)
{
    HedonAnnotateOptions all = *options;
    all.store = store;
    all.source = (HedonSourceOptions){.places = (const char *const *)sample->paths,
                                      .place_count = sample->count};
    const HedonAnnotateCallbacks callbacks = {
        .opaque = sample, .started = note_run, .video = keep_result};
    HedonAnnotateState state;
    const int code = hedon_annotate(ctx, model, &all, &callbacks, &state);
    if (code) return code;
    if (sample->code) return hedon_fail_memory(ctx);
    estimate->sampled = (int)(state.done + state.failed);
    estimate->failed = (int)state.failed;
    estimate->known = sample->known;
    if (!estimate->sampled) return 0;
    estimate->seconds = work_s(&state) / estimate->sampled * (double)estimate->found.files;
    const double share = uncertainty(sample);
    estimate->seconds_low = estimate->seconds * (share < 1 ? 1 - share : 0);
    estimate->seconds_high = estimate->seconds * (1 + share);
    return 0;
}

/* ---- What they take */

static double size_of(const char *path)
{
    struct stat about;
    return stat(path, &about) ? 0 : (double)about.st_size;
}

static int enter_rows(HedonContext *ctx, HedonStore *store, const Sample *sample, int64_t run)
{
    char path[4096];
    for (int i = 0; i < ROWS; i++) {
        const int padding = sample->path_bytes > 16 ? (int)sample->path_bytes - 8 : 8;
        snprintf(path, sizeof(path), "/%0*d", padding > 4000 ? 4000 : padding, i);
        const HedonStoreFile file = {.path = path, .root = "/", .size = 1000000 + i, .mtime_ns = i};
        HedonStoreEntered entered = {0};
        const int code = hedon_store_enter(ctx, store, run, &file, 1, &entered);
        if (code) return code;
    }
    return 0;
}

static int finish_rows(HedonContext *ctx, HedonStore *store, const Sample *sample, int64_t run,
                       int64_t worker)
{
    HedonStoreJob jobs[64];
    int count, code;
    while (!(code = hedon_store_claim(ctx, store, run, worker, 64, jobs, &count)) && count) {
        HedonStoreResult results[64];
        for (int i = 0; i < count; i++) {
            HedonScore *score = &sample->scored[i % sample->scored_count]->score;
            results[i] = (HedonStoreResult){.job = &jobs[i],
                                            .score = score,
                                            .hash = sample->run.model_sha256,
                                            .size = 1,
                                            .mtime_ns = 1};
        }
        code = hedon_store_finish(ctx, store, worker, results, count, NULL);
        for (int i = 0; i < count; i++) hedon_store_job_clear(&jobs[i]);
        if (code) return code;
    }
    return code;
}

/* Another store, full of the sample's results. */
static int weigh(HedonContext *ctx, const char *place, Sample *sample,
                 HedonAnnotateEstimate *estimate)
{
    HedonStore *store;
    int64_t worker;
    int code = hedon_store_open(ctx, &store, place, NULL);
    if (code) return code;
    sample->run = (HedonStoreRun){.model_name = "sample", .model = "{}", .settings = "{}"};
    memset(sample->run.model_sha256, '0', 64);
    code = hedon_store_run(ctx, store, &sample->run);
    if (!code) code = hedon_store_worker_begin(ctx, store, sample->run.id, &worker);
    hedon_store_close(store); /* everything is in the file itself then */
    if (code) return code;
    const double empty = size_of(place);
    code = hedon_store_open(ctx, &store, place, NULL);
    if (code) return code;
    code = enter_rows(ctx, store, sample, sample->run.id);
    if (!code) code = finish_rows(ctx, store, sample, sample->run.id, worker);
    hedon_store_close(store);
    if (code) return code;
    estimate->disk_bytes = empty + (size_of(place) - empty) / ROWS * (double)estimate->found.files;
    return 0;
}

/* ---- The whole */

static int in_temporary_folder(HedonContext *ctx, const HedonModel *model,
                               const HedonAnnotateOptions *options, Sample *sample,
                               HedonAnnotateEstimate *estimate)
{
    static const char *const names[] = {"sample.db", "sample.db-wal", "sample.db-shm",
                                        "rows.db",   "rows.db-wal",   "rows.db-shm"};
    const char *place = getenv("TMPDIR");
    char folder[1024], store[1100], rows[1100];
    snprintf(folder, sizeof(folder), "%s/hedon-estimate-XXXXXX", place && *place ? place : "/tmp");
    if (!mkdtemp(folder)) return hedon_fail_errno(ctx, "cannot make a temporary folder %s", folder);
    snprintf(store, sizeof(store), "%s/sample.db", folder);
    snprintf(rows, sizeof(rows), "%s/rows.db", folder);
    int code = score_sample(ctx, model, options, store, sample, estimate);
    if (!code && sample->scored_count) code = weigh(ctx, rows, sample, estimate);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char path[1100];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    return code;
}

int hedon_annotate_estimate(HedonContext *ctx, const HedonModel *model,
                            const HedonAnnotateOptions *options,
                            const HedonAnnotateCallbacks *callbacks,
                            HedonAnnotateEstimate *estimate)
{
    Sample sample = {.store = options->store, .ctx = hedon_context_new()};
    *estimate = (HedonAnnotateEstimate){0};
    int code =
        sample.ctx ? find(ctx, options, callbacks, &sample, estimate) : hedon_fail_memory(ctx);
    if (!code && sample.count) code = in_temporary_folder(ctx, model, options, &sample, estimate);
    for (int i = 0; i < sample.count; i++) hedon_free(sample.paths[i]);
    for (int i = 0; i < sample.scored_count; i++) hedon_work_free(sample.scored[i]);
    hedon_context_free(sample.ctx);
    return code;
}
