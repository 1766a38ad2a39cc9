/* Where a file about a video is written: names of an annotated folder's videos under another
 * folder. */
#ifndef HEDON_REPORT_PLACE_H
#define HEDON_REPORT_PLACE_H

#include "hedon.h"

/* The annotated folders seen so far, each with a name of its own: their last components, made
 * different where two are alike. As many as the user named, not as many as videos. */
typedef struct HedonRoots {
    struct HedonRootName {
        char *root, *name;
    } * items;
    int count;
} HedonRoots;

/**
 * The path of `path` from root on, under root's name: "holiday/day 1/beach.mp4" for
 * /videos/holiday/day 1/beach.mp4 of /videos/holiday.
 *
 * @param name  set to it; free with hedon_free
 * @return 0; HEDON_EDATA for a path that is not under root or would climb out of it; HEDON_ENOMEM
 */
int hedon_roots_name(HedonContext *ctx, HedonRoots *roots, const char *root, const char *path,
                     char **name);
void hedon_roots_clear(HedonRoots *roots);
/** path from root on, or path itself when it is not under it: for people. */
const char *hedon_path_under(const char *root, const char *path);
/** Make the folders that `path`'s file lies in. HEDON_EIO. */
int hedon_make_folders(HedonContext *ctx, const char *path);

#endif
