/* A real PostgreSQL server of the test's own: its files in a temporary folder, reached by a Unix
 * socket there, gone when the test ends or dies. As root it runs as `postgres` or `nobody`, since
 * initdb refuses root. */
#ifndef HEDON_TESTS_POSTGRES_FIXTURE_H
#define HEDON_TESTS_POSTGRES_FIXTURE_H

#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct PostgresFixture {
    char folder[64];    /* data/ and the socket */
    char programs[128]; /* where initdb and postgres are */
    pid_t server;       /* 0: stopped */
} PostgresFixture;

/* In a child: become who may run a server. */
static inline void postgres_become(const PostgresFixture *pg, int log)
{
    struct passwd *user = getuid() ? NULL : getpwnam("postgres");
    if (!user && !getuid()) user = getpwnam("nobody");
    if (user && (setgroups(0, NULL) || setgid(user->pw_gid) || setuid(user->pw_uid))) _exit(126);
    if (chdir(pg->folder)) _exit(126);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
}

/* arguments[0] becomes the program's whole path: that is where initdb looks for postgres, which need
 * not be on PATH. */
static inline pid_t postgres_spawn(const PostgresFixture *pg, char *arguments[])
{
    char program[256], log_name[128];
    snprintf(program, sizeof(program), "%s/%s", pg->programs, arguments[0]);
    snprintf(log_name, sizeof(log_name), "%s/log", pg->folder);
    const int log = open(log_name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    const pid_t child = fork();
    if (!child) {
        postgres_become(pg, log);
        arguments[0] = program;
        execv(program, arguments);
        _exit(127);
    }
    close(log);
    return child;
}

static inline int postgres_command(const PostgresFixture *pg, char *arguments[])
{
    int status;
    const pid_t child = postgres_spawn(pg, arguments);
    if (child < 0 || waitpid(child, &status, 0) != child) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/** Start the server (again) and wait until it answers. 0 or -1. */
static inline int postgres_start(PostgresFixture *pg)
{
    char socket_folder[96], name[128], line[256];
    snprintf(socket_folder, sizeof(socket_folder), "unix_socket_directories=%s", pg->folder);
    char *arguments[] = {"postgres",           "-D", "data",      "-c", "listen_addresses=",   "-c",
                         socket_folder,        "-c", "fsync=off", "-c", "shared_buffers=32MB", "-c",
                         "max_connections=40", NULL};
    snprintf(name, sizeof(name), "%s/data/postmaster.pid", pg->folder);
    pg->server = postgres_spawn(pg, arguments);
    for (int i = 0; pg->server > 0 && i < 600; i++) {
        FILE *file = fopen(name, "r");
        int ready = 0;
        while (file && fgets(line, sizeof(line), file)) ready |= !strncmp(line, "ready", 5);
        if (file) fclose(file);
        if (ready) return 0;
        if (waitpid(pg->server, NULL, WNOHANG) == pg->server) break;
        usleep(50000);
    }
    pg->server = 0;
    return -1;
}

/** Stop it: SIGINT ends its sessions in order, SIGQUIT at once as a power cut would. */
static inline void postgres_stop(PostgresFixture *pg, int signal)
{
    if (pg->server <= 0) return;
    kill(pg->server, signal);
    waitpid(pg->server, NULL, 0);
    pg->server = 0;
}

/** A new database; writes how to reach it ("postgresql://…") to place. 0 or -1. */
static inline int postgres_database(const PostgresFixture *pg, const char *name, char *place,
                                    size_t size)
{
    char *arguments[] = {"createdb", "-h", (char *)pg->folder, "-U", "hedon", (char *)name, NULL};
    snprintf(place, size, "postgresql://hedon@/%s?host=%s", name, pg->folder);
    return postgres_command(pg, arguments) ? -1 : 0;
}

/** Stop it and remove its files. */
static inline void postgres_remove(PostgresFixture *pg)
{
    char command[96];
    postgres_stop(pg, SIGQUIT);
    snprintf(command, sizeof(command), "rm -rf '%s'", pg->folder);
    if (pg->folder[0] && system(command)) perror("rm");
}

/** Make a server and start it. 0; 77 (skip) when PostgreSQL is not installed; 1 when it does not
 * start. */
static inline int postgres_create(PostgresFixture *pg)
{
    *pg = (PostgresFixture){0};
    glob_t found;
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found)) return 77;
    snprintf(pg->programs, sizeof(pg->programs), "%s", found.gl_pathv[found.gl_pathc - 1]);
    *strrchr(pg->programs, '/') = 0;
    globfree(&found);
    strcpy(pg->folder, "/tmp/hedon-postgres-XXXXXX");
    if (!mkdtemp(pg->folder) || chmod(pg->folder, 0777)) return 1;
    char *arguments[] = {"initdb", "-D", "data", "-A",         "trust", "-U",
                         "hedon",  "-E", "UTF8", "--locale=C", "-N",    NULL};
    if (postgres_command(pg, arguments) || postgres_start(pg)) {
        fprintf(stderr, "PostgreSQL does not start: see %s/log\n", pg->folder);
        return 1;
    }
    return 0;
}

#endif
