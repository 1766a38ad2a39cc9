/* What the files of report/serve share: an answer, and the server's parts. */
#ifndef HEDON_REPORT_SERVE_PRIVATE_H
#define HEDON_REPORT_SERVE_PRIVATE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "report/serve/readers.h"
#include "report/serve/server.h"
#include "report/serve/strip_pool.h"

enum { HEDON_RATES = 64 };

/* Annotated videos of a run at two earlier moments. */
typedef struct HedonRate {
    int64_t run;
    double before_s, recent_s;
    int64_t before, recent;
} HedonRate;

struct HedonServer {
    HedonServeOptions options; /* its strings are the server's own */
    struct MHD_Daemon *daemon;
    HedonReaders *readers;
    HedonStripPool *strips;
    int port;
    pthread_mutex_t lock; /* of rates */
    HedonRate rates[HEDON_RATES];
    atomic_llong requests, refused;
};

/* What is sent back. Either text (malloc'ed, taken over), or bytes (borrowed, static), or a file.
 */
typedef struct HedonAnswer {
    unsigned status;
    const char *type;
    char *text;
    const char *bytes;
    size_t size;
    int fd; /* -1: none; closed by the answer */
    uint64_t fd_offset, fd_size;
    const char *cache;                                   /* Cache-Control; NULL: no-store */
    char location[300], cookie[300], range[96], tag[96]; /* headers; "": absent */
} HedonAnswer;

/* What is asked: a path without its leading slash, and the connection for arguments and headers. */
typedef struct HedonAsked {
    HedonServer *server;
    struct MHD_Connection *connection;
    const char *path;
    int64_t run; /* of /r/N/...; 0: none named */
} HedonAsked;

/** An argument of the query, or NULL. */
const char *hedon_asked_argument(const HedonAsked *asked, const char *name);
const char *hedon_asked_header(const HedonAsked *asked, const char *name);
/** A whole number from text that is nothing but its digits; 0 when it is not, or over 2^53. */
int hedon_whole_number(const char *text, int64_t *number);

/** {"error": sentence}, with status. */
void hedon_answer_error(HedonAnswer *answer, unsigned status, const char *sentence);
/** For a HEDON_E* and the context's sentence: 400, 404, 503 or 500. Database errors' words stay in.
 */
void hedon_answer_failure(HedonAnswer *answer, HedonContext *ctx, int code);
/** A stream in memory that hedon_answer_written turns into the answer's text. NULL: answered
 * already. */
FILE *hedon_answer_begin(HedonAnswer *answer);
void hedon_answer_written(HedonAnswer *answer, FILE *stream, const char *type);

/* Who may ask (access.c): 0, or the answer is filled. */
int hedon_access_check(const HedonAsked *asked, HedonAnswer *answer);

/* What is asked for. Each fills the answer. */
void hedon_api_runs(const HedonAsked *asked, HedonAnswer *answer);
void hedon_api_videos(const HedonAsked *asked, HedonAnswer *answer);
void hedon_api_video(const HedonAsked *asked, HedonAnswer *answer, const char *id);
void hedon_metrics(const HedonAsked *asked, HedonAnswer *answer);
void hedon_data(const HedonAsked *asked, HedonAnswer *answer, const char *name);
void hedon_media(const HedonAsked *asked, HedonAnswer *answer, const char *id);
/** Look up the thumbnails "NAME.png": *job is filled when a decoder must make them (1), else
 * answered (0). */
int hedon_thumbs(const HedonAsked *asked, HedonAnswer *answer, const char *name,
                 HedonStripJob *job);

/** Videos a second of a run over the last seconds; notes the counts for the next time. */
double hedon_server_rate(HedonServer *server, const HedonReportRun *run);
/** Open a stored video for reading if it may be shown: a regular file that really lies under root.
 *  -1 otherwise. resolved (PATH_MAX bytes) becomes its real path. */
int hedon_open_shown(const char *root, const char *path, char *resolved);

#endif
