/* What is known of a dataset's videos besides their labels, to slice an evaluation by. */
#ifndef HEDON_EVAL_COLUMNS_H
#define HEDON_EVAL_COLUMNS_H

#include "base/arena.h"
#include "datasets/dataset.h"

typedef struct HedonColumn {
    double *value;         /* of each item; NaN where nothing is known */
    const char **category; /* NULL: numbers; else values are places in this list, in byte order */
    int categories;
    HedonArena arena;
} HedonColumn;

/**
 * Read a column: "duration" (seconds), "frame_rate", "frames", "width", "height", "pixels" as the
 * dataset has them; else whatever metadata.json calls so (numbers, also in quotes, or words).
 *
 * @return 0; HEDON_EINVAL when no video has it; HEDON_EDATA, HEDON_EIO; HEDON_ENOMEM. Free with
 *         hedon_column_free, also after a failure.
 */
int hedon_column_load(HedonContext *ctx, HedonColumn *out, const HedonDataset *dataset,
                      const char *name);
void hedon_column_free(HedonColumn *column);

#endif
