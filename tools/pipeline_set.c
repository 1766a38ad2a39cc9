#include "tools/pipeline_set.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "tools/synth_renderers.h"

static int ascending(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Appends folder/name. */
static int add(HedonContext *ctx, HedonPipelineSet *set, const char *folder, const char *name)
{
    const size_t length = strlen(folder) + strlen(name) + 2;
    char **paths = hedon_realloc(set->paths, (size_t)set->count + 1, sizeof(*paths));
    if (!paths) return hedon_fail_memory(ctx);
    set->paths = paths;
    char *path = hedon_malloc(length, 1);
    if (!path) return hedon_fail_memory(ctx);
    snprintf(path, length, "%s/%s", folder, name);
    set->paths[set->count++] = path;
    return 0;
}

static int is_file(const char *path)
{
    struct stat status;
    return !stat(path, &status) && S_ISREG(status.st_mode);
}

int hedon_pipeline_set_list(HedonContext *ctx, HedonPipelineSet *set, const char *folder)
{
    *set = (HedonPipelineSet){0};
    DIR *directory = opendir(folder);
    if (!directory) return hedon_fail_errno(ctx, "cannot read the folder");
    int code = 0;
    for (struct dirent *entry; !code && (entry = readdir(directory));) {
        if (entry->d_name[0] == '.') continue;
        code = add(ctx, set, folder, entry->d_name);
        if (!code && !is_file(set->paths[set->count - 1])) hedon_free(set->paths[--set->count]);
    }
    closedir(directory);
    if (!code && !set->count) code = hedon_fail(ctx, HEDON_EINVAL, "there are no files in it");
    if (code)
        hedon_pipeline_set_free(set);
    else
        qsort(set->paths, (size_t)set->count, sizeof(*set->paths), ascending);
    return code;
}

/* ---- The temporary folder */

int hedon_pipeline_folder_make(HedonContext *ctx, char folder[HEDON_PIPELINE_FOLDER])
{
    const char *temporary = getenv("TMPDIR");
    if (!temporary || strlen(temporary) > 30) temporary = "/tmp";
    snprintf(folder, HEDON_PIPELINE_FOLDER, "%s/hedon-bench-XXXXXX", temporary);
    if (mkdtemp(folder)) return 0;
    folder[0] = 0;
    return hedon_fail_errno(ctx, "cannot make a temporary folder");
}

/* Whatever is in it: a video may have been left half done. */
void hedon_pipeline_folder_remove(const char *folder)
{
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory) closedir(directory);
    rmdir(folder);
}

/* ---- Rendering */

typedef struct Progress {
    HedonProgress bar;
    int64_t next, done, count;
    char name[32];
} Progress;

static int next_video(void *opaque, int64_t *number, const char **name)
{
    Progress *progress = opaque;
    if (progress->next == progress->count) return 1;
    *number = progress->next++;
    snprintf(progress->name, sizeof(progress->name), "%06lld.mp4", (long long)*number);
    *name = progress->name;
    return 0;
}

static void video_finished(void *opaque, int64_t number)
{
    Progress *progress = opaque;
    (void)number;
    hedon_progress_update(&progress->bar, "rendering", ++progress->done, progress->count);
}

int hedon_pipeline_set_render(HedonContext *ctx, HedonPipelineSet *set, int64_t count, int seconds)
{
    *set = (HedonPipelineSet){0};
    int code = hedon_pipeline_folder_make(ctx, set->folder);
    if (code) return code;
    Progress progress = {.count = count};
    const int cores = hedon_cpu_count();
    const HedonRendering rendering = {.folder = set->folder,
                                      .seed = 1,
                                      .seconds = seconds,
                                      .processes = count < cores ? (int)count : cores,
                                      .opaque = &progress,
                                      .next = next_video,
                                      .finished = video_finished};
    hedon_progress_start(&progress.bar);
    code = hedon_render_all(ctx, &rendering);
    hedon_progress_clear(&progress.bar);
    for (int64_t i = 0; i < count && !code; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%06lld.mp4", (long long)i);
        code = add(ctx, set, set->folder, name);
    }
    if (code) hedon_pipeline_set_free(set);
    return code;
}

void hedon_pipeline_set_free(HedonPipelineSet *set)
{
    for (int64_t i = 0; i < set->count; i++) hedon_free(set->paths[i]);
    hedon_free(set->paths);
    if (set->folder[0]) hedon_pipeline_folder_remove(set->folder);
    *set = (HedonPipelineSet){0};
}
