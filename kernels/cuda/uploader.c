/* Pictures onto the device and through the kernel. An uploader keeps one frame's raw planes there,
 * with the tables of every view of their geometry: the stream orders the next frame's copy after
 * the kernels that read this one's. */
#include "kernels/cuda/uploader.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/cuda/kernels.h"
#include "kernels/resample.h"

enum { SLOT_BYTES = 4 << 20, MOST_VIEWS = 64 };

typedef struct View {
    HedonTransform transform;
    HedonTaps host_x, host_y; /* while tables are made */
    CudaTaps x, y;
} View;

struct HedonUploader {
    CudaDevice *device;
    cudaStream_t stream; /* the caller's */
    CudaStaging staging;
    HedonFrame like;     /* width 0: not prepared */
    CudaPicture picture; /* as it lies on the device */
    View *views;
    int view_count;
    char *tables, *planes;
    size_t table_room, plane_room, plane_offset[3];
    int sent;
};

int cuda_uploader_new(HedonContext *ctx, HedonDevice *base, HedonStream *stream,
                      HedonUploader **out)
{
    CudaDevice *device = (CudaDevice *)base;
    *out = NULL;
    HedonUploader *uploader = hedon_calloc(1, sizeof(*uploader));
    if (!uploader) return hedon_fail_memory(ctx);
    uploader->device = device;
    uploader->stream = stream->stream;
    int err = cuda_enter(ctx, device); /* this thread may be new */
    if (!err) err = cuda_staging_open(ctx, device, &uploader->staging, SLOT_BYTES);
    if (err)
        cuda_uploader_free(uploader);
    else
        *out = uploader;
    return err;
}

void cuda_uploader_free(HedonUploader *uploader)
{
    if (!uploader) return;
    cudaStreamSynchronize(uploader->stream);
    cuda_staging_close(&uploader->staging);
    cuda_release(uploader->device, uploader->tables);
    cuda_release(uploader->device, uploader->planes);
    hedon_free(uploader->views);
    hedon_free(uploader);
}

/* See that *memory has so much room; what was in it is gone then. */
static int make_room(HedonContext *ctx, HedonUploader *uploader, char **memory, size_t *room,
                     size_t bytes, const char *what)
{
    if (bytes <= *room) return 0;
    void *larger;
    cuda_release(uploader->device, *memory);
    *memory = NULL;
    *room = 0;
    const int err = cuda_allocate(ctx, uploader->device, bytes, what, &larger);
    if (err) return err;
    *memory = larger;
    *room = bytes;
    return 0;
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

static int make_taps(HedonContext *ctx, View *view)
{
    const HedonTransform *t = &view->transform;
    const int err = hedon_taps_new(ctx, &view->host_x, t->interpolation, t->antialias,
                                   t->source_width, t->resize_width, t->crop_x, t->crop_width);
    return err ? err
               : hedon_taps_new(ctx, &view->host_y, t->interpolation, t->antialias,
                                t->source_height, t->resize_height, t->crop_y, t->crop_height);
}

static int send_tables(HedonContext *ctx, HedonUploader *uploader)
{
    size_t bytes = 0, at = 0;
    for (int v = 0; v < uploader->view_count; v++)
        bytes += taps_bytes(&uploader->views[v].host_x) + taps_bytes(&uploader->views[v].host_y);
    int err = make_room(ctx, uploader, &uploader->tables, &uploader->table_room, bytes,
                        "the tables of pre-processing");
    char *host = err ? NULL : hedon_malloc(bytes, 1);
    if (!err && !host) err = hedon_fail_memory(ctx);
    for (int v = 0; v < uploader->view_count && !err; v++) {
        View *view = &uploader->views[v];
        view->x = lay_out(&view->host_x, host + at, uploader->tables + at);
        at += taps_bytes(&view->host_x);
        view->y = lay_out(&view->host_y, host + at, uploader->tables + at);
        at += taps_bytes(&view->host_y);
    }
    if (!err)
        err = cuda_staging_copy(ctx, &uploader->staging, uploader->tables, host, 0, bytes, 1,
                                uploader->stream);
    hedon_free(host);
    return err;
}

static int make_tables(HedonContext *ctx, HedonUploader *uploader)
{
    int err = 0;
    for (int v = 0; v < uploader->view_count && !err; v++)
        err = make_taps(ctx, &uploader->views[v]);
    if (!err) err = send_tables(ctx, uploader);
    for (int v = 0; v < uploader->view_count; v++) {
        hedon_taps_free(&uploader->views[v].host_x);
        hedon_taps_free(&uploader->views[v].host_y);
    }
    return err;
}

/* ---- Planes --------------------------------------------------------------------------------- */

/* Rows of a plane, and bytes of one. */
static void plane_rows(const HedonFrame *like, int plane, size_t *row, size_t *rows)
{
    int64_t width, height;
    hedon_frame_plane_size(like->layout, plane, like->width, like->height, &width, &height);
    *row = (size_t)width * (like->bits > 8 ? 2 : 1);
    *rows = (size_t)height;
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

static int make_planes(HedonContext *ctx, HedonUploader *uploader, const HedonFrame *like)
{
    HedonFrame there = *like;
    size_t bytes = 0;
    for (int p = 0; p < hedon_frame_planes(like->layout); p++) {
        size_t row, rows;
        plane_rows(like, p, &row, &rows);
        uploader->plane_offset[p] = bytes;
        bytes += (row * rows + CUDA_ALIGNMENT - 1) / CUDA_ALIGNMENT * CUDA_ALIGNMENT;
        there.stride[p] = (int64_t)row;
    }
    const int err =
        make_room(ctx, uploader, &uploader->planes, &uploader->plane_room, bytes, "a raw picture");
    for (int p = 0; p < hedon_frame_planes(like->layout) && !err; p++)
        there.plane[p] = uploader->planes + uploader->plane_offset[p];
    if (!err) uploader->picture = picture_of(&there);
    return err;
}

/* ---- The vtable's entries ------------------------------------------------------------------- */

int cuda_uploader_prepare(HedonContext *ctx, HedonUploader *uploader,
                          const HedonTransform *transforms, int views, const HedonFrame *like)
{
    uploader->like = (HedonFrame){.width = 0};
    uploader->sent = 0;
    if (views < 1 || views > MOST_VIEWS)
        return hedon_fail(ctx, HEDON_EINVAL, "%d views of a picture: give 1 to %d", views,
                          MOST_VIEWS);
    int err = cuda_enter(ctx, uploader->device);
    for (int v = 0; v < views && !err; v++) err = hedon_transform_check(ctx, &transforms[v], like);
    /* The kernels under way read the tables and planes that are here. */
    if (!err) err = CUDA_TRY(ctx, cudaStreamSynchronize(uploader->stream));
    if (err) return err;
    hedon_free(uploader->views);
    uploader->view_count = 0;
    uploader->views = hedon_calloc((size_t)views, sizeof(*uploader->views));
    if (!uploader->views) return hedon_fail_memory(ctx);
    uploader->view_count = views;
    for (int v = 0; v < views; v++) uploader->views[v].transform = transforms[v];
    err = make_tables(ctx, uploader);
    if (!err) err = make_planes(ctx, uploader, like);
    if (!err) uploader->like = *like;
    return err;
}

static int check_frame(HedonContext *ctx, const HedonUploader *uploader, const HedonFrame *frame)
{
    if (!uploader->like.width || !hedon_frame_matches(frame, &uploader->like))
        return hedon_fail(ctx, HEDON_EINVAL, "a picture of %dx%d is not what was prepared for",
                          frame->width, frame->height);
    for (int p = 0; p < hedon_frame_planes(frame->layout); p++) {
        size_t row, rows;
        plane_rows(frame, p, &row, &rows);
        if (frame->stride[p] < (int64_t)row)
            return hedon_fail(ctx, HEDON_EINVAL, "rows of %lld bytes do not hold %zu",
                              (long long)frame->stride[p], row);
    }
    return 0;
}

int cuda_uploader_send(HedonContext *ctx, HedonUploader *uploader, const HedonFrame *frame)
{
    uploader->sent = 0;
    int err = check_frame(ctx, uploader, frame);
    if (!err) err = cuda_enter(ctx, uploader->device);
    for (int p = 0; !err && p < hedon_frame_planes(frame->layout); p++) {
        size_t row, rows;
        plane_rows(frame, p, &row, &rows);
        err =
            cuda_staging_copy(ctx, &uploader->staging, uploader->planes + uploader->plane_offset[p],
                              frame->plane[p], frame->stride[p], row, rows, uploader->stream);
    }
    uploader->sent = !err;
    return err;
}

static int check_out(HedonContext *ctx, const HedonTransform *t, const HedonBuffer *out,
                     int64_t first, int64_t channel_stride)
{
    const int64_t area = (int64_t)t->crop_width * t->crop_height;
    const int64_t room = (int64_t)(out->bytes / sizeof(float));
    if (first >= 0 && first <= room && channel_stride >= 0 && channel_stride <= room &&
        first + 2 * channel_stride + area <= room)
        return 0;
    return hedon_fail(ctx, HEDON_EINVAL, "a picture of %dx%d does not fit a buffer of %zu bytes",
                      t->crop_width, t->crop_height, out->bytes);
}

int cuda_uploader_preprocess(HedonContext *ctx, HedonUploader *uploader, int index,
                             HedonBuffer *out, int64_t first, int64_t channel_stride)
{
    if (!uploader->sent || index < 0 || index >= uploader->view_count)
        return hedon_fail(ctx, HEDON_EINVAL, "there is no view %d of a picture sent", index);
    const View *view = &uploader->views[index];
    const HedonTransform *t = &view->transform;
    const int err = check_out(ctx, t, out, first, channel_stride);
    if (err) return err;
    const CudaPixels call = {.picture = uploader->picture,
                             .x = view->x,
                             .y = view->y,
                             .source_x = t->source_x,
                             .source_y = t->source_y,
                             .width = t->crop_width,
                             .height = t->crop_height,
                             .flip = t->flip,
                             .mean = {t->mean[0], t->mean[1], t->mean[2]},
                             .std = {t->std[0], t->std[1], t->std[2]},
                             .out = (float *)out->data + first,
                             .channel_stride = channel_stride};
    return CUDA_TRY(ctx, cuda_pixels_run(&call, uploader->stream));
}
