#include "train/groups.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* The number after a prefix at the start of name, -1 when it is not there. */
static int number_after(const char *name, const char *prefix)
{
    const size_t length = strlen(prefix);
    if (strncmp(name, prefix, length) || !isdigit((unsigned char)name[length])) return -1;
    return (int)strtol(name + length, NULL, 10);
}

static int starts(const char *name, const char *prefix)
{
    return !strncmp(name, prefix, strlen(prefix));
}

int hedon_group_layer(const char *name, int last)
{
    static const char *const first[] = {"patch_embed", "pos_embed", "cls_token", "mask_token",
                                        "stem"};
    const int block = number_after(name, "blocks."), stage = number_after(name, "layer");
    for (size_t i = 0; i < sizeof(first) / sizeof(*first); i++)
        if (starts(name, first[i])) return 0;
    return block >= 0 ? block + 1 : stage >= 0 ? stage : last;
}

int hedon_group_last_layer(const HedonGraph *graph)
{
    int largest = 0;
    for (int i = 0; i < graph->parameter_count; i++) {
        const char *name = graph->values[hedon_graph_parameter_value(graph, i)].name;
        const int layer = hedon_group_layer(name, 0);
        if (layer > largest) largest = layer;
    }
    return largest + 1;
}

/* Whether name begins with one of the prefixes; used[i] becomes 1 for those that fit. */
static int is_frozen(const char *name, const char *prefixes, uint64_t *used)
{
    int frozen = 0, number = 0;
    for (const char *prefix = prefixes; prefix && *prefix; number++) {
        const size_t length = strcspn(prefix, ",");
        if (length && !strncmp(name, prefix, length)) {
            frozen = 1;
            *used |= (uint64_t)1 << (number & 63);
        }
        prefix += length + (prefix[length] == ',');
    }
    return frozen;
}

static int check_prefixes(HedonContext *ctx, const char *prefixes, uint64_t used)
{
    int number = 0;
    for (const char *prefix = prefixes; prefix && *prefix; number++) {
        const size_t length = strcspn(prefix, ",");
        if (length && !(used >> (number & 63) & 1))
            return hedon_fail(ctx, HEDON_EINVAL,
                              "nothing to freeze begins with '%.*s': 'hedon info MODEL --graph' "
                              "lists the names",
                              (int)length, prefix);
        prefix += length + (prefix[length] == ',');
    }
    return 0;
}

int hedon_groups_make(HedonContext *ctx, const HedonGraph *graph, const HedonGroupRule *rule,
                      HedonGroup *groups)
{
    const int last = hedon_group_last_layer(graph);
    uint64_t used = 0;
    for (int i = 0; i < graph->parameter_count; i++) {
        const HedonValue *value = &graph->values[hedon_graph_parameter_value(graph, i)];
        const int layer = hedon_group_layer(value->name, last);
        const int decays = rule->decay_all || value->shape.rank > 1;
        groups[i].weight_decay = decays ? rule->weight_decay : 0;
        groups[i].rate_scale =
            is_frozen(value->name, rule->freeze, &used) ? 0 : pow(rule->layer_decay, last - layer);
    }
    return check_prefixes(ctx, rule->freeze, used);
}
