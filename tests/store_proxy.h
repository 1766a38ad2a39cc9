/* A wire to PostgreSQL that can be cut at the worst moment: it forwards between a socket of its own
 * and the server's, and drops both ends around a COMMIT, before it arrives or after, before its
 * answer. */
#ifndef HEDON_TESTS_STORE_PROXY_H
#define HEDON_TESTS_STORE_PROXY_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef enum ProxyCut { PROXY_WHOLE, PROXY_BEFORE_COMMIT, PROXY_AFTER_COMMIT } ProxyCut;

typedef struct StoreProxy {
    struct sockaddr_un server;
    char folder[64];
    int listening;
    pthread_t thread;
    atomic_int skip; /* so many COMMITs pass first */
    atomic_int cut;  /* a ProxyCut, for the next COMMIT; then whole again */
    atomic_int cuts;
} StoreProxy;

static inline int proxy_send(int to, const char *bytes, ssize_t length)
{
    for (ssize_t sent; length > 0; bytes += sent, length -= sent)
        if ((sent = send(to, bytes, (size_t)length, MSG_NOSIGNAL)) <= 0) return -1;
    return 0;
}

static inline int proxy_next_cut(StoreProxy *proxy)
{
    const int cut = atomic_load(&proxy->cut);
    if (!cut) return PROXY_WHOLE;
    if (atomic_load(&proxy->skip) > 0) {
        atomic_fetch_sub(&proxy->skip, 1);
        return PROXY_WHOLE;
    }
    atomic_store(&proxy->cut, PROXY_WHOLE);
    atomic_fetch_add(&proxy->cuts, 1);
    return cut;
}

/* One connection, until either end closes it or it is cut. */
static inline void proxy_serve(StoreProxy *proxy, int client, int server)
{
    static char bytes[1 << 16];
    struct pollfd ends[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    while (poll(ends, 2, -1) > 0) {
        for (int i = 0; i < 2; i++) {
            if (!ends[i].revents) continue;
            const ssize_t length = recv(ends[i].fd, bytes, sizeof(bytes), 0);
            if (length <= 0) return;
            const int commits = i == 0 && memmem(bytes, (size_t)length, "COMMIT", 6);
            const int cut = commits ? proxy_next_cut(proxy) : PROXY_WHOLE;
            if (cut == PROXY_BEFORE_COMMIT) return;
            if (proxy_send(ends[1 - i].fd, bytes, length)) return;
            /* The server's answer shows that it has committed; it goes nowhere. */
            if (cut == PROXY_AFTER_COMMIT) {
                (void)!recv(server, bytes, sizeof(bytes), 0);
                return;
            }
        }
    }
}

static inline void *proxy_run(void *opaque)
{
    StoreProxy *proxy = opaque;
    for (;;) {
        const int client = accept(proxy->listening, NULL, NULL);
        if (client < 0) return NULL;
        const int server = socket(AF_UNIX, SOCK_STREAM, 0);
        if (!connect(server, (struct sockaddr *)&proxy->server, sizeof(proxy->server)))
            proxy_serve(proxy, client, server);
        close(server);
        close(client);
    }
}

/** Listen in a folder of its own for the server whose socket is in server_folder. */
static inline int proxy_start(StoreProxy *proxy, const char *server_folder)
{
    struct sockaddr_un own = {.sun_family = AF_UNIX};
    *proxy = (StoreProxy){.server = {.sun_family = AF_UNIX}};
    strcpy(proxy->folder, "/tmp/hedon-proxy-XXXXXX");
    if (!mkdtemp(proxy->folder)) return -1;
    snprintf(own.sun_path, sizeof(own.sun_path), "%s/.s.PGSQL.5432", proxy->folder);
    snprintf(proxy->server.sun_path, sizeof(own.sun_path), "%s/.s.PGSQL.5432", server_folder);
    proxy->listening = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(proxy->listening, (struct sockaddr *)&own, sizeof(own)) || listen(proxy->listening, 8))
        return -1;
    return pthread_create(&proxy->thread, NULL, proxy_run, proxy);
}

/** Once its clients are gone. */
static inline void proxy_stop(StoreProxy *proxy)
{
    char name[128];
    shutdown(proxy->listening, SHUT_RDWR);
    pthread_join(proxy->thread, NULL);
    close(proxy->listening);
    snprintf(name, sizeof(name), "%s/.s.PGSQL.5432", proxy->folder);
    unlink(name);
    rmdir(proxy->folder);
}

#endif
