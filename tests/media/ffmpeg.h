/* The ffmpeg command as a maker of clips and as the reference: started without a shell. */
#ifndef HEDON_TESTS_MEDIA_FFMPEG_H
#define HEDON_TESTS_MEDIA_FFMPEG_H

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { FFMPEG_MAX_ARGUMENTS = 96 };

/* Starts ffmpeg with arguments separated by spaces. Its standard output is the pipe *out, or
 * nothing. */
static pid_t ffmpeg_start(const char *arguments, int *out)
{
    char *words = strdup(arguments), *argv[FFMPEG_MAX_ARGUMENTS + 5], *save = NULL;
    static char program[] = "ffmpeg", quiet[] = "-v", level[] = "quiet", no_stdin[] = "-nostdin";
    static char overwrite[] = "-y";
    int n = 0, ends[2] = {-1, -1};
    argv[n++] = program, argv[n++] = quiet, argv[n++] = level, argv[n++] = no_stdin;
    argv[n++] = overwrite;
    for (char *word = strtok_r(words, " ", &save); word && n < FFMPEG_MAX_ARGUMENTS;
         word = strtok_r(NULL, " ", &save))
        argv[n++] = word;
    argv[n] = NULL;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (!out) posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    if (out && pipe2(ends, O_CLOEXEC) == 0) posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    pid_t child = -1;
    if (posix_spawnp(&child, "ffmpeg", &actions, NULL, argv, environ)) child = -1;
    posix_spawn_file_actions_destroy(&actions);
    free(words);
    if (out) {
        close(ends[1]);
        *out = ends[0];
    }
    return child;
}

static int ffmpeg_finish(pid_t child)
{
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status)
               ? WEXITSTATUS(status)
               : -1;
}

/* 0 when ffmpeg made what was asked. */
__attribute__((unused)) static int ffmpeg_run(const char *arguments)
{
    return ffmpeg_finish(ffmpeg_start(arguments, NULL));
}

typedef char Md5[33];

/* MD5s of all frames of a file's stream as ffmpeg decodes them with one thread. Caller frees. */
__attribute__((unused)) static size_t ffmpeg_frames(const char *path, int stream, int turned, Md5 **frames)
{
    char arguments[1024];
    snprintf(arguments, sizeof arguments,
             "%s -threads 1 -i %s -map 0:%d -vsync passthrough -f framemd5 -",
             turned ? "" : "-noautorotate", path, stream);
    int fd;
    const pid_t child = ffmpeg_start(arguments, &fd);
    FILE *lines = fdopen(fd, "r");
    char line[512];
    size_t count = 0, room = 0;
    *frames = NULL;
    while (lines && fgets(line, sizeof line, lines)) {
        const char *last = strrchr(line, ',');
        if (line[0] == '#' || !last) continue;
        if (count == room)
            *frames = realloc(*frames, (room = room ? room * 2 : 256) * sizeof **frames);
        sscanf(last + 1, " %32s", (*frames)[count++]);
    }
    if (lines) fclose(lines);
    ffmpeg_finish(child);
    return count;
}

#endif
