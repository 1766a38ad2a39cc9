/* Codecs x containers: frames reached by jumping equal frames reached in sequence and ffmpeg's own.
 * Clips are rendered here by the ffmpeg command, small, with noise so that no two frames are alike.
 */
#include "tests/media/frames.h"
#include "tests/media/folder.h"

#define SOURCE "-f lavfi -i testsrc2=s=160x120:r=24:d=2.5,noise=alls=12:allf=t "
#define X264   "-c:v libx264 -preset veryfast -g 20 "

typedef struct Clip {
    const char *name;      /* of the first file */
    const char *arguments; /* of ffmpeg, before the file's name */
    const char *copies;    /* other containers, by extension */
    int odd;               /* one need not be able to jump, and the index may turn out wrong */
} Clip;

static const Clip clips[] = {
    {"h264.mp4", SOURCE X264, "mkv mov ts flv"},
    {"h264_odd.avi", SOURCE X264, "h264", 1},
    {"h264_open.mp4", SOURCE X264 "-x264-params open-gop=1:bframes=3", "mkv ts", 0},
    {"h264_pyramid.mp4", SOURCE X264 "-x264-params b-pyramid=normal:bframes=8:ref=5:b-adapt=2",
     "mkv"},
    {"h264_baseline.mp4", SOURCE X264 "-profile:v baseline", "mkv"},
    {"h264_refresh.mp4", SOURCE X264 "-x264-params intra-refresh=1:bframes=0", "mkv", 1},
    {"h264_interlaced.mp4", SOURCE X264 "-flags +ilme+ildct", "ts"},
    {"h264_10bit.mp4", SOURCE X264 "-pix_fmt yuv420p10le", ""},
    {"h264_444_odd_size.mp4",
     "-f lavfi -i testsrc2=s=161x121:r=24:d=2,noise=alls=12:allf=t -pix_fmt yuv444p " X264, ""},
    {"h264_422.mkv", SOURCE X264 "-pix_fmt yuv422p", ""},
    {"h264_full.mp4", SOURCE X264 "-vf scale=out_range=pc -pix_fmt yuvj420p", ""},
    {"h264_fragments.mp4", SOURCE X264 "-movflags +frag_keyframe+empty_moov", ""},
    {"h264_faststart.mp4", SOURCE X264 "-movflags +faststart", ""},
    {"h264_all_intra.mp4", SOURCE X264 "-g 1", "ts"},
    {"h264_one_gop.mp4", SOURCE "-c:v libx264 -preset veryfast -g 999", "mkv"},
    {"h264_vfr.mp4", SOURCE X264 "-vf setpts=N*N/(24*TB*50)+N/(24*TB) -vsync vfr", "mkv"},
    {"hevc.mp4", SOURCE "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=20",
     "mkv ts"},
    {"hevc_medium.mp4",
     SOURCE "-c:v libx265 -preset medium -x265-params log-level=none:keyint=20:bframes=4", "mkv"},
    {"hevc_layers.mp4",
     SOURCE "-c:v libx265 -preset ultrafast -x265-params "
            "log-level=none:keyint=20:temporal-layers=1:b-pyramid=1:bframes=4",
     "", 1},
    {"vp9.webm", SOURCE "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 20", "mp4 mkv"},
    {"vp9_altref.webm",
     SOURCE
     "-c:v libvpx-vp9 -deadline good -cpu-used 5 -g 20 -b:v 200k -auto-alt-ref 1 -lag-in-frames 16",
     ""},
    {"vp8.webm",
     SOURCE
     "-c:v libvpx -deadline good -cpu-used 5 -g 20 -auto-alt-ref 1 -lag-in-frames 16 -b:v 200k",
     ""},
    {"av1.mp4", SOURCE "-c:v libaom-av1 -cpu-used 8 -usage realtime -g 20", "mkv webm"},
    {"mpeg4.mp4", SOURCE "-c:v mpeg4 -bf 2 -g 20 -q:v 5", "mkv mov"},
    {"mpeg4.avi", SOURCE "-c:v mpeg4 -bf 2 -g 20 -q:v 5", "", 1},
    {"mpeg4_plain.avi", SOURCE "-c:v mpeg4 -g 20 -q:v 5", "", 1},
    {"mpeg2.ts", SOURCE "-c:v mpeg2video -bf 2 -g 15 -q:v 5", "mpg mkv", 1},
    {"mjpeg.avi", SOURCE "-c:v mjpeg -q:v 5 -pix_fmt yuvj420p", "mov mkv"},
    {"mjpeg422.mov", SOURCE "-c:v mjpeg -q:v 5 -pix_fmt yuvj422p", "avi"},
    {"gray.mkv", SOURCE "-c:v ffv1 -pix_fmt gray", "", 1},
    {"theora.ogv", SOURCE "-c:v libtheora -g 20", "", 1},
    {"wmv2.asf", SOURCE "-c:v wmv2 -g 20 -q:v 5", "avi", 1},
};

static void check(HedonContext *ctx, const char *name, int odd)
{
    int ranked;
    const int resampled = check_clip(ctx, in_folder(name), &ranked);
    print_message("%s: %s%s\n", name, ranked ? "by stretches" : "in sequence",
                  resampled ? ", counted anew" : "");
    if (!odd && (resampled || !ranked)) fail_msg("%s: frames had to be decoded in sequence", name);
}

static void test_matrix(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    const char *only = getenv("HEDON_CLIP");
    for (size_t c = 0; c < sizeof clips / sizeof *clips; c++) {
        const Clip *clip = &clips[c];
        if (only && strncmp(only, clip->name, strlen(only))) continue;
        render(clip->arguments, clip->name);
        check(ctx, clip->name, clip->odd);
        char copies[64], *save = NULL;
        snprintf(copies, sizeof copies, "%s", clip->copies);
        for (char *to = strtok_r(copies, " ", &save); to; to = strtok_r(NULL, " ", &save)) {
            char copy[128], arguments[1024];
            snprintf(copy, sizeof copy, "%s_copy.%s", clip->name, to);
            snprintf(arguments, sizeof arguments, "-i %s -c copy", in_folder(clip->name));
            render(arguments, copy);
            check(ctx, copy, clip->odd);
        }
    }
    hedon_context_free(ctx);
}

static void test_rotation(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    const char *stored =
        render("-f lavfi -i testsrc2=s=160x90:r=24:d=1,noise=alls=12:allf=t " X264, "turn.mp4");
    static const int degrees[] = {90, 180, 270};
    for (size_t d = 0; d < 3; d++) {
        char arguments[1024], name[64];
        snprintf(arguments, sizeof arguments, "-i %s -c copy -metadata:s:v rotate=%d", stored,
                 degrees[d]);
        snprintf(name, sizeof name, "turn_%d.mov", degrees[d]);
        render(arguments, name);
        check(ctx, name, 0);
        HedonVideo *video = open_clip(ctx, in_folder(name), 1);
        const HedonVideoInfo *info = hedon_video_info(video);
        /* This option counts the other way round. */
        assert_int_equal(info->rotation, 360 - degrees[d]);
        assert_int_equal(info->width, degrees[d] == 180 ? 160 : 90);
        assert_int_equal(info->height, degrees[d] == 180 ? 90 : 160);
        hedon_video_close(video);
    }
    hedon_context_free(ctx);
}

/* Cut without re-encoding: the file begins before what is to be shown, and says so in an edit list.
 */
static void test_edit_list(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    char arguments[1024];
    snprintf(arguments, sizeof arguments, "-ss 1.3 -i %s -c copy",
             render(SOURCE X264, "whole.mp4"));
    render(arguments, "cut.mp4");
    check(ctx, "cut.mp4", 0);
    hedon_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_edit_list),
    };
    if (ffmpeg_run("-version")) {
        fprintf(stderr, "skipped: no ffmpeg command\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
