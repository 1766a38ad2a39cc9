/* Pictures onto the device and through the kernel. A device keeps the tables of the last transform
 * and the memory for raw planes. */
#include "kernels/cuda/preprocess.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/cuda/kernels.h"
#include "kernels/resample.h"

enum { MOST_FRAMES = 4096 };

struct CudaPictures {
    HedonTransform transform;
    void *tables; /* taps of both axes; NULL: none yet */
    CudaTaps x, y;
    void *planes;
    size_t room;
    cudaEvent_t used; /* the last kernel has read tables and planes */
};

void cuda_pictures_free(CudaDevice *device)
{
    struct CudaPictures *p = device->pictures;
    if (!p) return;
    if (p->used) {
        cudaEventSynchronize(p->used);
        cudaEventDestroy(p->used);
    }
    cuda_release(device, p->tables);
    cuda_release(device, p->planes);
    hedon_free(p);
    device->pictures = NULL;
}

static int open_pictures(HedonContext *ctx, CudaDevice *device)
{
    if (device->pictures) return 0;
    device->pictures = hedon_calloc(1, sizeof(*device->pictures));
    if (!device->pictures) return hedon_fail_memory(ctx);
    return CUDA_TRY(ctx, cudaEventCreateWithFlags(&device->pictures->used, cudaEventDisableTiming));
}

/* ---- Tables --------------------------------------------------------------------------------- */

static size_t taps_bytes(const HedonTaps *taps)
{
    const size_t outputs = (size_t)taps->outputs;
    return outputs * (2 * sizeof(int32_t) + (size_t)taps->width * sizeof(float));
}

/* The table as it lies on the device at `to`, written to `host`. */
static CudaTaps lay_out(const HedonTaps *taps, char *host, char *to)
{
    const size_t outputs = (size_t)taps->outputs, weights = outputs * (size_t)taps->width;
    float *weight = (float *)(host + 2 * outputs * sizeof(int32_t));
    memcpy(host, taps->first, outputs * sizeof(int32_t));
    memcpy(host + outputs * sizeof(int32_t), taps->count, outputs * sizeof(int32_t));
    for (size_t i = 0; i < weights; i++) weight[i] = (float)taps->weight[i];
    return (CudaTaps){.first = (const int32_t *)to,
                      .count = (const int32_t *)to + outputs,
                      .weight = (const float *)((const int32_t *)to + 2 * outputs),
                      .width = taps->width};
}

static int make_tables(HedonContext *ctx, CudaDevice *device, const HedonTransform *t,
                       cudaStream_t stream)
{
    struct CudaPictures *p = device->pictures;
    HedonTaps x = {0}, y = {0};
    char *host = NULL;
    int err = hedon_taps_new(ctx, &x, t->interpolation, t->antialias, t->source_width,
                             t->resize_width, t->crop_x, t->crop_width);
    if (!err)
        err = hedon_taps_new(ctx, &y, t->interpolation, t->antialias, t->source_height,
                             t->resize_height, t->crop_y, t->crop_height);
    if (!err) err = CUDA_TRY(ctx, cudaEventSynchronize(p->used));
    cuda_release(device, p->tables);
    p->tables = NULL;
    if (!err)
        err =
            cuda_allocate(ctx, device, taps_bytes(&x) + taps_bytes(&y), "a transform", &p->tables);
    if (!err && !(host = hedon_malloc(taps_bytes(&x) + taps_bytes(&y), 1)))
        err = hedon_fail_memory(ctx);
    if (!err) {
        p->x = lay_out(&x, host, p->tables);
        p->y = lay_out(&y, host + taps_bytes(&x), (char *)p->tables + taps_bytes(&x));
        err = cuda_copy_in(ctx, device, p->tables, host, taps_bytes(&x) + taps_bytes(&y), stream);
    }
    if (err) {
        cuda_release(device, p->tables);
        p->tables = NULL;
    } else {
        p->transform = *t;
    }
    hedon_free(host);
    hedon_taps_free(&x);
    hedon_taps_free(&y);
    return err;
}

/* ---- Planes --------------------------------------------------------------------------------- */

/* Bytes of a plane from its first sample to its last, rounded up. */
static size_t plane_bytes(const HedonFrame *frame, int plane, int64_t *row)
{
    int64_t width, height;
    hedon_frame_plane_size(frame->layout, plane, frame->width, frame->height, &width, &height);
    *row = width * (frame->bits > 8 ? 2 : 1);
    const int64_t bytes = frame->stride[plane] * (height - 1) + *row;
    return (size_t)((bytes + CUDA_ALIGNMENT - 1) / CUDA_ALIGNMENT * CUDA_ALIGNMENT);
}

static int check_frames(HedonContext *ctx, const HedonFrame *frames, int count)
{
    for (int f = 0; f < count; f++) {
        if (!hedon_frame_matches(&frames[f], &frames[0]))
            return hedon_fail(ctx, HEDON_EINVAL, "frame %d is not like the first", f);
        for (int k = 0; k < hedon_frame_planes(frames[0].layout); k++) {
            int64_t row;
            plane_bytes(&frames[f], k, &row);
            if (frames[f].stride[k] < row || frames[f].stride[k] != frames[0].stride[k])
                return hedon_fail(ctx, HEDON_EINVAL, "frame %d has rows of another length", f);
        }
    }
    return 0;
}

static CudaPicture picture_of(const HedonFrame *frame)
{
    static const struct {
        float red, blue;
    } weight[HEDON_MATRICES] = {
        [HEDON_MATRIX_BT601] = {0.299f, 0.114f},
        [HEDON_MATRIX_BT709] = {0.2126f, 0.0722f},
        [HEDON_MATRIX_BT2020] = {0.2627f, 0.0593f},
    };
    CudaPicture picture = {.layout = (int32_t)frame->layout,
                           .bits = frame->bits,
                           .shift = frame->shift,
                           .full_range = frame->full_range,
                           .kr = weight[frame->matrix].red,
                           .kb = weight[frame->matrix].blue};
    hedon_frame_subsampling(frame->layout, &picture.across, &picture.down);
    for (int c = 0; c < hedon_frame_components(frame->layout); c++)
        picture.component[c] = hedon_frame_component(frame, c, &picture.stride[c], &picture.step);
    return picture;
}

static int make_room(HedonContext *ctx, CudaDevice *device, size_t bytes)
{
    struct CudaPictures *p = device->pictures;
    if (bytes <= p->room) return 0;
    cudaEventSynchronize(p->used);
    cuda_release(device, p->planes);
    p->planes = NULL;
    p->room = 0;
    const int err = cuda_allocate(ctx, device, bytes, "raw pictures", &p->planes);
    if (!err) p->room = bytes;
    return err;
}

static int send_planes(HedonContext *ctx, CudaDevice *device, const HedonFrame *frames, int count,
                       CudaPixels *call, cudaStream_t stream)
{
    struct CudaPictures *p = device->pictures;
    const int planes = hedon_frame_planes(frames[0].layout);
    size_t offset[4] = {0};
    int64_t row;
    for (int k = 0; k < planes; k++) offset[k + 1] = offset[k] + plane_bytes(&frames[0], k, &row);
    call->bytes = (int64_t)offset[planes];
    int err = make_room(ctx, device, offset[planes] * (size_t)count);
    HedonFrame there = frames[0];
    for (int k = 0; k < planes && !err; k++) there.plane[k] = (char *)p->planes + offset[k];
    call->picture = picture_of(&there);
    for (int f = 0; f < count && !err; f++)
        for (int k = 0; k < planes && !err; k++) {
            int64_t width, height;
            hedon_frame_plane_size(frames[f].layout, k, frames[f].width, frames[f].height, &width,
                                   &height);
            plane_bytes(&frames[f], k, &row);
            err = cuda_copy_in(
                ctx, device, (char *)p->planes + f * call->bytes + (int64_t)offset[k],
                frames[f].plane[k], (size_t)(frames[f].stride[k] * (height - 1) + row), stream);
        }
    return err;
}

/* ---- The vtable's entry ---------------------------------------------------------------------- */

static int check_out(HedonContext *ctx, const HedonTransform *t, int count, const HedonBuffer *out,
                     int64_t first, int64_t channel_stride, int64_t frame_stride)
{
    const int64_t area = (int64_t)t->crop_width * t->crop_height;
    const int64_t room = (int64_t)(out->bytes / sizeof(float));
    if (first >= 0 && channel_stride >= 0 && frame_stride >= 0 && channel_stride <= room &&
        frame_stride <= room &&
        first + (count - 1) * frame_stride + 2 * channel_stride + area <= room)
        return 0;
    return hedon_fail(ctx, HEDON_EINVAL, "%d pictures of %dx%d do not fit a buffer of %zu bytes",
                      count, t->crop_width, t->crop_height, out->bytes);
}

int cuda_preprocess_frames(HedonContext *ctx, HedonDevice *base, const HedonTransform *t,
                           const HedonFrame *frames, int count, HedonBuffer *out, int64_t first,
                           int64_t channel_stride, int64_t frame_stride, HedonStream *queue)
{
    CudaDevice *device = (CudaDevice *)base;
    const cudaStream_t stream = cuda_stream(device, queue);
    if (count < 1 || count > MOST_FRAMES)
        return hedon_fail(ctx, HEDON_EINVAL, "%d pictures at once: give 1 to %d", count,
                          MOST_FRAMES);
    int err = hedon_transform_check(ctx, t, &frames[0]);
    if (!err) err = check_frames(ctx, frames, count);
    if (!err) err = check_out(ctx, t, count, out, first, channel_stride, frame_stride);
    if (!err) err = open_pictures(ctx, device);
    if (err) return err;
    struct CudaPictures *p = device->pictures;
    err = CUDA_TRY(ctx, cudaStreamWaitEvent(stream, p->used, 0));
    if (!err && !queue) err = cuda_after_executions(ctx, device, stream);
    if (!err && (!p->tables || memcmp(&p->transform, t, sizeof(*t))))
        err = make_tables(ctx, device, t, stream);
    CudaPixels call = {.x = p->x,
                       .y = p->y,
                       .source_x = t->source_x,
                       .source_y = t->source_y,
                       .width = t->crop_width,
                       .height = t->crop_height,
                       .flip = t->flip,
                       .frames = count,
                       .mean = {t->mean[0], t->mean[1], t->mean[2]},
                       .std = {t->std[0], t->std[1], t->std[2]},
                       .out = (float *)out->data + first,
                       .channel_stride = channel_stride,
                       .frame_stride = frame_stride};
    if (!err) err = send_planes(ctx, device, frames, count, &call, stream);
    if (!err) err = CUDA_TRY(ctx, cuda_pixels_run(&call, stream));
    if (!err) err = CUDA_TRY(ctx, cudaEventRecord(p->used, stream));
    if (!err && !queue) err = CUDA_TRY(ctx, cudaStreamSynchronize(stream));
    return err;
}
