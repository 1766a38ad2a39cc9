#include "kernels/cuda/tune.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

enum { TIMED_RUNS = 4, MOST_TIMED = 24, DEFAULT_TIMED = 5 };

/* Below this a launch costs more than any engine saves. */
static const double LEAST_FLOPS = 2e7;

struct CudaTuning {
    char path[1024];   /* "": no file */
    char machine[160]; /* device and versions: what a line of the file must begin with */
    int timed;         /* engines that are timed */
    CudaAlgorithm *algorithms;
};

/* ---- The file ------------------------------------------------------------------------------- */

static void file_path(char *path, size_t room)
{
    const char *named = getenv("HEDON_CUDA_ENGINES"), *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (named)
        snprintf(path, room, "%s", named);
    else if (cache && *cache)
        snprintf(path, room, "%s/hedon/cuda-engines.txt", cache);
    else if (home && *home)
        snprintf(path, room, "%s/.cache/hedon/cuda-engines.txt", home);
}

int cuda_tuning_open(HedonContext *ctx, CudaDevice *device)
{
    struct CudaTuning *tuning = device->tuning = hedon_calloc(1, sizeof(*tuning));
    if (!tuning) return hedon_fail_memory(ctx);
    const char *timed = getenv("HEDON_CUDA_TUNE");
    tuning->timed = timed ? atoi(timed) : DEFAULT_TIMED;
    if (tuning->timed < 1) tuning->timed = 1;
    if (tuning->timed > MOST_TIMED) tuning->timed = MOST_TIMED;
    file_path(tuning->path, sizeof(tuning->path));
    snprintf(tuning->machine, sizeof(tuning->machine), "%s cudnn %zu", device->name,
             cudnnGetVersion());
    return 0;
}

void cuda_tuning_close(CudaDevice *device)
{
    if (!device->tuning) return;
    for (CudaAlgorithm *a = device->tuning->algorithms, *next; a; a = next) {
        next = a->next;
        dnn_plan_free(&a->plan);
        dnn_graph_free(&a->graph);
        hedon_free(a);
    }
    hedon_free(device->tuning);
    device->tuning = NULL;
}

/* A line: machine, key, place in the list, the engine's number. The last line of a key counts. */
static int recorded(const struct CudaTuning *tuning, const char *key, int *place, int64_t *engine)
{
    FILE *file = tuning->path[0] ? fopen(tuning->path, "re") : NULL;
    char line[640], wanted[512];
    int found = 0;
    if (!file) return 0;
    snprintf(wanted, sizeof(wanted), "%s\t%s\t", tuning->machine, key);
    const size_t length = strlen(wanted);
    while (fgets(line, sizeof(line), file)) {
        long long number;
        int at;
        if (strncmp(line, wanted, length)) continue;
        if (sscanf(line + length, "%d\t%lld\t", &at, &number) != 2) continue;
        *place = at;
        *engine = number;
        found = 1;
    }
    fclose(file);
    return found;
}

static void make_folders(const char *path)
{
    char folder[1024];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        const size_t length = (size_t)(slash - path);
        if (length >= sizeof(folder)) return;
        memcpy(folder, path, length);
        folder[length] = 0;
        if (mkdir(folder, 0777) && errno != EEXIST) return;
    }
}

/* While it is held nobody else times: processes side by side, as the ranks of a machine, take the
 * same engines, and those that a resumed run will find. -1 where it cannot be had; close() it. */
static int lock(const struct CudaTuning *tuning)
{
    if (!tuning->path[0]) return -1;
    make_folders(tuning->path);
    const int file = open(tuning->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file >= 0) flock(file, LOCK_EX);
    return file;
}

/* Appended in one write, so that programs side by side do not mix lines. That it fails costs the
 * next run some time, and is no error. */
static void record(const struct CudaTuning *tuning, const char *key, const DnnEngine *engine,
                   float microseconds)
{
    char line[640];
    if (!tuning->path[0]) return;
    const int length = snprintf(line, sizeof(line), "%s\t%s\t%d\t%lld\t%.1f us\n", tuning->machine,
                                key, engine->place, (long long)engine->index, (double)microseconds);
    const int file = open(tuning->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0) return;
    const ssize_t written = write(file, line, (size_t)length);
    (void)written;
    close(file);
}

/* ---- Timing --------------------------------------------------------------------------------- */

/* Memory like a convolution's tensors. */
typedef struct Stage {
    void *memory;
    DnnPointers pointers;
    int64_t bytes;
} Stage;

static int64_t volume(const CudaConv *c, const int64_t *extent)
{
    int64_t count = 1;
    for (int i = 0; i < c->dims; i++) count *= extent[i];
    return count;
}

static int64_t round_up(int64_t bytes)
{
    return (bytes + CUDA_ALIGNMENT - 1) / CUDA_ALIGNMENT * CUDA_ALIGNMENT;
}

static double flops_of(const CudaConv *c)
{
    return 2.0 * (double)c->n * (double)volume(c, c->y) * (double)c->k * (double)c->c *
           (double)volume(c, c->w);
}

static int stage_open(HedonContext *ctx, CudaDevice *device, const CudaConv *c, Stage *stage)
{
    const int64_t size = cuda_type_size(c->type);
    const int64_t x = round_up(c->n * volume(c, c->x) * c->c * size);
    const int64_t w = round_up(c->k * volume(c, c->w) * c->c * size);
    const int64_t y = round_up(c->n * volume(c, c->y) * c->k * size);
    const int64_t bias = round_up(c->k * (int64_t)sizeof(float));
    const int64_t largest = x > y ? x : y;
    *stage = (Stage){.bytes = x + w + y + bias + largest + (largest > w ? largest : w)};
    int err =
        cuda_allocate(ctx, device, (size_t)stage->bytes, "timing convolutions", &stage->memory);
    if (err) return err;
    char *at = stage->memory;
    void **to = stage->pointers.at;
    if (c->kind != CUDA_CONV_DATA) to[DNN_X] = at;
    if (c->kind != CUDA_CONV_WEIGHTS) to[DNN_W] = at + x;
    if (c->kind != CUDA_CONV_FORWARD) to[DNN_Y] = at + x + w;
    if (c->fused & CUDA_CONV_BIAS) to[DNN_BIAS] = at + x + w + y;
    if (c->fused & CUDA_CONV_RESIDUAL) to[DNN_RESIDUAL] = at + x + w + y + bias;
    to[DNN_OUT] = at + x + w + y + bias + largest;
    return CUDA_TRY(ctx, cudaMemsetAsync(stage->memory, 0, (size_t)stage->bytes, device->stream));
}

/* Microseconds of one run; negative when it fails. */
static float time_plan(CudaDevice *device, const DnnPlan *plan, const Stage *stage, void *workspace)
{
    cudaEvent_t start = NULL, end = NULL;
    float milliseconds = -1;
    int failed = cudaEventCreate(&start) || cudaEventCreate(&end);
    if (!failed) failed = dnn_plan_run(NULL, plan, device->cudnn, &stage->pointers, workspace);
    if (!failed) failed = cudaEventRecord(start, device->stream) != cudaSuccess;
    for (int i = 0; i < TIMED_RUNS && !failed; i++)
        failed = dnn_plan_run(NULL, plan, device->cudnn, &stage->pointers, workspace);
    if (!failed)
        failed = cudaEventRecord(end, device->stream) || cudaEventSynchronize(end) ||
                 cudaEventElapsedTime(&milliseconds, start, end);
    if (start) cudaEventDestroy(start);
    if (end) cudaEventDestroy(end);
    return failed ? -1 : milliseconds * 1000 / TIMED_RUNS;
}

/* Whether candidate i is the better one: makes its plan, times it. */
static int try_candidate(HedonContext *ctx, CudaDevice *device, const DnnEngine *engine,
                         const Stage *stage, DnnPlan *best, float *best_time)
{
    DnnPlan plan;
    void *workspace;
    if (dnn_plan_make(ctx, &plan, engine, device->cudnn)) return 0;
    float time = -1;
    if (!cuda_allocate(ctx, device, (size_t)plan.workspace, "a workspace", &workspace)) {
        time = time_plan(device, &plan, stage, workspace);
        cudaStreamSynchronize(device->stream);
        cuda_release(device, workspace);
    }
    if (time < 0 || (*best_time >= 0 && time >= *best_time)) {
        dnn_plan_free(&plan);
        return 0;
    }
    dnn_plan_free(best);
    *best = plan;
    *best_time = time;
    return 1;
}

static int choose_timed(HedonContext *ctx, CudaDevice *device, const CudaConv *conv,
                        const DnnEngines *engines, CudaAlgorithm *a)
{
    Stage stage;
    float time = -1;
    int timed = 0;
    if (stage_open(ctx, device, conv, &stage)) {
        cuda_release(device, stage.memory);
        return HEDON_ENOMEM;
    }
    const DnnEngine *best = NULL;
    for (int i = 0; i < engines->count && timed < device->tuning->timed; i++, timed++)
        if (try_candidate(ctx, device, &engines->list[i], &stage, &a->plan, &time))
            best = &engines->list[i];
    cuda_release(device, stage.memory);
    if (!best) return HEDON_EUNSUPPORTED;
    a->engine = best->index;
    record(device->tuning, a->key, best, time);
    return 0;
}

static int choose_first(HedonContext *ctx, CudaDevice *device, const DnnEngines *engines,
                        CudaAlgorithm *a)
{
    for (int i = 0; i < engines->count; i++) {
        if (dnn_plan_make(ctx, &a->plan, &engines->list[i], device->cudnn)) continue;
        a->engine = engines->list[i].index;
        return 0;
    }
    return HEDON_EUNSUPPORTED;
}

/* ---- Choosing ------------------------------------------------------------------------------- */

/* What a former run recorded, if cuDNN's list still has it there. */
static int choose_recorded(HedonContext *ctx, CudaDevice *device, const DnnEngines *engines,
                           CudaAlgorithm *a)
{
    int place;
    int64_t number;
    if (!recorded(device->tuning, a->key, &place, &number)) return HEDON_ENOENT;
    for (int i = 0; i < engines->count; i++) {
        const DnnEngine *engine = &engines->list[i];
        if (engine->place != place || engine->index != number) continue;
        if (dnn_plan_make(ctx, &a->plan, engine, device->cudnn)) return HEDON_ENOENT;
        a->engine = number;
        return 0;
    }
    return HEDON_ENOENT;
}

static int choose_by_time(HedonContext *ctx, CudaDevice *device, const CudaConv *conv,
                          const DnnEngines *engines, CudaAlgorithm *a)
{
    const int file = lock(device->tuning);
    int err = choose_recorded(ctx, device, engines, a); /* meanwhile, by another */
    if (err) err = choose_timed(ctx, device, conv, engines, a);
    if (file >= 0) close(file);
    return err;
}

static int choose(HedonContext *ctx, CudaDevice *device, const CudaConv *conv, CudaAlgorithm *a)
{
    DnnEngines engines;
    int err = dnn_graph_make(ctx, &a->graph, conv);
    if (!err) err = dnn_check(ctx, cudnnSetStream(device->cudnn, device->stream), "a stream");
    if (!err) err = dnn_engines_list(ctx, &engines, &a->graph, conv, NULL);
    if (err) return err;
    err = choose_recorded(ctx, device, &engines, a);
    if (err && device->tuning->timed > 1 && flops_of(conv) >= LEAST_FLOPS)
        err = choose_by_time(ctx, device, conv, &engines, a);
    if (err) err = choose_first(ctx, device, &engines, a);
    if (err && engines.count == 0)
        hedon_fail(ctx, err, "cuDNN offers %d engines, none that rounds as asked", engines.offered);
    dnn_engines_free(&engines);
    return err;
}

int cuda_algorithm(HedonContext *ctx, CudaDevice *device, const CudaConv *conv,
                   const CudaAlgorithm **out)
{
    char key[320];
    *out = NULL;
    cuda_conv_key(conv, key, sizeof(key));
    CudaAlgorithm *a = device->tuning->algorithms;
    while (a && strcmp(a->key, key)) a = a->next;
    if (!a) {
        a = hedon_calloc(1, sizeof(*a));
        if (!a) return hedon_fail_memory(ctx);
        memcpy(a->key, key, sizeof(key));
        a->engine = -1;
        const int err = choose(ctx, device, conv, a);
        if (err && err != HEDON_EUNSUPPORTED) {
            dnn_plan_free(&a->plan);
            dnn_graph_free(&a->graph);
            hedon_free(a);
            return err;
        }
        if (err)
            snprintf(a->reason, sizeof(a->reason), "%s",
                     ctx ? hedon_last_error(ctx) : "cuDNN has no engine for it");
        a->next = device->tuning->algorithms;
        device->tuning->algorithms = a;
    }
    if (a->engine < 0) return hedon_fail(ctx, HEDON_EUNSUPPORTED, "%s", a->reason);
    *out = a;
    return 0;
}
