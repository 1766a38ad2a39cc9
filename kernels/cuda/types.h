/* What host code and kernels share: element types, channels-last matrices. Plain C and C++. */
#ifndef HEDON_KERNELS_CUDA_TYPES_H
#define HEDON_KERNELS_CUDA_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __CUDACC__
#define CUDA_BOTH static __host__ __device__ __forceinline__
#else
#define CUDA_BOTH static inline __attribute__((unused))
#endif

typedef enum CudaType { CUDA_F32, CUDA_BF16, CUDA_F16 } CudaType;

/* Values of rank 3 and more lie as (N, positions, channels), the channels padded with zeros so that
 * a position is whole 16-byte vectors; which is also what the tensor cores want of a channel count.
 * Values of rank 0 to 2 are float32, as the graph says. Either is a matrix. */
typedef struct CudaMatrix {
    CudaType type;
    int64_t samples, positions; /* its rows are samples x positions */
    int64_t channels, stride;   /* of a row: elements that mean something, elements */
} CudaMatrix;

CUDA_BOTH int64_t cuda_type_size(CudaType type)
{
    return type == CUDA_F32 ? 4 : 2;
}

CUDA_BOTH int64_t cuda_pad_channels(CudaType type, int64_t channels)
{
    const int64_t vector = 16 / cuda_type_size(type);
    return (channels + vector - 1) / vector * vector;
}

CUDA_BOTH int64_t cuda_matrix_rows(const CudaMatrix *m)
{
    return m->samples * m->positions;
}

CUDA_BOTH int64_t cuda_matrix_bytes(const CudaMatrix *m)
{
    return cuda_matrix_rows(m) * m->stride * cuda_type_size(m->type);
}

#endif
