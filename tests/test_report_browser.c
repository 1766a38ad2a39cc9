/* The report in a real browser: a table of 10,000 videos, plots, the timeline and its player, by
 * mouse and by keyboard, at a desk's and a phone's width. Set HEDON_SHOTS to a folder to keep
 * pictures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "browser_fixture.h"
#include "http_fixture.h"
#include "report_store.h"

enum { VIDEOS = 10000, FAILED = VIDEOS / 150 };

static Browser browser;
static char site[300], hostile_site[300], clip_page[64];

static const char hostile[] =
    "<img src=x onerror=boom()><|script><script>boom()<|script> \"'`&\\\n\x01\xff";

static void set_up_site(void)
{
    char root[256], first[300];
    snprintf(root, sizeof(root), "%s", in_scratch("videos"));
    snprintf(first, sizeof(first), "%s/clip.webm", root);
    shell("mkdir -p %s", root);
    render("-f lavfi -i testsrc2=size=160x90:rate=25:duration=8 -c:v libvpx -b:v 200k",
           "videos/clip.webm");
    HedonContext *ctx = hedon_context_new();
    HedonStore *store;
    assert_good(ctx, hedon_store_open(ctx, &store, in_scratch("many.db"), NULL));
    lively_store(ctx, store, report_run(ctx, store, "made-up", 'c'), root, first, VIDEOS);
    hedon_store_close(store);
    static char path[600];
    snprintf(path, sizeof(path), "%s/%s.mp4", root, hostile);
    const ReportVideo videos[] = {{path, root, NULL}, {"/elsewhere/x.mp4", "/videos", hostile}};
    assert_good(ctx, hedon_store_open(ctx, &store, in_scratch("hostile.db"), NULL));
    report_annotate(ctx, store, report_run(ctx, store, "<b>m</b>", 'd'), videos, 2, NULL);
    hedon_store_close(store);
    hedon_context_free(ctx);

    snprintf(site, sizeof(site), "%s", in_scratch("site"));
    snprintf(hostile_site, sizeof(hostile_site), "%s", in_scratch("hostile"));
    Ran ran = RUN("report", in_scratch("many.db"), "--out", site, "--thumbnails", "0");
    assert_int_equal(ran.status, 0);
    ran_free(&ran);
    ran =
        RUN("report", in_scratch("hostile.db"), "--out", hostile_site, "--title", (char *)hostile);
    assert_int_equal(ran.status, 0);
    ran_free(&ran);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(scratch)) return -1;
    set_up_site();
    browser_start(&browser, scratch);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    browser_stop(&browser);
    return shell("rm -rf %s", scratch);
}

static void open_page(const char *folder, const char *page)
{
    char url[600];
    snprintf(url, sizeof(url), "file://%s/%s", folder, page);
    browser_open(&browser, url);
}

static void keep_shot(const char *name)
{
    char path[512];
    if (!getenv("HEDON_SHOTS")) return;
    snprintf(path, sizeof(path), "%s/%s.png", getenv("HEDON_SHOTS"), name);
    nanosleep(&(struct timespec){0, 300000000}, NULL);
    browser_shot(&browser, path);
}

static double number(const char *expression)
{
    return browser_number(&browser, expression);
}

static const char *text(const char *expression)
{
    return browser_text(&browser, expression);
}

#define CELL(row, column)                                                                          \
    "document.querySelector('tr[data-at=\"" #row "\"] ." column "').textContent"

/* ---- The table */

static void test_ten_thousand_rows_are_windowed_and_sorted(void **state)
{
    (void)state;
    browser_size(&browser, 1280, 900);
    open_page(site, "index.html");
    assert_int_equal(
        number("Number(document.getElementById('table').getAttribute('aria-rowcount'))"),
        VIDEOS - FAILED + 1);
    assert_true(number("document.querySelectorAll('#rows tr').length") < 60);
    assert_string_equal(text("document.querySelector('th.c-utility').getAttribute('aria-sort')"),
                        "descending");
    const double highest = number("Number(" CELL(0, "c-utility") ")");
    assert_true(highest > number("Number(" CELL(5, "c-utility") ")"));
    browser_click(&browser, "th.c-utility button");
    assert_string_equal(text("document.querySelector('th.c-utility').getAttribute('aria-sort')"),
                        "ascending");
    assert_true(number("Number(" CELL(0, "c-utility") ")") < -highest / 4);
    browser_click(&browser, "th.c-name button");
    assert_string_equal(text("document.querySelector('th.c-name').getAttribute('aria-sort')"),
                        "ascending");
    assert_int_equal(number("document.querySelectorAll('th[aria-sort]').length"), 1);
    browser_eval(&browser, "document.getElementById('scroller').scrollTop = 1e9");
    browser_wait(&browser,
                 "[...document.querySelectorAll('#rows a')].at(-1).textContent === 'clip.webm'");
    assert_true(number("document.querySelectorAll('#rows tr').length") < 60);
}

static void test_search_and_filters(void **state)
{
    (void)state;
    browser_size(&browser, 1280, 900);
    open_page(site, "index.html");
    keep_shot("index");
    browser_click(&browser, "#search");
    browser_type(&browser, "puppy 2016");
    const double found = number("Number(document.getElementById('count').textContent.split(' ')[0]"
                                ".replace(',', ''))");
    assert_true(found > 50 && found < 1001);
    assert_true(number("[...document.querySelectorAll('#rows a')].every((a) => "
                       "a.textContent.startsWith('2016/puppy'))"));
    assert_true(number("location.hash.includes('q=puppy')"));
    browser_click(&browser, "#clear");
    browser_wait(&browser, "document.getElementById('count').textContent.startsWith('9,934 of')");
    browser_click(&browser, "#least");
    browser_type(&browser, "0.5");
    assert_true(number("[...document.querySelectorAll('#rows .c-emotion')].every((c) => "
                       "Number(c.textContent) >= .495)"));
    /* a choice is made by its keyboard, as a menu of the system cannot be clicked here */
    open_page(site, "index.html#state=errors");
    assert_int_equal(number("document.querySelectorAll('#rows td.failed').length > 5"), 1);
    assert_true(number("document.getElementById('count').textContent.startsWith('66 of 10,000')"));
    open_page(site, "index.html#sort=emotion&emotion=23&dir=desc");
    assert_string_equal(text("document.querySelector('th.c-emotion').textContent"), "Sadness");
    assert_true(number("document.getElementById('ranking').textContent.includes('demotes grief')"));
}

static void test_ten_thousand_rows_stay_smooth(void **state)
{
    (void)state;
    open_page(site, "index.html");
    double before = browser_busy_s(&browser);
    browser_eval(&browser, "for (const key of ['name', 'utility', 'emotion']) "
                           "document.querySelector(`th.c-${key} button`).click()");
    const double sorting = (browser_busy_s(&browser) - before) / 3;
    before = browser_busy_s(&browser);
    browser_eval(&browser,
                 "(() => { const s = document.getElementById('scroller'); for (let i = 0; "
                 "i < 50; i++) { s.scrollTop = i * 9000; s.dispatchEvent(new "
                 "Event('scroll')); s.offsetHeight; } })()");
    const double scrolling = (browser_busy_s(&browser) - before) / 50;
    print_message("sorting and all plots %.0f ms, a scroll %.1f ms\n", 1e3 * sorting,
                  1e3 * scrolling);
    assert_true(sorting > 0 && sorting < 1 && scrolling < .05);
}

/* ---- Keyboard, labels, colours */

static void test_keyboard_reaches_everything_in_order(void **state)
{
    (void)state;
    static const char *const order[] = {"skip",  "measure", "axes",  "canvas", "search",  "emotion",
                                        "least", "length",  "state", "clear",  "scroller"};
    browser_size(&browser, 1280, 900);
    open_page(site, "index.html");
    browser_eval(&browser, "document.activeElement.blur()");
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
        browser_key(&browser, "Tab");
        assert_string_equal(text("document.activeElement.id || document.activeElement.className || "
                                 "document.activeElement.localName"),
                            order[i]);
        assert_true(
            number("parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2 && "
                   "getComputedStyle(document.activeElement).outlineStyle !== 'none'"));
    }
    /* in the table: arrows move the row, Enter opens it */
    browser_key(&browser, "ArrowDown");
    browser_key(&browser, "ArrowDown");
    assert_int_equal(number("Number(document.querySelector('tr.active').dataset.at)"), 2);
    browser_key(&browser, "End");
    browser_wait(&browser, "Number(document.querySelector('tr.active').dataset.at) === 9933");
    assert_true(
        number("(() => { const r = document.querySelector('tr.active').getBoundingClientRect(), "
               "s = document.getElementById('scroller').getBoundingClientRect(); return r.top "
               ">= s.top && r.bottom <= s.bottom + 1; })()"));
    browser_key(&browser, "Home");
    const char *name = text(CELL(0, "c-name a"));
    browser_key(&browser, "Enter");
    browser_wait(&browser, "location.pathname.endsWith('video.html') && "
                           "document.documentElement?.dataset.state === 'ready'");
    assert_non_null(strstr(name, text("document.getElementById('title').textContent")));
    /* the next one is the list's second, and the way back keeps the list */
    assert_true(number("!document.getElementById('next').hidden && "
                       "document.getElementById('previous').hidden"));
}

/* axe-like: every control has a name, every plot says what it shows, headings are there. */
static void check_names(void)
{
    assert_string_equal(
        text("[...document.querySelectorAll('input, select, button, a[href], canvas, video, "
             "[role=slider], [role=region], svg:not([aria-hidden])')].filter((e) => "
             "e.checkVisibility()).filter((e) => !(e.labels?.length || "
             "e.getAttribute('aria-label') || e.textContent.trim())).map((e) => "
             "e.outerHTML).join()"),
        "");
    assert_string_equal(
        text("[...document.querySelectorAll('[aria-labelledby], [aria-describedby]')]"
             ".filter((e) => !document.getElementById(e.getAttribute('aria-labelledby') "
             "|| e.getAttribute('aria-describedby'))).map((e) => e.id).join()"),
        "");
    assert_string_equal(
        text("(() => { const seen = {}; return [...document.querySelectorAll('[id]')]"
             ".map((e) => e.id).filter((id) => seen[id] || !(seen[id] = 1)).join(); })()"),
        "");
    assert_int_equal(number("document.querySelectorAll('h1').length"), 1);
    assert_string_equal(text("document.documentElement.lang"), "en");
}

/* WCAG's contrast of every visible text with what lies under it. */
static void check_contrast(void)
{
    static const char contrast[] =
        "(() => { const parse = (c) => c.match(/[\\d.]+/g).map(Number);"
        "const light = (c) => { const [r, g, b] = parse(c).map((x) => (x /= 255) <= .03928 ? x / "
        "12.92 : "
        "((x + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };"
        "const under = (e) => { for (; e; e = e.parentElement) { const c = "
        "getComputedStyle(e).backgroundColor; const p = parse(c); if (p.length < 4 || p[3] > 0) "
        "return c; "
        "} return 'rgb(255, 255, 255)'; };"
        "const bad = []; for (const e of document.querySelectorAll('body *')) {"
        "if (!e.checkVisibility() || ![...e.childNodes].some((n) => n.nodeType === 3 && "
        "n.data.trim())) "
        "continue; const s = getComputedStyle(e), svg = e instanceof SVGElement;"
        "const a = light(svg ? s.fill : s.color), b = light(under(e));"
        "const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);"
        "if (ratio < 4.5) bad.push(`${e.localName}.${e.className} ${ratio.toFixed(2)}`); }"
        "return [...new Set(bad)].join('; '); })()";
    assert_string_equal(text(contrast), "");
}

static void test_names_and_contrast_light_and_dark(void **state)
{
    (void)state;
    for (int dark = 0; dark < 2; dark++) {
        browser_dark(&browser, dark);
        open_page(site, "index.html#state=all&sort=name&dir=asc");
        check_names();
        check_contrast();
        if (dark) keep_shot("index-dark");
        open_page(site, clip_page);
        check_names();
        check_contrast();
    }
    browser_dark(&browser, 0);
}

static void test_phone_width(void **state)
{
    (void)state;
    static const char too_wide[] =
        "[...document.querySelectorAll('body *')].filter((e) => e.checkVisibility() && "
        "e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroller, .skip, "
        ".unseen')).map((e) => "
        "e.localName + '#' + e.id).join()";
    browser_size(&browser, 390, 844);
    open_page(site, "index.html");
    assert_string_equal(text(too_wide), "");
    assert_true(number("document.documentElement.scrollWidth <= 390"));
    assert_true(number("document.getElementById('sort').checkVisibility()"));
    assert_true(number("[...document.querySelectorAll('input, select, button')].filter((e) => "
                       "e.checkVisibility()).every((e) => e.offsetHeight >= 40)"));
    assert_true(number("document.querySelector('#rows a').offsetWidth > 180"));
    keep_shot("phone");
    browser_eval(&browser, "document.getElementById('videos').scrollIntoView()");
    keep_shot("phone-table");
    open_page(site, clip_page);
    assert_string_equal(text(too_wide), "");
    keep_shot("phone-video");
    browser_size(&browser, 1280, 900);
}

/* ---- Plots */

static void test_plots_follow_the_table(void **state)
{
    (void)state;
    open_page(site, "index.html");
    assert_true(number("document.querySelectorAll('#histogram .bar').length > 10"));
    assert_int_equal(number("document.querySelectorAll('#emotions .bar').length"), HEDON_EMOTIONS);
    assert_true(
        number("document.querySelector('#histogram svg').getAttribute('aria-label').startsWith("
               "'utility of 9,934 videos')"));
    assert_true(number("document.querySelector('#map canvas').getAttribute('aria-label').includes("
                       "'9,934 videos')"));
    browser_click(&browser, "#search");
    browser_type(&browser, "puppy");
    assert_true(
        number("!document.querySelector('#histogram svg').getAttribute('aria-label').includes("
               "'9,934')"));
    /* the map: keys go from dot to dot; components are named by what weighs */
    browser_eval(&browser, "document.querySelector('#map canvas').focus()");
    browser_key(&browser, "ArrowRight");
    assert_true(number("document.getElementById('map-says').textContent.includes('puppy')"));
    open_page(site, "index.html#axes=components");
    assert_true(number("/component 1 \\(\\d+%\\)/.test(document.querySelector('#map "
                       "canvas').getAttribute('aria-label'))"));
}

static void test_projections_are_right(void **state)
{
    (void)state;
    open_page(site, "index.html");
    /* two emotions with intensities 1 and 3: a quarter of the way back from the second's word */
    assert_true(
        number("(() => { const e = Array(27).fill(0); e[0] = .1; e[4] = .3; const site = {words: "
               "Array.from({length: 27}, (_, k) => [k, 10 + k]), emotions: Array(27).fill('x')}; "
               "const {xy} = emotionMap.projections.words([{emotions: e}], site); return "
               "Math.abs(xy[0] - 3) < 1e-12 && Math.abs(xy[1] - 13) < 1e-12; })()"));
    /* points along one direction: the first component holds all, and keeps their distances */
    assert_true(
        number("(() => { const rows = [0, 1, 3].map((t) => ({emotions: Array.from({length: 27}, "
               "(_, k) => k === 5 ? .6 * t : k === 7 ? -.8 * t : .1)})); const site = {emotions: "
               "Array.from({length: 27}, (_, k) => `e${k}`)}; const {xy, names} = "
               "emotionMap.projections.components(rows, site); return Math.abs(Math.abs(xy[4] - "
               "xy[0]) - 3) < 1e-9 && names[0] === 'component 1 (100%): e5 \\u2192 e7'; })()"));
}

/* ---- A video's page */

static void test_timeline_moves_the_player(void **state)
{
    (void)state;
    browser_size(&browser, 1280, 1000);
    open_page(site, clip_page);
    browser_wait(&browser, "document.getElementById('player').readyState >= 1");
    keep_shot("video");
    browser_click_at(&browser, "#track", .75, .3);
    const double left = 160, right = 8,
                 width = number("document.getElementById('track').clientWidth");
    const double wanted = (.75 * width - left) / (width - left - right) * 8;
    assert_float_equal(number("document.getElementById('player').currentTime"), wanted, .05);
    assert_float_equal(
        number("Number(document.getElementById('track').getAttribute('aria-valuenow'))"), wanted,
        .05);
    browser_eval(&browser, "document.getElementById('track').focus()");
    browser_key(&browser, "Home");
    assert_float_equal(number("document.getElementById('player').currentTime"), 0, .05);
    browser_key(&browser, "ArrowRight");
    assert_float_equal(number("document.getElementById('player').currentTime"), 2, .05);
    browser_key(&browser, "End");
    assert_float_equal(number("document.getElementById('player').currentTime"), 6, .05);
    browser_key(&browser, "ArrowLeft");
    assert_float_equal(number("document.getElementById('player').currentTime"), 4, .05);
    assert_true(number("/^0:04\\.0, utility .*, .* 0\\.\\d\\d/.test("
                       "document.getElementById('track').getAttribute('aria-valuetext'))"));
    /* and the other way: the player moves the timeline */
    browser_eval(&browser, "document.getElementById('player').currentTime = 7");
    browser_wait(&browser, "Math.abs(Number(document.getElementById('track').getAttribute("
                           "'aria-valuenow')) - 7) < .05");
    char moment[80];
    snprintf(moment, sizeof(moment), "%s@5", clip_page);
    open_page(site, moment);
    assert_float_equal(
        number("Number(document.getElementById('track').getAttribute('aria-valuenow'))"), 5, .05);
    browser_eval(&browser, "document.querySelector('#numbers').open = true");
    browser_wait(&browser, "document.querySelectorAll('#clips tbody tr').length === 4");
}

static void test_thumbnails_jump(void **state)
{
    (void)state;
    char out[300];
    snprintf(out, sizeof(out), "%s", in_scratch("pictures"));
    Ran ran = RUN("report", in_scratch("many.db"), "--out", out, "--where", "path ~ clip");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "thumbnails of 1"));
    ran_free(&ran);
    open_page(out, "index.html");
    assert_true(
        number("document.querySelector('.thumb').style.backgroundImage.includes('thumbs/')"));
    browser_click(&browser, "#rows a");
    browser_wait(&browser, "document.querySelectorAll('#peaks button').length === 3");
    browser_wait(&browser, "document.getElementById('player').readyState >= 1");
    browser_click(&browser, "#peaks button:last-child");
    browser_wait(&browser, "document.getElementById('player').currentTime > 2");
    /* a second report keeps them */
    ran = RUN("report", in_scratch("many.db"), "--out", out, "--where", "path ~ clip", "--json");
    assert_non_null(strstr(ran.out, "\"kept\":1"));
    ran_free(&ran);
}

static void test_hostile_names_are_only_text(void **state)
{
    (void)state;
    open_page(hostile_site, "index.html#state=all");
    assert_true(number("document.querySelectorAll('img, b, #rows script').length") == 0);
    assert_true(
        number("document.querySelector('#rows').textContent.includes('<img src=x onerror')"));
    assert_true(number("typeof boom === 'undefined'"));
    browser_click(&browser, "#rows a");
    browser_wait(&browser, "location.pathname.endsWith('video.html') && "
                           "document.documentElement?.dataset.state === 'ready'");
    assert_true(number("document.querySelectorAll('img, b').length") == 0);
    assert_true(number("document.getElementById('player').src.endsWith('%01%FF.mp4')"));
    /* an address that names nothing says so */
    BROWSER_DO(&browser, "Page.navigate", json_pack("{s:s}", "url", "about:blank"));
    char url[600];
    snprintf(url, sizeof(url), "file://%s/video.html#../../x.1", hostile_site);
    BROWSER_DO(&browser, "Page.navigate", json_pack("{s:s}", "url", url));
    browser_wait(&browser, "document.documentElement?.dataset.state === 'failed'");
}

/* ---- Live */

static void test_served_pages_live(void **state)
{
    (void)state;
    Served served;
    char url[200];
    char root[256];
    if (!exists(HEDON_BINARY_DIR "/hedon-serve")) skip();
    snprintf(root, sizeof(root), "%s", in_scratch("videos"));
    HedonContext *ctx = hedon_context_new();
    HedonStore *store;
    assert_good(ctx, hedon_store_open(ctx, &store, in_scratch("live.db"), NULL));
    const int64_t run = report_run(ctx, store, "live", 'e');
    static char first[300], second[300];
    snprintf(first, sizeof(first), "%s/clip.webm", root);
    snprintf(second, sizeof(second), "%s/later.webm", root);
    const ReportVideo before = {first, root, NULL}, after = {second, root, NULL};
    report_annotate(ctx, store, run, &before, 1, NULL);
    serve_start(&served, (char *[]){in_scratch("live.db"), (char[]){"--port"}, (char[]){"0"},
                                    (char[]){"--token"}, (char[]){"letmein-letmein"}, NULL});
    snprintf(url, sizeof(url), "http://localhost:%d/?token=letmein-letmein", served.port);
    browser_open(&browser, url);
    assert_true(number("location.pathname === '/r/1/index.html' && !location.search && "
                       "document.cookie === ''"));
    report_annotate(ctx, store, run, &after, 1, NULL);
    browser_wait(&browser, "document.querySelector('#live button') !== null");
    browser_click(&browser, "#live button");
    browser_wait(&browser, "document.querySelectorAll('#rows a').length === 2");
    browser_open(&browser,
                 text("new URL([...document.querySelectorAll('#rows a')].find((a) => "
                      "a.textContent === 'clip.webm').getAttribute('href'), location).href"));
    browser_wait(&browser, "document.getElementById('player').readyState >= 1");
    browser_wait(&browser, "document.querySelectorAll('#peaks button').length === 3");
    browser_click_at(&browser, "#track", .9, .3);
    assert_true(number("document.getElementById('player').currentTime") > 4);
    assert_int_equal(serve_stop(&served, SIGTERM), 0);
    hedon_store_close(store);
    hedon_context_free(ctx);
}

/* A page may not reach out, and nothing that it does is refused by its own policy. */
static void test_nothing_was_refused_or_thrown(void **state)
{
    (void)state;
    assert_int_equal(browser.failures, 0);
    open_page(site, "index.html");
    assert_true(number("fetch('https://example.org/').then(() => false, () => true)"));
    assert_int_equal(number("performance.getEntriesByType('resource').filter((e) => "
                            "!e.name.startsWith('file:')).filter((e) => !e.name.includes("
                            "'example.org')).length"),
                     0);
}

/* Where the table leads for the first video, the one that exists. */
static void find_clip(void **state)
{
    (void)state;
    open_page(site, "index.html#q=clip.webm");
    snprintf(clip_page, sizeof(clip_page), "%s",
             text("document.querySelector('#rows a').getAttribute('href')"));
    assert_memory_equal(clip_page, "video.html#", 11);
}

int main(void)
{
    if (!browser_program()) {
        fprintf(stderr, "skipped: no chromium\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find_clip),
        cmocka_unit_test(test_ten_thousand_rows_are_windowed_and_sorted),
        cmocka_unit_test(test_search_and_filters),
        cmocka_unit_test(test_ten_thousand_rows_stay_smooth),
        cmocka_unit_test(test_keyboard_reaches_everything_in_order),
        cmocka_unit_test(test_names_and_contrast_light_and_dark),
        cmocka_unit_test(test_phone_width),
        cmocka_unit_test(test_plots_follow_the_table),
        cmocka_unit_test(test_projections_are_right),
        cmocka_unit_test(test_timeline_moves_the_player),
        cmocka_unit_test(test_thumbnails_jump),
        cmocka_unit_test(test_hostile_names_are_only_text),
        cmocka_unit_test(test_served_pages_live),
        cmocka_unit_test(test_nothing_was_refused_or_thrown),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
