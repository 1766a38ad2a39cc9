#include "train/gradient_sum.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum { BUCKET_BYTES = 8 << 20 };

struct HedonGradientSum {
    HedonProcessGroup *group;
    HedonDtype dtype;
    char *packed; /* all gradients, in the order in which they came */
    HedonBuffer **from;
    int count, room;          /* of `from` */
    size_t used, sent, bytes; /* of `packed` */
    int code;
};

int hedon_gradient_sum_open(HedonContext *ctx, HedonGradientSum **out, HedonProcessGroup *group,
                            const HedonGraph *graph, HedonDtype dtype)
{
    *out = NULL;
    HedonGradientSum *sum = hedon_calloc(1, sizeof(*sum));
    if (!sum) return hedon_fail_memory(ctx);
    sum->group = group;
    sum->dtype = dtype;
    sum->room = graph->gradient_count;
    for (int i = 0; i < graph->gradient_count; i++)
        sum->bytes += (size_t)hedon_shape_count(&graph->values[graph->gradients[i].value].shape) *
                      hedon_dtype_size(dtype);
    sum->packed = hedon_malloc_aligned(sum->bytes + 1, 1);
    sum->from = hedon_calloc((size_t)sum->room + 1, sizeof(HedonBuffer *));
    if (!sum->packed || !sum->from) {
        hedon_gradient_sum_close(sum);
        return hedon_fail_memory(ctx);
    }
    *out = sum;
    return 0;
}

static void send(HedonContext *ctx, HedonGradientSum *sum)
{
    const int64_t count = (int64_t)((sum->used - sum->sent) / hedon_dtype_size(sum->dtype));
    if (count && !sum->code)
        sum->code =
            sum->group->sum_start(ctx, sum->group, sum->packed + sum->sent, count, sum->dtype);
    sum->sent = sum->used;
}

void hedon_gradient_sum_add(HedonContext *ctx, HedonGradientSum *sum, HedonBuffer *gradient)
{
    if (sum->count == sum->room || gradient->bytes > sum->bytes - sum->used) {
        sum->code = hedon_fail(ctx, HEDON_EDEVICE, "the device gave a gradient twice");
        return;
    }
    memcpy(sum->packed + sum->used, gradient->data, gradient->bytes);
    sum->from[sum->count++] = gradient;
    sum->used += gradient->bytes;
    if (sum->used - sum->sent >= BUCKET_BYTES) send(ctx, sum);
}

int hedon_gradient_sum_finish(HedonContext *ctx, HedonGradientSum *sum)
{
    send(ctx, sum);
    int code = sum->code;
    if (!code) code = sum->group->sum_finish(ctx, sum->group);
    const char *at = sum->packed;
    for (int i = 0; i < sum->count && !code; i++) {
        memcpy(sum->from[i]->data, at, sum->from[i]->bytes);
        at += sum->from[i]->bytes;
    }
    sum->used = sum->sent = 0;
    sum->count = sum->code = 0;
    return code;
}

void hedon_gradient_sum_close(HedonGradientSum *sum)
{
    if (!sum) return;
    hedon_free(sum->packed);
    hedon_free(sum->from);
    hedon_free(sum);
}
