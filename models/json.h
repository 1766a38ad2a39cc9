/* What hedon adds to jansson: a sentence for the user. */
#ifndef HEDON_MODELS_JSON_H
#define HEDON_MODELS_JSON_H

#include <jansson.h>

#include "hedon.h"

/** The failure of a json_load: HEDON_EDATA, "`what` is not valid JSON", or HEDON_ENOMEM. */
int hedon_fail_json(HedonContext *ctx, const json_error_t *reason, const char *what);

#endif
