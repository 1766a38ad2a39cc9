/* A headless Chromium, driven through its DevTools protocol over a pipe: real clicks and keys. */
#ifndef HEDON_TESTS_BROWSER_FIXTURE_H
#define HEDON_TESTS_BROWSER_FIXTURE_H

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BROWSER_PATIENCE_MS = 30000 };

typedef struct Browser {
    pid_t pid;
    int to, from;
    char *received; /* bytes after the last whole message */
    size_t held, room;
    int number;
    char session[128];
    int failures; /* exceptions and refusals that pages reported */
} Browser;

extern char **environ;

static inline const char *browser_program(void)
{
    static const char *const places[] = {"/usr/bin/chromium", "/usr/bin/chromium-browser",
                                         "/usr/bin/google-chrome"};
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
        if (!access(places[i], X_OK)) return places[i];
    return NULL;
}

/* The next message, or NULL when none came in time. */
static inline json_t *browser_receive(Browser *browser)
{
    for (;;) {
        char *end = browser->held ? memchr(browser->received, 0, browser->held) : NULL;
        if (end) {
            json_t *message = json_loads(browser->received, 0, NULL);
            const size_t used = (size_t)(end - browser->received) + 1;
            memmove(browser->received, end + 1, browser->held - used);
            browser->held -= used;
            return message;
        }
        struct pollfd wait = {.fd = browser->from, .events = POLLIN};
        if (poll(&wait, 1, BROWSER_PATIENCE_MS) < 1) return NULL;
        if (browser->held + 65536 > browser->room) {
            browser->room = 2 * browser->room + 65536;
            browser->received = realloc(browser->received, browser->room);
        }
        const ssize_t count = read(browser->from, browser->received + browser->held, 65536);
        if (count < 1) return NULL;
        browser->held += (size_t)count;
    }
}

/* What pages complain about: scripts' exceptions and what their policy refused. */
static inline void browser_event(Browser *browser, const json_t *message)
{
    const char *method = json_string_value(json_object_get(message, "method"));
    const json_t *params = json_object_get(message, "params");
    if (!method) return;
    const int thrown = !strcmp(method, "Runtime.exceptionThrown");
    const json_t *entry = json_object_get(params, "entry");
    const char *text = json_string_value(json_object_get(entry, "text"));
    const int refused =
        !strcmp(method, "Log.entryAdded") && text && strstr(text, "Content Security");
    if (!thrown && !refused) return;
    char *words = json_dumps(params, JSON_COMPACT);
    fprintf(stderr, "the page says: %.600s\n", words);
    free(words);
    browser->failures++;
}

/* Call a method; takes params. The whole answer is the caller's. */
static inline json_t *browser_ask(Browser *browser, const char *method, json_t *params)
{
    json_t *call = json_pack("{s:i,s:s,s:o}", "id", ++browser->number, "method", method, "params",
                             params ? params : json_object());
    if (*browser->session) json_object_set_new(call, "sessionId", json_string(browser->session));
    char *text = json_dumps(call, JSON_COMPACT);
    const size_t size = strlen(text) + 1;
    if (write(browser->to, text, size) != (ssize_t)size) fail_msg("the browser is gone");
    free(text);
    json_decref(call);
    for (json_t *message; (message = browser_receive(browser));) {
        if (json_integer_value(json_object_get(message, "id")) == browser->number) return message;
        browser_event(browser, message);
        json_decref(message);
    }
    fail_msg("no answer to %s", method);
    return NULL;
}

/* The result alone; an error is a failed test. */
static inline json_t *browser_call(Browser *browser, const char *method, json_t *params)
{
    json_t *message = browser_ask(browser, method, params);
    json_t *result = json_incref(json_object_get(message, "result"));
    if (!result) fail_msg("%s: %s", method, json_dumps(json_object_get(message, "error"), 0));
    json_decref(message);
    return result;
}

#define BROWSER_DO(...) json_decref(browser_call(__VA_ARGS__))

static inline void browser_start(Browser *browser, const char *folder)
{
    int in[2], out[2];
    char profile[512];
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) abort();
    /* the browser reads at 3 and writes at 4: keep our ends out of the way */
    const int child_in = fcntl(in[0], F_DUPFD_CLOEXEC, 10),
              child_out = fcntl(out[1], F_DUPFD_CLOEXEC, 10);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, child_in, 3);
    posix_spawn_file_actions_adddup2(&actions, child_out, 4);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    snprintf(profile, sizeof(profile), "--user-data-dir=%s/profile", folder);
    char *argv[] = {(char *)browser_program(),
                    (char[]){"--headless"},
                    (char[]){"--no-sandbox"},
                    (char[]){"--disable-gpu"},
                    (char[]){"--disable-dev-shm-usage"},
                    (char[]){"--no-first-run"},
                    (char[]){"--remote-debugging-pipe"},
                    (char[]){"--autoplay-policy=no-user-gesture-required"},
                    profile,
                    NULL};
    *browser = (Browser){0};
    if (posix_spawn(&browser->pid, argv[0], &actions, NULL, argv, environ)) abort();
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    close(child_in);
    close(child_out);
    browser->to = in[1];
    browser->from = out[0];
    json_t *target =
        browser_call(browser, "Target.createTarget", json_pack("{s:s}", "url", "about:blank"));
    json_t *attached = browser_call(
        browser, "Target.attachToTarget",
        json_pack("{s:s,s:b}", "targetId", json_string_value(json_object_get(target, "targetId")),
                  "flatten", 1));
    snprintf(browser->session, sizeof(browser->session), "%s",
             json_string_value(json_object_get(attached, "sessionId")));
    json_decref(target);
    json_decref(attached);
    BROWSER_DO(browser, "Runtime.enable", NULL);
    BROWSER_DO(browser, "Log.enable", NULL);
    BROWSER_DO(browser, "Page.enable", NULL);
    BROWSER_DO(browser, "Performance.enable", json_pack("{s:s}", "timeDomain", "threadTicks"));
}

static inline void browser_stop(Browser *browser)
{
    if (!browser->pid) return;
    browser->session[0] = 0;
    BROWSER_DO(browser, "Browser.close", NULL);
    waitpid(browser->pid, NULL, 0);
    close(browser->to);
    close(browser->from);
    free(browser->received);
    browser->pid = 0;
}

/* The value of an expression, which may be a promise. */
static inline json_t *browser_eval(Browser *browser, const char *expression)
{
    json_t *result = browser_call(browser, "Runtime.evaluate",
                                  json_pack("{s:s,s:b,s:b}", "expression", expression,
                                            "returnByValue", 1, "awaitPromise", 1));
    if (json_object_get(result, "exceptionDetails"))
        fail_msg("%s\n%s", expression, json_dumps(json_object_get(result, "exceptionDetails"), 0));
    json_t *value = json_incref(json_object_get(json_object_get(result, "result"), "value"));
    json_decref(result);
    return value;
}

static inline double browser_number(Browser *browser, const char *expression)
{
    json_t *value = browser_eval(browser, expression);
    if (!json_is_number(value) && !json_is_boolean(value)) fail_msg("not a number: %s", expression);
    const double number = json_is_true(value) ? 1 : json_number_value(value);
    json_decref(value);
    return number;
}

/* Seconds of processor time that the page's own thread has spent: busy neighbours change nothing.
 */
static inline double browser_busy_s(Browser *browser)
{
    json_t *metrics = browser_call(browser, "Performance.getMetrics", NULL);
    double seconds = -1;
    size_t i;
    json_t *metric;
    json_array_foreach(json_object_get(metrics, "metrics"), i, metric)
    {
        if (!strcmp(json_string_value(json_object_get(metric, "name")), "TaskDuration"))
            seconds = json_number_value(json_object_get(metric, "value"));
    }
    json_decref(metrics);
    return seconds;
}

/* In one of four buffers that take turns. */
static inline const char *browser_text(Browser *browser, const char *expression)
{
    static char texts[4][4096];
    static int turn;
    char *text = texts[turn++ % 4];
    json_t *value = browser_eval(browser, expression);
    if (!json_is_string(value)) fail_msg("not a text: %s", expression);
    snprintf(text, sizeof(texts[0]), "%s", json_string_value(value));
    json_decref(value);
    return text;
}

/* Wait until the expression is true; it may not even make sense while a page is being left. */
static inline void browser_wait(Browser *browser, const char *expression)
{
    for (int i = 0; i < BROWSER_PATIENCE_MS / 50; i++) {
        json_t *answer =
            browser_ask(browser, "Runtime.evaluate",
                        json_pack("{s:s,s:b}", "expression", expression, "returnByValue", 1));
        const json_t *result = json_object_get(json_object_get(answer, "result"), "result");
        const int good = json_is_true(json_object_get(result, "value"));
        json_decref(answer);
        if (good) return;
        nanosleep(&(struct timespec){0, 50000000}, NULL);
    }
    fail_msg("never true: %s", expression);
}

/* Open a page of the site and wait until its script says that it is done. */
static inline void browser_open(Browser *browser, const char *url)
{
    BROWSER_DO(browser, "Page.navigate", json_pack("{s:s}", "url", "about:blank"));
    BROWSER_DO(browser, "Page.navigate", json_pack("{s:s}", "url", url));
    browser_wait(browser, "document.documentElement?.dataset.state === 'ready'");
}

static inline void browser_size(Browser *browser, int width, int height)
{
    BROWSER_DO(browser, "Emulation.setDeviceMetricsOverride",
               json_pack("{s:i,s:i,s:i,s:b}", "width", width, "height", height, "deviceScaleFactor",
                         1, "mobile", width < 600));
}

static inline void browser_dark(Browser *browser, int dark)
{
    BROWSER_DO(browser, "Emulation.setEmulatedMedia",
               json_pack("{s:[{s:s,s:s}]}", "features", "name", "prefers-color-scheme", "value",
                         dark ? "dark" : "light"));
}

/* A mouse's click, at parts x and y of the first element that fits the selector. */
static inline void browser_click_at(Browser *browser, const char *selector, double x, double y)
{
    char expression[600];
    snprintf(
        expression, sizeof(expression),
        "(() => { const e = document.querySelector('%s'); e.scrollIntoView({block: 'center'}); "
        "const b = e.getBoundingClientRect(); return `${b.left + %g * b.width} ${b.top + %g * "
        "b.height}`; })()",
        selector, x, y);
    double left, top;
    if (sscanf(browser_text(browser, expression), "%lf %lf", &left, &top) != 2) abort();
    static const char *const kinds[] = {"mouseMoved", "mousePressed", "mouseReleased"};
    for (int i = 0; i < 3; i++)
        BROWSER_DO(browser, "Input.dispatchMouseEvent",
                   json_pack("{s:s,s:f,s:f,s:s,s:i}", "type", kinds[i], "x", left, "y", top,
                             "button", i ? "left" : "none", "clickCount", i ? 1 : 0));
}

static inline void browser_click(Browser *browser, const char *selector)
{
    browser_click_at(browser, selector, .5, .5);
}

/* A key by its DOM name. */
static inline void browser_key(Browser *browser, const char *key)
{
    static const struct {
        const char *name;
        int code;
        const char *text;
    } keys[] = {{"Tab", 9, NULL},       {"Enter", 13, "\r"},      {"ArrowDown", 40, NULL},
                {"ArrowUp", 38, NULL},  {"ArrowRight", 39, NULL}, {"ArrowLeft", 37, NULL},
                {"PageDown", 34, NULL}, {"Home", 36, NULL},       {"End", 35, NULL},
                {"Space", 32, " "}};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        if (strcmp(keys[i].name, key)) continue;
        json_t *down =
            json_pack("{s:s,s:s,s:s,s:i}", "type", keys[i].text ? "keyDown" : "rawKeyDown", "key",
                      key, "code", key, "windowsVirtualKeyCode", keys[i].code);
        if (keys[i].text) json_object_set_new(down, "text", json_string(keys[i].text));
        BROWSER_DO(browser, "Input.dispatchKeyEvent", down);
        BROWSER_DO(browser, "Input.dispatchKeyEvent",
                   json_pack("{s:s,s:s,s:s,s:i}", "type", "keyUp", "key", key, "code", key,
                             "windowsVirtualKeyCode", keys[i].code));
        return;
    }
    fail_msg("no key %s", key);
}

static inline void browser_type(Browser *browser, const char *text)
{
    BROWSER_DO(browser, "Input.insertText", json_pack("{s:s}", "text", text));
}

/* What is seen, as a PNG file. */
static inline void browser_shot(Browser *browser, const char *path)
{
    json_t *shot =
        browser_call(browser, "Page.captureScreenshot", json_pack("{s:s}", "format", "png"));
    const char *text = json_string_value(json_object_get(shot, "data"));
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    FILE *file = fopen(path, "wb");
    if (!file) fail_msg("cannot write %s", path);
    uint32_t bits = 0;
    int held = 0;
    for (; *text && *text != '='; text++) {
        bits = bits << 6 | (uint32_t)(strchr(digits, *text) - digits);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        fputc((int)(bits >> held & 255), file);
    }
    fclose(file);
    json_decref(shot);
}

#endif
