/* A decoded picture as planes of samples: what decode/ delivers and kernels/ pre-processes. Plain
 * data, so that neither needs to know the other. */
#ifndef HEDON_BASE_FRAME_H
#define HEDON_BASE_FRAME_H

#include <stdint.h>

typedef enum HedonPixelLayout {
    HEDON_PIXEL_GRAY,   /* Y */
    HEDON_PIXEL_YUV420, /* Y, U, V; chroma halved both ways, rounded up */
    HEDON_PIXEL_YUV422, /* Y, U, V; chroma halved across */
    HEDON_PIXEL_YUV444, /* Y, U, V */
    HEDON_PIXEL_RGB,    /* R, G, B planes, full range */
    HEDON_PIXEL_LAYOUTS
} HedonPixelLayout;

typedef enum HedonColourMatrix {
    HEDON_MATRIX_BT601, /* also when a file names none, as torchcodec and decord take it */
    HEDON_MATRIX_BT709,
    HEDON_MATRIX_BT2020, /* non-constant luminance */
    HEDON_MATRICES
} HedonColourMatrix;

typedef struct HedonFrame {
    const void *plane[3];  /* uint8_t samples, or uint16_t in native order when bits > 8 */
    int64_t stride[3];     /* bytes from row to row */
    int32_t width, height; /* of plane 0, as shown: the display matrix is already applied */
    HedonPixelLayout layout;
    int32_t bits; /* 8 to 16 */
    HedonColourMatrix matrix;
    int32_t full_range; /* 0: limited (16..235 at 8 bits) */
    int64_t index;      /* in presentation order */
    double time_s;      /* presentation time from the first frame's */
} HedonFrame;

/** Planes of a layout (1 or 3), and the size of plane p of a width x height picture. */
int hedon_frame_planes(HedonPixelLayout layout);
void hedon_frame_plane_size(HedonPixelLayout layout, int plane, int64_t width, int64_t height,
                            int64_t *plane_width, int64_t *plane_height);

#endif
