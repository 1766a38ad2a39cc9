/* A model as the command line names it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "models/model.h"
#include "tools/command.h"

int hedon_open_model_argument(HedonContext *ctx, HedonModel **out, const char *name)
{
    static const char prefix[] = "random:";
    if (!name || strncmp(name, prefix, strlen(prefix))) return hedon_model_open(ctx, out, name);
    *out = NULL;
    char architecture[64];
    const char *start = name + strlen(prefix), *colon = strchr(start, ':');
    snprintf(architecture, sizeof(architecture), "%.*s",
             (int)(colon ? colon - start : (long)strlen(start)), start);
    char *end = NULL;
    const unsigned long long seed = colon ? strtoull(colon + 1, &end, 10) : 1;
    if (colon && (end == colon + 1 || *end))
        return hedon_fail(ctx, HEDON_EINVAL, "the seed after 'random:%s:' must be a whole number",
                          architecture);
    return hedon_model_open_random(ctx, out, architecture, seed, "emotions,utility");
}
