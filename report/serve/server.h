/* hedon serve: the report of a store that grows, and a JSON API, over HTTP/1.1 by libmicrohttpd.
 *
 * Nothing is changed through it: GET and HEAD only. Handlers run on a few polling threads and never
 * wait for a client: what is sent is in memory or in a file that the kernel sends. Thumbnails,
 * which take a decoder's time, are made by threads of their own while their connection sleeps.
 */
#ifndef HEDON_REPORT_SERVE_SERVER_H
#define HEDON_REPORT_SERVE_SERVER_H

#include "decode/worker.h"
#include "report/run.h"

typedef struct HedonServer HedonServer;

typedef struct HedonServeOptions {
    const char *store; /* as hedon_store_open's place */
    const char *title;
    const char *run; /* which run "/" leads to: as hedon_report_run_find's name; NULL: the newest */
    const char *bind;  /* an IPv4 or IPv6 address; default 127.0.0.1 */
    int port;          /* 0: any free one */
    const char *token; /* what clients must show; NULL: none, allowed on loopback only */
    const char
        *host;      /* a name under which the server is reached, besides localhost and addresses */
    int thumbnails; /* a video, at most; 0: none */
    int strip_threads; /* decoders of thumbnails at once; default 2 */
    int connections;   /* at most so many at once; default 256 */
    int idle_s; /* a connection that neither sends nor takes anything is closed; default 30 */
    HedonWorkerOptions worker;
} HedonServeOptions;

void hedon_serve_options_default(HedonServeOptions *options);
/**
 * Listen and serve until hedon_server_stop. Strings are copied.
 *
 * @return 0; HEDON_EINVAL (no address; not loopback and no token of at least 16 characters);
 * HEDON_ENOENT and others of hedon_store_open; HEDON_EIO when the port cannot be had; HEDON_ENOMEM
 */
int hedon_server_start(HedonContext *ctx, HedonServer **out, const HedonServeOptions *options);
/** The port listened on. */
int hedon_server_port(const HedonServer *server);
/** Close all connections, end all threads and decoders, and free. NULL is fine. */
void hedon_server_stop(HedonServer *server);

#endif
