/* Elements in 16-byte vectors, computed in float32; thread blocks over the rows of a matrix. */
#ifndef HEDON_KERNELS_CUDA_VECTOR_CUH
#define HEDON_KERNELS_CUDA_VECTOR_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "kernels/cuda/kernels.h"

__device__ __forceinline__ float to_float(float x)
{
    return x;
}
__device__ __forceinline__ float to_float(__nv_bfloat16 x)
{
    return __bfloat162float(x);
}
__device__ __forceinline__ float to_float(__half x)
{
    return __half2float(x);
}

template <typename T> __device__ __forceinline__ T from_float(float x);
template <> __device__ __forceinline__ float from_float<float>(float x)
{
    return x;
}
template <> __device__ __forceinline__ __nv_bfloat16 from_float<__nv_bfloat16>(float x)
{
    return __float2bfloat16_rn(x);
}
template <> __device__ __forceinline__ __half from_float<__half>(float x)
{
    return __float2half_rn(x);
}

template <typename T, int V> struct alignas(sizeof(T) * V) Vector {
    T element[V];
};

template <typename T, int V> __device__ __forceinline__ void load(float *to, const T *from)
{
    const Vector<T, V> v = *reinterpret_cast<const Vector<T, V> *>(from);
#pragma unroll
    for (int i = 0; i < V; i++) to[i] = to_float(v.element[i]);
}

template <typename T, int V> __device__ __forceinline__ void store(T *to, const float *from)
{
    Vector<T, V> v;
#pragma unroll
    for (int i = 0; i < V; i++) v.element[i] = from_float<T>(from[i]);
    *reinterpret_cast<Vector<T, V> *>(to) = v;
}

/* A block's threads: `lanes` of them side by side over a row's vectors, the rest over rows. */
enum { BLOCK_THREADS = 256 };

struct RowBlocks {
    int lanes, rows;     /* of a block */
    unsigned across;     /* blocks over a row's vectors */
    int64_t vectors;     /* of a row */
};

static inline RowBlocks row_blocks(int64_t stride, int vector)
{
    RowBlocks b;
    b.vectors = stride / vector;
    b.lanes = 1;
    while (b.lanes < 32 && b.lanes < b.vectors) b.lanes *= 2;
    b.rows = BLOCK_THREADS / b.lanes;
    b.across = (unsigned)((b.vectors + b.lanes - 1) / b.lanes);
    return b;
}

/* Calls f<T, V>: V elements a vector, 1 where rows are not whole vectors. */
#define DISPATCH(form, f, ...)                                                                     \
    ((form)->type == CUDA_BF16  ? f<__nv_bfloat16, 8>(__VA_ARGS__)                                 \
     : (form)->type == CUDA_F16 ? f<__half, 8>(__VA_ARGS__)                                        \
     : (form)->stride % 4 == 0  ? f<float, 4>(__VA_ARGS__)                                         \
                                : f<float, 1>(__VA_ARGS__))

#endif
