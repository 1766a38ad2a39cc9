/* hedon dataset synth from the outside: whole, interrupted, refused; and the videos it makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <time.h>

#include "base/error.h"
#include "cli_fixture.h"
#include "datasets/synth_scene.h"
#include "decode/video.h"

static int make_dataset(void **state)
{
    (void)state;
    if (!mkdtemp(scratch)) return -1;
    Ran ran = RUN("dataset", "synth", "vce", in_scratch("whole"), "--videos", "24", "--seed", "7");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "oracle"));
    ran_free(&ran);
    return 0;
}

static int remove_dataset(void **state)
{
    (void)state;
    return shell("rm -rf %s", scratch);
}

static int count_files(const char *name, const char *ending)
{
    int count = 0;
    DIR *directory = opendir(in_scratch(name));
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        const char *dot = strrchr(entry->d_name, '.');
        count += dot && !strcmp(dot, ending);
    }
    if (directory) closedir(directory);
    return count;
}

/* Also the same seed, the same bytes. */
static void interrupted_and_rerun_is_uninterrupted(void **state)
{
    (void)state;
    char path[256]; /* longer than in_scratch lends one */
    snprintf(path, sizeof(path), "%s", in_scratch("broken"));
    char *argv[] = {HEDON, "dataset", "synth", "vce",       path, "--videos",
                    "24",  "--seed",  "7",     "--threads", "1",  NULL};
    const pid_t pid = start(argv, "/dev/null", in_scratch("out"), in_scratch("err"));
    const struct timespec pause = {0, 2 * 1000 * 1000};
    for (int i = 0; i < 30000 && count_files("broken/videos", ".mp4") < 3; i++)
        nanosleep(&pause, NULL);
    kill(pid, SIGINT);
    Ran ran = finish(pid, in_scratch("out"), in_scratch("err"));
    assert_int_equal(ran.status, 130);
    assert_non_null(strstr(ran.err, "the same command goes on"));
    ran_free(&ran);
    const int kept = count_files("broken/videos", ".mp4");
    assert_true(kept >= 3 && kept < 24);
    assert_int_equal(count_files("broken/videos", ".part"), 0);
    assert_false(exists(in_scratch("broken/metadata.json"))); /* no half dataset */

    /* What a power cut may leave: an empty video, and one begun. */
    assert_int_equal(
        shell("cd %s && : >00000.mp4 && echo x >00023.mp4.part", in_scratch("broken/videos")), 0);
    ran = run_with(argv, "/dev/null", in_scratch("out"));
    assert_int_equal(ran.status, 0);
    ran_free(&ran);
    assert_int_equal(shell("diff -r %s %s", in_scratch("whole"), in_scratch("broken")), 0);
}

static void a_renderer_that_dies_costs_no_finished_video(void **state)
{
    (void)state;
    char path[256]; /* longer than in_scratch lends one */
    snprintf(path, sizeof(path), "%s", in_scratch("killed"));
    char *argv[] = {HEDON, "dataset", "synth", "vce",       path, "--videos",
                    "24",  "--seed",  "7",     "--threads", "1",  NULL};
    const pid_t pid = start(argv, "/dev/null", in_scratch("out"), in_scratch("err"));
    const struct timespec pause = {0, 2 * 1000 * 1000};
    for (int i = 0; i < 30000 && count_files("killed/videos", ".mp4") < 2; i++)
        nanosleep(&pause, NULL);
    /* the only child of that process */
    assert_int_equal(shell("kill -9 $(cat /proc/%d/task/%d/children)", pid, pid), 0);
    Ran ran = finish(pid, in_scratch("out"), in_scratch("err"));
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.err, "hedon-render died"));
    ran_free(&ran);
    ran = run_with(argv, "/dev/null", in_scratch("out"));
    assert_int_equal(ran.status, 0);
    ran_free(&ran);
    assert_int_equal(shell("diff -r %s %s", in_scratch("whole"), in_scratch("killed")), 0);
}

static void v2v_shows_some_of_the_same_videos(void **state)
{
    (void)state;
    Ran ran = RUN("dataset", "synth", "v2v", in_scratch("v2v"), "--videos", "24", "--seed", "7",
                  "--json");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "\"oracle\": {\"pairs\""));
    char *card = read_file(in_scratch("v2v/synth.json"));
    assert_string_equal(card, ran.out);
    free(card);
    ran_free(&ran);
    assert_int_equal(count_files("v2v/videos", ".mp4"), 10);
    assert_int_equal(shell("for v in %s/*; do cmp $v %s/$(basename $v) || exit 1; done",
                           in_scratch("v2v/videos"), in_scratch("whole/videos")),
                     0);
    assert_int_equal(
        shell("cmp %s %s", in_scratch("v2v/metadata.json"), in_scratch("whole/metadata.json")), 0);
}

static void both_open_as_datasets_without_a_fault(void **state)
{
    (void)state;
    static const char *const folders[] = {"whole", "v2v"};
    for (int i = 0; i < 2; i++) {
        Ran ran = RUN("dataset", "check", in_scratch(folders[i]));
        assert_int_equal(ran.status, 0);
        assert_non_null(strstr(ran.out, "nothing wrong found"));
        ran_free(&ran);
    }
}

static void a_folder_that_holds_something_else_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(shell("mkdir %s && touch %s", in_scratch("home"), in_scratch("home/letter")),
                     0);
    Ran ran = RUN("dataset", "synth", "vce", in_scratch("home"), "--videos", "24");
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.err, "something else"));
    ran_free(&ran);
    assert_int_equal(shell("test \"$(ls %s)\" = letter", in_scratch("home")), 0);
    static char *const other_seed[] = {"--seed", "8"}, *const fewer[] = {"--videos", "25"};
    for (int i = 0; i < 2; i++) {
        ran = RUN("dataset", "synth", "vce", in_scratch("whole"), "--videos", "24", "--seed", "7",
                  i ? fewer[0] : other_seed[0], i ? fewer[1] : other_seed[1]);
        assert_int_equal(ran.status, 1);
        ran_free(&ran);
    }
    ran = RUN("dataset", "synth", "vce", in_scratch("new"), "--videos", "3");
    assert_int_equal(ran.status, 2);
    ran_free(&ran);
}

/* Squared difference of a decoded frame's luma from what was painted. */
typedef struct Compare {
    HedonSynthPainter *painter;
    const HedonSynthScene *scene;
    double error;
} Compare;

static int compare(void *opaque, const HedonFrame *frame)
{
    Compare *with = opaque;
    static uint8_t planes[3][400 * 400];
    const HedonSynthPicture picture = {{planes[0], planes[1], planes[2]}, {400, 400, 400}};
    if (frame->width != with->scene->width || frame->height != with->scene->height) return -1000;
    hedon_synth_paint(NULL, with->painter, with->scene, (int)frame->index, &picture);
    double sum = 0;
    for (int y = 0; y < frame->height; y++)
        for (int x = 0; x < frame->width; x++) {
            const uint8_t *row = (const uint8_t *)frame->plane[0] + y * frame->stride[0];
            sum += pow(row[x] - planes[0][y * 400 + x], 2);
        }
    with->error = fmax(with->error, sum / ((double)frame->width * frame->height));
    return 0;
}

/* Sizes, rates and numbers of frames are what metadata.json says, since both come from the scene.
 */
static void videos_show_what_was_painted(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    HedonSynthPainter *painter = hedon_synth_painter_new();
    assert_true(ctx && painter);
    for (int number = 0; number < 24; number += 5) {
        static HedonSynthScene scene;
        char name[64];
        HedonVideoOptions options;
        HedonVideo *video;
        hedon_synth_scene(&scene, 7, number);
        snprintf(name, sizeof(name), "whole/videos/%05d.mp4", number);
        hedon_video_options_default(&options);
        assert_int_equal(hedon_video_open(ctx, &video, in_scratch(name), &options), 0);
        const HedonVideoInfo *info = hedon_video_info(video);
        assert_int_equal(info->frames, scene.frames);
        const double seconds = (double)scene.frames * scene.rate_divisor / scene.rate_numerator;
        assert_true(fabs(info->duration_s - seconds) < 1e-3);
        const int64_t indices[] = {0, scene.frames / 2, scene.frames - 1};
        Compare with = {painter, &scene, 0};
        assert_int_equal(hedon_video_frames(ctx, video, indices, 3, 0, compare, &with), 0);
        if (with.error > 200) fail_msg("%s: mean squared error %g", name, with.error);
        hedon_video_close(video);
    }
    hedon_synth_painter_free(painter);
    hedon_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupted_and_rerun_is_uninterrupted),
        cmocka_unit_test(a_renderer_that_dies_costs_no_finished_video),
        cmocka_unit_test(v2v_shows_some_of_the_same_videos),
        cmocka_unit_test(both_open_as_datasets_without_a_fault),
        cmocka_unit_test(a_folder_that_holds_something_else_is_left_alone),
        cmocka_unit_test(videos_show_what_was_painted),
    };
    return cmocka_run_group_tests(tests, make_dataset, remove_dataset);
}
