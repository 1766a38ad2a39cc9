/* hedon eval with a model: which views of a video it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli_fixture.h"

#include "dataset_fixture.h"

static int prepare(void **state)
{
    (void)state;
    if (!mkdtemp(scratch)) return -1;
    setenv("LSAN_OPTIONS", "print_suppressions=0:suppressions=" HEDON_SOURCE_DIR "/tests/lsan.supp",
           0);
    /* every fourth frame: 3 and 15 of them; the model's clips have 8 */
    render("-f lavfi -i testsrc2=size=96x64:rate=10:duration=1 -c:v libx264 -pix_fmt yuv420p",
           "short.mp4");
    render("-f lavfi -i testsrc2=size=64x96:rate=10:duration=6 -c:v libx264 -pix_fmt yuv420p",
           "long.mp4");
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    return shell("rm -rf %s", scratch);
}

/* Rows of ID,CLIP,VIEW in a file of predictions; *distinct: how many of them differ in their numbers. */
static int views_of(const char *csv, const char *id, int *distinct)
{
    char seen[16][64];
    int rows = 0;
    *distinct = 0;
    const size_t length = strlen(id);
    for (const char *line = csv; line && *line; line = strchr(line, '\n'), line += !!line) {
        if (strncmp(line, id, length) || line[length] != ',') continue;
        const char *numbers = strchr(strchr(line + length + 1, ',') + 1, ',') + 1;
        char text[64];
        snprintf(text, sizeof(text), "%.*s", 40, numbers);
        int i = 0;
        while (i < *distinct && strcmp(seen[i], text)) i++;
        if (i == *distinct && i < 16) strcpy(seen[(*distinct)++], text);
        rows++;
    }
    return rows;
}

static void test_paper_views_are_two_clips_by_three_crops(void **state)
{
    (void)state;
    char folder[256], saved[256];
    snprintf(folder, sizeof(folder), "%s", write_vce("views"));
    snprintf(saved, sizeof(saved), "%s", in_scratch("views.csv"));
    for (int i = 0; i < 7; i++) /* the test part has one of each */
        assert_int_equal(shell("cp %s %s/videos/%s.mp4",
                               in_scratch(i == 1 ? "short.mp4" : "long.mp4"), folder, all_ids[i]),
                         0);
    int distinct;
    for (int paper = 0; paper < 2; paper++) {
        Ran ran = RUN("eval", "vce", "--data", folder, "--model", "random:r2plus1d_tiny",
                      "--bootstrap", "20", "--save-predictions", saved,
                      "--views", paper ? "paper" : "model");
        if (ran.status) fail_msg("exit %d: %s", ran.status, ran.err);
        ran_free(&ran);
        char *csv = read_file(saved);
        assert_int_equal(views_of(csv, vce_test_ids[0], &distinct), paper ? 3 : 1);
        assert_int_equal(distinct, paper ? 3 : 1);
        assert_int_equal(views_of(csv, vce_test_ids[1], &distinct), paper ? 6 : 1);
        assert_int_equal(distinct, paper ? 6 : 1);
        free(csv);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paper_views_are_two_clips_by_three_crops),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
