#include "decode/planes.h"

#include "base/error.h"
#include "base/memory.h"

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

/* What others are converted to: the layouts of HedonFrame at the usual depths. */
static const enum AVPixelFormat targets[] = {
    AV_PIX_FMT_YUV420P,   AV_PIX_FMT_YUV422P,   AV_PIX_FMT_YUV444P,   AV_PIX_FMT_YUV420P10,
    AV_PIX_FMT_YUV422P10, AV_PIX_FMT_YUV444P10, AV_PIX_FMT_YUV420P12, AV_PIX_FMT_YUV422P12,
    AV_PIX_FMT_YUV444P12, AV_PIX_FMT_YUV420P16, AV_PIX_FMT_YUV422P16, AV_PIX_FMT_YUV444P16,
    AV_PIX_FMT_GRAY8,     AV_PIX_FMT_GRAY10,    AV_PIX_FMT_GRAY12,    AV_PIX_FMT_GRAY16,
    AV_PIX_FMT_GBRP,      AV_PIX_FMT_GBRP10,    AV_PIX_FMT_GBRP12,    AV_PIX_FMT_GBRP16,
    AV_PIX_FMT_NONE,
};

/* Whether it is NV12, or one of its 16-bit relatives with unused low bits. */
static int has_pairs(const AVPixFmtDescriptor *d, int colours, int depth, int bytes)
{
    if (colours != 3 || d->flags & AV_PIX_FMT_FLAG_RGB) return 0;
    if (d->log2_chroma_w != 1 || d->log2_chroma_h != 1) return 0;
    for (int c = 0; c < 3; c++) {
        const AVComponentDescriptor *p = &d->comp[c];
        if (p->depth != depth || p->shift != d->comp[0].shift || p->plane != (c > 0)) return 0;
        if (p->step != (c ? 2 * bytes : bytes) || p->offset != (c == 2 ? bytes : 0)) return 0;
    }
    return hedon_frame_has_depth(depth, d->comp[0].shift);
}

/* The layout whose planes a pixel format already has (an alpha plane is ignored), or -1. */
static int layout_of(enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);
    if (!d ||
        (d->flags & (AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |
                     AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER)))
        return -1;
    const int colours = d->nb_components - !!(d->flags & AV_PIX_FMT_FLAG_ALPHA);
    const int depth = d->comp[0].depth, bytes = depth > 8 ? 2 : 1;
    if ((colours != 1 && colours != 3) || depth < 8 || depth > 16) return -1;
    if (bytes == 2 && !!(d->flags & AV_PIX_FMT_FLAG_BE) != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
        return -1;
    if (has_pairs(d, colours, depth, bytes)) return HEDON_PIXEL_NV12;
    for (int c = 0; c < colours; c++) {
        const AVComponentDescriptor *p = &d->comp[c];
        if (p->depth != depth || p->step != bytes || p->shift || p->offset) return -1;
    }
    if (colours == 1) return HEDON_PIXEL_GRAY;
    if (d->comp[0].plane == d->comp[1].plane || d->comp[1].plane == d->comp[2].plane) return -1;
    if (d->flags & AV_PIX_FMT_FLAG_RGB) return HEDON_PIXEL_RGB;
    if (d->log2_chroma_w == 0 && d->log2_chroma_h == 0) return HEDON_PIXEL_YUV444;
    if (d->log2_chroma_w == 1 && d->log2_chroma_h == 0) return HEDON_PIXEL_YUV422;
    if (d->log2_chroma_w == 1 && d->log2_chroma_h == 1) return HEDON_PIXEL_YUV420;
    return -1;
}

static HedonColourMatrix matrix_of(enum AVColorSpace space)
{
    switch (space) {
    case AVCOL_SPC_BT709:
        return HEDON_MATRIX_BT709;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return HEDON_MATRIX_BT2020;
    default:
        return HEDON_MATRIX_BT601;
    }
}

static int is_full_range(const AVFrame *picture)
{
    switch ((enum AVPixelFormat)picture->format) {
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ444P:
    case AV_PIX_FMT_YUVJ440P:
    case AV_PIX_FMT_YUVJ411P:
        return 1;
    default:
        return picture->color_range == AVCOL_RANGE_JPEG;
    }
}

/* The format to deliver: the picture's own if it will do. Quarter turns of 4:2:2 would need chroma
 * halved down only, which is no layout of ours: full chroma loses nothing. */
static enum AVPixelFormat deliverable(enum AVPixelFormat format, HedonOrientation orientation)
{
    enum AVPixelFormat to = format;
    if (layout_of(to) < 0) to = avcodec_find_best_pix_fmt_of_list(targets, format, 0, NULL);
    if (to != AV_PIX_FMT_NONE && orientation.swap && layout_of(to) == HEDON_PIXEL_YUV422) {
        const int depth = av_pix_fmt_desc_get(to)->comp[0].depth;
        to = depth <= 8    ? AV_PIX_FMT_YUV444P
             : depth <= 10 ? AV_PIX_FMT_YUV444P10
             : depth <= 12 ? AV_PIX_FMT_YUV444P12
                           : AV_PIX_FMT_YUV444P16;
    }
    return to;
}

/* swscale treats the yuvj formats as their plain twins with a range of their own. */
static enum AVPixelFormat without_range(enum AVPixelFormat format)
{
    switch (format) {
    case AV_PIX_FMT_YUVJ420P:
        return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
        return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
        return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
        return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ411P:
        return AV_PIX_FMT_YUV411P;
    default:
        return format;
    }
}

/* planes->converted with room for a picture of that format. */
static int make_room(HedonContext *ctx, HedonPlanes *planes, enum AVPixelFormat format)
{
    AVFrame *target = planes->converted;
    if (!target && !(target = planes->converted = av_frame_alloc())) return hedon_fail_memory(ctx);
    if (target->format == format && target->width == planes->width &&
        target->height == planes->height)
        return 0;
    av_frame_unref(target);
    target->format = format;
    target->width = planes->width;
    target->height = planes->height;
    return av_frame_get_buffer(target, 0) < 0 ? hedon_fail_memory(ctx) : 0;
}

static int convert(HedonContext *ctx, HedonPlanes *planes, const AVFrame *picture,
                   enum AVPixelFormat to)
{
    const enum AVPixelFormat from = without_range(picture->format);
    to = without_range(to);
    const int code = make_room(ctx, planes, to);
    if (code) return code;
    AVFrame *target = planes->converted;
    planes->sws = sws_getCachedContext(
        planes->sws, picture->width, picture->height, from, planes->width, planes->height, to,
        SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT,
        NULL, NULL, NULL);
    if (!planes->sws)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED, "its pixel format %s can't be converted",
                          av_get_pix_fmt_name(picture->format));
    /* Same matrix and range on both sides: only the layout changes here, colour is the
     * pre-processing's. */
    const int *matrix = sws_getCoefficients(
        matrix_of(picture->colorspace) == HEDON_MATRIX_BT709    ? SWS_CS_ITU709
        : matrix_of(picture->colorspace) == HEDON_MATRIX_BT2020 ? SWS_CS_BT2020
                                                                : SWS_CS_ITU601);
    const int full = is_full_range(picture);
    sws_setColorspaceDetails(planes->sws, matrix, full, matrix, full, 0, 1 << 16, 1 << 16);
    if (sws_scale(planes->sws, (const uint8_t *const *)picture->data, picture->linesize, 0,
                  picture->height, target->data, target->linesize) < 0)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED, "its pixel format %s can't be converted",
                          av_get_pix_fmt_name(picture->format));
    return 0;
}

static int turn(HedonContext *ctx, HedonPlanes *planes, HedonFrame *frame)
{
    const int bytes = frame->bits > 8 ? 2 : 1, count = hedon_frame_planes(frame->layout);
    int64_t width[3], height[3];
    size_t at[3], total = 0;
    for (int p = 0; p < count; p++) {
        hedon_frame_plane_size(frame->layout, p, frame->width, frame->height, &width[p],
                               &height[p]);
        at[p] = total;
        total += ((size_t)(width[p] * height[p]) * (size_t)bytes + 63) & ~(size_t)63;
    }
    if (total > planes->turned_bytes) {
        hedon_free(planes->turned);
        planes->turned_bytes = 0;
        planes->turned = hedon_malloc_aligned(total, 1);
        if (!planes->turned) return hedon_fail_memory(ctx);
        planes->turned_bytes = total;
    }
    const HedonOrientation o = planes->orientation;
    for (int p = 0; p < count; p++) {
        /* U and V stay together */
        const int together = frame->layout == HEDON_PIXEL_NV12 && p ? 2 : 1;
        const int unit = bytes * together;
        hedon_turn_plane(planes->turned + at[p], frame->plane[p], frame->stride[p],
                         width[p] / together, height[p], unit, o);
        frame->plane[p] = planes->turned + at[p];
        frame->stride[p] = (o.swap ? height[p] : width[p] / together) * unit;
    }
    if (o.swap) {
        const int32_t stored_width = frame->width;
        frame->width = frame->height;
        frame->height = stored_width;
    }
    return 0;
}

/* Raw video may lie at any address, where pairs can't be moved as one. */
static int splits_pairs(const AVFrame *picture)
{
    const int unit = 2 * av_pix_fmt_desc_get(picture->format)->comp[0].step;
    return layout_of(picture->format) == HEDON_PIXEL_NV12 &&
           ((uintptr_t)picture->data[1] % (uintptr_t)unit || picture->linesize[1] % unit);
}

int hedon_planes_of(HedonContext *ctx, HedonPlanes *planes, const AVFrame *picture, HedonFrame *out)
{
    const enum AVPixelFormat to = deliverable(picture->format, planes->orientation);
    if (to == AV_PIX_FMT_NONE)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED, "its pixel format %d is unknown",
                          picture->format);
    const AVFrame *from = picture;
    if (to != picture->format || picture->width != planes->width ||
        picture->height != planes->height) {
        const int code = convert(ctx, planes, picture, to);
        if (code < 0) return code;
        from = planes->converted;
    } else if (splits_pairs(picture)) {
        const int code = make_room(ctx, planes, to);
        if (code < 0) return code;
        if (av_frame_copy(planes->converted, picture) < 0) return hedon_fail_memory(ctx);
        from = planes->converted;
    }
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(to);
    const int layout = layout_of(to);
    *out = (HedonFrame){
        .width = from->width,
        .height = from->height,
        .layout = (HedonPixelLayout)layout,
        .bits = d->comp[0].depth,
        .shift = d->comp[0].shift,
        .matrix = matrix_of(picture->colorspace),
        .full_range = layout == HEDON_PIXEL_RGB || is_full_range(picture),
    };
    /* Component order is Y, U, V or R, G, B whatever the order of planes; plane 1 of NV12 is U's.
     */
    for (int c = 0; c < hedon_frame_planes(out->layout); c++) {
        out->plane[c] = from->data[d->comp[c].plane];
        out->stride[c] = from->linesize[d->comp[c].plane];
    }
    return hedon_orientation_is_stored(planes->orientation) ? 0 : turn(ctx, planes, out);
}

void hedon_planes_free(HedonPlanes *planes)
{
    av_frame_free(&planes->converted);
    sws_freeContext(planes->sws);
    hedon_free(planes->turned);
    *planes = (HedonPlanes){0};
}
