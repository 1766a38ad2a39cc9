/* The training step on a device: one graph with losses and gradients, compiled once for one batch
 * size, and the state that the optimiser changes. */
#ifndef HEDON_TRAIN_ENGINE_H
#define HEDON_TRAIN_ENGINE_H

#include "models/trainable.h"
#include "train/config.h"
#include "train/process_group.h"
#include "train/groups.h"
#include "train/resume.h"

/* One batch on the host. Clips first, then comparisons: of each `compared` clips, from the least to
 * the most pleasant video's. N = clips + compared * comparisons; compared is 2, for Plackett-Luce
 * HEDON_MAX_COMPARED. */
typedef struct HedonTrainBatch {
    float **pixels;      /* N clips (3,T,H,W); none NULL */
    float *targets;      /* (N,27); NULL without an emotions head */
    float *clip_weights; /* (N): 0 masks; pairs' clips have 0 */
    float *pair_weights; /* (N/compared): likewise; NULL without a utility head */
    float *ties;         /* (N/2): 1 for a pair that is a tie; NULL: none is. Bradley-Terry's */
    float *mask;         /* (N): 0 where a list has no clip; NULL: all are there. Plackett-Luce's */
    const int64_t *samples; /* (N): places in the batch of all ranks; NULL: 0, 1, ... */
} HedonTrainBatch;

typedef struct HedonTrainLosses {
    double emotions, utility, total; /* 0 where there is no such head */
} HedonTrainLosses;

typedef struct HedonEngine HedonEngine;

/**
 * @param model    where the weights come from; may be closed once the engine is open
 * @param group    borrowed; NULL: this process alone. All ranks open their engines, with the same
 *                 weights, join them, and call hedon_engine_batch and hedon_engine_update alike
 * @param profile  time every operation (hedon_engine_info)
 * @return 0; HEDON_EINVAL, HEDON_EUNSUPPORTED (an operation without gradient), HEDON_EDEVICE,
 *         HEDON_ENOMEM
 */
int hedon_engine_open(HedonContext *ctx, HedonEngine **out, const HedonModel *model,
                      const HedonTrainConfig *config, HedonProcessGroup *group, int profile);

/**
 * Have the devices of all ranks meet, where they sum by themselves. All ranks call it once their
 * engines are open, and close them only when all are done. 0; HEDON_EUNSUPPORTED, HEDON_EDEVICE, on
 * all ranks.
 */
int hedon_engine_join(HedonContext *ctx, HedonEngine *engine);

/* Where a batch stands in its step. */
enum {
    HEDON_BATCH_FIRST = 1, /* else its gradients are added to those of the step's earlier ones */
    HEDON_BATCH_LAST = 2   /* gradients are summed over the ranks while they are computed; when a
                              step had none of these, hedon_engine_update does that first */
};

/** Forward and backward of this rank's share. random: of dropout and drop path. The losses are
 *  those of the whole batch. */
int hedon_engine_batch(HedonContext *ctx, HedonEngine *engine, const HedonTrainBatch *batch,
                       HedonRandomKey random, int place, HedonTrainLosses *losses);
/** The logits of the batch just computed, (N,27) and (N,1); either may be NULL. */
int hedon_engine_logits(HedonContext *ctx, HedonEngine *engine, float *emotions, float *utilities);
/** The optimiser's step number `step`, counted from 0. */
int hedon_engine_update(HedonContext *ctx, HedonEngine *engine, int64_t step, double rate,
                        HedonOptimiserResult *result);
/** The parameters as they are now (with `average`: their moving average) into a model of the same
 *  architecture and heads. */
int hedon_engine_store(HedonContext *ctx, HedonEngine *engine, int average, HedonModel *model);

/** The tensors of the state, for hedon_resume_write. */
int64_t hedon_engine_tensors(const HedonEngine *engine);
int hedon_engine_tensor(HedonContext *ctx, void *engine, int64_t i, HedonStateTensor *out);
/** Rank 0's state, on all. */
int hedon_engine_share(HedonContext *ctx, HedonEngine *engine);
/** Put a saved state's tensors back. */
int hedon_engine_restore(HedonContext *ctx, HedonEngine *engine, const HedonResume *resume);

int64_t hedon_engine_batch_clips(const HedonEngine *engine); /* N */
const char *hedon_engine_backend(const HedonEngine *engine);
/** What HedonDeviceOptions call the device that this rank trains on. */
const char *hedon_engine_device(const HedonEngine *engine);
/** Device and libraries in words, for the state's build line. */
void hedon_engine_build(const HedonEngine *engine, char *text, size_t room);
int hedon_engine_threads(const HedonEngine *engine);
void hedon_engine_info(const HedonEngine *engine, HedonPlanInfo *info);
/** Seconds of all forward and of all backward operations since open; 0 without profile. */
void hedon_engine_phases(const HedonEngine *engine, double *forward_s, double *backward_s);
/** Multiply and add operations of one batch, forward and backward. */
double hedon_engine_flops(const HedonEngine *engine);
void hedon_engine_close(HedonEngine *engine);

#endif
