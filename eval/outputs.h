/* What one model says of a dataset's videos: read from a file, computed, or made by a baseline. */
#ifndef HEDON_EVAL_OUTPUTS_H
#define HEDON_EVAL_OUTPUTS_H

#include "datasets/dataset.h"
#include "hedon.h"

/* What VCE's 27 numbers are. Utilities have no scale. */
typedef enum HedonScale {
    HEDON_SCALE_AUTO,        /* intensities when all lie in 0..1, else logits */
    HEDON_SCALE_INTENSITIES, /* 0..1 */
    HEDON_SCALE_LOGITS,      /* intensity = 1 / (1 + exp(-x)) */
    HEDON_SCALE_SOFTMAX,     /* intensities of sum 1 = softmax(x) */
} HedonScale;

/** "auto", "intensities", "logits", "softmax" and back; -1 when unknown. */
const char *hedon_scale_name(HedonScale scale);
int hedon_scale_from_name(const char *name);

/* One view (clip and crop) of one video as the model gave it. */
typedef struct HedonOutputView {
    int64_t item, clip, view;
    float value[HEDON_EMOTIONS]; /* the first `width` of them */
} HedonOutputView;

enum { HEDON_OUTPUT_EXAMPLE = 64 };

typedef struct HedonOutputs {
    char *name;
    int width; /* HEDON_EMOTIONS, or 1: the utility */
    HedonScale scale;
    int64_t items;    /* of the dataset */
    double *value;    /* (items, width): means over views, on the scale they came in */
    uint8_t *present; /* items: 1 where there is a value */
    int64_t count;    /* present ones */
    /* Of a file: */
    int64_t extra, duplicates, empty; /* rows of ids that the dataset has not; that repeat an id
                                         (and clip and view); without numbers */
    char extra_id[HEDON_OUTPUT_EXAMPLE], duplicate_id[HEDON_OUTPUT_EXAMPLE]; /* the first of each */
    /* Of a model: */
    HedonOutputView *views;
    int64_t view_count, view_room;
    int64_t failed;      /* videos that could not be decoded */
    const char *warning; /* "not an estimate of viewers' feelings: ...", or NULL */
} HedonOutputs;

/** Empty outputs for every item; NULL when memory is out. */
HedonOutputs *hedon_outputs_new(HedonContext *ctx, const char *name, int width, int64_t items);
void hedon_outputs_free(HedonOutputs *outputs);

/**
 * Read predictions of anybody's: CSV, TSV or JSONL by the file's name.
 *
 * A row has `id` (or `video`: a path whose name without extension is the id) and either the 27
 * emotions by name, `emotions.NAME` too, or `utility`, `wellbeing.utility` too. Rows of the same id
 * that differ in their columns `clip` and `view` are averaged. Other columns do not matter.
 *
 * @return 0; HEDON_ENOENT, HEDON_EDATA (the sentence names line and column), HEDON_EIO,
 * HEDON_ENOMEM
 */
int hedon_predictions_read(HedonContext *ctx, HedonOutputs **out, const char *path,
                           const HedonDataset *dataset, int width, HedonScale scale);
/** Write what hedon_predictions_read reads, by view where views are known, atomically. JSONL when
 *  the name says so, else CSV. HEDON_EIO, HEDON_ENOMEM. */
int hedon_predictions_write(HedonContext *ctx, const HedonOutputs *outputs,
                            const HedonDataset *dataset, const char *path);

typedef struct HedonModelRun {
    const HedonDeviceOptions *device;
    void *opaque;
    /** A video that could not be predicted; may be NULL. */
    void (*failed)(void *opaque, const char *video, int code, const char *sentence);
    void (*progress)(void *opaque, const char *video, int64_t done,
                     int64_t count); /* may be NULL */
} HedonModelRun;

/**
 * Run a model over videos, by its own pre-processing and sampling: the logits' mean over all views.
 *
 * @param width   HEDON_EMOTIONS or 1: which of its heads
 * @param wanted  items of them: 1 where the video is to be looked at
 * @return 0; HEDON_EUNSUPPORTED when the model has no such head; HEDON_ECANCELLED, HEDON_EDEVICE,
 *         HEDON_ENOMEM. A video that fails is counted, not a failure.
 */
int hedon_outputs_from_model(HedonContext *ctx, HedonOutputs **out, const HedonModel *model,
                             const char *name, const HedonDataset *dataset, int width,
                             const uint8_t *wanted, const HedonModelRun *run);

#endif
