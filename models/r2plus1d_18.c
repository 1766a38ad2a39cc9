/* R(2+1)D-18: every 3x3x3 convolution as 1x3x3 in space, then 3x1x1 in time.
 * Tran et al. 2018; layer by layer torchvision's r2plus1d_18. */
#include "models/video_resnet.h"
#include "models/zoo.h"

static HedonValueId build(HedonGraph *graph, HedonValueId clips)
{
    static const HedonVideoConv stages[4] = {hedon_video_conv_2plus1d, hedon_video_conv_2plus1d,
                                             hedon_video_conv_2plus1d, hedon_video_conv_2plus1d};
    const HedonValueId stem =
        hedon_video_stem_2plus1d(graph, clips, HEDON_VIDEO_RESNET_STEM, HEDON_VIDEO_RESNET_WIDTH);
    return hedon_video_stages(graph, stem, stages, HEDON_VIDEO_RESNET_WIDTH,
                              HEDON_VIDEO_RESNET_BLOCKS);
}

const HedonArchitecture hedon_r2plus1d_18 = {
    .name = "r2plus1d_18",
    .summary = "R(2+1)D-18, every 3-D convolution split into space, then time (Tran et al. 2018)",
    .preprocessing = HEDON_KINETICS_PREPROCESSING,
    .min_frames = 1,
    .min_size = 1,
    .feature_size = HEDON_VIDEO_RESNET_FEATURES,
    .build = build,
    .classifier = "fc",
};
