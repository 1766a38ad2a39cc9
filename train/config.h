/* Everything that a run's result depends on, and a little that it does not. RUN/config.json is this
 * struct, field by field: written when a run starts, read when it is resumed. */
#ifndef HEDON_TRAIN_CONFIG_H
#define HEDON_TRAIN_CONFIG_H

#include <jansson.h>

#include "base/arena.h"
#include "train/recipe.h"

enum { HEDON_CONFIG_HASH_ROOM = 65 };

/* Strings are the arena's or the caller's. */
typedef struct HedonTrainConfig {
    HedonRecipe recipe;    /* perhaps changed by options */
    const char *vce, *v2v; /* data; NULL where the task needs none */
    const char *model;     /* the zoo's name */
    int64_t frames, size;  /* of a clip, frames of size x size; 0: the model's */
    const char *init;      /* a model whose weights to begin with; NULL: fresh */
    const char *freeze;    /* prefixes of parameters' names, separated by commas; NULL */
    int64_t seed;
    int recompute; /* compute what is cheap anew in backward instead of keeping it in memory */
    HedonDeviceOptions device;

    /* the result does not depend on these */
    int64_t workers;    /* decoder processes; 0: one a core, 8 at most */
    HedonDecoder decoder;
    int64_t save_every; /* optimiser steps between saved states; 0: once a minute */
    int64_t log_every;  /* optimiser steps between lines of the log */
    double max_broken;  /* share of the items that may be broken before the run stops */
    HedonArena arena;   /* of what was read from a file */
} HedonTrainConfig;

void hedon_train_config_default(HedonTrainConfig *config, const HedonRecipe *recipe);
void hedon_train_config_free(HedonTrainConfig *config);
/** A new JSON object; NULL when memory is out. */
json_t *hedon_train_config_json(const HedonTrainConfig *config);
/** Overwrite the fields that the object has. HEDON_EDATA names a field that is not what it should
 *  be. */
int hedon_train_config_read(HedonContext *ctx, HedonTrainConfig *config, const json_t *object);
/** SHA-256 of what the result depends on: the fields above "does not depend on". */
int hedon_train_config_hash(HedonContext *ctx, const HedonTrainConfig *config,
                            char hash[HEDON_CONFIG_HASH_ROOM]);
/** The first field in which two configurations differ among those that matter, NULL when none. */
const char *hedon_train_config_difference(const HedonTrainConfig *a, const HedonTrainConfig *b);
/** HEDON_EINVAL with a sentence for values that make no sense. */
int hedon_train_config_check(HedonContext *ctx, const HedonTrainConfig *config);

#endif
