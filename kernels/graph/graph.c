/* The graph's builder: values, nodes, outputs; the first error sticks. */
#include "kernels/graph/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/graph/ops.h"

HedonGraph *hedon_graph_new(void)
{
    return hedon_calloc(1, sizeof(HedonGraph));
}

void hedon_graph_free(HedonGraph *graph)
{
    if (!graph) return;
    hedon_free(graph->values);
    hedon_free(graph->nodes);
    hedon_free(graph->outputs);
    hedon_free(graph->updates);
    hedon_free(graph->gradients);
    hedon_arena_free(&graph->arena);
    hedon_free(graph);
}

__attribute__((format(printf, 3, 4))) static HedonValueId fail(HedonGraph *graph, int code,
                                                               const char *fmt, ...)
{
    if (graph->error) return HEDON_NONE;
    graph->error = code;
    va_list args;
    va_start(args, fmt);
    vsnprintf(graph->message, sizeof(graph->message), fmt, args);
    va_end(args);
    return HEDON_NONE;
}

static HedonValueId fail_memory(HedonGraph *graph)
{
    return fail(graph, HEDON_ENOMEM, "out of memory");
}

/* Room for one more element of a growing array; 0 when memory is out. */
static int grow(void **array, int *room, int count, size_t size)
{
    if (count < *room) return 1;
    const int wanted = *room ? *room * 2 : 64;
    void *grown = hedon_realloc(*array, (size_t)wanted, size);
    if (!grown) return 0;
    *array = grown;
    *room = wanted;
    return 1;
}

static HedonValueId add_value(HedonGraph *graph, HedonValueKind kind, const char *name,
                              const HedonShape *shape, int32_t producer, int32_t ordinal)
{
    if (graph->error) return HEDON_NONE;
    const int64_t count = hedon_shape_count(shape);
    if (count <= 0 || count > INT64_MAX / 16)
        return fail(graph, HEDON_EINVAL, "%s: its shape has an empty or too large dimension", name);
    const char *copy = hedon_arena_strdup(&graph->arena, name);
    if (!copy ||
        !grow((void **)&graph->values, &graph->value_room, graph->value_count, sizeof(HedonValue)))
        return fail_memory(graph);
    graph->values[graph->value_count] = (HedonValue){
        .kind = kind, .name = copy, .shape = *shape, .producer = producer, .ordinal = ordinal};
    return graph->value_count++;
}

HedonValueId hedon_graph_input(HedonGraph *graph, const char *name, const HedonShape *shape)
{
    const HedonValueId id =
        add_value(graph, HEDON_VALUE_INPUT, name, shape, -1, graph->input_count);
    if (id != HEDON_NONE) graph->input_count++;
    return id;
}

HedonValueId hedon_graph_parameter(HedonGraph *graph, const char *name, const HedonShape *shape)
{
    if (!graph->error && hedon_graph_find_parameter(graph, name) != HEDON_NONE)
        return fail(graph, HEDON_EINVAL, "two parameters are called %s", name);
    const HedonValueId id =
        add_value(graph, HEDON_VALUE_PARAMETER, name, shape, -1, graph->parameter_count);
    if (id != HEDON_NONE) graph->parameter_count++;
    return id;
}

/* Check the inputs and collect their shapes; 0, or the sticky error. */
static int input_shapes(HedonGraph *graph, const HedonOperation *operation, const char *name,
                        const HedonValueId *inputs, int count, const HedonShape **shapes)
{
    if (count < operation->min_inputs || count > operation->max_inputs)
        return fail(graph, HEDON_EINVAL, "node %s: %s takes %d to %d inputs, not %d", name,
                    operation->name, operation->min_inputs, operation->max_inputs, count);
    for (int i = 0; i < count; i++) {
        const HedonValueId id = inputs[i];
        shapes[i] = NULL;
        if (id == HEDON_NONE && i >= operation->min_inputs) continue;
        if (id < 0 || id >= graph->value_count)
            return fail(graph, HEDON_EINVAL, "node %s: input %d of %s is missing", name, i,
                        operation->name);
        shapes[i] = &graph->values[id].shape;
    }
    return 0;
}

HedonValueId hedon_graph_node(HedonGraph *graph, HedonOpKind op, const char *name,
                              const HedonValueId *inputs, int input_count,
                              const HedonAttributes *attributes)
{
    if (graph->error) return HEDON_NONE;
    const HedonOperation *operation = hedon_operation(op);
    if (!operation) return fail(graph, HEDON_EINVAL, "node %s: no operation %d", name, (int)op);
    const HedonShape *shapes[HEDON_MAX_INPUTS];
    if (input_shapes(graph, operation, name, inputs, input_count, shapes)) return HEDON_NONE;

    HedonNode node = {.op = op, .output_count = operation->outputs};
    if (attributes) node.attributes = *attributes;
    HedonShape output[HEDON_MAX_OUTPUTS];
    char message[160] = "";
    const int err =
        operation->infer(shapes, input_count, &node.attributes, output, message, sizeof(message));
    if (err) return fail(graph, err, "node %s: %s: %s", name, operation->name, message);

    while (input_count > 0 && inputs[input_count - 1] == HEDON_NONE) input_count--;
    for (int i = 0; i < HEDON_MAX_INPUTS; i++)
        node.input[i] = i < input_count ? inputs[i] : HEDON_NONE;
    node.input_count = input_count;

    if (!grow((void **)&graph->nodes, &graph->node_room, graph->node_count, sizeof(HedonNode)))
        return fail_memory(graph);
    for (int i = 0; i < HEDON_MAX_OUTPUTS; i++) {
        node.output[i] = HEDON_NONE;
        if (i >= node.output_count) continue;
        node.output[i] =
            add_value(graph, HEDON_VALUE_NODE, name, &output[i], graph->node_count, -1);
        if (node.output[i] == HEDON_NONE) return HEDON_NONE;
    }
    node.name = graph->values[node.output[0]].name;
    graph->nodes[graph->node_count++] = node;
    return node.output[0];
}

HedonValueId hedon_graph_sibling(const HedonGraph *graph, HedonValueId first, int k)
{
    if (graph->error || first < 0 || first >= graph->value_count || k < 0 ||
        k >= HEDON_MAX_OUTPUTS || graph->values[first].producer < 0)
        return HEDON_NONE;
    return graph->nodes[graph->values[first].producer].output[k];
}

/* That the first is a parameter and the second a value of its shape; 0, or the sticky error. */
static int check_parameter_value(HedonGraph *graph, HedonValueId parameter, HedonValueId value,
                                 const char *role)
{
    if (graph->error) return graph->error;
    if (parameter < 0 || parameter >= graph->value_count || value < 0 ||
        value >= graph->value_count || graph->values[parameter].kind != HEDON_VALUE_PARAMETER ||
        !hedon_shape_equal(&graph->values[parameter].shape, &graph->values[value].shape))
        return fail(graph, HEDON_EINVAL, "%s %s is not of a parameter and of its shape", role,
                    value >= 0 && value < graph->value_count ? graph->values[value].name : "");
    return 0;
}

void hedon_graph_update(HedonGraph *graph, HedonValueId parameter, HedonValueId value, double rate,
                        double scale)
{
    if (check_parameter_value(graph, parameter, value, "an update by")) return;
    if (!grow((void **)&graph->updates, &graph->update_room, graph->update_count,
              sizeof(HedonGraphUpdate))) {
        fail_memory(graph);
        return;
    }
    graph->updates[graph->update_count++] = (HedonGraphUpdate){parameter, value, rate, scale};
}

void hedon_graph_gradient(HedonGraph *graph, HedonValueId parameter, HedonValueId value)
{
    if (check_parameter_value(graph, parameter, value, "a gradient")) return;
    for (int i = 0; i < graph->gradient_count; i++)
        if (graph->gradients[i].parameter == parameter) {
            fail(graph, HEDON_EINVAL, "parameter %s has two gradients",
                 graph->values[parameter].name);
            return;
        }
    if (!grow((void **)&graph->gradients, &graph->gradient_room, graph->gradient_count,
              sizeof(HedonGraphGradient))) {
        fail_memory(graph);
        return;
    }
    graph->gradients[graph->gradient_count++] = (HedonGraphGradient){parameter, value};
}

int hedon_graph_is_trained(const HedonGraph *graph)
{
    return graph->training || graph->gradient_count > 0 || graph->update_count > 0;
}

void hedon_graph_output(HedonGraph *graph, const char *name, HedonValueId value)
{
    if (graph->error) return;
    if (value < 0 || value >= graph->value_count) {
        fail(graph, HEDON_EINVAL, "output %s names no value", name);
        return;
    }
    if (hedon_graph_find_output(graph, name) >= 0) {
        fail(graph, HEDON_EINVAL, "two outputs are called %s", name);
        return;
    }
    const char *copy = hedon_arena_strdup(&graph->arena, name);
    if (!copy || !grow((void **)&graph->outputs, &graph->output_room, graph->output_count,
                       sizeof(HedonGraphOutput))) {
        fail_memory(graph);
        return;
    }
    graph->outputs[graph->output_count++] = (HedonGraphOutput){copy, value};
}

int hedon_graph_finish(HedonContext *ctx, HedonGraph *graph)
{
    if (!graph->error && graph->output_count == 0)
        fail(graph, HEDON_EINVAL, "the graph has no output");
    return graph->error ? hedon_fail(ctx, graph->error, "%s", graph->message) : 0;
}

int hedon_graph_find_output(const HedonGraph *graph, const char *name)
{
    for (int i = 0; i < graph->output_count; i++)
        if (strcmp(graph->outputs[i].name, name) == 0) return i;
    return -1;
}

static HedonValueId find_value(const HedonGraph *graph, HedonValueKind kind, int ordinal,
                               const char *name)
{
    for (int i = 0; i < graph->value_count; i++) {
        const HedonValue *value = &graph->values[i];
        if (value->kind == kind &&
            (name ? strcmp(value->name, name) == 0 : value->ordinal == ordinal))
            return i;
    }
    return HEDON_NONE;
}

HedonValueId hedon_graph_find_parameter(const HedonGraph *graph, const char *name)
{
    return find_value(graph, HEDON_VALUE_PARAMETER, 0, name);
}

HedonValueId hedon_graph_parameter_value(const HedonGraph *graph, int ordinal)
{
    return find_value(graph, HEDON_VALUE_PARAMETER, ordinal, NULL);
}

HedonValueId hedon_graph_input_value(const HedonGraph *graph, int ordinal)
{
    return find_value(graph, HEDON_VALUE_INPUT, ordinal, NULL);
}
