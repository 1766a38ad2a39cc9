/* What a backend is: one const struct of function pointers, registered in backends.c.
 *
 * A backend opens a device, keeps persistent state (a graph's parameters; for training their gradients
 * and the optimiser's moments),
 * compiles a graph against that state into a plan, and executes plans. `compile` sees the whole graph,
 * so that fusion, layouts and algorithms are the backend's own. Buffers hold inputs and outputs in the
 * logical row-major layout. Entries marked "may be NULL" are absent on backends that run in the
 * caller's thread: callers then pass NULL streams, and everything is done on return.
 */
#ifndef HEDON_KERNELS_BACKEND_H
#define HEDON_KERNELS_BACKEND_H

#include "base/frame.h"
#include "base/random.h"
#include "kernels/graph/graph.h"
#include "kernels/transform.h"

typedef struct HedonBackend HedonBackend;

/* Backends embed these as the first member of their own structs. */
typedef struct HedonDevice {
    const HedonBackend *backend;
    HedonDtype precision;
    int threads;
} HedonDevice;

typedef struct HedonBuffer {
    HedonDevice *device;
    size_t bytes;
    void *data; /* host memory on ref and cpu, device memory on cuda */
} HedonBuffer;

typedef struct HedonState {
    HedonDevice *device;
    const HedonGraph *graph; /* borrowed */
} HedonState;

/* What a state keeps for each parameter. */
typedef enum HedonStatePart {
    HEDON_STATE_PARAMETER,
    HEDON_STATE_GRADIENT, /* of parameters that have one in the graph; zero before an execution */
    HEDON_STATE_MOMENT1,  /* SGD's momentum, AdamW's mean of gradients; zero at first */
    HEDON_STATE_MOMENT2,  /* AdamW's mean of squares */
    HEDON_STATE_AVERAGE,  /* exponential moving average; at first the parameter itself */
    HEDON_STATE_PARTS
} HedonStatePart;

typedef enum HedonOptimiserKind { HEDON_SGD, HEDON_ADAMW } HedonOptimiserKind;

/* One update of the parameters that have gradients, as torch.optim.SGD (dampening 0) or torch.optim.AdamW
 * do it. Arrays are by ordinal of the parameters. */
typedef struct HedonOptimiserStep {
    HedonOptimiserKind kind;
    int64_t number; /* 1 for the first: AdamW's bias correction */
    double learning_rate;
    const double *rate_scale;   /* factors of the learning rate; 0 leaves the parameter and its moments
                                 * untouched; NULL: all 1 */
    const double *weight_decay; /* NULL: none */
    double momentum;            /* SGD */
    int nesterov;
    double beta1, beta2, epsilon; /* AdamW */
    double gradient_scale; /* gradients are multiplied by it before anything else: 1 / accumulated batches */
    double clip_norm;      /* as torch.nn.utils.clip_grad_norm_; 0: no clipping */
    double average_decay;  /* average = decay average + (1 - decay) parameter, of all parameters, running
                            * statistics included, after the update; 0: no average is kept */
} HedonOptimiserStep;

typedef struct HedonOptimiserResult {
    double gradient_norm; /* of all gradients used, after gradient_scale, before clipping */
    int finite;           /* 0: some gradient is not finite, and nothing was changed */
    int skipped;          /* 1: nothing was changed, since gradients in float16 overflowed under the loss scale,
                           * which is lower from now on: no fault of the model's */
} HedonOptimiserResult;

/* Of training in float16: what losses' gradients are multiplied by, and the steps since it changed. */
typedef struct HedonLossScale {
    float scale; /* 0: the state has none */
    int good_steps;
} HedonLossScale;

typedef struct HedonPlan {
    HedonDevice *device;
    const HedonGraph *graph; /* borrowed */
} HedonPlan;

typedef struct HedonStream HedonStream; /* a queue of work on a device */
typedef struct HedonEvent HedonEvent;   /* a point in a stream */
typedef struct HedonUploader HedonUploader; /* takes pictures to a device and pre-processes them there */

typedef struct HedonBackendInfo {
    char device[128];    /* "AMD EPYC, 2 threads, avx2" */
    char library[128];   /* "oneDNN 2.6.3" */
    uint32_t precisions; /* bit (1 << HedonDtype) for each that compile accepts */
    int count;           /* of devices that can be told apart by a number; 0: none */
} HedonBackendInfo;

typedef struct HedonCompileOptions {
    int profile;     /* time every operation */
    /* Training, when the graph has gradients: called as soon as a parameter's gradient is final in the
     * state, so that an all-reduce overlaps the rest of backward. NULL otherwise. */
    void (*gradient_ready)(void *opaque, int parameter, HedonBuffer *gradient);
    /* For a graph of several ranks (HedonGraph.ranks): `count` numbers in the device's memory become
     * their sums over all ranks, the same bits in each. Called in one order by all of them. 0, or a
     * negative error with its sentence, which ends the execution. stream NULL: done on return.
     * Unused by devices that join a group and sum by themselves. */
    int (*rank_sum)(void *opaque, double *values, int64_t count, HedonStream *stream);
    void *opaque; /* of both */
} HedonCompileOptions;

/* One of several devices, each a process's, that train as one. */
enum { HEDON_GROUP_ID_BYTES = 128 };

typedef struct HedonDeviceGroup {
    const void *id; /* the group's, of group_id; HEDON_GROUP_ID_BYTES */
    int rank, ranks;
    /* Called now and then while the host waits for the others: an error, with its sentence, ends the
     * wait, and the group. */
    int (*check)(HedonContext *ctx, void *opaque);
    void *opaque;
} HedonDeviceGroup;

typedef struct HedonExecution {
    HedonBuffer *const *inputs;  /* by ordinal of the graph's inputs; float32 (float64 on a float64 device) */
    HedonBuffer *const *outputs; /* by index of the graph's outputs; likewise */
    HedonRandomKey random;       /* for dropout and drop path: the same key, the same bits */
    const int64_t *samples;      /* each sample's number for the masks of dropout and drop path, such as its
                                  * place in the batch of all ranks; NULL: 0, 1, ... */
    int accumulate;              /* gradients are added to those in the state instead of replacing them */
    int sum_gradients;           /* over the group of ranks that the device has joined, while they are
                                  * computed; of what is accumulated, too */
    HedonStream *stream;         /* NULL: done on return */
} HedonExecution;

typedef struct HedonPlanInfo {
    int64_t arena_bytes, weight_bytes; /* planned scratch and activations; packed parameters, 0 when
                                          they are another plan's */
    const HedonOpProfile *ops;         /* one a step of the plan; seconds are 0 unless profiling */
    int op_count;
} HedonPlanInfo;

typedef struct HedonPreprocessor {
    const HedonBackend *backend;
} HedonPreprocessor;

struct HedonBackend {
    const char *name;
    /** Whether this backend can run here, on the device so named (as in HedonDeviceOptions; NULL: its
     *  first); otherwise HEDON_EDEVICE with the reason. */
    int (*probe)(HedonContext *ctx, const char *device, HedonBackendInfo *info);
    int (*open)(HedonContext *ctx, HedonDevice **out, const HedonDeviceOptions *options);
    void (*close)(HedonDevice *device);

    int (*buffer_new)(HedonContext *ctx, HedonDevice *device, size_t bytes, HedonBuffer **out);
    void (*buffer_free)(HedonBuffer *buffer);
    int (*upload)(HedonContext *ctx, HedonBuffer *to, size_t offset, const void *from, size_t bytes, HedonStream *stream);
    int (*download)(HedonContext *ctx, void *to, HedonBuffer *from, size_t offset, size_t bytes, HedonStream *stream);

    /* may be NULL */
    int (*stream_new)(HedonContext *ctx, HedonDevice *device, HedonStream **out);
    void (*stream_free)(HedonStream *stream);
    int (*stream_wait)(HedonContext *ctx, HedonStream *stream); /* the host waits for all its work */
    int (*event_record)(HedonContext *ctx, HedonStream *stream, HedonEvent **out);
    int (*event_await)(HedonContext *ctx, HedonStream *stream, HedonEvent *event); /* stream waits */
    /** The event becomes the end of the stream's work so far; nothing is allocated. */
    int (*event_renew)(HedonContext *ctx, HedonStream *stream, HedonEvent *event);
    void (*event_free)(HedonEvent *event);
    /** Between buffers of one device, in `stream`. */
    int (*copy)(HedonContext *ctx, HedonBuffer *to, size_t to_offset, HedonBuffer *from, size_t from_offset, size_t bytes,
                HedonStream *stream);

    /** parameters: host float32 or float64 tensors by ordinal; copied. */
    int (*state_new)(HedonContext *ctx, HedonDevice *device, const HedonGraph *graph,
                     const HedonTensor *parameters, HedonState **out);
    /** Between a parameter, or what is kept for it, and the caller's tensor of its shape, float32 or
     *  float64. HEDON_EINVAL for the gradient of a parameter that has none. */
    int (*state_read)(HedonContext *ctx, HedonState *state, HedonStatePart part, int parameter,
                      HedonTensor *out);
    int (*state_write)(HedonContext *ctx, HedonState *state, HedonStatePart part, int parameter,
                       const HedonTensor *value);
    /** Update the parameters by the gradients in the state. */
    int (*optimise)(HedonContext *ctx, HedonState *state, const HedonOptimiserStep *step,
                    HedonOptimiserResult *result);
    /* may be NULL: the loss scale, which the next steps depend on beside the state's tensors */
    void (*loss_scale_read)(const HedonState *state, HedonLossScale *out);
    /** HEDON_EINVAL for a state that has none, and for a scale that none ever becomes. */
    int (*loss_scale_write)(HedonContext *ctx, HedonState *state, const HedonLossScale *value);
    void (*state_free)(HedonState *state);

    /** A plan for inference folds and packs the parameters as they are in state now. A plan of a graph
     *  that is trained (hedon_graph_is_trained) reads them from the state in every execution, leaves
     *  the gradients there and applies the graph's updates. */
    int (*compile)(HedonContext *ctx, HedonState *state, const HedonCompileOptions *options,
                   HedonPlan **out);
    /** Another plan for inference over what `plan` was compiled to: it has activations of its own, shares
     *  packed parameters, and executes on a thread of its own at the same time. `plan` is freed last.
     *  NULL where one stream of work keeps the device busy. */
    int (*plan_share)(HedonContext *ctx, const HedonPlan *plan, HedonPlan **out);
    int (*execute)(HedonContext *ctx, HedonPlan *plan, const HedonExecution *execution);
    void (*plan_info)(const HedonPlan *plan, HedonPlanInfo *info);
    /** What the passes made of the graph, a step a line; free() it. */
    char *(*plan_text)(const HedonPlan *plan);
    void (*plan_free)(HedonPlan *plan);

    /** Tables for frames of the geometry of `like` (size, layout, bits, matrix, range). */
    int (*preprocessor_new)(HedonContext *ctx, const HedonTransform *transform, const HedonFrame *like,
                            HedonPreprocessor **out);
    /** frame -> out[channel * channel_stride + y * crop_width + x], float32. Nothing is allocated;
     *  one preprocessor serves one thread. */
    void (*preprocess)(HedonPreprocessor *preprocessor, const HedonFrame *frame, float *out,
                       int64_t channel_stride);
    void (*preprocessor_free)(HedonPreprocessor *preprocessor);

    /* may be NULL: sums over ranks on the devices themselves */
    /** An id for a new group, made by one rank and told to the others. HEDON_EUNSUPPORTED where what
     *  sums is not installed. */
    int (*group_id)(HedonContext *ctx, void *id);
    /** Called by all ranks at once, before the first execution of a graph of several ranks, which fails
     *  without. `opaque` is used until close. After an error of a call that sums nothing is summed any
     *  more. Close the device when all ranks have waited for their last execution. */
    int (*group_join)(HedonContext *ctx, HedonDevice *device, const HedonDeviceGroup *group);
    /** All gradients become their sums, where no execution has done it. Done on return. */
    int (*sum_gradients)(HedonContext *ctx, HedonState *state);

    /* may be NULL: pre-processing on the device, planes uploaded raw */
    /** An uploader works in `stream`, through staging memory of its own: it serves one thread, and several
     *  uploaders work at once. */
    int (*uploader_new)(HedonContext *ctx, HedonDevice *device, HedonStream *stream, HedonUploader **out);
    /** Tables and memory for frames of the geometry of `like` and `views` ways to show each; waits for the
     *  work so far. What follows allocates nothing. After a failure it is to be called again first. */
    int (*uploader_prepare)(HedonContext *ctx, HedonUploader *uploader, const HedonTransform *transforms, int views,
                            const HedonFrame *like);
    /** Take a frame's planes from host memory, which may be reused on return. */
    int (*uploader_send)(HedonContext *ctx, HedonUploader *uploader, const HedonFrame *frame);
    /** The frame sent last, by one of the transforms, to float32: channel c from element
     *  first + c channel_stride of `out` on. */
    int (*uploader_preprocess)(HedonContext *ctx, HedonUploader *uploader, int view, HedonBuffer *out, int64_t first,
                               int64_t channel_stride);
    /** Waits for its work. NULL is fine. */
    void (*uploader_free)(HedonUploader *uploader);
};

extern const HedonBackend hedon_backend_ref, hedon_backend_cpu;

/** All backends, NULL-terminated, best first for "auto". Opens those that are shared objects; one that
 *  cannot be opened is there with nothing but a name and a probe that says why. */
const HedonBackend *const *hedon_backends(void);
/** By name, a number behind it or not, or the first that probes for "auto". HEDON_EINVAL for an unknown
 *  name, HEDON_EDEVICE with the reason. */
int hedon_backend_find(HedonContext *ctx, const char *name, const HedonBackend **out);

/** The number in "cuda:1"; -1 when there is none. HEDON_EINVAL when what stands there is none. */
int hedon_device_number(HedonContext *ctx, const char *device, int *number);

#endif
