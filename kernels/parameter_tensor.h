/* Between a state's parameters and the caller's tensors: what all backends check, and how they convert. */
#ifndef HEDON_KERNELS_PARAMETER_TENSOR_H
#define HEDON_KERNELS_PARAMETER_TENSOR_H

#include "kernels/graph/graph.h"

/** That `tensor` is of the shape of parameter number `parameter`, in float32 or float64; HEDON_EINVAL. */
int hedon_parameter_tensor_check(HedonContext *ctx, const HedonGraph *graph, int parameter,
                                 const HedonTensor *tensor);
/** Of HEDON_F32 or HEDON_F64 each. */
void hedon_convert_reals(void *to, HedonDtype to_type, const void *from, HedonDtype from_type,
                         int64_t count);

#endif
