#include "report/serve/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "report/serve/private.h"
#include "report/serve/route.h"

enum {
    POLLING_THREADS = 4,
    REQUEST_BYTES = 16384, /* of a request's line and headers */
    TOKEN_BYTES = 16       /* the least of a token where strangers may come */
};
static const double rate_s = 10; /* between the counts that a rate is from, at least */

void hedon_serve_options_default(HedonServeOptions *options)
{
    *options = (HedonServeOptions){.bind = "127.0.0.1",
                                   .title = "hedon",
                                   .thumbnails = 3,
                                   .strip_threads = 2,
                                   .connections = 256,
                                   .idle_s = 30};
    hedon_worker_options_default(&options->worker);
    options->worker.max_seconds = 20;
    options->worker.max_total_seconds = 60;
}

/* ---- Rates */

double hedon_server_rate(HedonServer *server, const HedonReportRun *run)
{
    const double now = hedon_clock_s();
    const int64_t finished = run->done + run->failed;
    double rate = 0;
    pthread_mutex_lock(&server->lock);
    HedonRate *place = &server->rates[run->id % HEDON_RATES];
    if (place->run != run->id) *place = (HedonRate){run->id, now, now, finished, finished};
    if (now - place->before_s > 1)
        rate = (double)(finished - place->before) / (now - place->before_s);
    if (now - place->recent_s > rate_s) {
        place->before_s = place->recent_s;
        place->before = place->recent;
        place->recent_s = now;
        place->recent = finished;
    }
    pthread_mutex_unlock(&server->lock);
    return rate > 0 ? rate : 0;
}

/* ---- Starting */

/* The address to listen on; *loopback: only this machine reaches it. */
static int parse_address(HedonContext *ctx, const HedonServeOptions *options,
                         struct sockaddr_storage *address, int *loopback)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    const char *bind = strcmp(options->bind, "localhost") ? options->bind : "127.0.0.1";
    memset(address, 0, sizeof(*address));
    if (inet_pton(AF_INET, bind, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)options->port);
        *loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
        return 0;
    }
    if (inet_pton(AF_INET6, bind, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)options->port);
        *loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
        return 0;
    }
    return hedon_fail(ctx, HEDON_EINVAL,
                      "%s is no address: give one such as 127.0.0.1, 0.0.0.0 or ::", options->bind);
}

static int check_token(HedonContext *ctx, const HedonServeOptions *options, int loopback)
{
    const char *token = options->token;
    if (!token && loopback) return 0;
    if (!token)
        return hedon_fail(ctx, HEDON_EINVAL, "a token is needed where others can reach %s",
                          options->bind);
    if (strlen(token) < TOKEN_BYTES && !loopback)
        return hedon_fail(ctx, HEDON_EINVAL, "the token needs at least %d characters", TOKEN_BYTES);
    for (const char *p = token; *p; p++)
        if (!strchr("-._~", *p) && !(*p >= '0' && *p <= '9') && !(*p >= 'a' && *p <= 'z') &&
            !(*p >= 'A' && *p <= 'Z'))
            return hedon_fail(ctx, HEDON_EINVAL, "a token is letters, digits and -._~");
    return strlen(token) > 200 ? hedon_fail(ctx, HEDON_EINVAL, "the token is too long") : 0;
}

static int copy_options(HedonContext *ctx, HedonServer *server, const HedonServeOptions *options)
{
    const char **texts[] = {&server->options.store, &server->options.title, &server->options.run,
                            &server->options.bind,  &server->options.token, &server->options.host};
    int code = 0;
    server->options = *options;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (!*texts[i]) continue;
        *texts[i] = hedon_strdup(*texts[i]);
        if (!*texts[i]) code = HEDON_ENOMEM;
    }
    return code ? hedon_fail_memory(ctx) : 0;
}

static int listen_on(HedonContext *ctx, HedonServer *server, struct sockaddr_storage *address)
{
    unsigned flags = MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    if (address->ss_family == AF_INET6) flags |= MHD_USE_IPv6;
    errno = 0;
    server->daemon = MHD_start_daemon(
        flags, (uint16_t)server->options.port, NULL, NULL, hedon_route, server,
        MHD_OPTION_SOCK_ADDR, (struct sockaddr *)address, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)server->options.connections, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)server->options.idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)POLLING_THREADS, MHD_OPTION_NOTIFY_COMPLETED,
        hedon_route_completed, server, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        server->daemon ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (!info)
        return hedon_fail(ctx, HEDON_EIO, "cannot listen on %s port %d%s%s", server->options.bind,
                          server->options.port, errno ? ": " : "", errno ? strerror(errno) : "");
    server->port = info->port;
    return 0;
}

int hedon_server_start(HedonContext *ctx, HedonServer **out, const HedonServeOptions *options)
{
    struct sockaddr_storage address;
    int loopback = 0;
    *out = NULL;
    int code = parse_address(ctx, options, &address, &loopback);
    if (!code) code = check_token(ctx, options, loopback);
    if (code) return code;
    HedonServer *server = hedon_calloc(1, sizeof(*server));
    if (!server) return hedon_fail_memory(ctx);
    pthread_mutex_init(&server->lock, NULL);
    code = copy_options(ctx, server, options);
    if (!code) code = hedon_readers_new(ctx, &server->readers, server->options.store);
    if (!code)
        code = hedon_strip_pool_new(ctx, &server->strips, server->options.strip_threads,
                                    &server->options.worker);
    if (!code) code = listen_on(ctx, server, &address);
    if (code)
        hedon_server_stop(server);
    else
        *out = server;
    return code;
}

int hedon_server_port(const HedonServer *server)
{
    return server->port;
}

void hedon_server_stop(HedonServer *server)
{
    if (!server) return;
    if (server->daemon) {
        const MHD_socket listening = MHD_quiesce_daemon(server->daemon);
        /* connections that sleep until their thumbnails are there must wake before the daemon stops
         */
        hedon_strip_pool_stop(server->strips);
        MHD_stop_daemon(server->daemon);
        if (listening != MHD_INVALID_SOCKET) close(listening);
    }
    hedon_strip_pool_free(server->strips);
    hedon_readers_free(server->readers);
    pthread_mutex_destroy(&server->lock);
    hedon_free((char *)server->options.store);
    hedon_free((char *)server->options.title);
    hedon_free((char *)server->options.run);
    hedon_free((char *)server->options.bind);
    hedon_free((char *)server->options.token);
    hedon_free((char *)server->options.host);
    hedon_free(server);
}
