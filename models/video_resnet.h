/* What torchvision's three video ResNets (and their small relative) share: four stages of basic blocks,
 * which differ only in what stands for "a 3x3x3 convolution". Parameter names are torchvision's.
 * Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition", CVPR 2018. */
#ifndef HEDON_MODELS_VIDEO_RESNET_H
#define HEDON_MODELS_VIDEO_RESNET_H

#include "models/model.h"

/**
 * One convolution of a block, from `in` to `out` channels.
 *
 * @param name    prefix of its parameters and nodes
 * @param middle  channels between the halves of a factorised one
 * @param stride  across, down and (if it does so) in time
 */
typedef HedonValueId (*HedonVideoConv)(HedonGraph *graph, const char *name, HedonValueId x,
                                       int64_t in, int64_t out, int64_t middle, int64_t stride);

HedonValueId hedon_video_conv_3d(HedonGraph *graph, const char *name, HedonValueId x, int64_t in,
                                 int64_t out, int64_t middle, int64_t stride);
HedonValueId hedon_video_conv_2d(HedonGraph *graph, const char *name, HedonValueId x, int64_t in,
                                 int64_t out, int64_t middle, int64_t stride);
HedonValueId hedon_video_conv_2plus1d(HedonGraph *graph, const char *name, HedonValueId x,
                                      int64_t in, int64_t out, int64_t middle, int64_t stride);

/* Stems: half the size; 3 -> 64 channels, and 3 -> middle -> out. */
HedonValueId hedon_video_stem_3d(HedonGraph *graph, HedonValueId clips);
HedonValueId hedon_video_stem_2plus1d(HedonGraph *graph, HedonValueId clips, int64_t middle,
                                      int64_t out);

/** Stages of width, 2 width, 4 width and 8 width channels, of `blocks` blocks each, on a stem's output of
 * `width` channels, and the mean over all places: (N, 8 width). */
HedonValueId hedon_video_stages(HedonGraph *graph, HedonValueId x, const HedonVideoConv conv[4],
                                int64_t width, int blocks);

/* Of the 18-layer ones. */
enum {
    HEDON_VIDEO_RESNET_WIDTH = 64,
    HEDON_VIDEO_RESNET_STEM = 45, /* between the halves of a factorised stem */
    HEDON_VIDEO_RESNET_BLOCKS = 2,
    HEDON_VIDEO_RESNET_FEATURES = 512
};

/* The pre-processing of torchvision's KINETICS400_V1 weights: every frame resized to exactly
 * 171x128 without antialiasing, the centre 112x112 of it. A clip is 16 frames at the 15 frames a
 * second these weights were trained and measured at; taking one every two seconds of a video is
 * hedon's choice (torchvision's reference takes five of each video). */
#define HEDON_KINETICS_PREPROCESSING                                                               \
    {                                                                                              \
        .sampling = "windows", .clip_frames = 16, .frame_stride = 2, .window_s = 16.0 / 15.0,      \
        .stride_s = 2.0, .resize = HEDON_RESIZE_EXACT, .resize_width = 171, .resize_height = 128,  \
        .interpolation = HEDON_BILINEAR, .antialias = 0, .crop = HEDON_CROP_CENTRE,                \
        .crop_width = 112, .crop_height = 112, .mean = {0.43216f, 0.394666f, 0.37645f},            \
        .std = {0.22803f, 0.22145f, 0.216989f},                                                    \
    }

#endif
