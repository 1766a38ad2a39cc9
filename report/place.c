#include "report/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/memory.h"

/* Bytes of root without slashes at its end. */
static size_t root_length(const char *root)
{
    size_t length = strlen(root);
    while (length && root[length - 1] == '/') length--;
    return length;
}

const char *hedon_path_under(const char *root, const char *path)
{
    const size_t length = root ? root_length(root) : 0;
    if (!root || !*root || strncmp(path, root, length) || path[length] != '/') return path;
    path += length;
    while (*path == '/') path++;
    return path;
}

static int has_dots(const char *path)
{
    for (const char *part = path; *part;) {
        const size_t length = strcspn(part, "/");
        if (length <= 2 && !strncmp(part, "..", length) && length) return 1;
        part += length + (part[length] == '/');
    }
    return 0;
}

static int is_taken(const HedonRoots *roots, const char *name)
{
    for (int i = 0; i < roots->count; i++)
        if (!strcmp(roots->items[i].name, name)) return 1;
    return 0;
}

static int add_root(HedonRoots *roots, const char *root)
{
    char name[300];
    size_t end = root_length(root), begin = end;
    while (begin && root[begin - 1] != '/') begin--;
    const int length = (int)(end - begin) < 255 ? (int)(end - begin) : 255;
    snprintf(name, sizeof(name), "%.*s", length, length ? root + begin : "");
    if (!length || has_dots(name)) snprintf(name, sizeof(name), "videos");
    const size_t base = strlen(name);
    for (int i = 2; is_taken(roots, name); i++)
        snprintf(name + base, sizeof(name) - base, "-%d", i);
    void *more = hedon_realloc(roots->items, (size_t)roots->count + 1, sizeof(*roots->items));
    if (!more) return HEDON_ENOMEM;
    roots->items = more;
    roots->items[roots->count].root = hedon_strdup(root);
    roots->items[roots->count].name = hedon_strdup(name);
    roots->count++;
    return roots->items[roots->count - 1].root && roots->items[roots->count - 1].name
               ? 0
               : HEDON_ENOMEM;
}

int hedon_roots_name(HedonContext *ctx, HedonRoots *roots, const char *root, const char *path,
                     char **name)
{
    *name = NULL;
    const char *rest = hedon_path_under(root, path);
    if (rest == path || !*rest || has_dots(rest))
        return hedon_fail(ctx, HEDON_EDATA, "is not under the folder that was annotated");
    int i = 0;
    while (i < roots->count && strcmp(roots->items[i].root, root)) i++;
    if (i == roots->count && add_root(roots, root)) return hedon_fail_memory(ctx);
    const size_t size = strlen(roots->items[i].name) + strlen(rest) + 2;
    *name = hedon_malloc(size, 1);
    if (!*name) return hedon_fail_memory(ctx);
    snprintf(*name, size, "%s/%s", roots->items[i].name, rest);
    return 0;
}

void hedon_roots_clear(HedonRoots *roots)
{
    for (int i = 0; i < roots->count; i++) {
        hedon_free(roots->items[i].root);
        hedon_free(roots->items[i].name);
    }
    hedon_free(roots->items);
    *roots = (HedonRoots){0};
}

int hedon_make_folders(HedonContext *ctx, const char *path)
{
    char *copy = hedon_strdup(path);
    int code = copy ? 0 : hedon_fail_memory(ctx);
    for (char *slash = copy ? strchr(copy + 1, '/') : NULL; slash && !code;
         slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(copy, 0777) && errno != EEXIST)
            code = hedon_fail_errno(ctx, "cannot make the folder %s", copy);
        *slash = '/';
    }
    hedon_free(copy);
    return code;
}
