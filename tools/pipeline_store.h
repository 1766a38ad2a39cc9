/* Where `hedon bench pipeline` writes results to: a temporary SQLite store with a thread of its own
 * that commits them in batches, as annotate's writer does. */
#ifndef HEDON_TOOLS_PIPELINE_STORE_H
#define HEDON_TOOLS_PIPELINE_STORE_H

#include "hedon.h"

typedef struct HedonPipelineStore HedonPipelineStore;

/** Makes the store, enters and claims the videos, and starts the writer. HEDON_EIO, HEDON_ENOMEM.
 */
int hedon_pipeline_store_open(HedonContext *ctx, HedonPipelineStore **out,
                              const HedonScorer *scorer, const char *const *paths, int64_t count);
/** Hand the writer a copy of a result, which is kept until closing; waits while the queue is full.
 * Non-zero: stop, hedon_pipeline_store_end will say why. */
int hedon_pipeline_store_put(HedonPipelineStore *store, const HedonScore *score);
/** Hand the writer of `store` all results that another one, ended, was given. */
int hedon_pipeline_store_put_all(HedonPipelineStore *store, const HedonPipelineStore *other);
/**
 * Wait until all results are in the store's file, and end the writer.
 *
 * @param lane     what the writer did, opening apart: busy and processor seconds, waiting for
 * results
 * @param written  how many results and errors the store says that it has
 */
int hedon_pipeline_store_end(HedonContext *ctx, HedonPipelineStore *store, HedonStageStats *lane,
                             int64_t *written);
/** Removes the store. NULL is fine. */
void hedon_pipeline_store_close(HedonPipelineStore *store);

#endif
