/* The videos that `hedon bench pipeline` runs over: a folder's, or rendered ones that are removed
 * afterwards. */
#ifndef HEDON_TOOLS_PIPELINE_SET_H
#define HEDON_TOOLS_PIPELINE_SET_H

#include "hedon.h"

enum { HEDON_PIPELINE_FOLDER = 64 };

typedef struct HedonPipelineSet {
    char **paths;
    int64_t count;
    char folder[HEDON_PIPELINE_FOLDER]; /* to be removed; "" when the videos are the user's */
} HedonPipelineSet;

/** The regular files of a folder, by name. HEDON_ENOENT, HEDON_EIO, HEDON_EINVAL when it has none. */
int hedon_pipeline_set_list(HedonContext *ctx, HedonPipelineSet *set, const char *folder);
/** Render `count` videos with all cores, each of `seconds` (0: 2.4 to 10). */
int hedon_pipeline_set_render(HedonContext *ctx, HedonPipelineSet *set, int64_t count, int seconds);
/** Removes what was rendered. */
void hedon_pipeline_set_free(HedonPipelineSet *set);

/** A temporary folder of our own; "" after HEDON_EIO and the like. */
int hedon_pipeline_folder_make(HedonContext *ctx, char folder[HEDON_PIPELINE_FOLDER]);
/** Remove it with the files in it. */
void hedon_pipeline_folder_remove(const char *folder);

#endif
