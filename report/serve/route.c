#include "report/serve/route.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "report/serve/private.h"
#include "report/site_files.h"

/* One request, from its headers to its end. */
typedef struct Request {
    struct MHD_Connection *connection;
    int asleep; /* until its thumbnails are made: then the handler is called once more */
    HedonStripJob job;
} Request;

/* ---- Sending */

static void add_headers(struct MHD_Response *response, const HedonAnswer *answer)
{
    const struct {
        const char *name, *value;
    } headers[] = {
        {"Content-Type", answer->type},
        {"Cache-Control", answer->cache ? answer->cache : "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        /* other sites' pages must not get at data that come as scripts */
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "
                                    "img-src 'self'; media-src 'self'; "
                                    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
        {"Location", answer->location},
        {"Set-Cookie", answer->cookie},
        {"Content-Range", answer->range},
        {"ETag", answer->tag},
        {"Accept-Ranges", answer->fd >= 0 ? "bytes" : ""},
        {"WWW-Authenticate", answer->status == MHD_HTTP_UNAUTHORIZED ? "Bearer" : ""},
        {"Allow", answer->status == MHD_HTTP_METHOD_NOT_ALLOWED ? "GET, HEAD" : ""},
        {"Retry-After", answer->status == MHD_HTTP_SERVICE_UNAVAILABLE ? "5" : ""},
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
        if (headers[i].value && *headers[i].value)
            MHD_add_response_header(response, headers[i].name, headers[i].value);
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, HedonAnswer *answer)
{
    struct MHD_Response *response;
    if (answer->fd >= 0)
        response =
            MHD_create_response_from_fd_at_offset64(answer->fd_size, answer->fd, answer->fd_offset);
    else if (answer->text)
        response =
            MHD_create_response_from_buffer(answer->size, answer->text, MHD_RESPMEM_MUST_FREE);
    else
        response = MHD_create_response_from_buffer(answer->size, (void *)answer->bytes,
                                                   MHD_RESPMEM_PERSISTENT);
    if (!response) {
        if (answer->fd >= 0) close(answer->fd);
        free(answer->text);
        return MHD_NO;
    }
    add_headers(response, answer);
    const enum MHD_Result sent = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return sent;
}

/* ---- Thumbnails: the connection sleeps while they are made */

static void wake(HedonStripJob *job)
{
    Request *request = job->opaque;
    MHD_resume_connection(request->connection);
}

static void fall_asleep(void *opaque)
{
    Request *request = opaque;
    request->asleep = 1;
    MHD_suspend_connection(request->connection);
}

static void answer_picture(Request *request, HedonAnswer *answer)
{
    if (!request->job.png) {
        hedon_answer_error(answer, MHD_HTTP_NOT_FOUND, "no thumbnails can be made of this video");
        return;
    }
    answer->status = MHD_HTTP_OK;
    answer->type = "image/png";
    answer->cache = "private, max-age=86400"; /* the name changes with the content */
    answer->text = (char *)request->job.png;  /* from malloc, like all texts */
    answer->size = request->job.size;
    request->job.png = NULL;
}

/* 1: asleep, and nothing is to be sent yet. */
static int answer_thumbs(const HedonAsked *asked, HedonAnswer *answer, Request *request,
                         const char *name)
{
    if (!hedon_thumbs(asked, answer, name, &request->job)) return 0;
    request->job.finished = wake;
    request->job.opaque = request;
    if (hedon_strip_pool_find(asked->server->strips, &request->job)) {
        answer_picture(request, answer);
        return 0;
    }
    if (hedon_strip_pool_add(asked->server->strips, &request->job, fall_asleep, request)) return 1;
    hedon_answer_error(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "too many thumbnails at once");
    return 0;
}

/* ---- Routing */

static const char *after(const char *path, const char *prefix)
{
    const size_t length = strlen(prefix);
    return strncmp(path, prefix, length) ? NULL : path + length;
}

static void answer_page(HedonAnswer *answer, const char *name)
{
    const HedonSiteFile *file = hedon_site_file(*name ? name : "index.html");
    if (!file) {
        hedon_answer_error(answer, MHD_HTTP_NOT_FOUND, "there is no such page");
        return;
    }
    answer->status = MHD_HTTP_OK;
    answer->type = file->type;
    answer->bytes = file->data;
    answer->size = (size_t)(file->end - file->data);
    answer->cache = "private, no-cache";
}

static void lead_to_run(const HedonAsked *asked, HedonAnswer *answer)
{
    HedonReader *reader = hedon_readers_take(asked->server->readers);
    HedonReportRun run;
    if (!reader) {
        hedon_answer_error(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "the store cannot be read now");
        return;
    }
    const int code =
        hedon_report_run_find(reader->ctx, &run, reader->store, asked->server->options.run);
    if (code) {
        hedon_answer_failure(answer, reader->ctx, code);
    } else {
        answer->status = MHD_HTTP_SEE_OTHER;
        answer->type = "text/plain; charset=utf-8";
        answer->bytes = "";
        snprintf(answer->location, sizeof(answer->location), "/r/%lld/index.html",
                 (long long)run.id);
        hedon_report_run_clear(&run);
    }
    hedon_readers_give(asked->server->readers, reader, code == HEDON_EIO);
}

/* "N/rest": the run's number and the rest. */
static const char *take_number(const char *path, int64_t *number)
{
    char digits[20];
    const size_t length = strcspn(path, "/");
    if (path[length] != '/' || length >= sizeof(digits)) return NULL;
    memcpy(digits, path, length);
    digits[length] = 0;
    return hedon_whole_number(digits, number) && *number ? path + length + 1 : NULL;
}

/* 1: asleep. */
static int answer_run(HedonAsked *asked, HedonAnswer *answer, Request *request, const char *path)
{
    int64_t folder;
    const char *rest;
    if ((rest = after(path, "data/"))) {
        hedon_data(asked, answer, rest);
    } else if ((rest = after(path, "media/"))) {
        hedon_media(asked, answer, rest);
    } else if ((rest = after(path, "thumbs/"))) {
        /* folders only keep a static report's folders small */
        const char *name = after(rest, "0/") ? rest + 2 : take_number(rest, &folder);
        return answer_thumbs(asked, answer, request, name ? name : "");
    } else {
        answer_page(answer, path);
    }
    return 0;
}

/* 1: asleep. */
static int answer_request(HedonAsked *asked, HedonAnswer *answer, Request *request)
{
    const char *path = asked->path, *rest;
    if (!*path) {
        lead_to_run(asked, answer);
    } else if ((rest = after(path, "r/")) && (rest = take_number(rest, &asked->run))) {
        return answer_run(asked, answer, request, rest);
    } else if (!strcmp(path, "api/runs")) {
        hedon_api_runs(asked, answer);
    } else if (!strcmp(path, "api/videos")) {
        hedon_api_videos(asked, answer);
    } else if ((rest = after(path, "api/videos/"))) {
        hedon_api_video(asked, answer, rest);
    } else if (!strcmp(path, "metrics")) {
        hedon_metrics(asked, answer);
    } else {
        hedon_answer_error(answer, MHD_HTTP_NOT_FOUND, "there is no such page");
    }
    return 0;
}

enum MHD_Result hedon_route(void *opaque, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *upload,
                            size_t *upload_size, void **state)
{
    HedonServer *server = opaque;
    Request *request = *state;
    HedonAnswer answer = {.fd = -1};
    HedonAsked asked = {.server = server, .connection = connection, .path = url + (*url == '/')};
    (void)version;
    (void)upload;
    if (!request) {
        if (strcmp(method, "GET") && strcmp(method, "HEAD")) {
            hedon_answer_error(&answer, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD");
            return send_answer(connection, &answer);
        }
        *state = request = hedon_calloc(1, sizeof(*request));
        if (!request) return MHD_NO;
        request->connection = connection;
        return MHD_YES; /* called again when the headers are complete */
    }
    if (*upload_size) { /* a body that nobody asked for */
        *upload_size = 0;
        return MHD_YES;
    }
    if (request->asleep) {
        answer_picture(request, &answer);
        return send_answer(connection, &answer);
    }
    atomic_fetch_add(&server->requests, 1);
    if (hedon_access_check(&asked, &answer))
        atomic_fetch_add(&server->refused, answer.status != MHD_HTTP_SEE_OTHER);
    else if (answer_request(&asked, &answer, request))
        return MHD_YES;
    return send_answer(connection, &answer);
}

void hedon_route_completed(void *opaque, struct MHD_Connection *connection, void **state,
                           enum MHD_RequestTerminationCode reason)
{
    Request *request = *state;
    (void)opaque;
    (void)connection;
    (void)reason;
    if (!request) return;
    hedon_free(request->job.png);
    hedon_free(request);
    *state = NULL;
}
