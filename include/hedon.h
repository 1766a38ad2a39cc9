/* hedon: how a video would make its viewers feel. The public C interface; tools/ is written on it.
 *
 * Conventions. Functions return 0 or a negative HEDON_E*; the sentence for the user is in the
 * context (hedon_last_error). A context belongs to one thread. Objects are created through an
 * `out` parameter, which is NULL after a failure, and freed with their own _close or _free, which
 * accept NULL. Names and arrays reached through a returned const pointer are borrowed.
 */
#ifndef HEDON_H
#define HEDON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HEDON_VERSION "0.1.0"
#define HEDON_EMOTIONS 27
#define HEDON_MAX_RANK 6

#if defined(__GNUC__)
#define HEDON_API __attribute__((visibility("default")))
#define HEDON_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define HEDON_API
#define HEDON_PRINTF(f, a)
#endif

/* ---- Errors ------------------------------------------------------------------------------- */

enum {
    HEDON_OK = 0,
    HEDON_ENOMEM = -1,     /* an allocation failed */
    HEDON_EINVAL = -2,     /* the caller asked for something that makes no sense */
    HEDON_ENOENT = -3,     /* no such file */
    HEDON_EISDIR = -4,     /* a directory where a file is wanted */
    HEDON_EIO = -5,        /* reading or writing failed (disk full, permission, pipe) */
    HEDON_EDATA = -6,      /* a file's content is damaged or not what it claims */
    HEDON_ENOVIDEO = -7,   /* a readable file without any video stream */
    HEDON_ELIMIT = -8,     /* over a budget of time, memory, pixels or frames */
    HEDON_EDECODER = -9,   /* the decoder process crashed or stopped answering */
    HEDON_EUNSUPPORTED = -10, /* valid, but not something this build can do */
    HEDON_EDEVICE = -11,   /* the compute device is absent or failed */
    HEDON_ECANCELLED = -12, /* the user interrupted */
    HEDON_ERESAMPLE = -13, /* the video's index changed under us: sample again (decode/) */
};

/** A short name ("no such file") of a HEDON_E* code; never NULL. */
HEDON_API const char *hedon_error_name(int code);

typedef struct HedonContext HedonContext;

/** A context for one thread; NULL only when memory is out. */
HEDON_API HedonContext *hedon_context_new(void);
HEDON_API void hedon_context_free(HedonContext *ctx);
/** The sentence of the last failure in ctx; "" when there was none. Valid until the next one. */
HEDON_API const char *hedon_last_error(const HedonContext *ctx);
/** Ask every operation of every context to stop with HEDON_ECANCELLED; async-signal-safe. */
HEDON_API void hedon_cancel(void);

/* ---- Tensors ------------------------------------------------------------------------------ */

typedef enum { HEDON_F32, HEDON_F64, HEDON_BF16, HEDON_F16, HEDON_I64, HEDON_I32, HEDON_U8 } HedonDtype;

typedef struct HedonShape {
    int rank;
    int64_t dim[HEDON_MAX_RANK];
} HedonShape;

/* A dense row-major array in host memory. */
typedef struct HedonTensor {
    HedonDtype dtype;
    HedonShape shape;
    void *data; /* 64-byte aligned when made by hedon_tensor_alloc */
} HedonTensor;

HEDON_API size_t hedon_dtype_size(HedonDtype dtype);
HEDON_API const char *hedon_dtype_name(HedonDtype dtype); /* "float32", ... as NumPy says */
/** Number of elements, or -1 if a dimension is negative or the product overflows int64. */
HEDON_API int64_t hedon_shape_count(const HedonShape *shape);
/** Zero-filled. HEDON_EINVAL for a bad shape, HEDON_ENOMEM. Free with hedon_tensor_free. */
HEDON_API int hedon_tensor_alloc(HedonTensor *out, HedonDtype dtype, const HedonShape *shape);
HEDON_API void hedon_tensor_free(HedonTensor *tensor);

/* ---- Devices ------------------------------------------------------------------------------ */

typedef struct HedonDeviceOptions {
    const char *device; /* "auto", "cpu", "cuda", "cuda:1" (the second GPU), "ref" */
    HedonDtype precision; /* HEDON_F32; HEDON_BF16, HEDON_F16 where the device has it; HEDON_F64 on ref */
    int threads;        /* compute threads; 0: one for each core this process may use */
    int tf32;           /* cuda, HEDON_F32: products may round their factors to TF32's 10 bits */
} HedonDeviceOptions;

HEDON_API void hedon_device_options_default(HedonDeviceOptions *options);

/* ---- Models ------------------------------------------------------------------------------- */

typedef struct HedonModel HedonModel;

/* One output of a model: "emotions" (27 logits, VCE's order), "utility" (1, V2V's raw utility), or
 * "classes" (what a framework's checkpoint was trained for: no use to hedon score). */
typedef struct HedonHead {
    const char *name;
    int64_t size;
    const char *const *labels; /* size of them, or NULL */
} HedonHead;

/* What a model says of itself. Borrowed from the model. */
typedef struct HedonModelInfo {
    const char *name;         /* "synthetic", "lowlevel", "r2plus1d_18" or as the file says */
    const char *architecture; /* the zoo's name */
    const char *sha256;       /* of the file (an embedded one's too), or of lowlevel's definition; hex */
    const char *trained_on;   /* "published formulas, no training", "VCE train", ... */
    const char *caveat;       /* one sentence that every output repeats; "" when none */
    int human_trained;        /* 1 when human ratings of videos trained it */
    const char *test_metric;  /* JSON object or NULL */
    int64_t parameters;       /* learnt numbers; batch norm's running statistics not counted */
    int64_t clip_frames, clip_height, clip_width; /* T, H, W of the input it was made for */
    const HedonHead *heads; /* at least one */
    int head_count;
    int emotions_head, utility_head; /* index, or -1 */
    const char *reference_name; /* of the reference utilities; NULL when there are none */
    const double *reference;    /* ascending */
    int64_t reference_count;
} HedonModelInfo;

/**
 * Open a model file, or an embedded model by name.
 *
 * @param name  a safetensors file with hedon metadata, "synthetic" (trained on synthetic videos),
 *              "lowlevel" (published formulas) or "brightness" (the utility is the pictures' mean
 *              brightness, for comparison); NULL for the default model, "synthetic"
 * @return 0; HEDON_ENOENT, HEDON_EDATA (truncated, wild offsets, wrong shapes; every missing,
 *         extra or misshapen tensor is named), HEDON_EUNSUPPORTED, HEDON_ENOMEM.
 */
HEDON_API int hedon_model_open(HedonContext *ctx, HedonModel **out, const char *name);
HEDON_API const HedonModelInfo *hedon_model_info(const HedonModel *model);
/** The graph as text, one node a line; `device` NULL: as built, else after its passes. Caller frees with free(). */
HEDON_API int hedon_model_graph_text(HedonContext *ctx, const HedonModel *model,
                                     const HedonDeviceOptions *device, char **text);
HEDON_API void hedon_model_close(HedonModel *model);

/** Names of the 27 emotions in VCE's class order (alphabetical). */
HEDON_API const char *hedon_emotion_name(int index);

/* What hedon_model_import has found in a file. */
typedef struct HedonImportReport {
    /* where in a nested checkpoint the state dict was, and which prefixes its names lost: "under
     * 'model', names without 'module.'"; "" when the file is one */
    char taken[160];
} HedonImportReport;

/**
 * Turn a state dict under its framework's names into a hedon model file. Nothing that is in the
 * file is executed.
 *
 * @param path          a safetensors file, or a checkpoint of torch.save: its content says which
 * @param architecture  the zoo's name
 * @param out_path      written atomically
 * @param report        NULL: not wanted
 * @return 0; HEDON_EDATA with every missing, extra and misshapen tensor listed, or with what in a
 *         PyTorch file is no plain data; HEDON_ELIMIT; HEDON_EUNSUPPORTED; HEDON_EIO.
 */
HEDON_API int hedon_model_import(HedonContext *ctx, const char *path, const char *architecture,
                                 const char *out_path, HedonImportReport *report);

/* ---- Prediction: tensors in, tensors out ---------------------------------------------------- */

typedef struct HedonPredictor HedonPredictor;

typedef struct HedonPredictorOptions {
    HedonDeviceOptions device;
    int64_t batch;                  /* the one fixed batch that is compiled for; default 1 */
    int64_t frames, height, width;  /* of a clip; 0: the model's own */
    int profile;                    /* time every operation (hedon_predictor_profile) */
} HedonPredictorOptions;

typedef struct HedonOpProfile {
    const char *name;      /* of the graph's node, e.g. "layer1.0.conv1.0.0" */
    const char *operation; /* "conv3d", ... */
    const char *kernel;    /* what the backend chose: "winograd f43 avx2", "onednn jit:avx2", ... */
    double seconds;        /* total over the runs since open */
    double flops;          /* of one run, as direct arithmetic, multiply and add counted apart */
    int64_t runs;
} HedonOpProfile;

HEDON_API void hedon_predictor_options_default(HedonPredictorOptions *options);
/** The model may be closed once the predictor is open. On a GPU whose memory is too small for the batch, half
 *  of it is taken, and half again. */
HEDON_API int hedon_predictor_open(HedonContext *ctx, HedonPredictor **out, const HedonModel *model,
                                   const HedonPredictorOptions *options);
/** Another predictor with the same plan: it shares the packed parameters, has activations of its own and may
 *  run at the same time, on another thread. `predictor` is closed last. HEDON_ENOMEM. */
HEDON_API int hedon_predictor_share(HedonContext *ctx, HedonPredictor **out,
                                    const HedonPredictor *predictor);
/**
 * Run clips through the model.
 *
 * @param clips      (N,3,T,H,W) float32, pre-processed; any N: run in batches of the compiled
 *                   size, the last one padded, so that a clip's bits never depend on N
 * @param outputs    one (N, head size) float32 tensor for each of the model's heads, the caller's;
 *                   data NULL: not wanted
 * @return 0; HEDON_EINVAL for shapes that don't fit, HEDON_ECANCELLED, HEDON_EDEVICE
 */
HEDON_API int hedon_predictor_run(HedonContext *ctx, HedonPredictor *predictor,
                                  const HedonTensor *clips, HedonTensor *outputs);
HEDON_API int hedon_predictor_profile(const HedonPredictor *predictor, const HedonOpProfile **ops,
                                      int *count);
/** Name of the backend in use ("cpu"), and bytes of its planned arena and packed weights (of one that
 *  shares, of its arena alone). */
HEDON_API const char *hedon_predictor_backend(const HedonPredictor *predictor);
HEDON_API int64_t hedon_predictor_bytes(const HedonPredictor *predictor);
/** Multiply and add operations of one compiled batch. */
HEDON_API double hedon_predictor_flops(const HedonPredictor *predictor);
HEDON_API void hedon_predictor_close(HedonPredictor *predictor);

/* ---- Scoring: videos in, what viewers would feel out ---------------------------------------- */

typedef struct HedonScorer HedonScorer;

/* Predictions for one stretch of a video. */
typedef struct HedonScoreClip {
    double start_s, end_s;
    double utility;                 /* 0 when the model has no utility head */
    float emotions[HEDON_EMOTIONS]; /* intensities 0..1; 0 when the model has no emotions head */
} HedonScoreClip;

typedef struct HedonThumbnail {
    double time_s;
    int width, height;
    const uint8_t *rgb; /* height rows of width * 3 bytes */
} HedonThumbnail;

/* The result for one video. Borrowed: valid until the callback that received it returns. */
typedef struct HedonScore {
    int64_t number;    /* position of the video in the order of asking, from 0 */
    const char *video; /* its name as given */
    int code;          /* 0, or HEDON_E*; then only `error` (one sentence) is filled */
    const char *error;

    double duration_s;
    int64_t frames;
    int width, height;
    int damaged;  /* decoding errors were met; what decodes was scored */
    int64_t lost; /* packets of a damaged video that gave no frame */

    /* Of the whole video, by the model's own sampling, whatever timeline was asked for: logits are
     * averaged over all views (clips times crops), then made intensities. */
    int has_emotions, has_utility, has_percentile;
    double emotions[HEDON_EMOTIONS]; /* VCE's order */
    int top[3];                      /* strongest first; ties in alphabetical order */
    double utility;                  /* raw V2V utility: no zero, no unit */
    double percentile;               /* 0..100: the share of the model's reference utilities below it */
    int64_t views;
    double utility_sd, emotions_sd; /* sample standard deviation over views: of the utility; of the
                                       intensities, mean over emotions. 0 when views is 1 */

    const HedonScoreClip *clips; /* the timeline */
    int64_t clip_count;
    const HedonThumbnail *thumbnails;
    int thumbnail_count;

    double open_s, decode_s, preprocess_s, predict_s, total_s; /* total: wall time, waits included */
} HedonScore;

/* What decodes videos. The samples are the same; a GPU's decoder (NVDEC) takes part of the codecs,
 * and the CPU the rest. */
typedef enum HedonDecoder {
    HEDON_DECODER_AUTO, /* the GPU where one computes and decodes */
    HEDON_DECODER_CPU,
    HEDON_DECODER_NVDEC /* HEDON_EDEVICE without */
} HedonDecoder;

typedef struct HedonScorerOptions {
    HedonDeviceOptions device;
    int64_t batch;      /* views computed at once; 0: 1 on a CPU, 8 elsewhere. Bits don't depend on it */
    int64_t videos;     /* how many will come: 1 has all cores compute each clip together, for the least
                           wait; more, or 0 for unknown, gives each core clips of its own, for the most
                           clips a second. No bit depends on it on a CPU */
    int streams;        /* clips (or batches) computed at once; 0: chosen (score/share.h says how) */
    int decode_workers; /* decoder processes; 0: chosen likewise */
    HedonDecoder decoder; /* on the device's GPU, where it has a number; else the first */
    int timeline;       /* 0: only the model's own clips; default 1 */
    double window_s;    /* of the timeline; 0: the model's own */
    double stride_s;    /* between windows; 0: window_s. Both 0: the model's own sampling when that is
                           by windows, else at most 24 windows */
    int thumbnails;     /* at most so many a video, evenly over its time; default 0 */
    int thumbnail_height; /* pixels; default 90 */
    double max_seconds; /* budgets of one video, see HedonWorkerOptions; 0: the defaults there */
    int64_t max_memory, max_pixels, max_frames;
} HedonScorerOptions;

typedef struct HedonScoreCallbacks {
    void *opaque;
    int64_t expected; /* how many videos will come, when known; else 0. Only for sharing out cores */
    int unordered;    /* results as they finish instead of in the order asked */
    /** The next video to score: 0 when there is one, 1 when there are none left. path is copied.
     *  Called from other threads, one at a time. */
    int (*next)(void *opaque, const char **path);
    /** A finished video, good or bad; on the calling thread. Non-zero stops the run. */
    int (*finished)(void *opaque, const HedonScore *score);
    /** May be NULL. The logits of one view of a clip, on the calling thread, before the video is
     *  finished; emotions or utility is NULL where the model has no such head. A video that turns out
     *  damaged starts again: clip 0, view 0 then makes what came before of this number void. Non-zero
     *  stops the run. */
    int (*view)(void *opaque, int64_t number, int64_t clip, int64_t view, const float *emotions,
                const float *utility);
    /** May be NULL. Videos finished so far; clips done and to do of the video worked on last. */
    void (*progress)(void *opaque, int64_t videos, const char *video, int64_t clips, int64_t clip_count);
} HedonScoreCallbacks;

HEDON_API void hedon_scorer_options_default(HedonScorerOptions *options);
/**
 * Get ready to score: choose the device, compile the model.
 *
 * @param model  must outlive the scorer
 * @return 0; HEDON_EINVAL for options that make no sense; HEDON_EUNSUPPORTED for a model with neither
 *         an emotions nor a utility head; HEDON_EDEVICE; HEDON_ENOMEM
 */
HEDON_API int hedon_scorer_open(HedonContext *ctx, HedonScorer **out, const HedonModel *model,
                                const HedonScorerOptions *options);
/**
 * Score videos until `next` has none left.
 *
 * A video that cannot be scored is a result with its code and sentence, not a failure of the run.
 * Memory does not grow with the number of videos, nor with their length, timelines apart.
 *
 * @return 0; what `finished` returned; HEDON_ECANCELLED, HEDON_EDEVICE, HEDON_ENOMEM
 */
HEDON_API int hedon_scorer_run(HedonContext *ctx, HedonScorer *scorer,
                               const HedonScoreCallbacks *callbacks);
HEDON_API void hedon_scorer_close(HedonScorer *scorer);

/* What a video goes through. A decoding lane (a thread with its decoder process) opens, decodes and
 * pre-processes one video after the other; a computing lane runs the model; the thread that called
 * hedon_scorer_run delivers. */
typedef enum HedonStage {
    HEDON_STAGE_OPEN,       /* the file, its container, its index */
    HEDON_STAGE_DECODE,
    HEDON_STAGE_PREPROCESS,
    HEDON_STAGE_INFERENCE,
    HEDON_STAGE_DELIVER,    /* means over views, and the caller's callbacks */
    HEDON_STAGES
} HedonStage;

/* Sums over the lanes of a stage. Open, decode and pre-process share theirs, so that their busy
 * times add up. */
typedef struct HedonStageStats {
    int lanes;        /* that work at it at once, at most */
    double busy_s;    /* wall time at it: busy_s / (lanes * wall_s) is its utilisation */
    double cpu_s;     /* processor time of it, decoder processes' included */
    double starved_s; /* wall time that lanes waited for work: open for the caller's next video,
                         inference for clips, deliver for results */
    double blocked_s; /* wall time that lanes waited for room: open for videos to finish, decode for
                         clips to be computed */
} HedonStageStats;

typedef struct HedonScorerStats {
    double wall_s; /* since hedon_scorer_run began; when it has returned, all of it */
    HedonStageStats stage[HEDON_STAGES]; /* of videos that have ended, and of every clip computed */
    int cores, workers, streams, stream_threads;
    int64_t videos, failed; /* finished; of these, with an error */
    int64_t clips, views;   /* computed; clips that repeat the one before are not */
    int64_t batches;
    double batch_fill;            /* 0..1: views of the batches computed, of those that had room */
    double decoder_cpu_s;         /* of the stages' cpu_s, what decoder processes used */
    int64_t decoder_memory_bytes; /* the most that any one of them had resident */
} HedonScorerStats;

/** "open", "decode", "pre-process", "inference", "deliver". */
HEDON_API const char *hedon_stage_name(HedonStage stage);
/** Of the run under way (then call it from its callbacks `finished`, `view` or `progress`) or of the
 *  last one. */
HEDON_API void hedon_scorer_stats(const HedonScorer *scorer, HedonScorerStats *stats);

/** "not an estimate of viewers' feelings: ...", to be shown before anything else; NULL when the model
 *  was trained on human ratings. */
HEDON_API const char *hedon_scorer_warning(const HedonScorer *scorer);
/** What the model does not see, what the numbers are and are not: lines for the end of every output
 *  for people, without a newline at the end. */
HEDON_API const char *hedon_scorer_notes(const HedonScorer *scorer);

typedef struct HedonTextStyle {
    int columns; /* at most so wide; at least 60 */
    int unicode; /* block characters, else plain ASCII */
    int colour;  /* ANSI colours */
} HedonTextStyle;

/* The result in different dress. Each returns 0 or HEDON_ENOMEM; *text is to be released with free().
 * Numbers have six significant digits in any locale; bytes that are not UTF-8 in names become U+FFFD. */

/** One line of JSON, schema "hedon.score/1" (docs/cli.md), with its newline. Everything that depends on
 *  the machine or the time is under "runtime". */
HEDON_API int hedon_score_json(HedonContext *ctx, const HedonScorer *scorer, const HedonScore *score,
                               char **text);
/** Rows of CSV (RFC 4180, LF): one for the video, or with `per_clip` one a clip. score NULL: the header. */
HEDON_API int hedon_score_csv(HedonContext *ctx, const HedonScore *score, int per_clip, char **text);
/** Bars and a sparkline for a terminal. */
HEDON_API int hedon_score_text(HedonContext *ctx, const HedonScorer *scorer, const HedonScore *score,
                               const HedonTextStyle *style, char **text);
/** A picture: thumbnails above the utility and the strongest emotions over time. PNG, written
 *  atomically. HEDON_EIO, HEDON_ENOMEM. */
HEDON_API int hedon_score_plot(HedonContext *ctx, const HedonScorer *scorer, const HedonScore *score,
                               const char *path);

#ifdef __cplusplus
}
#endif
#endif
