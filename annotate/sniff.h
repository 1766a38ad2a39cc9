/* Which files are videos: by name where that is clear, otherwise by their first bytes. */
#ifndef HEDON_ANNOTATE_SNIFF_H
#define HEDON_ANNOTATE_SNIFF_H

#include "hedon.h"

enum { HEDON_SNIFF_BYTES = 1024 }; /* as much as is looked at */

/** Whether the name has the suffix of a video and of nothing else (".ts" is TypeScript as well):
 * such a file is taken as it is, and one that is broken becomes an error. */
int hedon_sniff_name(const char *name);
/** Whether the first bytes of a file are those of a video. The name only tells sound from pictures
 * in containers for both ("song.mka"). */
int hedon_sniff_bytes(const char *name, const uint8_t *bytes, size_t size);
/** Look into a file; opens regular files only and never waits.
 *
 * @return 1 a video, 0 none, HEDON_EIO, HEDON_ENOENT */
int hedon_sniff_file(HedonContext *ctx, const char *path);

#endif
