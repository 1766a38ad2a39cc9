/* Score's JSON, for whoever has a result and what its model says of itself, but no scorer. */
#ifndef HEDON_SCORE_JSON_H
#define HEDON_SCORE_JSON_H

#include "hedon.h"
#include "score/json_writer.h"

/** The members of schema "hedon.score/1" apart from "runtime" (for a failed video `video` and
 * `error`), into an object that is open. Of info are used: name, sha256, trained_on, caveat,
 * human_trained, test_metric, reference_name, reference_count. */
void hedon_score_write_json(HedonJson *json, const HedonModelInfo *info, const HedonScore *score);
/** The member "test_metric" of an object that is open: what the model file says, or null. */
void hedon_score_write_test_metric(HedonJson *json, const HedonModelInfo *info);

#endif
