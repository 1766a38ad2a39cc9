/* A model in memory: architecture, heads, pre-processing, parameters, and what it says of itself.
 */
#ifndef HEDON_MODELS_MODEL_H
#define HEDON_MODELS_MODEL_H

#include "hedon.h"
#include "kernels/graph/graph.h"
#include "models/preprocessing.h"

/* The embedded model that is meant when none is named. */
#define HEDON_DEFAULT_MODEL "synthetic"

/* One file each under models/, registered in zoo.c. Options come later for families (ViT sizes). */
typedef struct HedonArchitecture {
    const char *name;
    const char *summary;              /* one line for people, with its paper */
    HedonPreprocessing preprocessing; /* its usual one; a model file may say otherwise */
    int64_t min_frames, min_size;     /* of the input */
    int64_t feature_size;
    /** Add the backbone for clips (N,3,T,H,W); returns features (N, feature_size). Parameters are
     *  created under the names of the framework that the architecture is from. */
    HedonValueId (*build)(HedonGraph *graph, HedonValueId clips);
    /** Prefix of the classifier in that framework's state dict: "fc". NULL: it has none. */
    const char *classifier;
} HedonArchitecture;

/** NULL-terminated. */
const HedonArchitecture *const *hedon_architectures(void);
const HedonArchitecture *hedon_architecture_find(const char *name);

const HedonArchitecture *hedon_model_architecture(const HedonModel *model);
const HedonPreprocessing *hedon_model_preprocessing(const HedonModel *model);
/** Backbone and heads for a batch of clips; outputs are named as the heads. Free with
 * hedon_graph_free. */
int hedon_model_build(HedonContext *ctx, const HedonModel *model, int64_t batch, int64_t frames,
                      int64_t height, int64_t width, HedonGraph **out);
/** The parameter's values, float32; borrowed. NULL when there is none of that name. */
const HedonTensor *hedon_model_parameter(const HedonModel *model, const char *name);
/** A model whose tensors are made by the hash generator and calibrated so that activations keep
 * unit variance (tools/golden does the same): for tests and benchmarks without trained weights.
 *  heads: "emotions", "utility" or both joined by ",". */
int hedon_model_open_random(HedonContext *ctx, HedonModel **out, const char *architecture,
                            uint64_t seed, const char *heads);
/** Write as a self-describing safetensors file, atomically. */
int hedon_model_save(HedonContext *ctx, const HedonModel *model, const char *path);

#endif
