/* What the engine's files share: engine.c opens it and computes, engine_state.c gives out its
 * state. */
#ifndef HEDON_TRAIN_ENGINE_PRIVATE_H
#define HEDON_TRAIN_ENGINE_PRIVATE_H

#include "train/engine.h"
#include "train/engine_graph.h"
#include "train/gradient_sum.h"

/* One tensor of the state: a part of a parameter; or the loss scale. */
typedef struct HedonKept {
    int parameter; /* -1: the loss scale */
    int part;
} HedonKept;

struct HedonEngine {
    const HedonBackend *backend;
    HedonDevice *device;
    HedonBackendInfo info;
    char device_name[32]; /* "cuda:1" */
    HedonTrainGraph made;
    HedonState *state;
    HedonPlan *plan;
    HedonBuffer **inputs, **outputs; /* by ordinal, by index */
    double *rate_scale, *weight_decay;
    HedonRecipe recipe;
    HedonProcessGroup alone, *group;
    HedonGradientSum *gradients; /* over the ranks; NULL: there is one, or the devices sum */
    int joins;                   /* the devices sum over the ranks by themselves */
    int summing;                 /* gradients of the batch being computed */
    int summed;                  /* the state's gradients are those of all ranks */
    HedonContext *ctx;           /* of the call under way, for what the plan calls */
    int threads;
    void *wide; /* a row of the largest input or output in the device's precision; float64 only */
    HedonTensor room; /* for the tensor that hedon_engine_tensor lends */
    HedonKept *kept;  /* the tensors of the state, in their order */
    int64_t kept_count;
};

/* Of the device's inputs, outputs and state. */
static inline HedonDtype hedon_engine_numbers(const HedonEngine *engine)
{
    return engine->device->precision == HEDON_F64 ? HEDON_F64 : HEDON_F32;
}

/** engine->room as a tensor of the parameter's shape. */
int hedon_engine_room(HedonContext *ctx, HedonEngine *engine, int parameter);
/** Fill engine->kept. */
int hedon_engine_list_tensors(HedonContext *ctx, HedonEngine *engine);

#endif
