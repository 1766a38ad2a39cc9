/* hedon serve started by a test, and requests to it byte by byte over loopback. */
#ifndef HEDON_TESTS_HTTP_FIXTURE_H
#define HEDON_TESTS_HTTP_FIXTURE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include "cli_fixture.h"

typedef struct Served {
    pid_t pid;
    int port;
    char token[80]; /* of the address that it printed */
    char out[300], err[300];
} Served;

static inline void nap(int milliseconds)
{
    nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000}, NULL);
}

/* Start and wait until it says where. argv: the options after "serve". */
static inline void serve_start(Served *served, char *const *options)
{
    static int number;
    char *argv[24] = {(char[]){HEDON}, (char[]){"serve"}};
    for (int i = 0; options[i]; i++) argv[i + 2] = options[i];
    *served = (Served){0};
    snprintf(served->out, sizeof(served->out), "%s/serve-%d.out", scratch, ++number);
    snprintf(served->err, sizeof(served->err), "%s/serve-%d.err", scratch, number);
    served->pid = start(argv, "/dev/null", served->out, served->err);
    for (int i = 0; i < 200 && !served->port; i++, nap(50)) {
        char *text = exists(served->out) ? read_file(served->out) : NULL;
        const char *address = text ? strstr(text, "http://") : NULL;
        if (address && strchr(address, '\n')) {
            const char *colon = strrchr(strtok(strstr(text, "http://"), "\n"), ':');
            served->port = atoi(colon + 1);
            const char *token = strstr(colon, "?token=");
            if (token) snprintf(served->token, sizeof(served->token), "%s", token + 7);
        }
        free(text);
    }
    if (!served->port) fail_msg("hedon serve did not start: %s", read_file(served->err));
}

/* Ask it to stop; its exit status. */
static inline int serve_stop(Served *served, int number)
{
    kill(served->pid, number);
    int status = 0;
    for (int i = 0; i < 200; i++, nap(50))
        if (waitpid(served->pid, &status, WNOHANG) == served->pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    kill(served->pid, SIGKILL);
    waitpid(served->pid, &status, 0);
    return -1000;
}

static inline int http_connect(const Served *served)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)served->port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address))) abort();
    return fd;
}

static inline void http_send(int fd, const char *bytes, size_t size)
{
    while (size) {
        const ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 1) return; /* hung up on: the answer says why */
        bytes += sent;
        size -= (size_t)sent;
    }
}

typedef struct Http {
    int status;        /* 0: no answer */
    char *head, *body; /* the headers as they came */
    size_t size;       /* of the body */
} Http;

static inline void http_free(Http *http)
{
    free(http->head);
}

/* Everything until the server closes. */
static inline Http http_receive(int fd)
{
    Http http = {0};
    size_t held = 0, room = 65536;
    char *bytes = malloc(room + 1);
    for (ssize_t count; (count = recv(fd, bytes + held, room - held, 0)) > 0;) {
        held += (size_t)count;
        if (held == room) bytes = realloc(bytes, (room *= 2) + 1);
    }
    close(fd);
    bytes[held] = 0;
    http.head = bytes;
    http.body = memmem(bytes, held, "\r\n\r\n", 4);
    if (!http.body) return http;
    *http.body = 0;
    http.body += 4;
    http.size = held - (size_t)(http.body - bytes);
    sscanf(bytes, "HTTP/1.%*d %d", &http.status);
    return http;
}

/* GET target with more headers (each ended by \r\n); a Host unless they have one. */
static inline Http http_get(const Served *served, const char *target, const char *headers)
{
    char request[4096];
    const int fd = http_connect(served);
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nConnection: close\r\n%s%s\r\n", target,
             strstr(headers, "Host:") ? "" : "Host: localhost\r\n", headers);
    http_send(fd, request, strlen(request));
    return http_receive(fd);
}

static inline int http_status(const Served *served, const char *target, const char *headers)
{
    Http http = http_get(served, target, headers);
    const int status = http.status;
    http_free(&http);
    return status;
}

static inline int http_has(const Http *http, const char *header)
{
    return strcasestr(http->head, header) != NULL;
}

#endif
