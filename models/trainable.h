/* Models that are made to be trained: fresh weights, weights from another model, the graph a
 * trainer builds on, and what the trainer writes back before it saves. */
#ifndef HEDON_MODELS_TRAINABLE_H
#define HEDON_MODELS_TRAINABLE_H

#include "models/model.h"

/**
 * A model of fresh weights: convolutions and batch norm as torchvision's video ResNets begin (He et
 * al. 2015, by fan-out), heads as the paper's (design, section 2): emotions a normal of .02 cut off
 * at 2 standard deviations, times .001, bias 0; utility torch's default, uniform of 1 /
 * sqrt(fan-in), no bias. A pure function of the seed.
 *
 * @param heads  "emotions", "utility" or "emotions,utility"
 * @return 0; HEDON_EINVAL for an unknown architecture or head, HEDON_ENOMEM
 */
int hedon_model_open_fresh(HedonContext *ctx, HedonModel **out, const char *architecture,
                           uint64_t seed, const char *heads);
/**
 * Copy every parameter that `from` has under the same name and shape; its pre-processing comes with
 * them.
 *
 * @param copied,fresh  how many tensors were copied, how many stayed as they are (the heads,
 * mostly)
 * @return 0; HEDON_EINVAL when the architectures differ or nothing fits
 */
int hedon_model_copy_weights(HedonContext *ctx, HedonModel *model, const HedonModel *from,
                             int *copied, int *fresh);

/** Add backbone and heads to a graph under construction; logits gets one value a head, in their
 *  order. Errors are the graph's (hedon_graph_finish). */
void hedon_model_add_to_graph(const HedonModel *model, HedonGraph *graph, HedonValueId clips,
                              HedonValueId *logits);

/** Parameter number i (as hedon_model_build's graph counts them), writable: NULL when the model is
 * a mapped file's. */
HedonTensor *hedon_model_writable(HedonModel *model, int i);

/* What a trainer knows of its product. Strings and numbers are copied. */
typedef struct HedonProvenance {
    const char *name, *trained_on, *caveat;
    int human_trained;
    const char *test_metric;    /* a JSON object; NULL: none */
    const char *reference_name; /* NULL: no reference utilities */
    const double *reference;    /* ascending */
    int64_t reference_count;
} HedonProvenance;

int hedon_model_set_provenance(HedonContext *ctx, HedonModel *model,
                               const HedonProvenance *provenance);
/** Save convolutions' and heads' weights as float16; vectors (biases, batch norm's statistics) stay
 * float32. */
void hedon_model_store_half(HedonModel *model);

/* How a model file is written again. */
typedef struct HedonRepackOptions {
    const char *name;        /* NULL: its own */
    const char *test_metric; /* a JSON object; NULL: its own */
    const char *reference_name; /* of the reference utilities; NULL: its own */
    const double *reference;    /* ascending */
    int64_t reference_count;
    int half;                /* hedon_model_store_half */
} HedonRepackOptions;

/** The model at `path` (hedon_model_open) into the file out_path, atomically. What it says of its
 * training stays. The errors of opening and saving. */
int hedon_model_repack(HedonContext *ctx, const char *path, const char *out_path,
                       const HedonRepackOptions *options);

/** Clips of so many frames of size x size; 0: as they are. What the picture is resized to before
 * its crop changes in proportion. HEDON_EINVAL when the architecture takes no such clips. */
int hedon_model_set_clip(HedonContext *ctx, HedonModel *model, int64_t frames, int64_t size);
/** How a video is sampled when the model scores it; clip size and colours stay. */
void hedon_model_set_sampling(HedonModel *model, const char *sampling, double window_s,
                              double stride_s);
/** The six views that the paper tests VCE models with: of every fourth frame the first and the last
 * clip; of each, resized to the clip's height by its short side (bilinear, no antialiasing), three
 * crops along the long side. */
void hedon_model_set_paper_views(HedonModel *model);

#endif
