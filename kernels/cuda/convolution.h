/* A convolution as cuDNN is asked for it: channels padded, and in two spatial dimensions where that
 * is the same: (1,3,3) is 2-D over N T pictures, (3,1,1) is 2-D over N pictures of T x H W. Both
 * are views of the same memory, and 2-D kernels are the better tuned ones. */
#ifndef HEDON_KERNELS_CUDA_CONVOLUTION_H
#define HEDON_KERNELS_CUDA_CONVOLUTION_H

#include "kernels/cuda/types.h"
#include "kernels/graph/graph.h"

typedef enum CudaConvKind { CUDA_CONV_FORWARD, CUDA_CONV_DATA, CUDA_CONV_WEIGHTS } CudaConvKind;

/* What is fused behind a forward convolution, or added to backward data (residual): bits. */
enum { CUDA_CONV_BIAS = 1, CUDA_CONV_RESIDUAL = 2, CUDA_CONV_RELU = 4 };

typedef struct CudaConv {
    CudaConvKind kind;
    unsigned fused;
    CudaType type;
    int tf32;        /* CUDA_F32: may be computed in TF32 */
    int dims;        /* 2 or 3 spatial ones; those that are not used hold 1 (0 in padding) */
    int64_t n, c, k; /* samples; padded channels of x, of y */
    int64_t x[3], y[3], w[3], stride[3], padding[3], dilation[3];
} CudaConv;

/** From the forward convolution's shapes (x and y rank 5); 0 when it has groups, which are not
 * cuDNN's business here. */
int cuda_conv_view(CudaConv *conv, CudaConvKind kind, CudaType type, const HedonShape *x,
                   const HedonShape *w, const HedonShape *y, const HedonConvAttributes *attributes);

/** "forward+bias+relu bf16 n256 c64 56x56 k144 1x3x3 ..": the same for the same work. */
void cuda_conv_key(const CudaConv *conv, char *text, size_t room);

/** "conv2d bf16": for people. */
void cuda_conv_name(const CudaConv *conv, char *text, size_t room);

#endif
