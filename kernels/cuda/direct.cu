/* Convolutions by their definition, one thread an element: for groups, which no model of the zoo has, and
 * for whatever cuDNN has no engine for. Sums are float32 over a tap's channels and double beyond. */
#include "kernels/cuda/vector.cuh"

namespace {

enum { THREADS = 128 };

struct Place {
    int64_t sample, at[3], channel;
};

/* Element `number` of a padded matrix over a volume. */
__device__ Place place_of(const CudaMatrix &m, const int64_t volume[3], int64_t number)
{
    Place p;
    p.channel = number % m.stride;
    int64_t rest = number / m.stride;
    for (int axis = 2; axis >= 0; axis--) {
        p.at[axis] = rest % volume[axis];
        rest /= volume[axis];
    }
    p.sample = rest;
    return p;
}

__device__ int64_t row_of(const int64_t volume[3], int64_t sample, const int64_t at[3])
{
    return ((sample * volume[0] + at[0]) * volume[1] + at[1]) * volume[2] + at[2];
}

/* The input position under `tap` of the output at `from`; false outside. */
__device__ bool input_at(const CudaDirect &d, const int64_t from[3], const int64_t tap[3], int64_t at[3])
{
    for (int axis = 0; axis < 3; axis++) {
        at[axis] = from[axis] * d.stride[axis] - d.padding[axis] + tap[axis] * d.dilation[axis];
        if (at[axis] < 0 || at[axis] >= d.xs[axis]) return false;
    }
    return true;
}

/* The output position that took the input at `at` through `tap`; false when none did. */
__device__ bool output_at(const CudaDirect &d, const int64_t at[3], const int64_t tap[3],
                          int64_t from[3])
{
    for (int axis = 0; axis < 3; axis++) {
        const int64_t reach = at[axis] + d.padding[axis] - tap[axis] * d.dilation[axis];
        if (reach < 0 || reach % d.stride[axis]) return false;
        from[axis] = reach / d.stride[axis];
        if (from[axis] >= d.ys[axis]) return false;
    }
    return true;
}

__device__ void tap_of(const CudaDirect &d, int64_t number, int64_t tap[3])
{
    tap[2] = number % d.ws[2];
    tap[1] = number / d.ws[2] % d.ws[1];
    tap[0] = number / d.ws[2] / d.ws[1];
}

template <typename T>
__global__ void forward(const __grid_constant__ CudaDirect d, const T *x, const float *w, T *y,
                        int64_t count, int64_t taps)
{
    const int64_t number = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (number >= count) return;
    const Place p = place_of(d.y, d.ys, number);
    const int64_t inputs = d.x.channels / d.groups, outputs = d.y.channels / d.groups;
    double sum = 0;
    for (int64_t t = 0; t < taps && p.channel < d.y.channels; t++) {
        int64_t tap[3], at[3];
        tap_of(d, t, tap);
        if (!input_at(d, p.at, tap, at)) continue;
        const T *from = x + row_of(d.xs, p.sample, at) * d.x.stride + p.channel / outputs * inputs;
        float part = 0;
        for (int64_t c = 0; c < inputs; c++)
            part += to_float(from[c]) * w[(p.channel * inputs + c) * taps + t];
        sum += part;
    }
    y[number] = from_float<T>((float)sum);
}

template <typename T>
__global__ void data(const __grid_constant__ CudaDirect d, const T *dy, const float *w, T *dx,
                     int64_t count, int64_t taps)
{
    const int64_t number = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (number >= count) return;
    const Place p = place_of(d.x, d.xs, number);
    const int64_t inputs = d.x.channels / d.groups, outputs = d.y.channels / d.groups;
    const int64_t group = p.channel / inputs, c = p.channel % inputs;
    double sum = 0;
    for (int64_t t = 0; t < taps && p.channel < d.x.channels; t++) {
        int64_t tap[3], from[3];
        tap_of(d, t, tap);
        if (!output_at(d, p.at, tap, from)) continue;
        const T *row = dy + row_of(d.ys, p.sample, from) * d.y.stride;
        float part = 0;
        for (int64_t o = group * outputs; o < (group + 1) * outputs; o++)
            part += to_float(row[o]) * w[(o * inputs + c) * taps + t];
        sum += part;
    }
    dx[number] = from_float<T>((float)sum);
}

/* A block for each weight; its threads share out the outputs. */
template <typename T>
__global__ void weights(const __grid_constant__ CudaDirect d, const T *x, const T *dy, float *dw,
                        int64_t taps)
{
    __shared__ double sums[THREADS];
    const int64_t inputs = d.x.channels / d.groups, outputs = d.y.channels / d.groups;
    const int64_t t = blockIdx.x % taps, pair = blockIdx.x / taps;
    const int64_t o = pair / inputs, channel = o / outputs * inputs + pair % inputs;
    int64_t tap[3];
    tap_of(d, t, tap);
    double sum = 0;
    for (int64_t row = threadIdx.x; row < cuda_matrix_rows(&d.y); row += THREADS) {
        int64_t from[3], at[3], rest = row;
        for (int axis = 2; axis >= 0; axis--) {
            from[axis] = rest % d.ys[axis];
            rest /= d.ys[axis];
        }
        if (!input_at(d, from, tap, at)) continue;
        sum += (double)to_float(dy[row * d.y.stride + o]) *
               to_float(x[row_of(d.xs, rest, at) * d.x.stride + channel]);
    }
    sums[threadIdx.x] = sum;
    for (int half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if ((int)threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    if (threadIdx.x == 0) dw[blockIdx.x] = (float)sums[0];
}

int64_t tap_count(const CudaDirect *d)
{
    return d->ws[0] * d->ws[1] * d->ws[2];
}

unsigned blocks_for(int64_t count)
{
    return (unsigned)((count + THREADS - 1) / THREADS);
}

template <typename T>
cudaError_t run_forward(const CudaDirect *d, const void *x, const float *w, void *y, cudaStream_t stream)
{
    const int64_t count = cuda_matrix_rows(&d->y) * d->y.stride;
    forward<T><<<blocks_for(count), THREADS, 0, stream>>>(*d, static_cast<const T *>(x), w,
                                                          static_cast<T *>(y), count, tap_count(d));
    return cudaGetLastError();
}

template <typename T>
cudaError_t run_data(const CudaDirect *d, const void *dy, const float *w, void *dx, cudaStream_t stream)
{
    const int64_t count = cuda_matrix_rows(&d->x) * d->x.stride;
    data<T><<<blocks_for(count), THREADS, 0, stream>>>(*d, static_cast<const T *>(dy), w,
                                                       static_cast<T *>(dx), count, tap_count(d));
    return cudaGetLastError();
}

template <typename T>
cudaError_t run_weights(const CudaDirect *d, const void *x, const void *dy, float *dw,
                        cudaStream_t stream)
{
    const int64_t count = d->y.channels * (d->x.channels / d->groups) * tap_count(d);
    weights<T><<<(unsigned)count, THREADS, 0, stream>>>(*d, static_cast<const T *>(x),
                                                        static_cast<const T *>(dy), dw, tap_count(d));
    return cudaGetLastError();
}

} // namespace

#define BY_TYPE(type, f, ...)                                                                      \
    ((type) == CUDA_BF16  ? f<__nv_bfloat16>(__VA_ARGS__)                                          \
     : (type) == CUDA_F16 ? f<__half>(__VA_ARGS__)                                                 \
                          : f<float>(__VA_ARGS__))

cudaError_t cuda_direct_forward(const CudaDirect *form, const void *x, const float *w, void *y,
                                cudaStream_t stream)
{
    return BY_TYPE(form->x.type, run_forward, form, x, w, y, stream);
}

cudaError_t cuda_direct_data(const CudaDirect *form, const void *dy, const float *w, void *dx,
                             cudaStream_t stream)
{
    return BY_TYPE(form->x.type, run_data, form, dy, w, dx, stream);
}

cudaError_t cuda_direct_weights(const CudaDirect *form, const void *x, const void *dy, float *dw,
                                cudaStream_t stream)
{
    return BY_TYPE(form->x.type, run_weights, form, x, dy, dw, stream);
}
