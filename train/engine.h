/* The training step on a device: one graph with losses and gradients, compiled once for one batch
 * size, and the state that the optimiser changes. */
#ifndef HEDON_TRAIN_ENGINE_H
#define HEDON_TRAIN_ENGINE_H

#include "models/trainable.h"
#include "train/config.h"
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
} HedonTrainBatch;

typedef struct HedonTrainLosses {
    double emotions, utility, total; /* 0 where there is no such head */
} HedonTrainLosses;

typedef struct HedonEngine HedonEngine;

/**
 * @param model    where the weights come from; may be closed once the engine is open
 * @param profile  time every operation (hedon_engine_info)
 * @return 0; HEDON_EINVAL, HEDON_EUNSUPPORTED (an operation without gradient), HEDON_EDEVICE,
 *         HEDON_ENOMEM
 */
int hedon_engine_open(HedonContext *ctx, HedonEngine **out, const HedonModel *model,
                      const HedonTrainConfig *config, int profile);
/** Forward and backward; gradients are added to those of the step's earlier batches when `first` is
 *  0. random: of dropout and drop path. */
int hedon_engine_batch(HedonContext *ctx, HedonEngine *engine, const HedonTrainBatch *batch,
                       HedonRandomKey random, int first, HedonTrainLosses *losses);
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
/** Put a saved state's tensors back. */
int hedon_engine_restore(HedonContext *ctx, HedonEngine *engine, const HedonResume *resume);

int64_t hedon_engine_batch_clips(const HedonEngine *engine); /* N */
const char *hedon_engine_backend(const HedonEngine *engine);
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
