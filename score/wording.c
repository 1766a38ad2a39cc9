#include "score/wording.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "score/json_writer.h"

void hedon_wording_meaning(char *text, size_t size, const HedonModelInfo *info,
                           const HedonScore *score)
{
    if (!score->has_percentile) {
        snprintf(text, size,
                 "predicted pleasantness of watching, on a scale without zero or unit; this "
                 "model has no reference videos; not anybody's happiness");
        return;
    }
    char percentile[32];
    hedon_format_number(percentile, round(10 * score->percentile) / 10);
    snprintf(text, size,
             "predicted pleasantness of watching, above %s%% of the model's reference "
             "videos: %s; not anybody's happiness",
             percentile, info->reference_name);
}

void hedon_wording_time(char *text, size_t size, double seconds)
{
    const long long whole = (long long)(seconds + .5);
    if (seconds > 0 && seconds < 1) {
        snprintf(text, size, "0.%d s", (int)(10 * seconds));
        return;
    }
    if (whole >= 3600)
        snprintf(text, size, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(text, size, "%lld:%02lld", whole / 60, whole % 60);
}

FILE *hedon_wording_open(HedonContext *ctx, char **text, size_t *size)
{
    *text = NULL;
    FILE *out = open_memstream(text, size);
    if (!out) hedon_fail_memory(ctx);
    return out;
}

int hedon_wording_close(HedonContext *ctx, FILE *out, char **text)
{
    const int failed = ferror(out);
    if (!fclose(out) && !failed) return 0;
    free(*text);
    *text = NULL;
    return hedon_fail_memory(ctx);
}
