/* What backends that compute in host memory share: buffers, parameters, checks of an execution. */
#ifndef HEDON_KERNELS_HOST_H
#define HEDON_KERNELS_HOST_H

#include "kernels/backend.h"

int hedon_host_buffer_new(HedonContext *ctx, HedonDevice *device, size_t bytes, HedonBuffer **out);
void hedon_host_buffer_free(HedonBuffer *buffer);
int hedon_host_upload(HedonContext *ctx, HedonBuffer *to, size_t offset, const void *from,
                      size_t bytes, HedonStream *stream);
int hedon_host_download(HedonContext *ctx, void *to, HedonBuffer *from, size_t offset, size_t bytes,
                        HedonStream *stream);

/** A copy of a parameter's tensor in `precision` (HEDON_F32 or HEDON_F64); free with hedon_free. */
int hedon_host_parameter_new(HedonContext *ctx, const HedonGraph *graph, int parameter,
                             const HedonTensor *value, HedonDtype precision, void **out);
/** Between `parameters` (by ordinal, in the device's precision) and a tensor of either precision.
 */
int hedon_host_parameter_read(HedonContext *ctx, const HedonState *state, int parameter,
                              void *const *parameters, HedonTensor *out);
int hedon_host_parameter_write(HedonContext *ctx, const HedonState *state, int parameter,
                               void *const *parameters, const HedonTensor *value);

/** That the buffers are there and as large as the graph's inputs and outputs. */
int hedon_host_check_execution(HedonContext *ctx, const HedonPlan *plan,
                               const HedonExecution *execution);

#endif
