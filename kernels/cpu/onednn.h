/* oneDNN's convolutions: for the shapes where our own kernels do not exist or are slower. All of
 * oneDNN is in onednn.c; without it nothing is supported. */
#ifndef HEDON_KERNELS_CPU_ONEDNN_H
#define HEDON_KERNELS_CPU_ONEDNN_H

#include "kernels/cpu/cpu.h"

typedef struct CpuOnednnConv CpuOnednnConv;

typedef struct CpuOnednnConvSpec {
    const CpuConvShape *shape;             /* its n is not used: */
    const HedonConvAttributes *attributes; /* one clip at a time, so that n changes no bit */
    const float *weights;                  /* logical; copied */
    const float *bias;                     /* padded to CPU_LANES; copied */
    int residual, relu, threads;
} CpuOnednnConvSpec;

/** "oneDNN 2.6.3", or why it is not there. */
const char *cpu_onednn_version(void);

/** HEDON_EUNSUPPORTED when oneDNN has no fast kernel for it, HEDON_ENOMEM. */
int cpu_onednn_conv_new(HedonContext *ctx, CpuOnednnConv **out, const CpuOnednnConvSpec *spec);
void cpu_onednn_conv_free(CpuOnednnConv *conv);
const char *cpu_onednn_conv_name(const CpuOnednnConv *conv);
size_t cpu_onednn_conv_scratch_bytes(const CpuOnednnConv *conv);
size_t cpu_onednn_conv_weight_bytes(const CpuOnednnConv *conv);
/** x[0] input, x[1] residual or NULL, y, scratch: n clips in nthwc16. */
void cpu_onednn_conv_run(const CpuOnednnConv *conv, const CpuArguments *arguments, int64_t n);

#endif
