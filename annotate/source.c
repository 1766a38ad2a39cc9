#include "annotate/source.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "annotate/sniff.h"
#include "base/error.h"
#include "base/memory.h"

struct HedonSource {
    HedonSourceOptions options;
    HedonWalkTrouble *trouble;
    void *opaque;
    HedonSourceCounts counts;
    HedonWalk *walk;
    int place;   /* the next one */
    int walking; /* inside a folder */
    FILE *list;  /* open */
    char *line;  /* of the list */
    size_t line_room;
    char root[PATH_MAX];     /* of the file given last */
    char path[2 * PATH_MAX]; /* of a file that comes from no walk */
    char here[PATH_MAX];     /* the working directory */
};

static void complain(void *opaque, const char *path, const char *sentence)
{
    HedonSource *source = opaque;
    source->counts.troubles++;
    if (source->trouble) source->trouble(source->opaque, path, sentence);
}

static int open_list(HedonContext *ctx, HedonSource *source, const char *name)
{
    source->list = strcmp(name, "-") ? fopen(name, "re") : fdopen(dup(STDIN_FILENO), "r");
    return source->list ? 0 : hedon_fail_errno(ctx, "cannot open the list of files %s", name);
}

int hedon_source_open(HedonContext *ctx, HedonSource **out, const HedonSourceOptions *options,
                      HedonWalkTrouble *trouble, void *opaque)
{
    HedonSource *source = *out = hedon_calloc(1, sizeof(*source));
    if (!source) return hedon_fail_memory(ctx);
    source->options = *options;
    source->trouble = trouble;
    source->opaque = opaque;
    int code = hedon_walk_new(ctx, &source->walk, &source->options.filter, complain, source);
    if (!code && !getcwd(source->here, sizeof(source->here)))
        code = hedon_fail_errno(ctx, "the working directory has no name");
    if (!code && options->list) code = open_list(ctx, source, options->list);
    if (!code) return 0;
    hedon_source_close(source);
    *out = NULL;
    return code;
}

void hedon_source_close(HedonSource *source)
{
    if (!source) return;
    if (source->list) fclose(source->list);
    free(source->line); /* getdelim's */
    hedon_walk_free(source->walk);
    hedon_free(source);
}

const HedonSourceCounts *hedon_source_counts(const HedonSource *source)
{
    return &source->counts;
}

/* ---- Files named by themselves */

/* The folder of a file without its links, so that a file has one name whoever lists it; then its
 * own name. 0, or -1 with errno. */
static int resolve(HedonSource *source, const char *name)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(name, '/');
    const size_t length = slash ? (size_t)(slash - name) + 1 : 0;
    if (length >= sizeof(folder) || strlen(name) - length > NAME_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    snprintf(folder, sizeof(folder), "%.*s", (int)length, name);
    if (!realpath(length ? folder : ".", source->root)) return -1;
    snprintf(source->path, sizeof(source->path), "%s%s%s", source->root, source->root[1] ? "/" : "",
             name + length);
    return 0;
}

/* A listed file is shown relative to the working directory when it lies below it, so that lists
 * made there keep their folders apart; else to its own folder. */
static void choose_root(HedonSource *source)
{
    const size_t length = strlen(source->here);
    if (!strncmp(source->root, source->here, length) &&
        (source->root[length] == '/' || !source->root[length]))
        strcpy(source->root, source->here);
}

static const char *below_root(const HedonSource *source, const char *path)
{
    const char *rest = path + strlen(source->root);
    return rest + (*rest == '/');
}

/* A file that the user named: whatever it holds, it was meant. 0 given, 1 not. */
static int take_file(HedonSource *source, const char *name, HedonStoreFile *file)
{
    struct stat about;
    if (resolve(source, name) || (stat(source->path, &about) && lstat(source->path, &about))) {
        complain(source, name, strerror(errno));
        return 1;
    }
    if (!S_ISREG(about.st_mode) && !S_ISLNK(about.st_mode)) {
        complain(source, name,
                 S_ISDIR(about.st_mode) ? "is a folder: name it beside the list, not in it"
                                        : "is not an ordinary file");
        return 1;
    }
    choose_root(source);
    const HedonFilter *filter = &source->options.filter;
    const char *relative = below_root(source, source->path);
    HedonFilter shown = *filter;
    shown.hidden = 1;
    if (!hedon_filter_file(&shown, relative) || !hedon_filter_shard(filter, relative)) return 1;
    *file = (HedonStoreFile){.path = source->path,
                             .root = source->root,
                             .size = about.st_size,
                             .mtime_ns = (int64_t)about.st_mtim.tv_sec * 1000000000 +
                                         about.st_mtim.tv_nsec};
    return 0;
}

/* 0 a file, 1 the end of the list. */
static int next_of_list(HedonContext *ctx, HedonSource *source, HedonStoreFile *file)
{
    const int separator = source->options.nul ? 0 : '\n';
    ssize_t length;
    while (errno = 0,
           (length = getdelim(&source->line, &source->line_room, separator, source->list)) > 0) {
        const int code = hedon_check_cancelled(ctx);
        if (code) return code;
        if (source->line[length - 1] == separator) source->line[--length] = 0;
        if (separator == '\n' && length && source->line[length - 1] == '\r')
            source->line[--length] = 0;
        if (length && !take_file(source, source->line, file)) return 0;
    }
    if (errno) complain(source, "the list of files", strerror(errno));
    fclose(source->list);
    source->list = NULL;
    return 1;
}

/* ---- Folders */

static int next_of_folder(HedonContext *ctx, HedonSource *source, HedonStoreFile *file, int *unsure)
{
    HedonWalkFile found;
    int code;
    while (!(code = hedon_walk_next(ctx, source->walk, &found))) {
        code = hedon_check_cancelled(ctx);
        if (code) return code;
        if (!hedon_filter_shard(&source->options.filter, found.relative)) continue;
        *unsure = !hedon_sniff_name(found.relative);
        if (*unsure && found.broken) continue;
        *file = (HedonStoreFile){.path = found.path,
                                 .root = source->root,
                                 .size = found.size,
                                 .mtime_ns = found.mtime_ns};
        return 0;
    }
    if (code > 0) source->walking = 0;
    return code;
}

int hedon_source_settle(HedonContext *ctx, HedonSource *source, const char *path, int known)
{
    const int video = known ? 1 : hedon_sniff_file(ctx, path);
    if (video < 0) complain(source, path, hedon_last_error(ctx));
    source->counts.files += video > 0;
    source->counts.others += !video;
    return video > 0;
}

/* Begin with the next place: 0 it is one file, 1 go on. */
static int next_place(HedonContext *ctx, HedonSource *source, HedonStoreFile *file)
{
    const char *place = source->options.places[source->place++];
    if (!strcmp(place, "-")) {
        const int code = open_list(ctx, source, place);
        return code ? code : 1;
    }
    struct stat about;
    if (stat(place, &about) || !S_ISDIR(about.st_mode)) return take_file(source, place, file);
    if (!realpath(place, source->root)) {
        complain(source, place, strerror(errno));
        return 1;
    }
    const int code = hedon_walk_root(ctx, source->walk, source->root);
    source->walking = !code;
    return code ? code : 1;
}

int hedon_source_next(HedonContext *ctx, HedonSource *source, HedonStoreFile *file, int *unsure)
{
    for (;;) {
        *unsure = 0;
        int code = hedon_check_cancelled(ctx);
        if (code) return code;
        if (source->list)
            code = next_of_list(ctx, source, file);
        else if (source->walking)
            code = next_of_folder(ctx, source, file, unsure);
        else if (source->place < source->options.place_count)
            code = next_place(ctx, source, file);
        else
            return 1;
        if (!code) source->counts.files += !*unsure;
        if (code <= 0) return code;
    }
}
