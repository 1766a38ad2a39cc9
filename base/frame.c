#include "base/frame.h"

int hedon_frame_planes(HedonPixelLayout layout)
{
    return layout == HEDON_PIXEL_GRAY ? 1 : 3;
}

void hedon_frame_plane_size(HedonPixelLayout layout, int plane, int64_t width, int64_t height,
                            int64_t *plane_width, int64_t *plane_height)
{
    const int halved_across = layout == HEDON_PIXEL_YUV420 || layout == HEDON_PIXEL_YUV422;
    const int halved_down = layout == HEDON_PIXEL_YUV420;
    *plane_width = plane && halved_across ? (width + 1) / 2 : width;
    *plane_height = plane && halved_down ? (height + 1) / 2 : height;
}
