/* Sentences and small formats that several outputs share. */
#ifndef HEDON_SCORE_WORDING_H
#define HEDON_SCORE_WORDING_H

#include <stdio.h>

#include "hedon.h"

/** "predicted pleasantness of watching, above 62% of ...; not anybody's happiness": one sentence.
 */
void hedon_wording_meaning(char *text, size_t size, const HedonModelInfo *info,
                           const HedonScore *score);
/** "0:07", "1:02:03"; below a second "0.4 s". */
void hedon_wording_time(char *text, size_t size, double seconds);
/** Open a stream in memory that becomes *text; finish with hedon_wording_close. NULL: out of
 * memory. */
FILE *hedon_wording_open(HedonContext *ctx, char **text, size_t *size);
/** 0 or HEDON_ENOMEM; then *text is NULL. */
int hedon_wording_close(HedonContext *ctx, FILE *out, char **text);

#endif
