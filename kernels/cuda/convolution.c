#include "kernels/cuda/convolution.h"

#include <stdio.h>
#include <string.h>

static const char *const type_names[] = {
    [CUDA_F32] = "fp32", [CUDA_BF16] = "bf16", [CUDA_F16] = "fp16"};
static const char *const kind_names[] = {
    [CUDA_CONV_FORWARD] = "forward", [CUDA_CONV_DATA] = "data", [CUDA_CONV_WEIGHTS] = "weights"};

/* Whether nothing happens along an axis. */
static int is_plain(const CudaConv *c, int axis)
{
    return c->w[axis] == 1 && c->stride[axis] == 1 && c->padding[axis] == 0;
}

static void move_axis(CudaConv *c, int to, int from)
{
    c->x[to] = c->x[from];
    c->y[to] = c->y[from];
    c->w[to] = c->w[from];
    c->stride[to] = c->stride[from];
    c->padding[to] = c->padding[from];
    c->dilation[to] = c->dilation[from];
}

static void clear_axis(CudaConv *c, int axis)
{
    c->x[axis] = c->y[axis] = c->w[axis] = c->stride[axis] = c->dilation[axis] = 1;
    c->padding[axis] = 0;
}

static void fold(CudaConv *c)
{
    if (is_plain(c, 0)) { /* T joins N */
        c->n *= c->x[0];
        move_axis(c, 0, 1);
        move_axis(c, 1, 2);
    } else if (is_plain(c, 1) && is_plain(c, 2)) { /* H W is one axis */
        c->x[1] *= c->x[2];
        c->y[1] *= c->y[2];
        c->dilation[1] = 1;
    } else {
        return;
    }
    c->dims = 2;
    clear_axis(c, 2);
}

int cuda_conv_view(CudaConv *conv, CudaConvKind kind, CudaType type, const HedonShape *x,
                   const HedonShape *w, const HedonShape *y, const HedonConvAttributes *attributes)
{
    if (attributes->groups != 1) return 0;
    *conv = (CudaConv){.kind = kind,
                       .type = type,
                       .dims = 3,
                       .n = x->dim[0],
                       .c = cuda_pad_channels(type, x->dim[1]),
                       .k = cuda_pad_channels(type, y->dim[1])};
    for (int axis = 0; axis < 3; axis++) {
        conv->x[axis] = x->dim[2 + axis];
        conv->y[axis] = y->dim[2 + axis];
        conv->w[axis] = w->dim[2 + axis];
        conv->stride[axis] = attributes->stride[axis];
        conv->padding[axis] = attributes->padding[axis];
        conv->dilation[axis] = attributes->dilation[axis];
    }
    fold(conv);
    return 1;
}

void cuda_conv_key(const CudaConv *c, char *text, size_t room)
{
    size_t used = (size_t)snprintf(
        text, room, "%s%s%s%s %s%s n%lld c%lld k%lld", kind_names[c->kind],
        c->fused & CUDA_CONV_BIAS ? "+bias" : "", c->fused & CUDA_CONV_RESIDUAL ? "+add" : "",
        c->fused & CUDA_CONV_RELU ? "+relu" : "", type_names[c->type], c->tf32 ? " tf32" : "",
        (long long)c->n, (long long)c->c, (long long)c->k);
    for (int i = 0; i < c->dims && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, " x%lld w%lld s%lld p%lld d%lld",
                                 (long long)c->x[i], (long long)c->w[i], (long long)c->stride[i],
                                 (long long)c->padding[i], (long long)c->dilation[i]);
}

void cuda_conv_name(const CudaConv *c, char *text, size_t room)
{
    snprintf(text, room, "conv%dd %s%s", c->dims, type_names[c->type], c->tf32 ? " tf32" : "");
}
