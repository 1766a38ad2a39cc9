/* Finding videos: the walk, first bytes, filters, lists of files, contents' hashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "annotate/content_hash.h"
#include "annotate/measure.h"
#include "annotate/queue.h"
#include "annotate/rate.h"
#include "annotate/sniff.h"
#include "annotate/source.h"
#include "annotate/walk.h"
#include "base/error.h"
#include "base/memory.h"

static char scratch[] = "/tmp/hedon-test-annotate-XXXXXX";

static char *in_scratch(const char *name)
{
    static char paths[16][512];
    static int turn;
    char *path = paths[turn++ % 16];
    snprintf(path, sizeof(paths[0]), "%s%s%s", scratch, *name ? "/" : "", name);
    return path;
}

static void folder(const char *name)
{
    assert_int_equal(mkdir(in_scratch(name), 0700), 0);
}

static void file(const char *name, const void *bytes, size_t size)
{
    FILE *stream = fopen(in_scratch(name), "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    fclose(stream);
}

static int make_scratch(void **state)
{
    (void)state;
    strcpy(strrchr(scratch, '-'), "-XXXXXX");
    return mkdtemp(scratch) ? 0 : -1;
}

static int remove_scratch(void **state)
{
    char command[300];
    (void)state;
    snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", scratch, scratch);
    return system(command);
}

/* ---- The walk */

typedef struct Found {
    char text[4096]; /* relative paths, a space after each */
    int files, broken, troubles;
    char trouble[512];
} Found;

static void note_trouble(void *opaque, const char *path, const char *sentence)
{
    Found *found = opaque;
    found->troubles++;
    snprintf(found->trouble, sizeof(found->trouble), "%s: %s", path, sentence);
}

static Found walk_with(const HedonFilter *filter, const char *root)
{
    Found found = {0};
    HedonContext *ctx = hedon_context_new();
    HedonWalk *walk;
    HedonWalkFile one;
    assert_int_equal(hedon_walk_new(ctx, &walk, filter, note_trouble, &found), 0);
    assert_int_equal(hedon_walk_root(ctx, walk, root), 0);
    int code;
    while (!(code = hedon_walk_next(ctx, walk, &one))) {
        snprintf(found.text + strlen(found.text), sizeof(found.text) - strlen(found.text), "%s ",
                 one.relative);
        found.files++;
        found.broken += one.broken;
        assert_true(one.path[0] == '/');
        assert_string_equal(one.path + strlen(one.path) - strlen(one.relative), one.relative);
    }
    assert_int_equal(code, 1);
    hedon_walk_free(walk);
    hedon_context_free(ctx);
    return found;
}

static Found walk(void)
{
    const HedonFilter everything = {0};
    return walk_with(&everything, scratch);
}

static void test_walk_is_sorted_and_recursive(void **state)
{
    (void)state;
    folder("b");
    folder("b/empty");
    folder("b/z");
    file("b/z/3.mp4", "x", 1);
    file("b/2.mp4", "xy", 2);
    file("a.mp4", "x", 1);
    file("c.mp4", "x", 1);
    file(".hidden.mp4", "x", 1);
    folder(".hidden");
    file(".hidden/4.mp4", "x", 1);
    Found found = walk();
    assert_string_equal(found.text, "a.mp4 b/2.mp4 b/z/3.mp4 c.mp4 ");
    const HedonFilter hidden = {.hidden = 1};
    found = walk_with(&hidden, scratch);
    assert_string_equal(found.text, ".hidden/4.mp4 .hidden.mp4 a.mp4 b/2.mp4 b/z/3.mp4 c.mp4 ");
}

static void test_walk_ends_in_loops_and_visits_a_folder_once(void **state)
{
    (void)state;
    folder("a");
    file("a/1.mp4", "x", 1);
    assert_int_equal(symlink("..", in_scratch("a/up")), 0);
    assert_int_equal(symlink(".", in_scratch("a/self")), 0);
    assert_int_equal(symlink("a", in_scratch("b")), 0);
    assert_int_equal(symlink("a/1.mp4", in_scratch("one.mp4")), 0);
    assert_int_equal(symlink("round", in_scratch("round")), 0);
    const Found found = walk();
    assert_string_equal(found.text, "a/1.mp4 one.mp4 round ");
    assert_int_equal(found.broken, 1);
    assert_int_equal(found.troubles, 0);
}

static void test_walk_passes_over_what_is_no_file(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(in_scratch("pipe.mp4"), 0600), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/socket.mp4", scratch);
    const int socket_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(socket_fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(socket_fd);
    folder("folder.mp4");
    file("folder.mp4/inside.mp4", "x", 1);
    assert_int_equal(symlink("nowhere", in_scratch("dangling.mp4")), 0);
    const Found found = walk();
    assert_string_equal(found.text, "dangling.mp4 folder.mp4/inside.mp4 ");
    assert_int_equal(found.broken, 1);
}

static void test_unreadable_folder_is_trouble_not_the_end(void **state)
{
    (void)state;
    const HedonFilter everything = {0};
    file("a.mp4", "x", 1);
    Found found = walk_with(&everything, in_scratch("not-there"));
    assert_int_equal(found.troubles, 1);
    assert_non_null(strstr(found.trouble, "not-there: cannot read this folder"));
    if (!geteuid()) return; /* root reads everything */
    folder("locked");
    file("locked/b.mp4", "x", 1);
    assert_int_equal(chmod(in_scratch("locked"), 0), 0);
    found = walk();
    assert_string_equal(found.text, "a.mp4 ");
    assert_int_equal(found.troubles, 1);
}

static void test_walk_survives_deep_trees(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof(path), "%s", scratch);
    int depth = 0;
    for (; strlen(path) < 3900; depth++) {
        strcat(path, "/deeper");
        assert_int_equal(mkdir(path, 0700), 0);
    }
    strcat(path, "/x.mp4");
    const int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    struct rlimit few;
    getrlimit(RLIMIT_NOFILE, &few);
    const rlim_t before = few.rlim_cur;
    few.rlim_cur = 32; /* a walk that held its folders open would run out of descriptors */
    setrlimit(RLIMIT_NOFILE, &few);
    const Found found = walk();
    few.rlim_cur = before;
    setrlimit(RLIMIT_NOFILE, &few);
    assert_true(depth > 400);
    assert_int_equal(found.files, 1);
    assert_int_equal(found.troubles, 0);
}

static void test_walk_survives_a_failing_allocation(void **state)
{
    (void)state;
    folder("a");
    file("a/1.mp4", "x", 1);
    file("2.mp4", "x", 1);
    const HedonFilter everything = {0};
    for (int k = 1;; k++) {
        HedonContext *ctx = hedon_context_new();
        HedonWalk *one = NULL;
        HedonWalkFile found;
        int files = 0;
        hedon_memory_fail_at(k);
        int code = hedon_walk_new(ctx, &one, &everything, NULL, NULL);
        if (!code) code = hedon_walk_root(ctx, one, scratch);
        while (!code && !(code = hedon_walk_next(ctx, one, &found))) files++;
        const int failed = hedon_memory_failed();
        hedon_memory_fail_at(0);
        hedon_walk_free(one);
        hedon_context_free(ctx);
        if (!failed) {
            assert_int_equal(code, 1);
            assert_int_equal(files, 2);
            assert_true(k > 4);
            return;
        }
        assert_int_equal(code, HEDON_ENOMEM);
    }
}

/* ---- Filters */

static void test_patterns(void **state)
{
    (void)state;
    const char *include[] = {"*.mp4"}, *exclude[] = {"raw", "*/b/*", "x*"};
    const HedonFilter filter = {
        .include = include, .include_count = 1, .exclude = exclude, .exclude_count = 3};
    assert_true(hedon_filter_file(&filter, "a/1.mp4"));
    assert_false(hedon_filter_file(&filter, "a/1.mkv"));
    assert_false(hedon_filter_file(&filter, "a/b/1.mp4")); /* with a slash: the whole path */
    assert_true(hedon_filter_file(&filter, "b/1.mp4"));
    assert_false(hedon_filter_file(&filter, "a/x1.mp4")); /* without: the name */
    assert_false(hedon_filter_folder(&filter, "a/raw"));
    assert_true(hedon_filter_folder(&filter, "a/rawest"));
    assert_false(hedon_filter_file(&filter, "a/.1.mp4"));
}

static void test_excluded_folders_are_not_entered(void **state)
{
    (void)state;
    folder("raw");
    file("raw/1.mp4", "x", 1);
    file("2.mp4", "x", 1);
    const char *exclude[] = {"raw"};
    const HedonFilter filter = {.exclude = exclude, .exclude_count = 1};
    const Found found = walk_with(&filter, scratch);
    assert_string_equal(found.text, "2.mp4 ");
}

static void test_shards_partition(void **state)
{
    (void)state;
    int sizes[5] = {0};
    for (int i = 0; i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "folder/%d.mp4", i);
        int owners = 0;
        for (int shard = 1; shard <= 5; shard++) {
            const HedonFilter filter = {.shard = shard, .shard_count = 5};
            const int mine = hedon_filter_shard(&filter, name);
            owners += mine;
            sizes[shard - 1] += mine;
        }
        assert_int_equal(owners, 1);
    }
    for (int i = 0; i < 5; i++) assert_in_range(sizes[i], 140, 260);
    /* the same on every machine, in every version */
    const HedonFilter fifth = {.shard = 5, .shard_count = 5};
    int owned = 0;
    for (int i = 0; i < 8; i++) {
        char name[32];
        snprintf(name, sizeof(name), "folder/%d.mp4", i);
        owned |= hedon_filter_shard(&fifth, name) << i;
    }
    assert_int_equal(owned, 0xa0);
}

/* ---- First bytes */

#define SNIFF(name, bytes) hedon_sniff_bytes(name, (const uint8_t *)bytes, sizeof(bytes) - 1)

static void test_first_bytes(void **state)
{
    (void)state;
    assert_true(SNIFF("a", "\0\0\0\x20"
                           "ftypisom\0\0\2\0isomiso2"));
    assert_true(SNIFF("a", "\0\0\0\x14"
                           "ftypqt  "));
    assert_false(SNIFF("a.heic", "\0\0\0\x20"
                                 "ftypheic"));
    assert_false(SNIFF("a", "\0\0\0\x20"
                            "ftypM4A "));
    assert_false(SNIFF("a.m4a", "\0\0\0\x20"
                                "ftypisom"));
    assert_false(SNIFF("a", "\0\0\0\x20"
                            "ftyp"));
    assert_true(SNIFF("a", "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\x82\x88matroska"));
    assert_true(SNIFF("a", "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\x82\x84webm"));
    assert_false(SNIFF("a.mka", "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\x82\x88matroska"));
    assert_false(SNIFF("a", "\x1a\x45\xdf\xa3nothing"));
    assert_true(SNIFF("a", "RIFF\1\2\3\4AVI LIST"));
    assert_false(SNIFF("a.wav", "RIFF\1\2\3\4WAVEfmt "));
    assert_true(SNIFF("a", "FLV\1\5\0\0\0\x9"));
    assert_true(SNIFF("a", "YUV4MPEG2 W4 H4"));
    assert_true(SNIFF("a", "\0\0\0\1\x67\x42"));
    assert_true(SNIFF("a", "\0\0\0\1\x40\1\x0c"));
    assert_false(SNIFF("a", "\0\0\0\1\1\1"));
    assert_true(SNIFF("a", "\0\0\1\xba\x44"));
    assert_true(SNIFF("a", "OggS\0\2\0\0\0\0\0\0\0\0\1\1\1\1\0\0\0\0\1\1\1\1\1\x2a\x80theora"));
    assert_false(SNIFF("a.ogg", "OggS\0\2\0\0\0\0\0\0\0\0\1\1\1\1\0\0\0\0\1\1\1\1\1\x1e\1vorbis"));
    assert_true(SNIFF("a.gif", "GIF89a\1\0\1\0\0\0\0!\xff\x0bNETSCAPE2.0\3\1\0\0\0"));
    assert_false(SNIFF("a.gif", "GIF89a\1\0\1\0\0\0\0,\0\0\0\0"));
    assert_false(SNIFF("a.png", "\x89PNG\r\n\x1a\n"));
    assert_false(SNIFF("a.ts", "export const answer: number = 42;\n"));
    assert_false(SNIFF("a", ""));
}

static void test_transport_streams(void **state)
{
    (void)state;
    uint8_t bytes[HEDON_SNIFF_BYTES] = {0};
    for (size_t i = 0; i < sizeof(bytes); i += 188) bytes[i] = 0x47;
    assert_true(hedon_sniff_bytes("a.ts", bytes, sizeof(bytes)));
    assert_false(hedon_sniff_bytes("a.ts", bytes, 188));
    bytes[376] = 0;
    assert_false(hedon_sniff_bytes("a.ts", bytes, sizeof(bytes)));
    memset(bytes, 0, sizeof(bytes));
    for (size_t i = 4; i < sizeof(bytes); i += 192) bytes[i] = 0x47;
    assert_true(hedon_sniff_bytes("a.m2ts", bytes, sizeof(bytes)));
    memset(bytes, 'G', sizeof(bytes)); /* 0x47 everywhere is text */
    assert_false(hedon_sniff_bytes("a.txt", bytes, 100));
}

static void test_names(void **state)
{
    (void)state;
    assert_true(hedon_sniff_name("a/b.mp4"));
    assert_true(hedon_sniff_name("a/b.c.MKV"));
    assert_false(hedon_sniff_name("a/b.ts")); /* or TypeScript */
    assert_false(hedon_sniff_name("a.mp4/b"));
    assert_false(hedon_sniff_name("mp4"));
    assert_false(hedon_sniff_name(".mp4"));
    assert_false(hedon_sniff_name("a."));
}

static void test_sniffing_never_waits(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    assert_int_equal(mkfifo(in_scratch("pipe"), 0600), 0);
    assert_int_equal(hedon_sniff_file(ctx, in_scratch("pipe")), 0);
    assert_int_equal(hedon_sniff_file(ctx, "/dev/zero"), 0);
    file("short",
         "\0\0\0\x14"
         "ftypqt  ",
         12);
    assert_int_equal(hedon_sniff_file(ctx, in_scratch("short")), 1);
    assert_int_equal(hedon_sniff_file(ctx, in_scratch("gone")), HEDON_ENOENT);
    hedon_context_free(ctx);
}

/* ---- Places and lists */

static Found source_with(HedonSourceOptions options)
{
    Found found = {0};
    HedonContext *ctx = hedon_context_new();
    HedonSource *source;
    HedonStoreFile one;
    assert_int_equal(hedon_source_open(ctx, &source, &options, note_trouble, &found), 0);
    int code, unsure;
    while (!(code = hedon_source_next(ctx, source, &one, &unsure))) {
        if (unsure && !hedon_source_settle(ctx, source, one.path, 0)) continue;
        snprintf(found.text + strlen(found.text), sizeof(found.text) - strlen(found.text), "%s ",
                 one.path + strlen(one.root) + 1);
        assert_memory_equal(one.path, one.root, strlen(one.root));
        found.files++;
    }
    assert_int_equal(code, 1);
    assert_int_equal(hedon_source_counts(source)->files, found.files);
    assert_int_equal(hedon_source_counts(source)->troubles, found.troubles);
    hedon_source_close(source);
    hedon_context_free(ctx);
    return found;
}

static void test_videos_are_known_by_name_or_content(void **state)
{
    (void)state;
    folder("d");
    file("d/text.mp4", "not a video, but called one", 27);
    file("d/notes.txt", "nothing", 7);
    file("d/picture.jpg", "\xff\xd8\xff\xe0", 4);
    file("d/nameless",
         "\0\0\0\x14"
         "ftypqt  ",
         12);
    file("d/code.ts", "let x = 1;", 10);
    const char *places[] = {in_scratch("d")};
    Found found = source_with((HedonSourceOptions){.places = places, .place_count = 1});
    assert_string_equal(found.text, "nameless text.mp4 ");
    /* what is named by itself is meant, whatever it is; a folder given twice counts once */
    const char *more[] = {in_scratch("d"), in_scratch("d/notes.txt"), in_scratch("d"),
                          in_scratch("nowhere")};
    found = source_with((HedonSourceOptions){.places = more, .place_count = 4});
    assert_string_equal(found.text, "nameless text.mp4 notes.txt ");
    assert_int_equal(found.troubles, 1);
}

static void test_lists(void **state)
{
    (void)state;
    folder("d");
    file("d/1.mp4", "x", 1);
    file("d/two words.bin", "x", 1);
    char list[2048];
    snprintf(list, sizeof(list), "%s\r\n\n%s\n%s\n%s", in_scratch("d/1.mp4"),
             in_scratch("d/two words.bin"), in_scratch("d/gone.mp4"), in_scratch("d"));
    file("list", list, strlen(list));
    Found found = source_with((HedonSourceOptions){.list = in_scratch("list")});
    assert_string_equal(found.text, "1.mp4 two words.bin ");
    assert_int_equal(found.troubles, 2);
    snprintf(list, sizeof(list), "%s", in_scratch("d/1.mp4"));
    const size_t first = strlen(list) + 1;
    snprintf(list + first, sizeof(list) - first, "%s", in_scratch("d/two words.bin"));
    file("list0", list, first + strlen(list + first));
    found = source_with((HedonSourceOptions){.list = in_scratch("list0"), .nul = 1});
    assert_string_equal(found.text, "1.mp4 two words.bin ");
    assert_int_equal(found.troubles, 0);
}

/* ---- Contents */

static void test_content_hash(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    HedonContent content;
    file("abc", "abc", 3);
    assert_int_equal(hedon_content_hash(ctx, in_scratch("abc"), &content), 0);
    /* FIPS 180-2, appendix B.1 */
    assert_string_equal(content.hash,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(content.size, 3);
    assert_true(hedon_content_is_current(in_scratch("abc"), &content));
    struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    utimensat(AT_FDCWD, in_scratch("abc"), times, 0);
    assert_false(hedon_content_is_current(in_scratch("abc"), &content));

    assert_int_equal(hedon_content_hash(ctx, scratch, &content), HEDON_EISDIR);
    assert_int_equal(hedon_content_hash(ctx, in_scratch("gone"), &content), HEDON_ENOENT);
    assert_int_equal(hedon_content_hash(ctx, "/dev/zero", &content), HEDON_EINVAL);
    assert_int_equal(mkfifo(in_scratch("pipe"), 0600), 0);
    assert_int_equal(hedon_content_hash(ctx, in_scratch("pipe"), &content), HEDON_EINVAL);
    assert_int_equal(symlink("nowhere", in_scratch("link")), 0);
    assert_int_equal(hedon_content_hash(ctx, in_scratch("link"), &content), HEDON_ENOENT);
    assert_string_equal(hedon_last_error(ctx), "a link that leads to no file");
    hedon_context_free(ctx);
}

/* ---- Queues and rates */

static void *put_hundred(void *opaque)
{
    static int numbers[100];
    for (int i = 0; i < 100; i++)
        if (hedon_queue_put(opaque, &numbers[i])) return NULL;
    return numbers;
}

static void test_queue_is_bounded_and_ordered(void **state)
{
    (void)state;
    HedonQueue queue;
    pthread_t thread;
    void *numbers;
    assert_int_equal(hedon_queue_open(NULL, &queue, 3), 0);
    assert_null(hedon_queue_take(&queue, .001));
    pthread_create(&thread, NULL, put_hundred, &queue);
    int *previous = NULL;
    for (int i = 0; i < 100; i++) {
        assert_true(hedon_queue_count(&queue) <= 3);
        int *number = hedon_queue_take(&queue, 10);
        assert_non_null(number);
        if (previous) assert_ptr_equal(number, previous + 1);
        previous = number;
    }
    pthread_join(thread, &numbers);
    assert_non_null(numbers);
    pthread_create(&thread, NULL, put_hundred, &queue);
    while (hedon_queue_room(&queue, 0)) usleep(1000);
    hedon_queue_stop(&queue); /* wakes who waits for room; what is in it stays */
    pthread_join(thread, &numbers);
    assert_null(numbers);
    for (int i = 0; i < 3; i++) assert_non_null(hedon_queue_take(&queue, 10));
    assert_null(hedon_queue_take(&queue, 10));
    hedon_queue_close(&queue);
}

static void test_rate_is_of_late(void **state)
{
    (void)state;
    HedonRate rate = {0};
    assert_true(hedon_rate_per_s(&rate, 0, 0) == 0);
    int64_t count = 0;
    for (int s = 0; s < 100; s++) hedon_rate_mark(&rate, s, count += s < 50 ? 1 : 10);
    assert_true(hedon_rate_per_s(&rate, 99, count) > 9.9);
    assert_true(hedon_rate_per_s(&rate, 99, count) < 10.1);
}

/* ---- How many lanes */

static HedonScorerStats stats_of(double decode_s, double inference_s, int cores)
{
    HedonScorerStats stats = {.cores = cores, .videos = 2 * cores + 8};
    stats.stage[HEDON_STAGE_DECODE].cpu_s = decode_s;
    stats.stage[HEDON_STAGE_INFERENCE].cpu_s = inference_s;
    return stats;
}

static void test_lanes_follow_what_the_stages_cost(void **state)
{
    (void)state;
    HedonMeasuredShare share;
    HedonScorerStats stats = stats_of(1, 9, 20);
    assert_true(hedon_measure_share(&stats, &share));
    assert_int_equal(share.workers, 3); /* a tenth of 20 cores, and a quarter more, rounded up */
    assert_int_equal(share.streams, 16);
    stats = stats_of(9, 1, 2);
    assert_true(hedon_measure_share(&stats, &share));
    assert_int_equal(share.workers, 2);
    assert_int_equal(share.streams, 1);
    stats = stats_of(5, 5, 2);
    assert_true(hedon_measure_share(&stats, &share));
    assert_int_equal(share.workers, 2);
    assert_int_equal(share.streams, 2);
    stats = stats_of(10, 0, 1); /* one of each at least */
    assert_true(hedon_measure_share(&stats, &share));
    assert_int_equal(share.workers, 1);
    assert_int_equal(share.streams, 1);

    stats = stats_of(.1, .1, 4); /* too short to tell */
    assert_false(hedon_measure_share(&stats, &share));
    stats = stats_of(5, 5, 4);
    stats.failed = stats.videos - 1; /* broken videos say nothing of whole ones */
    assert_false(hedon_measure_share(&stats, &share));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)
    const struct CMUnitTest tests[] = {
        TEST(test_walk_is_sorted_and_recursive),
        TEST(test_walk_ends_in_loops_and_visits_a_folder_once),
        TEST(test_walk_passes_over_what_is_no_file),
        TEST(test_unreadable_folder_is_trouble_not_the_end),
        TEST(test_walk_survives_deep_trees),
        TEST(test_walk_survives_a_failing_allocation),
        cmocka_unit_test(test_patterns),
        TEST(test_excluded_folders_are_not_entered),
        cmocka_unit_test(test_shards_partition),
        cmocka_unit_test(test_first_bytes),
        cmocka_unit_test(test_transport_streams),
        cmocka_unit_test(test_names),
        TEST(test_sniffing_never_waits),
        TEST(test_videos_are_known_by_name_or_content),
        TEST(test_lists),
        TEST(test_content_hash),
        cmocka_unit_test(test_queue_is_bounded_and_ordered),
        cmocka_unit_test(test_rate_is_of_late),
        cmocka_unit_test(test_lanes_follow_what_the_stages_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
