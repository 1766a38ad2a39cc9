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
    HEDON_PIXEL_NV12,   /* Y; U and V in turns, halved both ways, rounded up: as GPUs decode */
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
    int32_t bits;  /* 8 to 16 */
    int32_t shift; /* unused low bits of a 16-bit sample: 6 in P010, else 0 */
    HedonColourMatrix matrix;
    int32_t full_range; /* 0: limited (16..235 at 8 bits) */
    int64_t index;      /* in presentation order */
    double time_s;      /* presentation time from the first frame's */
} HedonFrame;

/** Whether samples of so many bits can lie above so many unused ones: 8 to 16 bits, 8 of them alone
 * in a byte. */
int hedon_frame_has_depth(int32_t bits, int32_t shift);

/** Whether two frames differ in nothing but samples, strides, index and time. */
int hedon_frame_matches(const HedonFrame *frame, const HedonFrame *like);

/** Planes of a layout (1 to 3), and the samples of a row and rows of plane p of a width x height
 *  picture. */
int hedon_frame_planes(HedonPixelLayout layout);
void hedon_frame_plane_size(HedonPixelLayout layout, int plane, int64_t width, int64_t height,
                            int64_t *plane_width, int64_t *plane_height);

/** Components of a layout (Y, or Y, U, V, or R, G, B), and log2 of the pixels that a sample of U
 * and V covers either way. */
int hedon_frame_components(HedonPixelLayout layout);
void hedon_frame_subsampling(HedonPixelLayout layout, int *across, int *down);

/** The first sample of a component, the bytes from row to row, and the samples (2 in turns with
 *  another, else 1) from one to the next. */
const void *hedon_frame_component(const HedonFrame *frame, int component, int64_t *stride,
                                  int *step);

#endif
