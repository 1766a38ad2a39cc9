/* What the tests of datasets share: small VCE and V2V folders written to the scratch folder of
 * worker_fixture.h or cli_fixture.h, which is to be included before this, entry by entry, so that a
 * test can spoil one. */
#ifndef HEDON_TESTS_DATASET_FIXTURE_H
#define HEDON_TESTS_DATASET_FIXTURE_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "datasets/dataset.h"

/* scratch/name, made with its videos/. One of 32 buffers that take turns. */
static inline const char *make_folder(const char *name)
{
    static char folders[32][256];
    static int turn;
    char *folder = folders[turn++ % 32], path[300];
    snprintf(folder, sizeof(folders[0]), "%s/%s", scratch, name);
    snprintf(path, sizeof(path), "%s/videos", folder);
    if ((mkdir(folder, 0777) && errno != EEXIST) || (mkdir(path, 0777) && errno != EEXIST)) abort();
    return folder;
}

static inline void write_in(const char *folder, const char *name, const char *text)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file)) abort();
}

/* A growing text. */
typedef struct Text {
    char *data;
    size_t used, room;
} Text;

static inline void say(Text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline void say(Text *text, const char *fmt, ...)
{
    va_list args;
    for (;;) {
        va_start(args, fmt);
        const int length = vsnprintf(text->data ? text->data + text->used : NULL,
                                     text->room - text->used, fmt, args);
        va_end(args);
        if (text->data && text->used + (size_t)length < text->room) {
            text->used += (size_t)length;
            return;
        }
        text->room = 2 * text->room + (size_t)length + 64;
        if (!(text->data = realloc(text->data, text->room))) abort();
    }
}

/* The label of a video: emotion number `loudest` has 3/4, the next two in class order 2/4 and 1/4,
 * the others nothing. */
static inline void say_label(Text *text, const char *id, int loudest)
{
    const int second = (loudest + 1) % HEDON_EMOTIONS, third = (loudest + 2) % HEDON_EMOTIONS;
    say(text, "\"%s\": {\"emotions\": {", id);
    for (int e = 0; e < HEDON_EMOTIONS; e++)
        say(text, "%s\"%s\": %s", e ? ", " : "", hedon_emotion_name(e),
            e == loudest  ? "0.75"
            : e == second ? "0.5"
            : e == third  ? "0.25"
                          : "0.0");
    say(text, "}, \"file\": \"videos/%s.mp4\", \"topK\": [\"%s\", \"%s\", \"%s\"]}", id,
        hedon_emotion_name(loudest), hedon_emotion_name(second), hedon_emotion_name(third));
}

static inline void say_metadata(Text *text, const char *id, double duration_s)
{
    say(text,
        "\"%s\": {\"codec_name\": \"h264\", \"duration\": \"%.6f\", \"file\": \"videos/%s.mp4\", "
        "\"frame_rate\": \"30/1\", \"height\": 320, \"number_of_frames\": \"%d\", \"width\": 256}",
        id, duration_s, id, (int)(30 * duration_s));
}

/* {...} of one entry for each id, numbered from `first`. */
static inline char *labels_of(const char *const *ids, int count, int first)
{
    Text text = {0};
    say(&text, "{");
    for (int i = 0; i < count; i++) {
        if (i) say(&text, ", ");
        say_label(&text, ids[i], (first + i) % HEDON_EMOTIONS);
    }
    say(&text, "}");
    return text.data;
}

static inline char *metadata_of(const char *const *ids, int count)
{
    Text text = {0};
    say(&text, "{");
    for (int i = 0; i < count; i++) {
        if (i) say(&text, ", ");
        say_metadata(&text, ids[i], 10 + i);
    }
    say(&text, "}");
    return text.data;
}

static const char *const vce_train_ids[] = {"00003", "00000", "00012", "00007", "00005"};
static const char *const vce_test_ids[] = {"00001", "00009"};
static const char *const all_ids[] = {"00000", "00001", "00003", "00005",
                                      "00007", "00009", "00012"};

static const char v2v_train[] =
    "{\"comparisons\": [[\"00003\", \"00000\"], [\"00012\", \"00003\"]]}";
static const char v2v_test[] = "{\"comparisons\": [[\"00001\", \"00007\"]]}";
static const char v2v_lists[] = "{\"comparisons\": [[\"00005\", \"00009\"]]}";

static inline void write_metadata(const char *folder)
{
    char *metadata = metadata_of(all_ids, 7);
    write_in(folder, "metadata.json", metadata);
    free(metadata);
}

/* Five train and two test videos, without the videos. */
static inline const char *write_vce(const char *name)
{
    const char *folder = make_folder(name);
    char *train = labels_of(vce_train_ids, 5, 0), *test = labels_of(vce_test_ids, 2, 13);
    write_in(folder, "train_labels.json", train);
    write_in(folder, "test_labels.json", test);
    write_metadata(folder);
    free(train);
    free(test);
    return folder;
}

/* Two train pairs, a test pair and a list over the same seven videos; metadata of all. */
static inline const char *write_v2v(const char *name)
{
    const char *folder = make_folder(name);
    write_in(folder, "train_labels.json", v2v_train);
    write_in(folder, "test_labels.json", v2v_test);
    write_in(folder, "listwise_labels.json", v2v_lists);
    write_metadata(folder);
    return folder;
}

/* text with `from` replaced by `to` at its first place, which must be there. Caller frees. */
static inline char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    if (!at) abort();
    Text result = {0};
    say(&result, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return result.data;
}

#endif
