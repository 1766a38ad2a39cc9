/* The programs that hedon starts: hedon-decode, hedon-render. */
#ifndef HEDON_BASE_HELPER_PROGRAM_H
#define HEDON_BASE_HELPER_PROGRAM_H

#include <spawn.h>
#include <stddef.h>
#include <sys/types.h>

/** The path of the program `name`: beside this program or in ../libexec/hedon from it (an installed
 *  hedon, wherever its prefix was moved), else in the libexec directory of the build, whether or
 *  not it exists there. */
void hedon_helper_program(char *path, size_t size, const char *name);

/**
 * Start one, safely where other threads exist.
 *
 * Ctrl-C goes to the whole foreground process group: hedon decides what it means, so the program
 * has SIGINT blocked from before its first instruction. Every other signal is as by default.
 *
 * @return 0, or errno's number
 */
int hedon_helper_start(pid_t *pid, const char *program, char *const arguments[],
                       const posix_spawn_file_actions_t *actions);

#endif
