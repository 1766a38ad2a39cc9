/* A small R(2+1)D that two cores train in minutes: one block a stage, a quarter of the width, small
 * pictures. Hedon's own; blocks as in R(2+1)D-18. */
#include "models/video_resnet.h"
#include "models/zoo.h"

enum { WIDTH = 16, BLOCKS = 1 };

static HedonValueId build(HedonGraph *graph, HedonValueId clips)
{
    static const HedonVideoConv stages[4] = {hedon_video_conv_2plus1d, hedon_video_conv_2plus1d,
                                             hedon_video_conv_2plus1d, hedon_video_conv_2plus1d};
    const HedonValueId stem = hedon_video_stem_2plus1d(graph, clips, WIDTH, WIDTH);
    return hedon_video_stages(graph, stem, stages, WIDTH, BLOCKS);
}

const HedonArchitecture hedon_r2plus1d_tiny = {
    .name = "r2plus1d_tiny",
    .summary = "a small R(2+1)D, 10 layers of 16 to 128 channels, for small data and two cores",
    .preprocessing =
        {
            .sampling = "even",
            .clip_frames = 8,
            .frame_stride = 2,
            .window_s = 4,
            .stride_s = 4,
            .resize = HEDON_RESIZE_EXACT,
            .resize_width = 56,
            .resize_height = 56,
            .interpolation = HEDON_BILINEAR,
            .antialias = 1,
            .crop = HEDON_CROP_CENTRE,
            .crop_width = 56,
            .crop_height = 56,
            .mean = {0.43216f, 0.394666f, 0.37645f},
            .std = {0.22803f, 0.22145f, 0.216989f},
        },
    .min_frames = 1,
    .min_size = 1,
    .feature_size = 8 * WIDTH,
    .build = build,
};
