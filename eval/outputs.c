#include "eval/outputs.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static const char *const scales[] = {"auto", "intensities", "logits", "softmax"};

const char *hedon_scale_name(HedonScale scale)
{
    return scales[scale];
}

int hedon_scale_from_name(const char *name)
{
    for (int i = 0; i < (int)(sizeof(scales) / sizeof(*scales)); i++)
        if (!strcmp(name, scales[i])) return i;
    return -1;
}

HedonOutputs *hedon_outputs_new(HedonContext *ctx, const char *name, int width, int64_t items)
{
    HedonOutputs *outputs = hedon_calloc(1, sizeof(*outputs));
    if (outputs) {
        outputs->width = width;
        outputs->items = items;
        outputs->name = hedon_strdup(name);
        outputs->value = hedon_calloc((size_t)items, (size_t)width * sizeof(double));
        outputs->present = hedon_calloc((size_t)items, 1);
        if (outputs->name && outputs->value && outputs->present) return outputs;
    }
    hedon_outputs_free(outputs);
    hedon_fail_memory(ctx);
    return NULL;
}

void hedon_outputs_free(HedonOutputs *outputs)
{
    if (!outputs) return;
    hedon_free(outputs->name);
    hedon_free(outputs->value);
    hedon_free(outputs->present);
    hedon_free(outputs->views);
    hedon_free(outputs);
}
