/* Sums by channel and what is made of them: batch norm's statistics, its gradient, gradients of biases.
 *
 * The rows are cut into chunks by a rule of the matrix alone; a chunk is summed by one thread block in
 * a fixed order, the chunks in theirs: the same bits each time. Threads sum a few dozen values in
 * float32 about a value of the channel itself, so that little is lost; the rest is double.
 */
#include "kernels/cuda/vector.cuh"

namespace {

enum { MAX_CHUNKS = 256, FINISH_LANES = 32, FINISH_LINES = 8 };

int64_t chunk_count(int64_t rows)
{
    const int64_t chunks = rows / 64;
    if (chunks < 1) return 1;
    return chunks > MAX_CHUNKS ? (int64_t)MAX_CHUNKS : chunks;
}

/* The chunks' sums: two of each channel, [chunk][2][stride]; then, by channel, what the last pass of
 * the gradient wants. */
struct Scratch {
    double *sums;
    float *level, *slope;
};

Scratch scratch_of(const CudaMatrix *form, void *scratch)
{
    Scratch s;
    s.sums = static_cast<double *>(scratch);
    s.level = reinterpret_cast<float *>(s.sums + chunk_count(cuda_matrix_rows(form)) * 2 * form->stride);
    s.slope = s.level + form->stride;
    return s;
}

/* Two sums of V channels over the block's lines, into `to`. */
template <int V>
__device__ void add_up(const float *first, const float *second, double *to, int64_t stride,
                       int64_t channel, int lanes, int rows, bool inside)
{
    __shared__ float shared[2][BLOCK_THREADS * V];
    const int lane = threadIdx.x % lanes, line = threadIdx.x / lanes;
#pragma unroll
    for (int i = 0; i < V; i++) {
        shared[0][(line * lanes + lane) * V + i] = first[i];
        shared[1][(line * lanes + lane) * V + i] = second[i];
    }
    __syncthreads();
    if (line == 0 && inside) {
#pragma unroll
        for (int i = 0; i < V; i++) {
            double a = 0, b = 0;
            for (int l = 0; l < rows; l++) {
                a += shared[0][(l * lanes + lane) * V + i];
                b += shared[1][(l * lanes + lane) * V + i];
            }
            to[channel + i] = a;
            to[stride + channel + i] = b;
        }
    }
}

struct Chunk {
    int64_t first, end, channel;
    int lane, line;
    bool inside;
};

template <int V>
__device__ Chunk chunk_of(const CudaMatrix &form, int lanes, int64_t rows)
{
    Chunk c;
    c.lane = threadIdx.x % lanes;
    c.line = threadIdx.x / lanes;
    c.first = rows * blockIdx.x / gridDim.x;
    c.end = rows * (blockIdx.x + 1) / gridDim.x;
    c.channel = ((int64_t)blockIdx.y * lanes + c.lane) * V;
    c.inside = c.channel < form.stride;
    return c;
}

/* Of x - x[0] and its square; with `plain` of x alone. */
template <typename T, int V>
__global__ void __launch_bounds__(BLOCK_THREADS)
    sum_values(const __grid_constant__ CudaMatrix form, const T *x, double *sums, int lanes, int rows,
               int64_t row_count, int plain)
{
    const Chunk c = chunk_of<V>(form, lanes, row_count);
    float sum[V] = {}, square[V] = {}, about[V] = {}, v[V];
    if (c.inside) {
        if (!plain) load<T, V>(about, x + c.channel);
        for (int64_t row = c.first + c.line; row < c.end; row += rows) {
            load<T, V>(v, x + row * form.stride + c.channel);
#pragma unroll
            for (int i = 0; i < V; i++) {
                const float d = v[i] - about[i];
                sum[i] += d;
                square[i] += d * d;
            }
        }
    }
    add_up<V>(sum, square, sums + (int64_t)blockIdx.x * 2 * form.stride, form.stride, c.channel, lanes,
              rows, c.inside);
}

/* dy where the relu behind let it through. */
template <typename T, int V>
__device__ __forceinline__ void masked(float *dy, const float *x, const CudaNormBackward &call,
                                       int64_t at, const float *centre, const float *scale,
                                       const float *shift)
{
    load<T, V>(dy, static_cast<const T *>(call.dy) + at);
    if (call.mask == CUDA_MASK_NONE) return;
    float y[V];
    if (call.mask == CUDA_MASK_BY_Y) load<T, V>(y, static_cast<const T *>(call.y) + at);
#pragma unroll
    for (int i = 0; i < V; i++) {
        if (call.mask == CUDA_MASK_BY_SELF) y[i] = cuda_norm(x[i], centre[i], scale[i], shift[i]);
        dy[i] = cuda_relu_backward(y[i], dy[i]);
    }
}

template <int V>
__device__ void coefficients(const CudaMatrix &form, const CudaNormBackward &call, int64_t channel,
                             float *centre, float *scale, float *shift)
{
#pragma unroll
    for (int i = 0; i < V; i++) {
        const int64_t c = channel + i;
        const bool real = c < form.channels;
        centre[i] = real ? call.mean[c] : 0.0f;
        scale[i] = real ? cuda_norm_scale(call.gamma[c], call.variance[c], call.epsilon) : 0.0f;
        shift[i] = real && call.mask == CUDA_MASK_BY_SELF ? call.beta[c] : 0.0f;
    }
}

/* Of dy and dy (x - mean). */
template <typename T, int V>
__global__ void __launch_bounds__(BLOCK_THREADS)
    sum_products(const __grid_constant__ CudaMatrix form, const __grid_constant__ CudaNormBackward call,
                 double *sums, int lanes, int rows, int64_t row_count)
{
    const Chunk c = chunk_of<V>(form, lanes, row_count);
    float sum[V] = {}, product[V] = {}, centre[V], scale[V], shift[V], x[V], dy[V];
    if (c.inside) {
        coefficients<V>(form, call, c.channel, centre, scale, shift);
        for (int64_t row = c.first + c.line; row < c.end; row += rows) {
            const int64_t at = row * form.stride + c.channel;
            load<T, V>(x, static_cast<const T *>(call.x) + at);
            masked<T, V>(dy, x, call, at, centre, scale, shift);
#pragma unroll
            for (int i = 0; i < V; i++) {
                sum[i] += dy[i];
                product[i] += dy[i] * (x[i] - centre[i]);
            }
        }
    }
    add_up<V>(sum, product, sums + (int64_t)blockIdx.x * 2 * form.stride, form.stride, c.channel, lanes,
              rows, c.inside);
}

/* Both sums of one channel over all chunks; valid in line 0. */
__device__ void total(const double *sums, int chunks, int64_t stride, int64_t channel, bool inside,
                      double *first, double *second)
{
    __shared__ double shared[2][FINISH_LINES][FINISH_LANES];
    const int lane = threadIdx.x, line = threadIdx.y;
    double a = 0, b = 0;
    for (int k = line; k < chunks && inside; k += FINISH_LINES) {
        a += sums[(int64_t)(2 * k) * stride + channel];
        b += sums[(int64_t)(2 * k + 1) * stride + channel];
    }
    shared[0][line][lane] = a;
    shared[1][line][lane] = b;
    __syncthreads();
    *first = *second = 0;
    for (int l = 0; l < FINISH_LINES && line == 0; l++) {
        *first += shared[0][l][lane];
        *second += shared[1][l][lane];
    }
}

/* For other ranks, whose x[0] is another: sums about zero, in the first chunk's place. In double, what
 * cancels later is far below float32's rounding. */
template <typename T>
__global__ void join_moments(const __grid_constant__ CudaMatrix form, const T *x, double *sums, int chunks,
                             double count)
{
    const int64_t c = (int64_t)blockIdx.x * FINISH_LANES + threadIdx.x;
    double sum, square;
    total(sums, chunks, form.stride, c, c < form.channels, &sum, &square);
    if (threadIdx.y || c >= form.channels) return;
    const double about = to_float(x[c]);
    sums[c] = sum + count * about;
    sums[form.stride + c] = square + 2 * about * sum + count * about * about;
}

/* This rank's sums in the first chunk's place, and what is of this rank alone. */
__global__ void join_products(const __grid_constant__ CudaMatrix form,
                              const __grid_constant__ CudaNormBackward call, double *sums, int chunks)
{
    const int64_t c = (int64_t)blockIdx.x * FINISH_LANES + threadIdx.x;
    double sum, product;
    total(sums, chunks, form.stride, c, c < form.channels, &sum, &product);
    if (threadIdx.y || c >= form.channels) return;
    call.dgamma[c] = (float)(product / sqrt((double)call.variance[c] + call.epsilon));
    call.dbeta[c] = (float)sum;
    sums[c] = sum;
    sums[form.stride + c] = product;
}

/* x: NULL, the sums are about zero. */
template <typename T>
__global__ void finish_moments(const __grid_constant__ CudaMatrix form, const T *x, const double *sums,
                               int chunks, double count, float *mean, float *variance)
{
    const int64_t c = (int64_t)blockIdx.x * FINISH_LANES + threadIdx.x;
    double sum, square;
    total(sums, chunks, form.stride, c, c < form.channels, &sum, &square);
    if (threadIdx.y || c >= form.channels) return;
    const double offset = sum / count;
    mean[c] = (float)((x ? to_float(x[c]) : 0.0f) + offset);
    variance[c] = (float)fmax(square / count - offset * offset, 0.0);
}

__global__ void finish_products(const __grid_constant__ CudaMatrix form,
                                const __grid_constant__ CudaNormBackward call, const double *sums,
                                int chunks, double count, float *level, float *slope)
{
    const int64_t c = (int64_t)blockIdx.x * FINISH_LANES + threadIdx.x;
    double sum, product;
    total(sums, chunks, form.stride, c, c < form.channels, &sum, &product);
    if (threadIdx.y || c >= form.channels) return;
    const double inverse = 1 / sqrt((double)call.variance[c] + call.epsilon);
    if (call.ranks == 1) {
        call.dgamma[c] = (float)(product * inverse);
        call.dbeta[c] = (float)sum;
    }
    level[c] = call.running ? 0.0f : (float)(sum / count);
    slope[c] = call.running ? 0.0f : (float)(product * inverse * inverse / count);
}

__global__ void finish_sum(const __grid_constant__ CudaMatrix form, const double *sums, int chunks,
                           float *y)
{
    const int64_t c = (int64_t)blockIdx.x * FINISH_LANES + threadIdx.x;
    double sum, unused;
    total(sums, chunks, form.stride, c, c < form.channels, &sum, &unused);
    if (threadIdx.y == 0 && c < form.channels) y[c] = (float)sum;
}

template <typename T, int V>
__global__ void __launch_bounds__(BLOCK_THREADS)
    write_gradient(const __grid_constant__ CudaMatrix form,
                   const __grid_constant__ CudaNormBackward call, const float *level_of,
                   const float *slope_of, int lanes, int rows, int64_t row_count)
{
    const int lane = threadIdx.x % lanes, line = threadIdx.x / lanes;
    const int64_t channel = ((int64_t)blockIdx.y * lanes + lane) * V;
    if (channel >= form.stride) return;
    float centre[V], scale[V], shift[V], level[V], slope[V], x[V], dy[V];
    coefficients<V>(form, call, channel, centre, scale, shift);
#pragma unroll
    for (int i = 0; i < V; i++) {
        const bool real = channel + i < form.channels;
        level[i] = real ? level_of[channel + i] : 0.0f;
        slope[i] = real ? slope_of[channel + i] : 0.0f;
    }
    for (int k = 0; k < 4; k++) {
        const int64_t row = ((int64_t)blockIdx.x * 4 + k) * rows + line;
        if (row >= row_count) return;
        const int64_t at = row * form.stride + channel;
        load<T, V>(x, static_cast<const T *>(call.x) + at);
        masked<T, V>(dy, x, call, at, centre, scale, shift);
#pragma unroll
        for (int i = 0; i < V; i++)
            x[i] = channel + i < form.channels
                       ? cuda_norm_backward(x[i], dy[i], centre[i], scale[i], level[i], slope[i])
                       : 0.0f;
        store<T, V>(static_cast<T *>(call.dx) + at, x);
    }
}

unsigned finish_blocks(const CudaMatrix *form)
{
    return (unsigned)((form->channels + FINISH_LANES - 1) / FINISH_LANES);
}

const dim3 finish_threads(FINISH_LANES, FINISH_LINES);

template <typename T, int V>
cudaError_t moments_sum(const CudaMatrix *form, const void *x, void *scratch, int ranks,
                        cudaStream_t stream)
{
    const RowBlocks b = row_blocks(form->stride, V);
    const int64_t rows = cuda_matrix_rows(form), chunks = chunk_count(rows);
    const Scratch s = scratch_of(form, scratch);
    const T *values = static_cast<const T *>(x);
    sum_values<T, V><<<dim3((unsigned)chunks, b.across), BLOCK_THREADS, 0, stream>>>(
        *form, values, s.sums, b.lanes, b.rows, rows, 0);
    if (ranks > 1)
        join_moments<T><<<finish_blocks(form), finish_threads, 0, stream>>>(*form, values, s.sums,
                                                                           (int)chunks, (double)rows);
    return cudaGetLastError();
}

template <typename T, int V>
cudaError_t moments_finish(const CudaMatrix *form, const void *x, float *mean, float *variance,
                           void *scratch, int ranks, cudaStream_t stream)
{
    const int64_t rows = cuda_matrix_rows(form), chunks = chunk_count(rows);
    const Scratch s = scratch_of(form, scratch);
    const T *values = static_cast<const T *>(x);
    finish_moments<T><<<finish_blocks(form), finish_threads, 0, stream>>>(
        *form, ranks > 1 ? nullptr : values, s.sums, ranks > 1 ? 1 : (int)chunks, (double)rows * ranks,
        mean, variance);
    return cudaGetLastError();
}

template <typename T, int V>
cudaError_t channel_sum(const CudaMatrix *form, const void *x, float *y, void *scratch,
                        cudaStream_t stream)
{
    const RowBlocks b = row_blocks(form->stride, V);
    const int64_t rows = cuda_matrix_rows(form), chunks = chunk_count(rows);
    const Scratch s = scratch_of(form, scratch);
    sum_values<T, V><<<dim3((unsigned)chunks, b.across), BLOCK_THREADS, 0, stream>>>(
        *form, static_cast<const T *>(x), s.sums, b.lanes, b.rows, rows, 1);
    finish_sum<<<finish_blocks(form), finish_threads, 0, stream>>>(*form, s.sums, (int)chunks, y);
    return cudaGetLastError();
}

template <typename T, int V>
cudaError_t backward_sum(const CudaMatrix *form, const CudaNormBackward *call, void *scratch,
                         cudaStream_t stream)
{
    const RowBlocks b = row_blocks(form->stride, V);
    const int64_t rows = cuda_matrix_rows(form), chunks = chunk_count(rows);
    const Scratch s = scratch_of(form, scratch);
    sum_products<T, V><<<dim3((unsigned)chunks, b.across), BLOCK_THREADS, 0, stream>>>(
        *form, *call, s.sums, b.lanes, b.rows, rows);
    if (call->ranks > 1)
        join_products<<<finish_blocks(form), finish_threads, 0, stream>>>(*form, *call, s.sums,
                                                                         (int)chunks);
    return cudaGetLastError();
}

template <typename T, int V>
cudaError_t backward_finish(const CudaMatrix *form, const CudaNormBackward *call, void *scratch,
                            cudaStream_t stream)
{
    const RowBlocks b = row_blocks(form->stride, V);
    const int64_t rows = cuda_matrix_rows(form), chunks = chunk_count(rows);
    const Scratch s = scratch_of(form, scratch);
    finish_products<<<finish_blocks(form), finish_threads, 0, stream>>>(
        *form, *call, s.sums, call->ranks > 1 ? 1 : (int)chunks, (double)rows * call->ranks, s.level,
        s.slope);
    const int64_t tile = (int64_t)b.rows * 4;
    write_gradient<T, V><<<dim3((unsigned)((rows + tile - 1) / tile), b.across), BLOCK_THREADS, 0, stream>>>(
        *form, *call, s.level, s.slope, b.lanes, b.rows, rows);
    return cudaGetLastError();
}

} // namespace

int64_t cuda_norm_scratch(const CudaMatrix *form)
{
    const int64_t chunks = chunk_count(cuda_matrix_rows(form));
    return form->stride * (chunks * 2 * (int64_t)sizeof(double) + 2 * (int64_t)sizeof(float));
}

int64_t cuda_norm_sums(const CudaMatrix *form)
{
    return 2 * form->stride;
}

cudaError_t cuda_norm_moments_sum(const CudaMatrix *form, const void *x, void *scratch, int ranks,
                                  cudaStream_t stream)
{
    return DISPATCH(form, moments_sum, form, x, scratch, ranks, stream);
}

cudaError_t cuda_norm_moments_finish(const CudaMatrix *form, const void *x, float *mean,
                                     float *variance, void *scratch, int ranks, cudaStream_t stream)
{
    return DISPATCH(form, moments_finish, form, x, mean, variance, scratch, ranks, stream);
}

cudaError_t cuda_channel_sum(const CudaMatrix *form, const void *x, float *y, void *scratch,
                             cudaStream_t stream)
{
    return DISPATCH(form, channel_sum, form, x, y, scratch, stream);
}

cudaError_t cuda_norm_backward_sum(const CudaMatrix *form, const CudaNormBackward *call, void *scratch,
                                   cudaStream_t stream)
{
    return DISPATCH(form, backward_sum, form, call, scratch, stream);
}

cudaError_t cuda_norm_backward_finish(const CudaMatrix *form, const CudaNormBackward *call,
                                      void *scratch, cudaStream_t stream)
{
    return DISPATCH(form, backward_finish, form, call, scratch, stream);
}
