/* What the files of score/ share. */
#ifndef HEDON_SCORE_SCORER_H
#define HEDON_SCORE_SCORER_H

#include "decode/loader.h"
#include "hedon.h"
#include "kernels/backend.h"
#include "models/model.h"
#include "score/share.h"

struct HedonScorer {
    HedonScorerOptions options;
    const HedonModel *model; /* borrowed */
    const HedonModelInfo *info;
    const HedonPreprocessing *preprocessing;
    const HedonBackend *backend;
    HedonBackendInfo backend_info;
    int gpu; /* that decodes, if one does */
    HedonPredictor **predictors; /* by stream; all but the first share its plan */
    int on_device;        /* clips are pre-processed on the device, and stay there */
    int64_t views;        /* crops of a clip */
    int64_t view_floats;  /* of one view of one clip */
    int cores;
    double clip_flops;
    HedonShare share;       /* of the run under way or last */
    HedonScorerStats stats; /* likewise */
    char warning[160], notes[1024];
};

#endif
