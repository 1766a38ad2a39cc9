/* Strips of thumbnails for many videos, decoded by several processes at once. */
#ifndef HEDON_REPORT_STRIPS_H
#define HEDON_REPORT_STRIPS_H

#include "report/peaks.h"
#include "report/site.h"

typedef struct HedonStrips HedonStrips;

/** Start `workers` threads, each with a decoder process, that write into folder/thumbs. */
int hedon_strips_start(HedonContext *ctx, HedonStrips **out, const char *folder,
                       const HedonSiteOptions *options, int64_t expected);
/** Have one made, as thumbs/N/NAME.png (N: id modulo 100), unless it is there. Waits while many are
 *  queued. Strings are copied. HEDON_ENOMEM, HEDON_ECANCELLED, or why a strip could not be written.
 */
int hedon_strips_add(HedonContext *ctx, HedonStrips *strips, const char *path, int64_t id,
                     const char *name, const HedonPeak *peaks, int count);
/** Wait for all, count them into *written (may be NULL after a failure) and free. A video that
 * cannot be decoded is counted, not a failure. */
int hedon_strips_finish(HedonContext *ctx, HedonStrips *strips, HedonSiteWritten *written);

#endif
