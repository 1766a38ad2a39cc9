/* Matrix products by cuBLASLt. The graph's matrices are row-major; cuBLASLt's are column-major, so
 * that it sees every one of them transposed, and computes the product's transpose. */
#ifndef HEDON_KERNELS_CUDA_MATMUL_H
#define HEDON_KERNELS_CUDA_MATMUL_H

#include "kernels/cuda/cuda.h"

/* c (rows,columns) = a (rows,inner) b (inner,columns) [+ bias (columns)], float32; a or b may be
 * stored transposed. */
typedef struct CudaMatmul {
    int64_t rows, columns, inner;
    int a_transposed, b_transposed, bias;
    int64_t workspace; /* bytes */
    cublasLtMatmulAlgo_t algorithm;
} CudaMatmul;

/** Choose cuBLASLt's algorithm: its heuristics' first. */
int cuda_matmul_plan(HedonContext *ctx, CudaDevice *device, CudaMatmul *matmul);
int cuda_matmul_run(HedonContext *ctx, CudaDevice *device, const CudaMatmul *matmul, const void *a,
                    const void *b, const void *bias, void *c, void *workspace, cudaStream_t stream);

#endif
