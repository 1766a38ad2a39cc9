/* What names a run in a store: the model, and the settings that its results depend on. */
#ifndef HEDON_ANNOTATE_IDENTITY_H
#define HEDON_ANNOTATE_IDENTITY_H

#include "hedon.h"
#include "store/store.h"

/**
 * Fill a run's model and settings from an opened scorer. Settings are canonical JSON: the same ones
 * give the same bytes. How many cores work, batches and budgets change no result and are not in it.
 *
 * run->model and run->settings are allocated; free with hedon_identity_clear. HEDON_ENOMEM.
 */
int hedon_identity(HedonContext *ctx, const HedonScorer *scorer, HedonStoreRun *run);
void hedon_identity_clear(HedonStoreRun *run);

#endif
