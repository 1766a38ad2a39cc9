/* The stages of scoring a folder, each measured alone, and all of them together. */
#ifndef HEDON_TOOLS_PIPELINE_STAGES_H
#define HEDON_TOOLS_PIPELINE_STAGES_H

#include "hedon.h"

typedef struct HedonCost {
    double cpu_s, wall_s; /* cpu: of this process and the decoders */
} HedonCost;

typedef struct HedonPipelineCosts {
    HedonCost decode;     /* open and decode what the model's sampling wants; nothing is done with it */
    HedonCost preprocess; /* as many frames as that were, from memory, on one thread */
    HedonCost inference;  /* as many clips as these make, from memory, in the scorer's streams */
    HedonCost writing;    /* the same results into a store of their own, by its writer */
    HedonCost together;   /* hedon_scorer_run, until the last result is in a store */
    double efficiency;    /* of the sum of processor times alone, spread over the cores, and the wall
                             time together: 1 is what no order of the same work could beat */
    int64_t frames, views;       /* that went through */
    int64_t written;             /* results and errors that the store of the run together has */
    int64_t own_memory_bytes;    /* resident at most, of this process in the run together */
    int64_t worker_memory_bytes; /* of the largest decoder */
    HedonScorerStats stats;      /* of the run together */
    HedonStageStats writer;      /* the same of its writer */
} HedonPipelineCosts;

/** Measure all. The scorer was opened for `count` videos. */
int hedon_pipeline_measure(HedonContext *ctx, HedonScorer *scorer, const char *const *paths,
                           int64_t count, HedonPipelineCosts *costs);
/** Only together: wall and processor seconds of scoring the videos and writing the results. */
int hedon_pipeline_run(HedonContext *ctx, HedonScorer *scorer, const char *const *paths,
                       int64_t count, HedonPipelineCosts *costs);

#endif
