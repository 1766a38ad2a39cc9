/* lowlevel's graph and usual input: statistics of the clip, then pleasure, arousal and dominance. What
 * makes it a model is in lowlevel.c. */
#include "models/emotion_words.h"
#include "models/zoo.h"

enum { DIMENSIONS = HEDON_PAD, FEATURES = HEDON_COLOUR_MOTION_FEATURES };

static HedonValueId build(HedonGraph *graph, HedonValueId clips)
{
    const HedonValueId x =
        hedon_graph_node(graph, HEDON_OP_COLOUR_MOTION, "colour_motion", &clips, 1, NULL);
    const HedonValueId w = hedon_graph_parameter(
        graph, "pad.weight", &(HedonShape){.rank = 2, .dim = {DIMENSIONS, FEATURES}});
    const HedonValueId b =
        hedon_graph_parameter(graph, "pad.bias", &(HedonShape){.rank = 1, .dim = {DIMENSIONS}});
    return hedon_linear(graph, "pad", x, w, b);
}

/* Small pictures are enough for means over all pixels. 16 frames over two seconds make motion the
 * change within an eighth of a second, whatever the video's frame rate. */
const HedonArchitecture hedon_lowlevel = {
    .name = "lowlevel",
    .summary = "colour, brightness and motion by published formulas, no training",
    .preprocessing =
        {
            .sampling = "windows",
            .clip_frames = 16,
            .frame_stride = 1,
            .window_s = 2,
            .stride_s = 2,
            .resize = HEDON_RESIZE_EXACT,
            .resize_width = 64,
            .resize_height = 64,
            .interpolation = HEDON_BILINEAR,
            .antialias = 1,
            .crop = HEDON_CROP_CENTRE,
            .crop_width = 64,
            .crop_height = 64,
            .mean = {0, 0, 0},
            .std = {1, 1, 1},
        },
    .min_frames = 1,
    .min_size = 1,
    .feature_size = DIMENSIONS,
    .build = build,
};
