/* Real videos frame by frame against ffmpeg, damaged and hostile files, limits, failing memory. */
#include "tests/media/frames.h"
#include "tests/media/folder.h"

#include "base/memory.h"

#include <dirent.h>
#include <math.h>
#include <sys/stat.h>

#define SOURCE "-f lavfi -i testsrc2=s=160x120:r=24:d=2,noise=alls=12:allf=t "
#define X264   "-c:v libx264 -preset veryfast -g 12 "

static HedonContext *ctx;

static void test_real_videos(void **state)
{
    (void)state;
    DIR *dir = opendir(HEDON_MEDIA_DIR);
    if (!dir) {
        print_message("skipped: no real videos in %s\n", HEDON_MEDIA_DIR);
        skip();
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (entry->d_name[0] == '.' || !dot || !strcmp(dot, ".md")) continue;
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", HEDON_MEDIA_DIR, entry->d_name);
        int ranked;
        const int resampled = check_clip(ctx, path, &ranked);
        assert_int_equal(resampled, !strcmp(entry->d_name, "corrupted.mp4"));
        print_message("%s agrees with ffmpeg\n", entry->d_name);
    }
    closedir(dir);
}

static void test_facts_of_real_videos(void **state)
{
    (void)state;
    if (access(HEDON_MEDIA_DIR "/nasa_13013.mp4", R_OK)) skip();
    HedonVideo *video = open_clip(ctx, HEDON_MEDIA_DIR "/nasa_13013.mp4", 1);
    const HedonVideoInfo *info = hedon_video_info(video);
    assert_int_equal(info->stream, 3);
    assert_int_equal(info->width, 480);
    assert_int_equal(info->frames, 390);
    assert_true(fabs(info->duration_s - 13.013) < 1e-6);
    hedon_video_close(video);

    video = open_clip(ctx, HEDON_MEDIA_DIR "/video_90.mov", 1);
    info = hedon_video_info(video);
    assert_int_equal(info->rotation, 90);
    assert_int_equal(info->width, 320);
    assert_int_equal(info->height, 568);
    hedon_video_close(video);

    video = open_clip(ctx, HEDON_MEDIA_DIR "/corrupted.mp4", 2);
    info = hedon_video_info(video);
    assert_int_equal(info->frames, 50);
    Seen seen = {.frames = calloc(50, sizeof *seen.frames), .count = 50};
    static const int64_t some[] = {0, 20, 49};
    assert_int_equal(hedon_video_frames(ctx, video, some, 3, 1, see, &seen), HEDON_ERESAMPLE);
    free(seen.frames);
    assert_int_equal(info->frames, 49);
    assert_int_equal(info->lost, 1);
    assert_true(info->damaged);
    hedon_video_close(video);
}

static int open_code(const char *path, const HedonVideoOptions *options)
{
    HedonVideo *video;
    const int code = hedon_video_open(ctx, &video, path, options);
    assert_true((code == 0) == (video != NULL));
    if (code) assert_true(*hedon_last_error(ctx));
    hedon_video_close(video);
    return code;
}

static void write_file(const char *name, const void *bytes, size_t count)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    fclose(file);
}

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void test_not_a_video(void **state)
{
    (void)state;
    static const char text[] = "This is not a video, however long one looks at it.\n";
    static const char playlist[] = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n/etc/passwd\n";
    static const char concat[] = "ffconcat version 1.0\nfile '/etc/passwd'\n";
    assert_int_equal(open_code(in_folder("missing.mp4"), NULL), HEDON_ENOENT);
    assert_int_equal(open_code(folder, NULL), HEDON_EISDIR);
    write_file("empty.mp4", "", 0);
    assert_int_equal(open_code(in_folder("empty.mp4"), NULL), HEDON_EDATA);
    write_file("text.mp4", text, sizeof text);
    assert_int_equal(open_code(in_folder("text.mp4"), NULL), HEDON_EDATA);
    write_file("list.m3u8", playlist, sizeof playlist);
    assert_int_equal(open_code(in_folder("list.m3u8"), NULL), HEDON_EDATA);
    write_file("list.ffconcat", concat, sizeof concat);
    assert_int_equal(open_code(in_folder("list.ffconcat"), NULL), HEDON_EDATA);
    assert_int_equal(open_code("/dev/null", NULL), HEDON_EDATA);
    assert_int_equal(open_code("fd:999", NULL), HEDON_EIO);
    assert_int_equal(mkfifo(in_folder("nobody_writes"), 0600), 0);
    assert_int_equal(open_code(in_folder("nobody_writes"), NULL), HEDON_ELIMIT);

    render("-f lavfi -i sine=d=1 -c:a aac", "sound.m4a");
    assert_int_equal(open_code(in_folder("sound.m4a"), NULL), HEDON_ENOVIDEO);
    render("-f lavfi -i sine=d=1", "sound.wav");
    assert_int_equal(open_code(in_folder("sound.wav"), NULL), HEDON_ENOVIDEO);
    render(
        "-f lavfi -i sine=d=1 -f lavfi -i color=red:s=32x32:d=0.04 -map 0 -map 1 -c:a aac -c:v png "
        "-disposition:v:0 attached_pic",
        "cover.m4a");
    assert_int_equal(open_code(in_folder("cover.m4a"), NULL), HEDON_ENOVIDEO);
}

/* A file cut off at a share of its length: every frame that is left equals ffmpeg's. */
static void check_cut(const char *path, const char *name, double share)
{
    size_t size;
    char *bytes = read_file(path, &size);
    write_file(name, bytes, (size_t)((double)size * share));
    free(bytes);
    int ranked;
    check_clip(ctx, in_folder(name), &ranked);
    HedonVideo *video = open_clip(ctx, in_folder(name), 1);
    assert_in_range(hedon_video_info(video)->frames, 10, 40);
    hedon_video_close(video);
}

static void test_truncated(void **state)
{
    (void)state;
    size_t size;
    char *bytes = read_file(render(SOURCE X264, "whole.mp4"), &size);
    write_file("cut.mp4", bytes, size / 2);
    free(bytes);
    assert_int_equal(open_code(in_folder("cut.mp4"), NULL), HEDON_EDATA);
    check_cut(render(SOURCE X264 "-movflags +faststart", "fast.mp4"), "cut_fast.mp4", .6);
    check_cut(render(SOURCE X264, "whole.mkv"), "cut.mkv", .6);
    check_cut(render(SOURCE X264, "whole.ts"), "cut.ts", .6);
    check_cut(render(SOURCE "-c:v mpeg4 -bf 2 -q:v 5", "whole.avi"), "cut.avi", .6);

    HedonVideo *video = open_clip(ctx, in_folder("cut_fast.mp4"), 1);
    const HedonVideoInfo *info = hedon_video_info(video);
    assert_true(info->damaged);
    assert_int_equal(info->frames + info->lost, 48);
    hedon_video_close(video);
}

/* Bytes flipped inside the pictures: whatever still decodes is what ffmpeg makes of it. */
static void test_flipped_bytes(void **state)
{
    (void)state;
    const char *extensions[] = {"mp4", "mkv", "ts"};
    for (size_t e = 0; e < 3; e++) {
        char whole[32], hurt[32];
        snprintf(whole, sizeof whole, "flip.%s", extensions[e]);
        snprintf(hurt, sizeof hurt, "flipped.%s", extensions[e]);
        size_t size;
        char *bytes = read_file(render(SOURCE X264, whole), &size);
        for (size_t at = size / 3; at < size / 3 + 40; at++) bytes[at] = (char)~bytes[at];
        write_file(hurt, bytes, size);
        free(bytes);
        int ranked;
        check_clip(ctx, in_folder(hurt), &ranked);
    }
}

static void test_pipe(void **state)
{
    (void)state;
    const char *path = render(SOURCE X264, "piped.mp4");
    HedonVideo *plain = open_clip(ctx, path, 1);
    int fd;
    char arguments[512], name[32];
    snprintf(arguments, sizeof arguments, "-i %s -c copy -f matroska -", path);
    const pid_t child = ffmpeg_start(arguments, &fd);
    snprintf(name, sizeof name, "fd:%d", fd);
    HedonVideo *video = open_clip(ctx, name, 1);
    assert_int_equal(ffmpeg_finish(child), 0);
    assert_int_equal(hedon_video_info(video)->frames, hedon_video_info(plain)->frames);
    Md5 *expected;
    ffmpeg_frames(path, 0, 0, &expected);
    static const int64_t some[] = {3, 30, 47};
    assert_int_equal(request(ctx, video, some, 3, expected, "pipe"), 0);
    free(expected);
    hedon_video_close(video);
    hedon_video_close(plain);
    close(fd);
}

static int stop(void *opaque, const HedonFrame *frame)
{
    (void)frame;
    ++*(int *)opaque;
    return 77;
}

static void test_limits(void **state)
{
    (void)state;
    HedonVideoOptions options;
    const char *path = render(SOURCE X264, "limits.mp4");
    hedon_video_options_default(&options);
    options.max_pixels = 160 * 120 - 1;
    assert_int_equal(open_code(path, &options), HEDON_ELIMIT);
    hedon_video_options_default(&options);
    options.max_frames = 47;
    assert_int_equal(open_code(path, &options), HEDON_ELIMIT);
    options.max_frames = 48;
    assert_int_equal(open_code(path, &options), 0);

    HedonVideo *video = open_clip(ctx, path, 2);
    int calls = 0;
    static const int64_t some[] = {0, 13, 47}, bad[] = {1, 1}, far[] = {48};
    assert_int_equal(hedon_video_frames(ctx, video, some, 3, 1, stop, &calls), 77);
    assert_int_equal(calls, 1);
    assert_int_equal(hedon_video_frames(ctx, video, bad, 2, 1, stop, &calls), HEDON_EINVAL);
    assert_int_equal(hedon_video_frames(ctx, video, far, 1, 1, stop, &calls), HEDON_EINVAL);
    assert_int_equal(hedon_video_frames(ctx, video, NULL, 0, 1, stop, &calls), 0);
    video->options.max_seconds = 1e-6;
    Seen seen = {.frames = calloc(48, sizeof *seen.frames), .count = 48};
    assert_int_equal(hedon_video_frames(ctx, video, some, 3, 1, see, &seen), HEDON_ELIMIT);
    video->options.max_seconds = 0;
    hedon_cancel();
    assert_int_equal(hedon_video_frames(ctx, video, some, 3, 1, see, &seen), HEDON_ECANCELLED);
    hedon_cancel_reset();
    memset(seen.frames, 0, 48 * sizeof *seen.frames);
    assert_int_equal(hedon_video_frames(ctx, video, some, 3, 1, see, &seen), 0);
    free(seen.frames);
    hedon_video_close(video);
}

static int keep_shape(void *opaque, const HedonFrame *frame)
{
    *(HedonFrame *)opaque = *frame;
    return 0;
}

static HedonFrame first_frame(const char *path)
{
    HedonVideo *video = open_clip(ctx, path, 1);
    HedonFrame frame = {0};
    static const int64_t zero = 0;
    assert_int_equal(hedon_video_frames(ctx, video, &zero, 1, 1, keep_shape, &frame), 0);
    assert_int_equal(frame.width, hedon_video_info(video)->width);
    assert_int_equal(frame.height, hedon_video_info(video)->height);
    hedon_video_close(video);
    return frame;
}

static void test_small_and_strange(void **state)
{
    (void)state;
    static const struct {
        const char *arguments, *name;
        HedonPixelLayout layout;
        int bits, full;
        HedonColourMatrix matrix;
    } clips[] = {
        {"-f lavfi -i testsrc2=s=64x48:r=5:d=0.2 " X264, "one.mp4", HEDON_PIXEL_YUV420, 8, 0,
         HEDON_MATRIX_BT601},
        {"-f lavfi -i testsrc2=s=16x16:r=5:d=1 -vf format=yuv444p,crop=1:1 " X264, "dot.mp4",
         HEDON_PIXEL_YUV444, 8, 0, HEDON_MATRIX_BT601},
        {"-f lavfi -i testsrc2=s=64x48:r=5:d=1 -colorspace bt709 -pix_fmt yuv420p " X264,
         "bt709.mp4", HEDON_PIXEL_YUV420, 8, 0, HEDON_MATRIX_BT709},
        {"-f lavfi -i testsrc2=s=64x48:r=5:d=1 -colorspace bt2020nc -pix_fmt yuv420p10 " X264,
         "bt2020.mp4", HEDON_PIXEL_YUV420, 10, 0, HEDON_MATRIX_BT2020},
        {"-f lavfi -i testsrc2=s=64x48:r=5:d=1 -c:v mjpeg", "range.avi", HEDON_PIXEL_YUV420, 8, 1,
         HEDON_MATRIX_BT601},
        {"-f lavfi -i testsrc2=s=64x48:r=5:d=1 -c:v rawvideo -pix_fmt gray", "gray.avi",
         HEDON_PIXEL_GRAY, 8, 0, HEDON_MATRIX_BT601},
        {"-f lavfi -i testsrc2=s=64x48:r=5:d=1", "palette.gif", HEDON_PIXEL_RGB, 8, 1,
         HEDON_MATRIX_BT601},
        {"-f lavfi -i testsrc2=s=64x48:r=5:d=1 -c:v png -pix_fmt rgb24", "rgb.mov", HEDON_PIXEL_RGB,
         8, 1, HEDON_MATRIX_BT601},
        {"-f lavfi -i testsrc2=s=64x48:r=5:d=1 -c:v png -pix_fmt ya8", "ya8.mkv", HEDON_PIXEL_GRAY,
         8, 0, HEDON_MATRIX_BT601},
        {"-f lavfi -i testsrc2=s=64x48:r=5:d=1 -c:v ffv1 -pix_fmt yuv411p", "y411.mkv",
         HEDON_PIXEL_YUV422, 8, 0, HEDON_MATRIX_BT601},
        {"-f lavfi -i testsrc2=s=64x48:r=5:d=1 -c:v ffv1 -pix_fmt yuva444p", "alpha.mkv",
         HEDON_PIXEL_YUV444, 8, 0, HEDON_MATRIX_BT601},
        {"-f lavfi -i testsrc2=s=64x48:r=5:d=1 -c:v ffv1 -pix_fmt gbrp10", "gbr.mkv",
         HEDON_PIXEL_RGB, 10, 1, HEDON_MATRIX_BT601},
    };
    for (size_t c = 0; c < sizeof clips / sizeof *clips; c++) {
        const HedonFrame frame = first_frame(render(clips[c].arguments, clips[c].name));
        if (frame.layout != clips[c].layout || frame.bits != clips[c].bits ||
            frame.matrix != clips[c].matrix ||
            (frame.full_range != clips[c].full && frame.layout != HEDON_PIXEL_GRAY))
            fail_msg("%s: layout %d bits %d matrix %d full %d", clips[c].name, frame.layout,
                     frame.bits, frame.matrix, frame.full_range);
    }
}

static int first_sample_of_each(void *opaque, const HedonFrame *frame)
{
    for (int p = 0; p < 3; p++) ((int *)opaque)[p] = *(const uint8_t *)frame->plane[p];
    return 0;
}

static void test_rgb_planes_are_in_order(void **state)
{
    (void)state;
    HedonVideo *video = open_clip(
        ctx,
        render("-f lavfi -i color=0xff8000:s=16x16:r=5:d=1,format=gbrp -c:v ffv1", "orange.mkv"),
        1);
    int rgb[3];
    static const int64_t zero = 0;
    assert_int_equal(hedon_video_frames(ctx, video, &zero, 1, 1, first_sample_of_each, rgb), 0);
    assert_in_range(rgb[0], 250, 255);
    assert_in_range(rgb[1], 124, 131);
    assert_in_range(rgb[2], 0, 4);
    hedon_video_close(video);
}

static int count_right_sizes(void *opaque, const HedonFrame *frame)
{
    *(int *)opaque += frame->width == 160 && frame->height == 120;
    return 0;
}

static void test_size_changes_midway(void **state)
{
    (void)state;
    size_t first, second;
    char *bytes = read_file(render(SOURCE X264, "large.h264"), &first);
    char *more =
        read_file(render("-f lavfi -i testsrc2=s=80x64:r=24:d=1 " X264, "small.h264"), &second);
    bytes = realloc(bytes, first + second);
    memcpy(bytes + first, more, second);
    write_file("both.h264", bytes, first + second);
    free(bytes);
    free(more);
    HedonVideo *video = open_clip(ctx, in_folder("both.h264"), 1);
    const int64_t frames = hedon_video_info(video)->frames;
    assert_int_equal(frames, 72);
    int64_t all[72];
    for (int64_t f = 0; f < 72; f++) all[f] = f;
    int right = 0;
    assert_int_equal(hedon_video_frames(ctx, video, all, 72, 1, count_right_sizes, &right), 0);
    assert_int_equal(right, 72);
    hedon_video_close(video);
}

static int take_none(void *opaque, const HedonFrame *frame)
{
    (void)opaque, (void)frame;
    return 0;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    const char *paths[] = {render(SOURCE X264, "memory.mp4"), render(SOURCE X264, "memory.mkv"),
                           render(SOURCE "-c:v wmv2", "memory.asf")};
    static const int64_t some[] = {0, 20, 30, 47};
    for (size_t p = 0; p < 3; p++)
        for (int64_t k = 1;; k++) {
            HedonVideoOptions options;
            hedon_video_options_default(&options);
            options.threads = 2;
            HedonVideo *video;
            hedon_memory_fail_at(k);
            int code = hedon_video_open(ctx, &video, paths[p], &options);
            if (!code) code = hedon_video_frames(ctx, video, some, 4, 1, take_none, NULL);
            const int failed = hedon_memory_failed();
            hedon_memory_fail_at(0);
            /* A helper thread that can't start is no failure. */
            if (code != HEDON_ENOMEM && code != 0)
                fail_msg("allocation %lld: %s", (long long)k, hedon_last_error(ctx));
            assert_true(failed || code == 0);
            hedon_video_close(video);
            if (!failed) break;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_videos),
        cmocka_unit_test(test_facts_of_real_videos),
        cmocka_unit_test(test_not_a_video),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_flipped_bytes),
        cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_small_and_strange),
        cmocka_unit_test(test_rgb_planes_are_in_order),
        cmocka_unit_test(test_size_changes_midway),
        cmocka_unit_test(test_memory_runs_out),
    };
    if (ffmpeg_run("-version")) {
        fprintf(stderr, "skipped: no ffmpeg command\n");
        return 77;
    }
    ctx = hedon_context_new();
    const int failures = cmocka_run_group_tests(tests, make_folder, remove_folder);
    hedon_context_free(ctx);
    return failures;
}
