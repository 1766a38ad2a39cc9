/* A folder tree of videos without labels; with classes=folder, the folder below DIR that a video
 * lies in is its class. Ids are paths below DIR, in byte order. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/memory.h"
#include "datasets/build.h"

enum { DEEPEST = 16 };

typedef struct Walk {
    HedonContext *ctx;
    HedonArena arena;
    char **files; /* below the dataset's folder */
    size_t count, room;
} Walk;

static int is_video(const char *name)
{
    static const char *const endings[] = {"mp4",  "m4v", "mov", "mkv", "webm", "avi", "mpg",
                                          "mpeg", "ts",  "flv", "wmv", "ogv",  "3gp", "gif"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && dot != name && i < sizeof(endings) / sizeof(*endings); i++)
        if (!strcasecmp(dot + 1, endings[i])) return 1;
    return 0;
}

static int keep(Walk *walk, const char *file)
{
    if (walk->count == walk->room) {
        const size_t room = walk->room ? 2 * walk->room : 256;
        char **grown = hedon_realloc(walk->files, room, sizeof(*grown));
        if (!grown) return hedon_fail_memory(walk->ctx);
        walk->files = grown;
        walk->room = room;
    }
    char *copy = hedon_arena_strdup(&walk->arena, file);
    if (!copy) return hedon_fail_memory(walk->ctx);
    walk->files[walk->count++] = copy;
    return 0;
}

/* Links to files are followed, links to folders are not: those can go round in circles. */
static int visit(Walk *walk, const char *dir, const char *below, int depth)
{
    char *path = hedon_arena_printf(&walk->arena, "%s/%s", dir, below);
    if (!path) return hedon_fail_memory(walk->ctx);
    DIR *folder = opendir(path);
    if (!folder) return hedon_fail_errno(walk->ctx, "cannot read folder %s", path);
    int code = 0;
    for (struct dirent *entry; !code && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        char *file =
            hedon_arena_printf(&walk->arena, "%s%s%s", below, *below ? "/" : "", entry->d_name);
        char *full = file ? hedon_arena_printf(&walk->arena, "%s/%s", dir, file) : NULL;
        struct stat status;
        if (!full)
            code = hedon_fail_memory(walk->ctx);
        else if (!lstat(full, &status) && S_ISDIR(status.st_mode) && depth < DEEPEST)
            code = visit(walk, dir, file, depth + 1);
        else if (is_video(entry->d_name) && !stat(full, &status) && S_ISREG(status.st_mode))
            code = keep(walk, file);
    }
    closedir(folder);
    return code;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int class_by_folder(HedonContext *ctx, HedonDataset *dataset)
{
    const char **class_of = hedon_calloc((size_t)dataset->count, sizeof(*class_of));
    if (!class_of) return hedon_fail_memory(ctx);
    int code = 0;
    for (int64_t i = 0; i < dataset->count && !code; i++) {
        const char *id = dataset->items[i].id, *slash = strchr(id, '/');
        if (!slash) continue;
        class_of[i] = hedon_arena_printf(&dataset->arena, "%.*s", (int)(slash - id), id);
        if (!class_of[i]) code = hedon_fail_memory(ctx);
    }
    if (!code) code = hedon_build_classes(ctx, dataset, class_of);
    hedon_free(class_of);
    return code;
}

static int folder_open(HedonContext *ctx, HedonDataset *dataset, const char *dir,
                       const HedonDatasetOptions *options)
{
    const char *classes = hedon_build_setting(options, "classes");
    if (classes && strcmp(classes, "none") && strcmp(classes, "folder"))
        return hedon_fail(ctx, HEDON_EINVAL, "classes=%s: give none or folder", classes);
    const char *split = hedon_build_setting(options, "split");
    const int which = split ? hedon_split_from_name(split) : HEDON_SPLIT_TRAIN;
    if (which != HEDON_SPLIT_TRAIN && which != HEDON_SPLIT_TEST)
        return hedon_fail(ctx, HEDON_EINVAL, "split=%s: give train or test", split);
    Walk walk = {.ctx = ctx};
    int code = visit(&walk, dir, "", 0);
    if (walk.count) qsort(walk.files, walk.count, sizeof(*walk.files), by_name);
    for (size_t i = 0; i < walk.count && !code; i++) {
        HedonDatasetItem *item;
        const HedonJsonText file = {walk.files[i], strlen(walk.files[i])};
        code = hedon_build_item(ctx, dataset, file, (HedonSplit)which, &item, NULL);
        if (!code) code = hedon_build_path(ctx, dataset, file, &item->path);
    }
    hedon_free(walk.files);
    hedon_arena_free(&walk.arena);
    if (!code && !dataset->count) return hedon_fail(ctx, HEDON_ENOENT, "no video in this folder");
    if (!code && classes && !strcmp(classes, "folder")) code = class_by_folder(ctx, dataset);
    return code;
}

static int folder_detect(const char *dir)
{
    struct stat status;
    return !stat(dir, &status) && S_ISDIR(status.st_mode);
}

static const HedonDatasetOption folder_options[] = {
    {"classes", "none|folder", "the class is the first folder below DIR (default none)"},
    {"split", "train|test", "of all its videos (default train)"},
    {NULL},
};

const HedonDatasetKind hedon_dataset_folder = {
    .name = "folder",
    .summary = "a tree of videos without labels",
    .options = folder_options,
    .detect = folder_detect,
    .open = folder_open,
};
