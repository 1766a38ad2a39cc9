/* hedon serve over real HTTP: what it shows, and what it must not show to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "http_fixture.h"
#include "report_fixture.h"

static char root[300], linked[300], outside[300];
static char paths[7][512];
static ReportVideo videos[7];
enum { VIDEOS = 7 };
enum { GOOD, MISSING, ESCAPES, INSIDE, FIFO, FAILED, LINKED_ROOT }; /* places in videos */
static Served served;
static char *movie; /* the good video's bytes */
static size_t movie_size;

static void fill(StoreScore *score, int i)
{
    score->score.utility = i;
    score->score.emotions[19] = .1 * i; /* Joy */
}

static void make_files(void)
{
    shell("mkdir -p %s %s.d %s/sub && ln -s %s.d %s", root, linked, root, linked, linked);
    render("-f lavfi -i testsrc2=size=160x90:rate=10:duration=6 -c:v libx264 -pix_fmt yuv420p",
           "videos/good.mp4");
    shell("cp %s/good.mp4 %s; cp %s/good.mp4 %s/in.mp4", root, outside, root, linked);
    shell("ln -s %s %s/escapes.mp4; ln -s ../good.mp4 %s/sub/inside.mp4; mkfifo %s/fifo.mp4",
          outside, root, root, root);
}

static int make_store(void **state)
{
    (void)state;
    if (!mkdtemp(scratch)) return -1;
    snprintf(root, sizeof(root), "%s", in_scratch("videos"));
    snprintf(linked, sizeof(linked), "%s", in_scratch("linked"));
    snprintf(outside, sizeof(outside), "%s", in_scratch("videos-not.mp4"));
    make_files();
    static const char *const names[VIDEOS] = {"good.mp4",       "missing.mp4", "escapes.mp4",
                                              "sub/inside.mp4", "fifo.mp4",    "failed \"&<.mp4"};
    for (int i = 0; i < VIDEOS; i++) {
        videos[i].root = i == VIDEOS - 1 ? linked : root;
        snprintf(paths[i], sizeof(paths[i]), "%s/%s", videos[i].root,
                 i == VIDEOS - 1 ? "in.mp4" : names[i]);
        videos[i].path = paths[i];
    }
    videos[FAILED].error = "moov atom not found";
    HedonContext *ctx = hedon_context_new();
    HedonStore *store;
    if (hedon_store_open(ctx, &store, in_scratch("results.db"), NULL)) return -1;
    report_annotate(ctx, store, report_run(ctx, store, "first", 'a'), videos, VIDEOS, fill);
    report_annotate(ctx, store, report_run(ctx, store, "second", 'b'), videos, 1, fill);
    hedon_store_close(store);
    hedon_context_free(ctx);
    FILE *file = fopen(paths[0], "rb");
    movie = malloc(1 << 20);
    movie_size = fread(movie, 1, 1 << 20, file);
    fclose(file);
    serve_start(&served,
                (char *[]){in_scratch("results.db"), (char[]){"--port"}, (char[]){"0"}, NULL});
    return 0;
}

static int remove_store(void **state)
{
    (void)state;
    const int status = serve_stop(&served, SIGTERM);
    free(movie);
    shell("rm -rf %s", scratch);
    return status;
}

static json_t *get_json(const char *target, int status)
{
    Http http = http_get(&served, target, "");
    if (http.status != status) fail_msg("%s: %d: %s", target, http.status, http.body);
    assert_true(http_has(&http, "Content-Type: application/json"));
    json_t *json = json_loadb(http.body, http.size, 0, NULL);
    if (!json) fail_msg("%s: not JSON: %s", target, http.body);
    http_free(&http);
    return json;
}

/* The number that the first run's video has in the store. */
static long long id_of(int video)
{
    json_t *json = get_json("/api/videos?run=1&errors=2", 200);
    long long id = 0;
    size_t i;
    json_t *item;
    json_array_foreach(
        json_object_get(json, "videos"), i,
        item) if (!strcmp(json_string_value(json_object_get(item, "video")), paths[video])) id =
        json_integer_value(json_object_get(item, "id"));
    json_decref(json);
    assert_true(id > 0);
    return id;
}

static const char *media(int video)
{
    static char target[64];
    snprintf(target, sizeof(target), "/r/1/media/%lld", id_of(video));
    return target;
}

/* ---- The API */

static void test_runs_and_videos(void **state)
{
    (void)state;
    json_t *json = get_json("/api/runs", 200);
    const json_t *run = json_array_get(json_object_get(json, "runs"), 0);
    assert_int_equal(json_array_size(json_object_get(json, "runs")), 2);
    assert_int_equal(json_integer_value(json_object_get(run, "done")), VIDEOS - 1);
    assert_int_equal(json_integer_value(json_object_get(run, "failed")), 1);
    assert_non_null(strstr(json_string_value(json_object_get(run, "caveat")), "demotes grief"));
    json_decref(json);

    json = get_json("/api/videos?run=1&sort=utility&limit=2&offset=1", 200);
    const json_t *list = json_object_get(json, "videos");
    assert_int_equal(json_integer_value(json_object_get(json, "total")), VIDEOS - 1);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "video")),
                        paths[4]);
    assert_int_equal(json_array_size(json_object_get(json_array_get(list, 0), "clips")), 0);
    json_decref(json);

    json = get_json(
        "/api/videos?run=1&sort=Joy&order=asc&filter=Joy%20%3E%20.15%20and%20path%20~%20good", 200);
    assert_int_equal(json_integer_value(json_object_get(json, "total")), 0);
    json_decref(json);

    char target[64];
    snprintf(target, sizeof(target), "/api/videos/%lld?run=1", id_of(GOOD));
    json = get_json(target, 200);
    assert_int_equal(json_array_size(json_object_get(json, "clips")), STORE_CLIPS);
    assert_string_equal(json_string_value(json_object_get(json, "schema")), "hedon.score/1");
    json_decref(json);
    snprintf(target, sizeof(target), "/api/videos/%lld?run=1", id_of(FAILED));
    json = get_json(target, 200);
    assert_string_equal(json_string_value(json_object_get(json, "error")), "moov atom not found");
    json_decref(json);
}

static void test_wrong_questions_are_answered(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        int status;
    } cases[] = {
        {"/api/videos?sort=Happiness", 400},
        {"/api/videos?limit=0", 400},
        {"/api/videos?limit=1001", 400},
        {"/api/videos?limit=-1", 400},
        {"/api/videos?offset=x", 400},
        {"/api/videos?offset=99999999999999999999", 400},
        {"/api/videos?errors=3", 400},
        {"/api/videos?order=up", 400},
        {"/api/videos?filter=Joy%20%3E", 400},
        {"/api/videos?run=9", 400},
        {"/api/videos?filter=1%3D1%3B%20drop%20table%20runs", 400},
        {"/api/videos/0", 404},
        {"/api/videos/999999", 404},
        {"/api/videos/1x", 404},
        {"/api/nothing", 404},
        {"/nothing", 404},
        {"/r/9/data/site.js", 404},
        {"/r/1/data/rows-99999.js", 404},
        {"/r/1/data/clips-0.js", 404},
        {"/r/1/nothing.js", 404},
        {"/r/x/index.html", 404},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        json_t *json = get_json(cases[i].target, cases[i].status);
        assert_true(json_is_string(json_object_get(json, "error")));
        json_decref(json);
    }
}

static void test_metrics(void **state)
{
    (void)state;
    Http http = http_get(&served, "/metrics", "");
    assert_int_equal(http.status, 200);
    assert_true(http_has(&http, "text/plain; version=0.0.4"));
    assert_non_null(
        strstr(http.body, "\nhedon_videos{run=\"1\",model=\"first\",state=\"done\"} 6\n"));
    assert_non_null(strstr(http.body, "\nhedon_videos_per_second{run=\"2\"} 0\n"));
    assert_non_null(strstr(http.body, "# TYPE hedon_http_requests_total counter\n"));
    http_free(&http);
}

static void test_pages(void **state)
{
    (void)state;
    Http http = http_get(&served, "/", "");
    assert_int_equal(http.status, 303);
    assert_true(http_has(&http, "Location: /r/2/index.html"));
    http_free(&http);
    http = http_get(&served, "/r/1/index.html", "");
    assert_int_equal(http.status, 200);
    assert_true(http_has(&http, "Content-Security-Policy: default-src 'none'"));
    assert_true(http_has(&http, "X-Content-Type-Options: nosniff"));
    assert_true(http_has(&http, "Cross-Origin-Resource-Policy: same-origin"));
    http_free(&http);
    http = http_get(&served, "/r/1/data/rows-0.js", "");
    assert_int_equal(http.status, 200);
    assert_memory_equal(http.body, "hedonData(\"rows-0\",[", 20);
    assert_non_null(strstr(http.body, "\"failed \\\"&<.mp4\""));
    http_free(&http);
    assert_int_equal(http_status(&served, "/r/1/data/progress.js?t=5", ""), 200);
}

/* ---- Videos */

static void check_range(const char *range, int status, size_t first, size_t count)
{
    char header[128];
    snprintf(header, sizeof(header), "Range: %s\r\n", range);
    Http http = http_get(&served, media(GOOD), header);
    if (http.status != status || http.size != count)
        fail_msg("%s: status %d, %zu bytes", range, http.status, http.size);
    assert_memory_equal(http.body, movie + first, count);
    if (status == 206) {
        snprintf(header, sizeof(header), "Content-Range: bytes %zu-%zu/%zu", first,
                 first + count - 1, movie_size);
        assert_true(http_has(&http, header));
    }
    assert_true(http_has(&http, "Content-Type: video/mp4"));
    http_free(&http);
}

static void test_ranges(void **state)
{
    (void)state;
    assert_true(movie_size > 2000);
    check_range("bytes=0-", 206, 0, movie_size);
    check_range("bytes=0-9", 206, 0, 10);
    check_range("bytes=1000-1999", 206, 1000, 1000);
    check_range("bytes=-5", 206, movie_size - 5, 5);
    check_range("bytes=-99999999", 206, 0, movie_size);
    check_range("bytes=100-99999999", 206, 100, movie_size - 100);
    /* what is no range, or several, is answered whole */
    check_range("bytes=9-3", 200, 0, movie_size);
    check_range("bytes=0-1,5-6", 200, 0, movie_size);
    check_range("lines=0-1", 200, 0, movie_size);
    check_range("bytes=-", 200, 0, movie_size);
    check_range("bytes=0-9999999999999999999999999", 200, 0, movie_size);
    char header[64];
    snprintf(header, sizeof(header), "Range: bytes=%zu-\r\n", movie_size);
    Http http = http_get(&served, media(GOOD), header);
    assert_int_equal(http.status, 416);
    snprintf(header, sizeof(header), "Content-Range: bytes */%zu", movie_size);
    assert_true(http_has(&http, header));
    http_free(&http);
    http = http_get(&served, media(GOOD), "Range: bytes=0-9\r\nIf-Range: \"another\"\r\n");
    assert_int_equal(http.status, 200);
    assert_int_equal(http.size, movie_size);
    http_free(&http);
}

static void test_only_annotated_files_under_their_folders(void **state)
{
    (void)state;
    assert_int_equal(http_status(&served, media(GOOD), ""), 200);
    assert_int_equal(http_status(&served, media(INSIDE), ""), 200);
    assert_int_equal(http_status(&served, media(LINKED_ROOT), ""), 200);
    assert_int_equal(http_status(&served, media(ESCAPES), ""), 404);
    assert_int_equal(http_status(&served, media(MISSING), ""), 404);
    assert_int_equal(http_status(&served, media(FIFO), ""), 404);
    /* a link that is turned around while serving */
    shell("mv %s/good.mp4 %s/kept && ln -s %s %s/good.mp4", root, root, outside, root);
    assert_int_equal(http_status(&served, media(GOOD), ""), 404);
    shell("mv %s/kept %s/good.mp4", root, root);
    assert_int_equal(http_status(&served, media(GOOD), ""), 200);
    static const char *const targets[] = {
        "/r/1/media/../../../../etc/passwd",
        "/r/1/media/..%2f..%2fetc%2fpasswd",
        "/r/1/media//etc/passwd",
        "/r/1/media/%2fetc%2fpasswd",
        "/../../../etc/passwd",
        "/r/1/../../etc/passwd",
        "/r/1/%2e%2e/%2e%2e/etc/passwd",
        "/r/1/data/../../../etc/passwd",
        "/r/1/thumbs/1/../../../etc/passwd",
        "/r/1/thumbs/..%2f1/x.png",
        "/r/1/media/1%00",
        "/r/1/media/-1",
        "/r/1/media/1.mp4",
        "/r/1/index.html/",
        "/r/1/media/18446744073709551617",
        "/etc/passwd",
    };
    for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
        Http http = http_get(&served, targets[i], "");
        if (http.status < 400 && !strstr(targets[i], "%00"))
            fail_msg("%s: %d", targets[i], http.status);
        if (http.body) assert_null(strstr(http.body, "root:"));
        http_free(&http);
    }
    /* known to one run is not known to the other */
    char target[64];
    snprintf(target, sizeof(target), "/r/2/media/%lld", id_of(INSIDE));
    assert_int_equal(http_status(&served, target, ""), 404);
}

/* ---- Thumbnails */

/* The name that the rows have for a video's thumbnails, as a target. */
static void thumb_target(char target[200], int video)
{
    Http http = http_get(&served, "/r/1/data/rows-0.js", "");
    char start[64];
    snprintf(start, sizeof(start), "\"%lld-", id_of(video));
    const char *name = strstr(http.body, start);
    assert_non_null(name);
    snprintf(target, 200, "/r/1/thumbs/%lld/%.*s.png", id_of(video) % 100,
             (int)strcspn(name + 1, "\""), name + 1);
    http_free(&http);
}

static void test_thumbnails_on_demand(void **state)
{
    (void)state;
    char target[200];
    thumb_target(target, GOOD);
    for (int again = 0; again < 2; again++) {
        Http http = http_get(&served, target, "");
        assert_int_equal(http.status, 200);
        assert_true(http_has(&http, "Content-Type: image/png"));
        assert_memory_equal(http.body, "\x89PNG\r\n\x1a\n", 8);
        http_free(&http);
    }
    Http http = http_get(&served, "/metrics", "");
    assert_non_null(strstr(http.body, "\nhedon_thumbnails_total 1\n")); /* made once */
    http_free(&http);
    thumb_target(target, ESCAPES);
    assert_int_equal(http_status(&served, target, ""), 404);
    /* a name that the store would not give */
    snprintf(target, sizeof(target), "/r/1/thumbs/1/%lld-00000000-8.png", id_of(GOOD));
    assert_int_equal(http_status(&served, target, ""), 404);
}

static void test_many_thumbnails_at_once_are_bounded(void **state)
{
    (void)state;
    enum { MANY = 120 };
    char target[200], request[400];
    int fds[MANY], good = 0, busy = 0;
    thumb_target(target, INSIDE);
    snprintf(request, sizeof(request),
             "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", target);
    for (int i = 0; i < MANY; i++) {
        fds[i] = http_connect(&served);
        http_send(fds[i], request, strlen(request));
    }
    assert_int_equal(http_status(&served, "/metrics", ""), 200);
    for (int i = 0; i < MANY; i++) {
        Http http = http_receive(fds[i]);
        good += http.status == 200;
        busy += http.status == 503;
        http_free(&http);
    }
    assert_int_equal(good + busy, MANY);
    assert_true(good >= 64);
}

/* ---- Who may ask */

static void test_host_and_origin(void **state)
{
    (void)state;
    static const struct {
        const char *headers;
        int status;
    } cases[] = {
        {"Host: localhost:1\r\n", 200},
        {"Host: 127.0.0.1\r\n", 200},
        {"Host: [::1]:80\r\n", 200},
        {"Host: evil.example\r\n", 421},
        {"Host: localhost.evil.example\r\n", 421},
        {"Host: 127.0.0.1.evil.example\r\n", 421},
        {"Host: \r\n", 421},
        {"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: no-cors\r\n", 200},
        {"Sec-Fetch-Site: none\r\n", 200},
        {"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n",
         403},
        {"Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n", 403},
        {"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
         403},
        {"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
         200},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const int status = http_status(&served, "/r/1/data/site.js", cases[i].headers);
        if (status != cases[i].status) fail_msg("%s: %d", cases[i].headers, status);
    }
}

static void test_token(void **state)
{
    (void)state;
    Served closed;
    char headers[200];
    serve_start(&closed, (char *[]){in_scratch("results.db"), (char[]){"--port"}, (char[]){"0"},
                                    (char[]){"--token"}, (char[]){"secret-of-the-test"}, NULL});
    assert_string_equal(closed.token, "secret-of-the-test");
    assert_int_equal(http_status(&closed, "/api/runs", ""), 401);
    assert_int_equal(http_status(&closed, "/r/1/media/1", ""), 401);
    assert_int_equal(http_status(&closed, "/metrics", ""), 401);
    assert_int_equal(http_status(&closed, "/?token=secret-of-the-tesT", ""), 401);
    assert_int_equal(http_status(&closed, "/?token=", ""), 401);
    assert_int_equal(http_status(&closed, "/api/runs?token=secret-of-the-test", ""), 401);
    assert_int_equal(http_status(&closed, "/api/runs", "Authorization: Bearer wrong\r\n"), 401);
    assert_int_equal(
        http_status(&closed, "/api/runs", "Authorization: Bearer secret-of-the-test\r\n"), 200);
    Http http = http_get(&closed, "/?token=secret-of-the-test", "");
    assert_int_equal(http.status, 303);
    assert_true(http_has(&http, "Location: /\r\n"));
    snprintf(headers, sizeof(headers),
             "Set-Cookie: hedon-%d=secret-of-the-test; Path=/; HttpOnly; SameSite=Lax",
             closed.port);
    assert_true(http_has(&http, headers));
    http_free(&http);
    snprintf(headers, sizeof(headers), "Cookie: a=b; hedon-%d=secret-of-the-test\r\n", closed.port);
    assert_int_equal(http_status(&closed, "/api/runs", headers), 200);
    snprintf(headers, sizeof(headers), "Cookie: hedon-%d=secret\r\n", closed.port);
    assert_int_equal(http_status(&closed, "/api/runs", headers), 401);
    assert_int_equal(serve_stop(&closed, SIGINT), 0);
}

static void test_elsewhere_needs_a_token(void **state)
{
    (void)state;
    Served open;
    serve_start(&open, (char *[]){in_scratch("results.db"), (char[]){"--port"}, (char[]){"0"},
                                  (char[]){"--bind"}, (char[]){"0.0.0.0"}, (char[]){"--host"},
                                  (char[]){"videos.example.org"}, NULL});
    assert_int_equal(strlen(open.token), 32);
    assert_int_equal(http_status(&open, "/api/runs", ""), 401);
    char headers[200];
    snprintf(headers, sizeof(headers), "Host: videos.example.org\r\nAuthorization: Bearer %s\r\n",
             open.token);
    assert_int_equal(http_status(&open, "/api/runs", headers), 200);
    assert_int_equal(serve_stop(&open, SIGTERM), 0);
    static const struct {
        char *options[6];
        const char *says;
    } cases[] = {
        {{"--bind", "0.0.0.0", "--token", "short"}, "at least 16 characters"},
        {{"--bind", "example.org"}, "no address"},
        {{"--token", "white space, and more"}, "letters, digits"},
        {{"--port", "70000"}, "0 (any) to 65535"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        Ran ran = run_with((char *[]){(char[]){HEDON}, (char[]){"serve"}, in_scratch("results.db"),
                                      cases[i].options[0], cases[i].options[1], cases[i].options[2],
                                      cases[i].options[3], NULL},
                           "/dev/null", in_scratch("stdout"));
        assert_int_equal(ran.status, 2);
        if (!strstr(ran.err, cases[i].says)) fail_msg("'%s' is not in: %s", cases[i].says, ran.err);
        ran_free(&ran);
    }
    char port[16];
    snprintf(port, sizeof(port), "%d", served.port);
    Ran ran = RUN("serve", in_scratch("results.db"), "--port", port);
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.err, "cannot listen"));
    ran_free(&ran);
    ran = RUN("serve", in_scratch("absent.db"));
    assert_int_equal(ran.status, 1);
    ran_free(&ran);
}

/* ---- Bad manners */

static void test_methods_and_sizes(void **state)
{
    (void)state;
    static char request[60000];
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "TRACE"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
        const int fd = http_connect(&served);
        snprintf(request, sizeof(request),
                 "%s /api/runs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: "
                 "5\r\n\r\nhello",
                 methods[i]);
        http_send(fd, request, strlen(request));
        Http http = http_receive(fd);
        assert_int_equal(http.status, 405);
        http_free(&http);
    }
    int length = snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: localhost\r\nX: ");
    memset(request + length, 'x', 50000);
    strcpy(request + length + 50000, "\r\n\r\n");
    int fd = http_connect(&served);
    http_send(fd, request, strlen(request));
    Http http = http_receive(fd);
    assert_true(http.status >= 400 && http.status < 500);
    http_free(&http);
    fd = http_connect(&served);
    http_send(fd, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
              15); /* TLS, to the wrong port */
    http = http_receive(fd);
    assert_true(!http.status || http.status >= 400);
    http_free(&http);
}

static void test_head_has_no_body(void **state)
{
    (void)state;
    const int fd = http_connect(&served);
    char request[200], length[64];
    snprintf(request, sizeof(request),
             "HEAD %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", media(GOOD));
    http_send(fd, request, strlen(request));
    Http http = http_receive(fd);
    assert_int_equal(http.status, 200);
    assert_int_equal(http.size, 0);
    snprintf(length, sizeof(length), "Content-Length: %zu", movie_size);
    assert_true(http_has(&http, length));
    http_free(&http);
}

static void test_slow_clients_hold_up_nobody(void **state)
{
    (void)state;
    enum { SLOW = 100 };
    int fds[SLOW];
    char request[200];
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", media(GOOD));
    for (int i = 0; i < SLOW; i++) {
        fds[i] = http_connect(&served);
        if (i % 2) /* half a request */
            http_send(fds[i], "GET /api/runs HT", 16);
        else /* a whole one whose answer is not read */
            http_send(fds[i], request, strlen(request));
    }
    struct timespec before, now;
    clock_gettime(CLOCK_MONOTONIC, &before);
    for (int i = 0; i < 10; i++) assert_int_equal(http_status(&served, "/api/runs", ""), 200);
    clock_gettime(CLOCK_MONOTONIC, &now);
    assert_true(now.tv_sec - before.tv_sec < 10);
    for (int i = 0; i < SLOW; i++) close(fds[i]);
}

static void test_stops_in_the_middle_of_things(void **state)
{
    (void)state;
    Served busy;
    char request[300], target[200];
    int fds[40];
    serve_start(&busy,
                (char *[]){in_scratch("results.db"), (char[]){"--port"}, (char[]){"0"}, NULL});
    thumb_target(target, GOOD);
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target);
    for (int i = 0; i < 40; i++) {
        fds[i] = http_connect(&busy);
        http_send(fds[i], request, i % 2 ? strlen(request) : 20);
    }
    assert_int_equal(serve_stop(&busy, SIGTERM), 0);
    for (int i = 0; i < 40; i++) close(fds[i]);
}

int main(void)
{
    if (!exists(HEDON_BINARY_DIR "/hedon-serve")) {
        fprintf(stderr, "skipped: built without libmicrohttpd\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_and_videos),
        cmocka_unit_test(test_wrong_questions_are_answered),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_only_annotated_files_under_their_folders),
        cmocka_unit_test(test_thumbnails_on_demand),
        cmocka_unit_test(test_many_thumbnails_at_once_are_bounded),
        cmocka_unit_test(test_host_and_origin),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_elsewhere_needs_a_token),
        cmocka_unit_test(test_methods_and_sizes),
        cmocka_unit_test(test_head_has_no_body),
        cmocka_unit_test(test_slow_clients_hold_up_nobody),
        cmocka_unit_test(test_stops_in_the_middle_of_things),
    };
    return cmocka_run_group_tests(tests, make_store, remove_store);
}
