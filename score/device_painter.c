#include "score/device_painter.h"

#include "base/error.h"
#include "base/memory.h"
#include "score/tally.h"

struct HedonDevicePainter {
    const HedonScorer *scorer;
    const HedonBackend *backend;
    HedonStream *stream;
    HedonUploader *uploader;
};

int hedon_device_painter_new(HedonContext *ctx, HedonDevicePainter **out, const HedonScorer *scorer)
{
    *out = NULL;
    HedonDevice *device = hedon_predictor_device(scorer->predictors[0]);
    HedonDevicePainter *painter = hedon_calloc(1, sizeof(*painter));
    if (!painter) return hedon_fail_memory(ctx);
    painter->scorer = scorer;
    painter->backend = scorer->backend;
    int code = painter->backend->stream_new(ctx, device, &painter->stream);
    if (!code)
        code = painter->backend->uploader_new(ctx, device, painter->stream, &painter->uploader);
    if (code)
        hedon_device_painter_free(painter);
    else
        *out = painter;
    return code;
}

void hedon_device_painter_free(HedonDevicePainter *painter)
{
    if (!painter) return;
    painter->backend->uploader_free(painter->uploader);
    if (painter->stream) painter->backend->stream_free(painter->stream);
    hedon_free(painter);
}

int hedon_device_painter_prepare(HedonContext *ctx, HedonDevicePainter *painter,
                                 const HedonFrame *like)
{
    const HedonScorer *scorer = painter->scorer;
    HedonTransform transforms[HEDON_MAX_VIEWS];
    int code = 0;
    for (int view = 0; view < scorer->views && !code; view++)
        code = hedon_preprocessing_transform(ctx, scorer->preprocessing, like->width, like->height,
                                             view, &transforms[view]);
    return code ? code
                : painter->backend->uploader_prepare(ctx, painter->uploader, transforms,
                                                     (int)scorer->views, like);
}

int hedon_device_painter_send(HedonContext *ctx, HedonDevicePainter *painter,
                              const HedonFrame *frame)
{
    return painter->backend->uploader_send(ctx, painter->uploader, frame);
}

/* A slot that another thread had filled in vain may have work under way: hence the wait. */
int hedon_device_painter_place(HedonContext *ctx, HedonDevicePainter *painter, int64_t t,
                               HedonDeviceClip *clip)
{
    const HedonScorer *scorer = painter->scorer;
    const HedonBackend *backend = painter->backend;
    const int64_t frames = scorer->info->clip_frames, area = scorer->view_floats / 3 / frames;
    const int64_t first = (int64_t)(clip->offset / sizeof(float));
    int code = clip->ready ? backend->event_await(ctx, painter->stream, clip->ready) : 0;
    for (int view = 0; view < scorer->views && !code; view++)
        code = backend->uploader_preprocess(ctx, painter->uploader, view, clip->buffer,
                                            first + (view * 3 * frames + t) * area, frames * area);
    if (code) return code;
    return clip->ready ? backend->event_renew(ctx, painter->stream, clip->ready)
                       : backend->event_record(ctx, painter->stream, &clip->ready);
}

int hedon_device_painter_wait(HedonContext *ctx, HedonDevicePainter *painter)
{
    return painter->backend->stream_wait(ctx, painter->stream);
}
