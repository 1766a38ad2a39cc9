/* Kernels whose accesses are told to order.h before they run: those that stand between streams. The
 * linker puts these in place of the kernels' launchers (--wrap). */
#include "kernels/cuda/kernels.h"
#include "tests/cuda_sim/order.h"
#include "tests/cuda_sim/sim.h"

cudaError_t __real_cuda_pixels_run(const CudaPixels *call, cudaStream_t stream);
cudaError_t __wrap_cuda_pixels_run(const CudaPixels *call, cudaStream_t stream);
cudaError_t __real_cuda_to_rows(const CudaMatrix *m, const float *from, void *to,
                                cudaStream_t stream);
cudaError_t __wrap_cuda_to_rows(const CudaMatrix *m, const float *from, void *to,
                                cudaStream_t stream);

static void look_at_pixels(void *opaque, cudaStream_t stream)
{
    const CudaPixels *call = opaque;
    const CudaPicture *picture = &call->picture;
    const size_t area = (size_t)call->width * (size_t)call->height * sizeof(float);
    for (int c = 0; c < 3; c++)
        order_access(stream, call->out + c * call->channel_stride, area, 1, "writing pixels");
    /* as many rows as the first tap of the last output row says: enough to meet any other access */
    const int64_t rows = call->source_y + call->y.first[call->height - 1] + 1;
    for (int c = 0; c < (picture->layout == HEDON_PIXEL_GRAY ? 1 : 3); c++)
        order_access(
            stream, picture->component[c],
            (size_t)((c ? (rows + picture->down) >> picture->down : rows) * picture->stride[c]), 0,
            "reading a picture");
    order_access(stream, call->x.first, (size_t)call->width * sizeof(int32_t), 0, "reading tables");
}

cudaError_t __wrap_cuda_pixels_run(const CudaPixels *call, cudaStream_t stream)
{
    sim_submit_copy(stream, look_at_pixels, call, sizeof(*call));
    return __real_cuda_pixels_run(call, stream);
}

typedef struct Rows {
    const float *from;
    size_t bytes;
} Rows;

static void look_at_rows(void *opaque, cudaStream_t stream)
{
    const Rows *rows = opaque;
    order_access(stream, rows->from, rows->bytes, 0, "a change of layout");
}

/* The model's first step: it reads the clips. */
cudaError_t __wrap_cuda_to_rows(const CudaMatrix *m, const float *from, void *to,
                                cudaStream_t stream)
{
    const Rows rows = {from, (size_t)(m->samples * m->positions * m->channels) * sizeof(*from)};
    sim_submit_copy(stream, look_at_rows, &rows, sizeof(rows));
    return __real_cuda_to_rows(m, from, to, stream);
}
