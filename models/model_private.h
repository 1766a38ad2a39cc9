/* The insides of HedonModel, shared by the files of models/ that make one: from a file
 * (model_file.c, import.c), from formulas (lowlevel.c), from a hash (random.c). */
#ifndef HEDON_MODELS_MODEL_PRIVATE_H
#define HEDON_MODELS_MODEL_PRIVATE_H

#include <stdio.h>

#include "models/digest.h"
#include "models/model.h"
#include "models/safetensors.h"

enum { HEDON_MAX_HEADS = 8 };

typedef struct HedonParameter {
    const char *name;
    HedonTensor values; /* float32 */
    HedonDtype stored;  /* what a file keeps it as: HEDON_F32 or HEDON_F16 */
    int borrowed;       /* values.data lies in the mapped file */
} HedonParameter;

struct HedonModel {
    const HedonArchitecture *architecture;
    HedonPreprocessing preprocessing;
    HedonModelInfo info; /* its strings and arrays are in the arena */
    HedonHead heads[HEDON_MAX_HEADS];
    int head_bias[HEDON_MAX_HEADS];
    HedonParameter *parameters; /* by ordinal of the graph's parameters */
    int parameter_count;
    char sha256[HEDON_SHA256_ROOM];
    HedonArena arena;
    HedonSafetensors file; /* where borrowed values lie */
};

/** An empty model with the architecture's usual input and pre-processing; free with
 *  hedon_model_close. */
int hedon_model_new(HedonContext *ctx, HedonModel **out, const HedonArchitecture *architecture);
/** The 27 emotions bring their labels. HEDON_EDATA for a second head of that name or a wrong size.
 */
int hedon_model_add_head(HedonContext *ctx, HedonModel *model, const char *name, int64_t size,
                         int bias);
/**
 * After the heads are known: build the graph at the model's own input and list its parameters,
 * without values.
 *
 * @param out  the graph, for whoever wants to know what a parameter is for; NULL: not wanted
 */
int hedon_model_declare(HedonContext *ctx, HedonModel *model, HedonGraph **out);
/** Values for parameter i, zero-filled, to be written through values.data. */
int hedon_model_allocate(HedonContext *ctx, HedonModel *model, int i);
/**
 * A whole model by names, its parameters written by `fill`, which finds what each is for in the graph.
 *
 * @param heads  "emotions", "utility" or "emotions,utility"
 * @return 0; HEDON_EINVAL for unknown names; HEDON_ENOMEM
 */
int hedon_model_make(HedonContext *ctx, HedonModel **out, const char *architecture,
                     const char *heads,
                     void (*fill)(HedonModel *model, const HedonGraph *graph, uint64_t seed),
                     uint64_t seed);

/**
 * Give every declared parameter its values. Float32 ones that lie in memory are used in place, so
 * the source outlives the model (whose `file` it may become). HEDON_EDATA lists what is missing,
 * extra or misshapen; nothing is fetched before all of that is in order.
 *
 * @param classifier  prefix under which the file keeps the one head's tensors ("fc"), or NULL
 *                    when it keeps them under hedon's names
 */
int hedon_model_take_tensors(HedonContext *ctx, HedonModel *model, const HedonTensorSource *source,
                             const char *classifier);

/** The "hedon" document of a model; free() it. NULL when memory is out. */
char *hedon_model_describe(const HedonModel *model);
/** A model as its document says, without parameters. HEDON_EDATA, HEDON_EUNSUPPORTED. */
int hedon_model_from_description(HedonContext *ctx, HedonModel **out, const char *text);
/** The bytes that hedon_model_save puts into a file. */
int hedon_model_write(HedonContext *ctx, const HedonModel *model, FILE *stream);

/** Copies of data given to a model; HEDON_ENOMEM. */
int hedon_model_set_text(HedonContext *ctx, HedonModel *model, const char **field,
                         const char *text);

/* The embedded model's file, byte for byte (synthetic_model.S). */
extern const uint8_t hedon_synthetic_model[], hedon_synthetic_model_end[];

int hedon_lowlevel_open(HedonContext *ctx, HedonModel **out);
/** The mean brightness as the utility: the baseline that 'hedon eval' holds models against. */
int hedon_brightness_open(HedonContext *ctx, HedonModel **out);

#endif
