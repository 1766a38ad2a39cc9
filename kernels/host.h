/* What backends that compute in host memory share: buffers, states, optimisers, checks of an execution. */
#ifndef HEDON_KERNELS_HOST_H
#define HEDON_KERNELS_HOST_H

#include "kernels/backend.h"

int hedon_host_buffer_new(HedonContext *ctx, HedonDevice *device, size_t bytes, HedonBuffer **out);
void hedon_host_buffer_free(HedonBuffer *buffer);
int hedon_host_upload(HedonContext *ctx, HedonBuffer *to, size_t offset, const void *from,
                      size_t bytes, HedonStream *stream);
int hedon_host_download(HedonContext *ctx, void *to, HedonBuffer *from, size_t offset, size_t bytes,
                        HedonStream *stream);

/* The state of backends that compute in host memory. Parts other than parameters and gradients are
 * allocated when first wanted. */
typedef struct HedonHostState {
    HedonState base;
    void **parts[HEDON_STATE_PARTS]; /* by ordinal, in the device's precision; NULL: not kept (yet) */
    HedonBuffer *gradients;          /* by ordinal: the gradients again, as buffers */
    double *sums;                    /* of squares, by block of a gradient: optimise's scratch */
} HedonHostState;

int hedon_host_state_new(HedonContext *ctx, HedonDevice *device, const HedonGraph *graph,
                         const HedonTensor *parameters, HedonState **out);
void hedon_host_state_free(HedonState *state);
int hedon_host_state_read(HedonContext *ctx, HedonState *state, HedonStatePart part, int parameter,
                          HedonTensor *out);
int hedon_host_state_write(HedonContext *ctx, HedonState *state, HedonStatePart part, int parameter,
                           const HedonTensor *value);
/** See that a part other than the gradients is there, as it is at first; 0 or HEDON_ENOMEM. */
int hedon_host_state_keep(HedonContext *ctx, HedonHostState *state, HedonStatePart part);
/** See HedonBackend.optimise. The device's threads share the work; its bits don't depend on them. */
int hedon_host_optimise(HedonContext *ctx, HedonState *state, const HedonOptimiserStep *step,
                        HedonOptimiserResult *result);

/** After an execution: parameter = (1 - rate) parameter + rate scale value. */
void hedon_host_update(HedonHostState *state, const HedonGraphUpdate *update, const void *value);
/** Into the state's gradient, or onto it. */
void hedon_host_gradient(HedonHostState *state, const HedonGraphGradient *gradient,
                         const void *value, int accumulate);

/* What sums over ranks in an execution; of one rank nothing does. */
typedef struct HedonHostRanks {
    int ranks;
    int (*sum)(void *opaque, double *values, int64_t count, HedonStream *stream);
    void *opaque;
    int *error; /* the first failure; the kernel then goes on with its own values */
} HedonHostRanks;

/** The ranks of a graph that is compiled with these options; HEDON_EINVAL when it has several and
 *  the options no rank_sum. `options` may be NULL. */
int hedon_host_ranks(HedonContext *ctx, const HedonGraph *graph, const HedonCompileOptions *options,
                     HedonHostRanks *out);
/** values become the sums over all ranks. `ranks` NULL: as one. */
void hedon_host_rank_sum(const HedonHostRanks *ranks, double *values, int64_t count);

/** That the buffers are there and as large as the graph's inputs and outputs. */
int hedon_host_check_execution(HedonContext *ctx, const HedonPlan *plan,
                               const HedonExecution *execution);

#endif
