/* The reference kernels: what every operation means, in plain loops, for float and for double. */
#ifndef HEDON_KERNELS_REF_KERNELS_H
#define HEDON_KERNELS_REF_KERNELS_H

#include "base/random.h"
#include "kernels/graph/graph.h"
#include "kernels/host.h"

typedef struct RefCall {
    const HedonAttributes *attributes;
    const HedonShape *input_shape[HEDON_MAX_INPUTS]; /* NULL where absent */
    const void *input[HEDON_MAX_INPUTS];
    const HedonShape *output_shape[HEDON_MAX_OUTPUTS];
    void *output[HEDON_MAX_OUTPUTS];
    HedonRandomKey random;
    const int64_t *samples;      /* see HedonExecution */
    const HedonHostRanks *ranks; /* NULL: one */
} RefCall;

typedef void (*RefKernel)(const RefCall *call);

extern const RefKernel ref_kernels_f32[HEDON_OPS], ref_kernels_f64[HEDON_OPS];

#endif
