/* Running the built programs as a user would, for test_cli.c. */
#ifndef HEDON_TESTS_CLI_FIXTURE_H
#define HEDON_TESTS_CLI_FIXTURE_H

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEDON HEDON_BINARY_DIR "/hedon"

extern char **environ;

static char scratch[] = "/tmp/hedon-test-cli-XXXXXX";

/* A name in the scratch folder; one of sixteen buffers that take turns. */
static inline char *in_scratch(const char *name)
{
    static char paths[16][256];
    static int turn;
    char *path = paths[turn++ % 16];
    snprintf(path, sizeof(paths[0]), "%s/%s", scratch, name);
    return path;
}

static inline int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline int shell(const char *format, ...)
{
    char command[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    return system(command);
}

static inline char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    rewind(file);
    char *text = calloc(1, (size_t)size + 1);
    if (!text || fread(text, 1, (size_t)size, file) != (size_t)size) abort();
    fclose(file);
    return text;
}

static inline int exists(const char *path)
{
    return !access(path, F_OK);
}

static inline int count_lines(const char *text)
{
    int lines = 0;
    for (; *text; text++) lines += *text == '\n';
    return lines;
}

typedef struct Ran {
    int status; /* exit status, or -signal */
    char *out, *err;
    long most_kb; /* resident */
} Ran;

static inline void ran_free(Ran *ran)
{
    free(ran->out);
    free(ran->err);
}

static inline pid_t start(char *const *argv, const char *in, const char *out, const char *err)
{
    pid_t pid;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, in, O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (posix_spawn(&pid, argv[0], &actions, NULL, argv, environ)) abort();
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static inline Ran finish(pid_t pid, const char *out, const char *err)
{
    int status;
    struct rusage usage;
    Ran ran = {0};
    if (wait4(pid, &status, 0, &usage) != pid) abort();
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    ran.out = strcmp(out, "/dev/full") ? read_file(out) : NULL;
    ran.err = read_file(err);
    ran.most_kb = usage.ru_maxrss;
    return ran;
}

/* Run a program with standard input and output from and to files. */
static inline Ran run_with(char *const *argv, const char *in, const char *out)
{
    char err[256];
    snprintf(err, sizeof(err), "%s", in_scratch("stderr"));
    return finish(start(argv, in, out, err), out, err);
}

#define ARGV(...) ((char *[]){(char[]){HEDON}, __VA_ARGS__, NULL})
#define RUN(...)  run_with(ARGV(__VA_ARGS__), "/dev/null", in_scratch("stdout"))

/* Options into ffmpeg, a file of the scratch folder out. */
static inline void render(const char *options, const char *name)
{
    if (shell("ffmpeg -v error -nostdin -y %s %s", options, in_scratch(name))) abort();
}

static inline void write_bytes(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(in_scratch(name), "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file)) abort();
}

#endif
