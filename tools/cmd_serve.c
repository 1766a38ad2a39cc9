/* hedon serve: becomes the program hedon-serve, which has the HTTP library. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/helper_program.h"
#include "tools/command.h"

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    char program[PATH_MAX];
    (void)command;
    (void)ctx;
    (void)argc;
    hedon_helper_program(program, sizeof(program), "hedon-serve");
    execv(program, argv);
    hedon_say("%s: cannot be started: %s; it is built where libmicrohttpd is (tools/setup)",
              program, strerror(errno));
    return EXIT_SOME_FAILED;
}

const HedonCommand hedon_cmd_serve = {
    .name = "serve",
    .summary = "the same pages live, with a JSON API and metrics",
    .parameters = "STORE [OPTION...]",
    .run = run,
};
