/* Two good videos in a scratch folder, and looking at what a command left there. For tests that
 * start hedon on videos; includes what they need of cmocka's and jansson's. */
#ifndef HEDON_TESTS_CLI_VIDEOS_H
#define HEDON_TESTS_CLI_VIDEOS_H

#include <dirent.h>
#include <jansson.h>

#include "cli_fixture.h"

static inline int make_videos(void **state)
{
    (void)state;
    if (!mkdtemp(scratch)) return -1;
    setenv("LSAN_OPTIONS", "print_suppressions=0:suppressions=" HEDON_SOURCE_DIR "/tests/lsan.supp",
           0);
    render("-f lavfi -i testsrc2=size=64x48:rate=10:duration=4 -c:v libx264 -pix_fmt yuv420p",
           "good.mp4");
    render("-f lavfi -i smptebars=size=96x64:rate=12:duration=3 -c:v libx264 -pix_fmt yuv420p",
           "other.mkv");
    return 0;
}

static inline int remove_videos(void **state)
{
    (void)state;
    return shell("rm -rf %s", scratch);
}

static inline int files_left(const char *prefix)
{
    int count = 0;
    DIR *folder = opendir(scratch);
    for (struct dirent *entry; (entry = readdir(folder));)
        count += !strncmp(entry->d_name, prefix, strlen(prefix));
    closedir(folder);
    return count;
}

static inline json_t *parse_line(const char *text)
{
    json_error_t error;
    json_t *json = json_loadb(text, strcspn(text, "\n"), 0, &error);
    if (!json) fail_msg("not JSON: %s\n%.200s", error.text, text);
    return json;
}

#endif
