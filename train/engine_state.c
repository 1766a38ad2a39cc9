/* The tensors of an engine's state, by number: what is saved, put back, and shared between ranks.
 */
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "train/engine_private.h"

/* Parameter k has these parts, in this order; the average only when one is kept. */
static const struct {
    HedonStatePart part;
    const char *name;
} parts[] = {{HEDON_STATE_PARAMETER, "parameter"},
             {HEDON_STATE_MOMENT1, "moment1"},
             {HEDON_STATE_MOMENT2, "moment2"},
             {HEDON_STATE_AVERAGE, "average"}};
enum { PARTS = sizeof(parts) / sizeof(*parts), LOSS_SCALE = -1 };

static int has_gradient(const HedonGraph *graph, int parameter)
{
    const HedonValueId value = hedon_graph_parameter_value(graph, parameter);
    for (int i = 0; i < graph->gradient_count; i++)
        if (graph->gradients[i].parameter == value) return 1;
    return 0;
}

static int keeps(const HedonEngine *engine, int parameter, HedonStatePart part)
{
    switch (part) {
    case HEDON_STATE_PARAMETER:
        return 1;
    case HEDON_STATE_MOMENT1:
        return has_gradient(engine->made.graph, parameter);
    case HEDON_STATE_MOMENT2:
        return engine->recipe.optimiser == HEDON_ADAMW &&
               has_gradient(engine->made.graph, parameter);
    default:
        return engine->recipe.average > 0;
    }
}

/* The loss scale comes last: the steps of a run in float16 depend on it. */
int hedon_engine_list_tensors(HedonContext *ctx, HedonEngine *engine)
{
    const int parameters = engine->made.graph->parameter_count;
    HedonLossScale scale = {0};
    engine->kept = hedon_calloc((size_t)parameters * PARTS + 1, sizeof(*engine->kept));
    if (!engine->kept) return hedon_fail_memory(ctx);
    for (int k = 0; k < parameters; k++)
        for (int part = 0; part < PARTS; part++)
            if (keeps(engine, k, parts[part].part))
                engine->kept[engine->kept_count++] = (HedonKept){k, part};
    if (engine->backend->loss_scale_read) engine->backend->loss_scale_read(engine->state, &scale);
    if (scale.scale > 0) engine->kept[engine->kept_count++] = (HedonKept){LOSS_SCALE, 0};
    return 0;
}

static int room_of(HedonContext *ctx, HedonEngine *engine, HedonDtype dtype, HedonShape shape)
{
    hedon_tensor_free(&engine->room);
    return hedon_tensor_alloc(&engine->room, dtype, &shape) ? hedon_fail_memory(ctx) : 0;
}

int hedon_engine_room(HedonContext *ctx, HedonEngine *engine, int parameter)
{
    const HedonGraph *graph = engine->made.graph;
    return room_of(ctx, engine, hedon_engine_numbers(engine),
                   graph->values[hedon_graph_parameter_value(graph, parameter)].shape);
}

/* ---- One tensor, in engine->room */

static int make_room(HedonContext *ctx, HedonEngine *engine, const HedonKept *kept)
{
    if (kept->parameter == LOSS_SCALE)
        return room_of(ctx, engine, HEDON_F32, (HedonShape){.rank = 1, .dim = {2}});
    return hedon_engine_room(ctx, engine, kept->parameter);
}

static int read_room(HedonContext *ctx, HedonEngine *engine, const HedonKept *kept)
{
    if (kept->parameter != LOSS_SCALE)
        return engine->backend->state_read(ctx, engine->state, parts[kept->part].part,
                                           kept->parameter, &engine->room);
    HedonLossScale scale;
    float *numbers = engine->room.data;
    engine->backend->loss_scale_read(engine->state, &scale);
    numbers[0] = scale.scale;
    numbers[1] = (float)scale.good_steps;
    return 0;
}

static int write_room(HedonContext *ctx, HedonEngine *engine, const HedonKept *kept)
{
    if (kept->parameter != LOSS_SCALE)
        return engine->backend->state_write(ctx, engine->state, parts[kept->part].part,
                                            kept->parameter, &engine->room);
    const float *numbers = engine->room.data;
    const HedonLossScale scale = {.scale = numbers[0], .good_steps = (int)numbers[1]};
    return engine->backend->loss_scale_write(ctx, engine->state, &scale);
}

static void name_of(const HedonEngine *engine, const HedonKept *kept, char name[160])
{
    const HedonGraph *graph = engine->made.graph;
    if (kept->parameter == LOSS_SCALE)
        snprintf(name, 160, "loss_scale");
    else
        snprintf(name, 160, "%s:%s", parts[kept->part].name,
                 graph->values[hedon_graph_parameter_value(graph, kept->parameter)].name);
}

/* ---- All of them */

int64_t hedon_engine_tensors(const HedonEngine *engine)
{
    return engine->kept_count;
}

int hedon_engine_tensor(HedonContext *ctx, void *opaque, int64_t i, HedonStateTensor *out)
{
    HedonEngine *engine = opaque;
    if (i < 0 || i >= engine->kept_count)
        return hedon_fail(ctx, HEDON_EINVAL, "the state has fewer tensors");
    const HedonKept *kept = &engine->kept[i];
    name_of(engine, kept, out->name);
    int code = make_room(ctx, engine, kept);
    if (!code) code = read_room(ctx, engine, kept);
    out->values = engine->room;
    return code;
}

int hedon_engine_restore(HedonContext *ctx, HedonEngine *engine, const HedonResume *resume)
{
    int code = 0;
    for (int64_t i = 0; i < engine->kept_count && !code; i++) {
        const HedonKept *kept = &engine->kept[i];
        char name[160];
        name_of(engine, kept, name);
        code = make_room(ctx, engine, kept);
        if (!code) code = hedon_resume_read(ctx, resume, name, &engine->room);
        if (!code) code = write_room(ctx, engine, kept);
    }
    return code;
}

int hedon_engine_share(HedonContext *ctx, HedonEngine *engine)
{
    HedonProcessGroup *group = engine->group;
    int code = 0;
    for (int64_t i = 0; i < engine->kept_count && !code; i++) {
        const HedonKept *kept = &engine->kept[i];
        code = make_room(ctx, engine, kept);
        if (!code) code = read_room(ctx, engine, kept);
        if (!code)
            code = group->broadcast(ctx, group, engine->room.data,
                                    (size_t)hedon_shape_count(&engine->room.shape) *
                                        hedon_dtype_size(engine->room.dtype));
        if (!code && group->rank) code = write_room(ctx, engine, kept);
    }
    return code;
}

int hedon_engine_store(HedonContext *ctx, HedonEngine *engine, int average, HedonModel *model)
{
    const HedonStatePart part = average ? HEDON_STATE_AVERAGE : HEDON_STATE_PARAMETER;
    int code = 0;
    for (int k = 0; k < engine->made.graph->parameter_count && !code; k++)
        code = engine->backend->state_read(ctx, engine->state, part, k,
                                           hedon_model_writable(model, k));
    return code;
}
