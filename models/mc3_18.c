/* MC3-18: full 3-D convolutions in the stem and the first stage, 2-D ones after.
 * Tran et al. 2018; layer by layer torchvision's mc3_18. */
#include "models/video_resnet.h"
#include "models/zoo.h"

static HedonValueId build(HedonGraph *graph, HedonValueId clips)
{
    static const HedonVideoConv stages[4] = {hedon_video_conv_3d, hedon_video_conv_2d,
                                             hedon_video_conv_2d, hedon_video_conv_2d};
    return hedon_video_stages(graph, hedon_video_stem_3d(graph, clips), stages,
                              HEDON_VIDEO_RESNET_WIDTH, HEDON_VIDEO_RESNET_BLOCKS);
}

const HedonArchitecture hedon_mc3_18 = {
    .name = "mc3_18",
    .summary = "MC3-18, 3-D convolutions early, 2-D ones later (Tran et al. 2018)",
    .preprocessing = HEDON_KINETICS_PREPROCESSING,
    .min_frames = 1,
    .min_size = 1,
    .feature_size = HEDON_VIDEO_RESNET_FEATURES,
    .build = build,
    .classifier = "fc",
};
