/* The graph as text, a node a line, in the order of execution. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/graph/ops.h"

static void print_shape(FILE *stream, const HedonShape *shape)
{
    fputc('(', stream);
    for (int i = 0; i < shape->rank; i++)
        fprintf(stream, "%s%" PRId64, i ? "," : "", shape->dim[i]);
    fputc(')', stream);
}

static void print_node(FILE *stream, const HedonGraph *graph, const HedonNode *node)
{
    const HedonOperation *operation = hedon_operation(node->op);
    fprintf(stream, "%%%-4d %-12s %-28s ", (int)node->output[0], operation->name, node->name);
    print_shape(stream, &graph->values[node->output[0]].shape);
    for (int i = 1; i < node->output_count; i++) fprintf(stream, ", %%%d", (int)node->output[i]);
    fputs(" =", stream);
    for (int i = 0; i < node->input_count; i++) {
        const HedonValueId id = node->input[i];
        if (id == HEDON_NONE) {
            fputs(" -", stream);
            continue;
        }
        const HedonValue *value = &graph->values[id];
        if (value->kind == HEDON_VALUE_NODE)
            fprintf(stream, " %%%d", (int)id);
        else
            fprintf(stream, " %s", value->name);
        if (value->kind == HEDON_VALUE_PARAMETER) print_shape(stream, &value->shape);
    }
    if (operation->describe) {
        char text[128];
        operation->describe(&node->attributes, text, sizeof(text));
        fputs(text, stream);
    }
    fputc('\n', stream);
}

char *hedon_graph_text(const HedonGraph *graph)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) return NULL;
    for (int i = 0; i < graph->value_count; i++) {
        const HedonValue *value = &graph->values[i];
        if (value->kind != HEDON_VALUE_INPUT) continue;
        fprintf(stream, "%%%-4d %-12s %-28s ", i, "input", value->name);
        print_shape(stream, &value->shape);
        fputc('\n', stream);
    }
    for (int i = 0; i < graph->node_count; i++) print_node(stream, graph, &graph->nodes[i]);
    for (int i = 0; i < graph->output_count; i++)
        fprintf(stream, "      %-12s %-28s = %%%d\n", "output", graph->outputs[i].name,
                (int)graph->outputs[i].value);
    for (int i = 0; i < graph->gradient_count; i++)
        fprintf(stream, "      %-12s %-28s = %%%d\n", "gradient",
                graph->values[graph->gradients[i].parameter].name, (int)graph->gradients[i].value);
    for (int i = 0; i < graph->update_count; i++)
        fprintf(stream, "      %-12s %-28s = %%%d rate %g\n", "update",
                graph->values[graph->updates[i].parameter].name, (int)graph->updates[i].value,
                graph->updates[i].rate);
    const int failed = ferror(stream);
    if (fclose(stream) || failed) {
        free(text);
        return NULL;
    }
    return text;
}
