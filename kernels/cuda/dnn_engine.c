/* Which engines can run an operation graph, and running one. */
#include <string.h>

#include "base/error.h"
#include "kernels/cuda/dnn.h"

/* ---- Candidates ----------------------------------------------------------------------------- */

static unsigned notes_of(cudnnBackendDescriptor_t engine)
{
    cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
    int64_t count = 0;
    unsigned bits = 0;
    if (cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                 CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &count,
                                 notes))
        return ~0u; /* nothing is known: refuse */
    for (int64_t i = 0; i < count && i < CUDNN_NUMERICAL_NOTE_TYPE_COUNT; i++)
        bits |= 1u << notes[i];
    return bits;
}

/* Whether its rounding is what was asked for, and the same each time. With float32 tensors the
 * tensor cores compute in TF32. */
static int is_welcome(const CudaConv *conv, unsigned notes)
{
    unsigned refused = 1u << CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC |
                       1u << CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS |
                       1u << CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION;
    if (conv->type == CUDA_F32 && !conv->tf32) refused |= 1u << CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
    return !(notes & refused);
}

/* Number and notes of the engine that a configuration is of. */
static int look_at(HedonContext *ctx, DnnEngine *engine)
{
    cudnnBackendDescriptor_t descriptor;
    int64_t count;
    int err =
        dnn_check(ctx, cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR, &descriptor),
                  "an engine");
    if (err) return err;
    err = dnn_check(ctx,
                    cudnnBackendGetAttribute(engine->config, CUDNN_ATTR_ENGINECFG_ENGINE,
                                             CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &descriptor),
                    "an engine");
    if (!err)
        err = dnn_check(ctx,
                        cudnnBackendGetAttribute(descriptor, CUDNN_ATTR_ENGINE_GLOBAL_INDEX,
                                                 CUDNN_TYPE_INT64, 1, &count, &engine->index),
                        "an engine's number");
    if (!err) engine->notes = notes_of(descriptor);
    cudnnBackendDestroyDescriptor(descriptor);
    return err;
}

/* Empty configurations, which cuDNN fills. */
static int create_configs(HedonContext *ctx, cudnnBackendDescriptor_t *configs, int count)
{
    for (int i = 0; i < count; i++) {
        const int err = dnn_check(
            ctx, cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &configs[i]),
            "an engine's configuration");
        if (!err) continue;
        while (i > 0) cudnnBackendDestroyDescriptor(configs[--i]);
        return err;
    }
    return 0;
}

static void take_configs(HedonContext *ctx, DnnEngines *out, const CudaConv *conv,
                         cudnnBackendDescriptor_t *configs, int room, int64_t filled)
{
    for (int i = 0; i < room; i++) {
        DnnEngine engine = {.config = configs[i], .place = out->offered};
        const int offered = i < filled;
        out->offered += offered;
        if (offered && !look_at(ctx, &engine) && is_welcome(conv, engine.notes))
            out->list[out->count++] = engine;
        else
            cudnnBackendDestroyDescriptor(configs[i]);
    }
}

static int ask(HedonContext *ctx, DnnEngines *out, const DnnGraph *graph, const CudaConv *conv,
               cudnnBackendDescriptor_t device, cudnnBackendHeurMode_t mode)
{
    cudnnBackendDescriptor_t guess, configs[DNN_CANDIDATES];
    const int room = DNN_CANDIDATES - out->count;
    int64_t filled = 0;
    int err =
        dnn_check(ctx, cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, &guess),
                  "heuristics");
    if (err) return err;
    err = dnn_check(ctx,
                    cudnnBackendSetAttribute(guess, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
                                             CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &graph->graph),
                    "heuristics");
    if (!err)
        err = dnn_check(ctx,
                        cudnnBackendSetAttribute(guess, CUDNN_ATTR_ENGINEHEUR_MODE,
                                                 CUDNN_TYPE_HEUR_MODE, 1, &mode),
                        "heuristics");
    if (!err && device)
        err = dnn_check(ctx,
                        cudnnBackendSetAttribute(guess, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP,
                                                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &device),
                        "heuristics");
    if (!err) err = dnn_check(ctx, cudnnBackendFinalize(guess), "heuristics");
    if (!err) err = create_configs(ctx, configs, room);
    if (!err) {
        err = dnn_check(ctx,
                        cudnnBackendGetAttribute(guess, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                                 CUDNN_TYPE_BACKEND_DESCRIPTOR, room, &filled,
                                                 configs),
                        "engines");
        take_configs(ctx, out, conv, configs, room, err ? 0 : filled);
    }
    cudnnBackendDestroyDescriptor(guess);
    return err;
}

int dnn_engines_list(HedonContext *ctx, DnnEngines *out, const DnnGraph *graph,
                     const CudaConv *conv, cudnnBackendDescriptor_t device)
{
    static const cudnnBackendHeurMode_t modes[] = {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK};
    *out = (DnnEngines){0};
    int err = 0;
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        const int code = ask(ctx, out, graph, conv, device, modes[i]);
        /* that heuristics know nothing of a pattern says nothing of the fallbacks */
        if (code && code != HEDON_EUNSUPPORTED) err = code;
    }
    if (err) dnn_engines_free(out);
    return err;
}

void dnn_engines_free(DnnEngines *engines)
{
    for (int i = 0; i < engines->count; i++) cudnnBackendDestroyDescriptor(engines->list[i].config);
    *engines = (DnnEngines){0};
}

/* ---- Plans ---------------------------------------------------------------------------------- */

int dnn_plan_make(HedonContext *ctx, DnnPlan *out, const DnnEngine *engine, cudnnHandle_t handle)
{
    *out = (DnnPlan){0};
    int64_t count;
    int err = dnn_check(
        ctx, cudnnBackendCreateDescriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, &out->plan),
        "a plan");
    if (!err)
        err = dnn_check(ctx,
                        cudnnBackendSetAttribute(out->plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE,
                                                 CUDNN_TYPE_HANDLE, 1, &handle),
                        "a plan's device");
    if (!err)
        err = dnn_check(ctx,
                        cudnnBackendSetAttribute(out->plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
                                                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &engine->config),
                        "a plan's engine");
    if (!err) {
        /* Whatever the reason, another engine may do. */
        err = dnn_check(ctx, cudnnBackendFinalize(out->plan), "a plan");
        if (err) err = HEDON_EUNSUPPORTED;
    }
    if (!err)
        err =
            dnn_check(ctx,
                      cudnnBackendGetAttribute(out->plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                               CUDNN_TYPE_INT64, 1, &count, &out->workspace),
                      "a plan's workspace");
    if (!err && out->workspace < 0)
        err = hedon_fail(ctx, HEDON_EUNSUPPORTED, "cuDNN: a plan without a size of workspace");
    if (err) dnn_plan_free(out);
    return err;
}

void dnn_plan_free(DnnPlan *plan)
{
    if (plan->plan) cudnnBackendDestroyDescriptor(plan->plan);
    *plan = (DnnPlan){0};
}

int dnn_plan_run(HedonContext *ctx, const DnnPlan *plan, cudnnHandle_t handle,
                 const DnnPointers *pointers, void *workspace)
{
    int64_t ids[DNN_RESIDUAL + 1];
    void *data[DNN_RESIDUAL + 1];
    int64_t count = 0;
    for (int i = 1; i <= DNN_RESIDUAL; i++) {
        if (!pointers->at[i]) continue;
        ids[count] = i;
        data[count++] = pointers->at[i];
    }
    cudnnBackendDescriptor_t pack;
    int err =
        dnn_check(ctx, cudnnBackendCreateDescriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack),
                  "pointers");
    if (err) return err;
    err = dnn_check(ctx,
                    cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS,
                                             CUDNN_TYPE_INT64, count, ids),
                    "pointers");
    if (!err)
        err = dnn_check(ctx,
                        cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
                                                 CUDNN_TYPE_VOID_PTR, count, data),
                        "pointers");
    if (!err)
        err = dnn_check(ctx,
                        cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE,
                                                 CUDNN_TYPE_VOID_PTR, 1, &workspace),
                        "the workspace");
    if (!err) err = dnn_check(ctx, cudnnBackendFinalize(pack), "pointers");
    if (!err) err = dnn_check(ctx, cudnnBackendExecute(handle, plan->plan, pack), "a run");
    cudnnBackendDestroyDescriptor(pack);
    return err;
}
