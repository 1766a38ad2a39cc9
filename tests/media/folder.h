/* A temporary folder for a test program's clips. */
#ifndef HEDON_TESTS_MEDIA_FOLDER_H
#define HEDON_TESTS_MEDIA_FOLDER_H

#include "tests/media/ffmpeg.h"

#include <ftw.h>

static char folder[] = "/tmp/hedon-clips-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The path of a file in the folder; one of a few buffers, in turn. */
static const char *in_folder(const char *name)
{
    static char paths[8][256];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Has ffmpeg make folder/name; returns its path. */
__attribute__((unused)) static const char *render(const char *arguments, const char *name)
{
    char command[2048];
    const char *path = in_folder(name);
    snprintf(command, sizeof command, "%s %s", arguments, path);
    if (ffmpeg_run(command)) {
        fprintf(stderr, "ffmpeg could not make %s\n", name);
        abort();
    }
    return path;
}

#endif
