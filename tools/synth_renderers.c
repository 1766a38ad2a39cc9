#include "tools/synth_renderers.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/helper_program.h"
#include "base/memory.h"

typedef struct Renderer {
    pid_t pid;
    int socket; /* its standard input and output */
    int busy;
    char reply[512];
    size_t length;
} Renderer;

/* One socket is both its input and its output. Its standard error is ours. */
static int start(HedonContext *ctx, Renderer *renderer, const HedonRendering *rendering)
{
    char program[PATH_MAX + 64], seed[32], seconds[32];
    hedon_helper_program(program, sizeof(program), "hedon-render");
    if (access(program, X_OK))
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "%s, which draws the videos, is not there: build hedon with HEDON_VIDEO",
                          program);
    snprintf(seed, sizeof(seed), "%llu", (unsigned long long)rendering->seed);
    snprintf(seconds, sizeof(seconds), "%d", rendering->seconds);
    char *const arguments[] = {"hedon-render", seed, seconds, NULL};
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return hedon_fail_errno(ctx, "cannot connect to a renderer");
    posix_spawn_file_actions_t actions;
    int reason = posix_spawn_file_actions_init(&actions);
    if (!reason) {
        reason = posix_spawn_file_actions_addchdir_np(&actions, rendering->folder);
        if (!reason) reason = posix_spawn_file_actions_adddup2(&actions, ends[1], 0);
        if (!reason) reason = posix_spawn_file_actions_adddup2(&actions, 0, 1);
        if (!reason) reason = hedon_helper_start(&renderer->pid, program, arguments, &actions);
        posix_spawn_file_actions_destroy(&actions);
    }
    close(ends[1]);
    if (reason) {
        renderer->pid = 0;
        close(ends[0]);
        return hedon_fail(ctx, HEDON_EDECODER, "cannot start %s: %s", program, strerror(reason));
    }
    renderer->socket = ends[0];
    return 0;
}

static int died(HedonContext *ctx)
{
    return hedon_fail(ctx, HEDON_EDECODER,
                      "hedon-render died; what is finished is kept, the same command goes on");
}

/* Gives it the next video. Returns 1 when there is none. */
static int occupy(HedonContext *ctx, Renderer *renderer, const HedonRendering *rendering)
{
    int64_t number;
    const char *name;
    char line[320];
    if (rendering->next(rendering->opaque, &number, &name)) return 1;
    const int length = snprintf(line, sizeof(line), "%lld %s\n", (long long)number, name);
    if (send(renderer->socket, line, (size_t)length, MSG_NOSIGNAL) != length) return died(ctx);
    renderer->busy = 1;
    return 0;
}

/* Takes what has arrived of its answer. */
static int listen_to(HedonContext *ctx, Renderer *renderer, const HedonRendering *rendering)
{
    const size_t room = sizeof(renderer->reply) - 1 - renderer->length;
    const ssize_t size = recv(renderer->socket, renderer->reply + renderer->length, room, 0);
    if (size < 0 && errno == EINTR) return 0;
    if (size <= 0) return died(ctx);
    renderer->length += (size_t)size;
    renderer->reply[renderer->length] = 0;
    char *end = strchr(renderer->reply, '\n');
    if (!end) return renderer->length + 1 < sizeof(renderer->reply) ? 0 : died(ctx);
    *end = 0;
    if (renderer->reply[0] == '!') return hedon_fail(ctx, HEDON_EIO, "%s", renderer->reply + 2);
    rendering->finished(rendering->opaque, atoll(renderer->reply));
    renderer->length = 0;
    renderer->busy = 0;
    return 0;
}

/* Waits for answers, and hands out videos until there are none left or something fails; then only
 * waits for those begun. */
static int share_out(HedonContext *ctx, Renderer *renderers, struct pollfd *waits,
                     const HedonRendering *rendering)
{
    int code = 0, out_of_work = 0;
    for (;;) {
        int busy = 0;
        if (!code) code = hedon_check_cancelled(ctx);
        for (int i = 0; i < rendering->processes; i++) {
            if (!renderers[i].busy && !code && !out_of_work) {
                code = occupy(ctx, &renderers[i], rendering);
                if (code == 1) {
                    code = 0;
                    out_of_work = 1;
                }
            }
            waits[i] = (struct pollfd){renderers[i].busy ? renderers[i].socket : -1, POLLIN, 0};
            busy += renderers[i].busy;
        }
        if (!busy) return code;
        if (poll(waits, (nfds_t)rendering->processes, 200) <= 0) continue;
        for (int i = 0; i < rendering->processes; i++) {
            const int reply =
                waits[i].fd >= 0 && waits[i].revents ? listen_to(ctx, &renderers[i], rendering) : 0;
            if (reply) renderers[i].busy = 0;
            if (reply && !code) code = reply;
        }
    }
}

int hedon_render_all(HedonContext *ctx, const HedonRendering *rendering)
{
    Renderer *renderers = hedon_calloc((size_t)rendering->processes, sizeof(*renderers));
    struct pollfd *waits = hedon_calloc((size_t)rendering->processes, sizeof(*waits));
    int code = renderers && waits ? 0 : hedon_fail_memory(ctx);
    int started = 0;
    for (; !code && started < rendering->processes; started += !code)
        code = start(ctx, &renderers[started], rendering);
    if (!code) code = share_out(ctx, renderers, waits, rendering);
    for (int i = 0; i < started; i++) {
        close(renderers[i].socket);
        while (waitpid(renderers[i].pid, NULL, 0) < 0 && errno == EINTR) continue;
    }
    hedon_free(waits);
    hedon_free(renderers);
    return code;
}
