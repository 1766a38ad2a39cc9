#include "base/frame.h"

int hedon_frame_has_depth(int32_t bits, int32_t shift)
{
    if (bits < 8 || bits > 16) return 0;
    return bits == 8 ? shift == 0 : shift >= 0 && shift <= 16 - bits;
}

int hedon_frame_matches(const HedonFrame *frame, const HedonFrame *like)
{
    return frame->width == like->width && frame->height == like->height &&
           frame->layout == like->layout && frame->bits == like->bits &&
           frame->shift == like->shift && frame->matrix == like->matrix &&
           !frame->full_range == !like->full_range;
}

int hedon_frame_planes(HedonPixelLayout layout)
{
    return layout == HEDON_PIXEL_GRAY ? 1 : layout == HEDON_PIXEL_NV12 ? 2 : 3;
}

void hedon_frame_plane_size(HedonPixelLayout layout, int plane, int64_t width, int64_t height,
                            int64_t *plane_width, int64_t *plane_height)
{
    int across = 0, down = 0;
    if (plane) hedon_frame_subsampling(layout, &across, &down);
    *plane_width = (width + across) >> across;
    *plane_height = (height + down) >> down;
    if (plane && layout == HEDON_PIXEL_NV12) *plane_width *= 2;
}

int hedon_frame_components(HedonPixelLayout layout)
{
    return layout == HEDON_PIXEL_GRAY ? 1 : 3;
}

void hedon_frame_subsampling(HedonPixelLayout layout, int *across, int *down)
{
    *down = layout == HEDON_PIXEL_YUV420 || layout == HEDON_PIXEL_NV12;
    *across = *down || layout == HEDON_PIXEL_YUV422;
}

const void *hedon_frame_component(const HedonFrame *frame, int component, int64_t *stride,
                                  int *step)
{
    const int in_turns = component && frame->layout == HEDON_PIXEL_NV12;
    const int plane = in_turns ? 1 : component;
    *stride = frame->stride[plane];
    *step = in_turns ? 2 : 1;
    const char *first = frame->plane[plane];
    if (in_turns && component == 2 && first) first += frame->bits > 8 ? 2 : 1;
    return first;
}
