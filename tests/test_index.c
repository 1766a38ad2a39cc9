/* The index of an mp4 made from its tables is the one that reading all its packets makes; tables that
 * are damaged or odd are left to the reading. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/media/ffmpeg.h"
#include "tests/media/folder.h"

#include "base/memory.h"
#include "decode/index.h"
#include "decode/index_mp4.h"

#define SOURCE "-f lavfi -i testsrc2=s=64x48:r=25:d=3 "

static HedonContext *ctx;
static HedonVideoOptions options;

typedef struct Opened {
    HedonBytes bytes;
    HedonBudget budget;
    HedonDemux demux;
} Opened;

static void open_demux(Opened *opened, const char *path)
{
    assert_int_equal(hedon_bytes_open(ctx, &opened->bytes, path), 0);
    hedon_budget_begin(&opened->budget, &options);
    assert_int_equal(hedon_demux_open(ctx, &opened->demux, &opened->bytes, &opened->budget,
                                      options.max_pixels, 0),
                     0);
}

static void close_demux(Opened *opened)
{
    hedon_demux_close(&opened->demux);
    hedon_bytes_close(&opened->bytes);
}

static int understood(const char *path)
{
    Opened opened;
    int32_t *offsets;
    open_demux(&opened, path);
    const int code = hedon_mp4_offsets(ctx, &opened.demux, &offsets);
    hedon_free(offsets);
    close_demux(&opened);
    return code;
}

static HedonIndex scan(const char *path, int hollow)
{
    Opened opened;
    HedonIndex index = {0};
    open_demux(&opened, path);
    assert_int_equal(hedon_index_scan(ctx, &index, &opened.demux, options.max_frames, hollow), 0);
    assert_int_equal(index.direct, hollow);
    close_demux(&opened);
    return index;
}

static void assert_same_index(const char *path)
{
    assert_int_equal(understood(path), 1);
    HedonIndex tables = scan(path, 1), read = scan(path, 0);
    assert_int_equal(tables.count, read.count);
    assert_int_equal(tables.frames, read.frames);
    assert_int_equal(tables.delay, read.delay);
    assert_int_equal(tables.ranked, read.ranked);
    assert_float_equal(tables.duration_s, read.duration_s, 1e-9);
    for (int64_t p = 0; p < read.count; p++) {
        assert_int_equal(tables.packets[p].position, read.packets[p].position);
        assert_int_equal(tables.packets[p].size, read.packets[p].size);
        assert_int_equal(tables.packets[p].pts, read.packets[p].pts);
        assert_int_equal(tables.packets[p].frame, read.packets[p].frame);
    }
    for (int64_t f = 0; f < read.frames; f++)
        assert_float_equal(tables.times[f], read.times[f], 1e-9);
    hedon_index_free(&tables);
    hedon_index_free(&read);
}

static void test_tables_are_the_packets(void **state)
{
    (void)state;
    static const struct {
        const char *name, *encode;
    } clips[] = {
        {"reordered.mp4", "-c:v libx264 -preset veryfast -bf 3"},
        {"in_order.mp4", "-c:v libx264 -preset veryfast -bf 0"},
        {"negative.mp4", "-c:v libx264 -preset veryfast -movflags negative_cts_offsets"},
        {"first.mp4", "-c:v libx264 -preset veryfast -movflags faststart"},
        {"uneven.mp4", "-vf setpts=N*N/25/TB/20 -vsync passthrough -c:v libx264 -preset veryfast"},
        {"hevc.mp4", "-c:v libx265 -preset ultrafast -x265-params log-level=none"},
        {"sound.mov", "-f lavfi -i sine=d=3 -c:v libx264 -preset veryfast -c:a aac"},
    };
    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++) {
        char arguments[512];
        snprintf(arguments, sizeof arguments, SOURCE "%s %s", clips[i].encode,
                 in_folder(clips[i].name));
        assert_int_equal(ffmpeg_run(arguments), 0);
        assert_same_index(in_folder(clips[i].name));
    }
}

/* A cut without re-encoding leaves an edit list that hides the frames before the cut. */
static void test_edit_list(void **state)
{
    (void)state;
    char arguments[512];
    snprintf(arguments, sizeof arguments, "-ss 1.3 -i %s -c copy %s", in_folder("reordered.mp4"),
             in_folder("cut.mp4"));
    assert_int_equal(ffmpeg_run(arguments), 0);
    if (understood(in_folder("cut.mp4"))) assert_same_index(in_folder("cut.mp4"));
}

/* Bytes of the header's tables turned over one by one: the tables are refused, or libavformat says
 * the same of the file; nothing crashes. */
static void test_damaged_tables(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 20];
    FILE *file = fopen(in_folder("first.mp4"), "rb");
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t at = 32; at < size && memcmp(bytes + at + 4, "mdat", 4); at++) {
        bytes[at] ^= 0xff;
        file = fopen(in_folder("damaged.mp4"), "wb");
        assert_int_equal(fwrite(bytes, 1, size, file), size);
        fclose(file);
        bytes[at] ^= 0xff;
        Opened opened = {0};
        assert_int_equal(hedon_bytes_open(ctx, &opened.bytes, in_folder("damaged.mp4")), 0);
        hedon_budget_begin(&opened.budget, &options);
        if (!hedon_demux_open(ctx, &opened.demux, &opened.bytes, &opened.budget,
                              options.max_pixels, 0)) {
            HedonIndex index = {0};
            if (hedon_index_can_be_hollow(&opened.demux))
                (void)hedon_index_scan(ctx, &index, &opened.demux, options.max_frames, 1);
            for (int64_t p = 0; p < index.count; p++)
                assert_true(index.packets[p].position >= 0 && index.packets[p].size >= 0);
            hedon_index_free(&index);
        }
        close_demux(&opened);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_are_the_packets),
        cmocka_unit_test(test_edit_list),
        cmocka_unit_test(test_damaged_tables),
    };
    if (ffmpeg_run("-version")) {
        fprintf(stderr, "skipped: no ffmpeg command\n");
        return 77;
    }
    hedon_demux_quiet();
    hedon_video_options_default(&options);
    ctx = hedon_context_new();
    const int failures = cmocka_run_group_tests(tests, make_folder, remove_folder);
    hedon_context_free(ctx);
    return failures;
}
