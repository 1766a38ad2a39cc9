#include "annotate/walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "annotate/seen.h"
#include "base/error.h"
#include "base/memory.h"

/* A folder on the way from the root. */
typedef struct Level {
    char *names; /* one after another, NUL-terminated */
    size_t size, room;
    char **sorted;
    size_t count, next;
    size_t path_length; /* of the folder */
} Level;

struct HedonWalk {
    const HedonFilter *filter;
    HedonWalkTrouble *trouble;
    void *opaque;
    HedonSeen seen;
    Level *levels;
    size_t depth, room;
    char *path;
    size_t path_room, root_length; /* root_length: with the slash after it */
};

int hedon_walk_new(HedonContext *ctx, HedonWalk **out, const HedonFilter *filter,
                   HedonWalkTrouble *trouble, void *opaque)
{
    HedonWalk *walk = *out = hedon_calloc(1, sizeof(*walk));
    if (!walk) return hedon_fail_memory(ctx);
    walk->filter = filter;
    walk->trouble = trouble;
    walk->opaque = opaque;
    return 0;
}

static void level_free(Level *level)
{
    hedon_free(level->names);
    hedon_free(level->sorted);
}

void hedon_walk_free(HedonWalk *walk)
{
    if (!walk) return;
    while (walk->depth) level_free(&walk->levels[--walk->depth]);
    hedon_free(walk->levels);
    hedon_free(walk->path);
    hedon_seen_free(&walk->seen);
    hedon_free(walk);
}

static void complain(HedonWalk *walk, const char *what, int error)
{
    char sentence[256];
    snprintf(sentence, sizeof(sentence), "%s: %s", what, strerror(error));
    if (walk->trouble) walk->trouble(walk->opaque, walk->path, sentence);
}

/* ---- Reading a folder */

static int add_name(HedonContext *ctx, Level *level, const char *name)
{
    const size_t length = strlen(name) + 1;
    if (level->size + length > level->room) {
        const size_t room = 2 * level->room + length + 1024;
        char *names = hedon_realloc(level->names, room, 1);
        if (!names) return hedon_fail_memory(ctx);
        level->names = names;
        level->room = room;
    }
    memcpy(level->names + level->size, name, length);
    level->size += length;
    level->count++;
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int sort_names(HedonContext *ctx, Level *level)
{
    level->sorted = hedon_malloc(level->count ? level->count : 1, sizeof(*level->sorted));
    if (!level->sorted) return hedon_fail_memory(ctx);
    char *name = level->names;
    for (size_t i = 0; i < level->count; i++, name += strlen(name) + 1) level->sorted[i] = name;
    qsort(level->sorted, level->count, sizeof(*level->sorted), by_bytes);
    return 0;
}

static int read_names(HedonContext *ctx, HedonWalk *walk, Level *level)
{
    DIR *folder = opendir(walk->path);
    if (!folder) {
        complain(walk, "cannot read this folder", errno);
        return sort_names(ctx, level);
    }
    int code = 0;
    struct dirent *entry;
    while (!code && (errno = 0, entry = readdir(folder))) {
        const char *name = entry->d_name;
        if (!strcmp(name, ".") || !strcmp(name, "..")) continue;
        if (name[0] == '.' && !walk->filter->hidden) continue;
        code = add_name(ctx, level, name);
    }
    if (!code && errno) complain(walk, "this folder could be read in part only", errno);
    closedir(folder);
    return code ? code : sort_names(ctx, level);
}

/* Go into the folder that walk->path names, unless it was visited. */
static int enter(HedonContext *ctx, HedonWalk *walk, const struct stat *about)
{
    int fresh;
    int code =
        hedon_seen_add(ctx, &walk->seen, (uint64_t)about->st_dev, (uint64_t)about->st_ino, &fresh);
    if (code || !fresh) return code;
    if (walk->depth == walk->room) {
        const size_t room = 2 * walk->room + 16;
        Level *levels = hedon_realloc(walk->levels, room, sizeof(*levels));
        if (!levels) return hedon_fail_memory(ctx);
        walk->levels = levels;
        walk->room = room;
    }
    Level *level = &walk->levels[walk->depth++];
    *level = (Level){.path_length = strlen(walk->path)};
    return read_names(ctx, walk, level);
}

/* ---- Paths */

static int set_path(HedonContext *ctx, HedonWalk *walk, size_t folder_length, const char *name)
{
    const size_t needed = folder_length + 1 + strlen(name) + 1;
    if (needed > walk->path_room) {
        char *path = hedon_realloc(walk->path, 2 * needed, 1);
        if (!path) return hedon_fail_memory(ctx);
        walk->path = path;
        walk->path_room = 2 * needed;
    }
    if (folder_length && walk->path[folder_length - 1] != '/') walk->path[folder_length++] = '/';
    strcpy(walk->path + folder_length, name);
    return 0;
}

int hedon_walk_root(HedonContext *ctx, HedonWalk *walk, const char *root)
{
    while (walk->depth) level_free(&walk->levels[--walk->depth]);
    const int code = set_path(ctx, walk, 0, root);
    if (code) return code;
    const size_t length = strlen(root);
    walk->root_length = length + (length > 0 && root[length - 1] != '/');
    struct stat about;
    if (!stat(root, &about)) return enter(ctx, walk, &about);
    complain(walk, "cannot read this folder", errno);
    return 0;
}

/* ---- Files */

/* 1: `file` is a file to give; 0: something else, dealt with. */
static int look(HedonContext *ctx, HedonWalk *walk, HedonWalkFile *file)
{
    const char *relative = walk->path + walk->root_length;
    struct stat about;
    int broken = 0;
    if (stat(walk->path, &about)) {
        const int error = errno;
        broken = !lstat(walk->path, &about) && S_ISLNK(about.st_mode);
        if (!broken && error != ENOENT) complain(walk, "cannot look at it", error);
        if (!broken) return 0;
    }
    if (S_ISDIR(about.st_mode))
        return hedon_filter_folder(walk->filter, relative) ? enter(ctx, walk, &about) : 0;
    if (!broken && !S_ISREG(about.st_mode)) return 0;
    if (!hedon_filter_file(walk->filter, relative)) return 0;
    *file = (HedonWalkFile){.path = walk->path,
                            .relative = relative,
                            .size = about.st_size,
                            .mtime_ns =
                                (int64_t)about.st_mtim.tv_sec * 1000000000 + about.st_mtim.tv_nsec,
                            .broken = broken};
    return 1;
}

int hedon_walk_next(HedonContext *ctx, HedonWalk *walk, HedonWalkFile *file)
{
    while (walk->depth) {
        Level *level = &walk->levels[walk->depth - 1];
        if (level->next == level->count) {
            level_free(level);
            walk->depth--;
            continue;
        }
        int code = set_path(ctx, walk, level->path_length, level->sorted[level->next++]);
        if (!code) code = look(ctx, walk, file);
        if (code) return code < 0 ? code : 0;
    }
    return 1;
}
