#include "models/video_resnet.h"

#include <stdio.h>

enum { NAME_ROOM = 96 };
static const double epsilon = 1e-5; /* torch.nn.BatchNorm3d's default */

static HedonValueId parameter(HedonGraph *graph, const char *owner, const char *what,
                              const HedonShape *shape)
{
    char name[NAME_ROOM];
    snprintf(name, sizeof(name), "%s.%s", owner, what);
    return hedon_graph_parameter(graph, name, shape);
}

/* A convolution without bias, "same" padding, the same stride across and down. */
static HedonValueId conv(HedonGraph *graph, const char *name, HedonValueId x, int64_t in,
                         int64_t out, const int64_t kernel[2], int64_t time_stride, int64_t stride)
{
    const int64_t kt = kernel[0], k = kernel[1];
    const HedonValueId w =
        parameter(graph, name, "weight", &(HedonShape){.rank = 5, .dim = {out, in, kt, k, k}});
    const HedonConvAttributes attributes = {
        .stride = {time_stride, stride, stride},
        .padding = {kt / 2, k / 2, k / 2},
        .dilation = {1, 1, 1},
        .groups = 1,
    };
    return hedon_conv3d(graph, name, x, w, HEDON_NONE, &attributes);
}

static HedonValueId batch_norm(HedonGraph *graph, const char *name, HedonValueId x,
                               int64_t channels)
{
    const HedonShape shape = {.rank = 1, .dim = {channels}};
    const HedonValueId gamma = parameter(graph, name, "weight", &shape);
    const HedonValueId beta = parameter(graph, name, "bias", &shape);
    const HedonValueId mean = parameter(graph, name, "running_mean", &shape);
    const HedonValueId var = parameter(graph, name, "running_var", &shape);
    return hedon_batch_norm(graph, name, x, gamma, beta, mean, var, epsilon);
}

/* PREFIX.INDEX, as torch names the members of a Sequential. */
static const char *member(char name[NAME_ROOM], const char *prefix, int index)
{
    snprintf(name, NAME_ROOM, "%.80s.%d", prefix, index);
    return name;
}

HedonValueId hedon_video_conv_3d(HedonGraph *graph, const char *name, HedonValueId x, int64_t in,
                                 int64_t out, int64_t middle, int64_t stride)
{
    (void)middle;
    return conv(graph, name, x, in, out, (int64_t[]){3, 3}, stride, stride);
}

HedonValueId hedon_video_conv_2d(HedonGraph *graph, const char *name, HedonValueId x, int64_t in,
                                 int64_t out, int64_t middle, int64_t stride)
{
    (void)middle;
    return conv(graph, name, x, in, out, (int64_t[]){1, 3}, 1, stride);
}

HedonValueId hedon_video_conv_2plus1d(HedonGraph *graph, const char *name, HedonValueId x,
                                      int64_t in, int64_t out, int64_t middle, int64_t stride)
{
    char part[NAME_ROOM];
    x = conv(graph, member(part, name, 0), x, in, middle, (int64_t[]){1, 3}, 1, stride);
    x = batch_norm(graph, member(part, name, 1), x, middle);
    x = hedon_relu(graph, member(part, name, 2), x);
    return conv(graph, member(part, name, 3), x, middle, out, (int64_t[]){3, 1}, stride, 1);
}

HedonValueId hedon_video_stem_3d(HedonGraph *graph, HedonValueId clips)
{
    HedonValueId x = conv(graph, "stem.0", clips, 3, 64, (int64_t[]){3, 7}, 1, 2);
    x = batch_norm(graph, "stem.1", x, 64);
    return hedon_relu(graph, "stem.2", x);
}

HedonValueId hedon_video_stem_2plus1d(HedonGraph *graph, HedonValueId clips, int64_t middle,
                                      int64_t out)
{
    HedonValueId x = conv(graph, "stem.0", clips, 3, middle, (int64_t[]){1, 7}, 1, 2);
    x = batch_norm(graph, "stem.1", x, middle);
    x = hedon_relu(graph, "stem.2", x);
    x = conv(graph, "stem.3", x, middle, out, (int64_t[]){3, 1}, 1, 1);
    x = batch_norm(graph, "stem.4", x, out);
    return hedon_relu(graph, "stem.5", x);
}

/* relu(drop(bn(conv2(relu(bn(conv1(x)))))) + shortcut(x)); drop: in training only */
static HedonValueId basic_block(HedonGraph *graph, const char *name, HedonValueId x, int64_t in,
                                int64_t out, int64_t stride, HedonVideoConv video_conv,
                                double drop_path)
{
    /* a factorised convolution gets as many weights as a full 3x3x3 one: Tran et al., section 3.5
     */
    const int64_t middle = in * out * 3 * 3 * 3 / (in * 3 * 3 + 3 * out);
    char first[NAME_ROOM], second[NAME_ROOM], shortcut[NAME_ROOM], part[NAME_ROOM];
    snprintf(first, sizeof(first), "%s.conv1", name);
    snprintf(second, sizeof(second), "%s.conv2", name);
    snprintf(shortcut, sizeof(shortcut), "%s.downsample", name);

    HedonValueId y = video_conv(graph, member(part, first, 0), x, in, out, middle, stride);
    y = batch_norm(graph, member(part, first, 1), y, out);
    y = hedon_relu(graph, member(part, first, 2), y);
    y = video_conv(graph, member(part, second, 0), y, out, out, middle, 1);
    y = batch_norm(graph, member(part, second, 1), y, out);
    if (stride != 1 || in != out) {
        const int64_t time_stride = video_conv == hedon_video_conv_2d ? 1 : stride;
        x = conv(graph, member(part, shortcut, 0), x, in, out, (int64_t[]){1, 1}, time_stride,
                 stride);
        x = batch_norm(graph, member(part, shortcut, 1), x, out);
    }
    snprintf(part, sizeof(part), "%s.drop_path", name);
    y = hedon_drop_path(graph, part, y, drop_path);
    snprintf(part, sizeof(part), "%s.add", name);
    y = hedon_add(graph, part, y, x);
    snprintf(part, sizeof(part), "%s.relu", name);
    return hedon_relu(graph, part, y);
}

HedonValueId hedon_video_stages(HedonGraph *graph, HedonValueId x,
                                const HedonVideoConv video_conv[4], int64_t width, int blocks)
{
    int64_t in = width;
    for (int stage = 0; stage < 4; stage++) {
        const int64_t out = width << stage;
        for (int block = 0; block < blocks; block++) {
            char name[NAME_ROOM / 2];
            snprintf(name, sizeof(name), "layer%d.%d", stage + 1, block);
            const int64_t stride = stage > 0 && block == 0 ? 2 : 1;
            const double depth = (double)(stage * blocks + block) / (4 * blocks - 1);
            x = basic_block(graph, name, x, in, out, stride, video_conv[stage],
                            graph->drop_path * depth);
            in = out;
        }
    }
    return hedon_mean_pool(graph, "avgpool", x);
}
