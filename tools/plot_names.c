#include "tools/plot_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static void stem_of(const char *video, char *stem, size_t size)
{
    const char *slash = strrchr(video, '/'), *base = slash ? slash + 1 : video;
    const char *dot = strrchr(base, '.');
    const int length = dot && dot > base ? (int)(dot - base) : (int)strlen(base);
    if (!strcmp(video, "-"))
        snprintf(stem, size, "stdin");
    else
        snprintf(stem, size, "%.*s", length, base);
}

static char *fill(const char *pattern, int is_folder, const char *video)
{
    char stem[256], *name = NULL;
    stem_of(video, stem, sizeof(stem));
    const char *hole = strstr(pattern, "{}");
    int length;
    if (is_folder)
        length = asprintf(&name, "%s/%s.png", pattern, stem);
    else if (hole)
        length = asprintf(&name, "%.*s%s%s", (int)(hole - pattern), pattern, stem, hole + 2);
    else
        length = asprintf(&name, "%s", pattern);
    return length < 0 ? NULL : name;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The first name that stands twice, or NULL. */
static const char *twice(char **names, int count)
{
    char **sorted = malloc((size_t)count * sizeof(*sorted));
    if (!sorted) return NULL;
    memcpy(sorted, names, (size_t)count * sizeof(*sorted));
    qsort(sorted, (size_t)count, sizeof(*sorted), by_text);
    const char *found = NULL;
    for (int i = 1; i < count && !found; i++)
        if (!strcmp(sorted[i], sorted[i - 1])) found = sorted[i];
    free(sorted);
    return found;
}

static int ends_in_png(const char *name)
{
    const size_t length = strlen(name);
    return length > 4 && !strcasecmp(name + length - 4, ".png");
}

int hedon_plot_names(const HedonCommand *command, const char *pattern, char **videos, int count,
                     char ***names)
{
    struct stat status;
    const int is_folder = !stat(pattern, &status) && S_ISDIR(status.st_mode);
    if (count > 1 && !is_folder && !strstr(pattern, "{}"))
        return hedon_wrong_usage(command,
                                 "--plot %s with %d videos: put {} into the name, or give a folder",
                                 pattern, count);
    /* a forgotten FILE would make the first video the output, and replace it */
    if (!is_folder && !ends_in_png(pattern))
        return hedon_wrong_usage(command, "--plot %s: a plot's name ends in .png", pattern);
    *names = calloc((size_t)count, sizeof(**names));
    for (int i = 0; *names && i < count; i++) {
        (*names)[i] = fill(pattern, is_folder, videos[i]);
        if (!(*names)[i]) {
            hedon_plot_names_free(*names, count);
            *names = NULL;
        }
    }
    if (!*names) return hedon_report(NULL, HEDON_ENOMEM, "out of memory");
    const char *clash = twice(*names, count);
    if (!clash) return HEDON_PARSED;
    const int exit_status = hedon_wrong_usage(
        command, "two videos would be drawn to %s; draw them in two calls", clash);
    hedon_plot_names_free(*names, count);
    *names = NULL;
    return exit_status;
}

void hedon_plot_names_free(char **names, int count)
{
    for (int i = 0; names && i < count; i++) free(names[i]);
    free(names);
}
