/* A tiny VCE and V2V dataset of flat-coloured videos, and a trainer that finds it easy. */
#ifndef HEDON_TESTS_TRAIN_FIXTURE_H
#define HEDON_TESTS_TRAIN_FIXTURE_H

#include "tests/media/folder.h"

#include <jansson.h>
#include <math.h>
#include <sys/stat.h>

#include "train/trainer.h"

enum { VIDEOS = 20, TEST_VIDEOS = 2 };

static inline json_t *emotions_of(int video)
{
    json_t *emotions = json_object();
    for (int i = 0; i < HEDON_EMOTIONS; i++)
        json_object_set_new(emotions, hedon_emotion_name(i),
                            json_real(i == video % 9         ? 1
                                      : i == (video % 9) + 9 ? .5
                                                             : 0));
    return emotions;
}

static inline json_t *label_of(int video)
{
    char file[64];
    snprintf(file, sizeof file, "videos/%05d.mp4", video);
    return json_pack("{s:o, s:s, s:[s,s,s]}", "emotions", emotions_of(video), "file", file, "topK",
                     hedon_emotion_name(video % 9), hedon_emotion_name(video % 9 + 9),
                     hedon_emotion_name(video % 9 + 18));
}

static inline void dump(json_t *document, const char *name)
{
    if (json_dump_file(document, in_folder(name), 0)) abort();
    json_decref(document);
}

/* Video i is one colour, so that a handful of steps tells them apart; brighter is more pleasant. */
static inline void make_videos(void)
{
    for (int i = 0; i < VIDEOS + TEST_VIDEOS; i++) {
        char arguments[256], name[64];
        snprintf(
            arguments, sizeof arguments,
            "-f lavfi -t 5 -i color=c=0x%02x%02x%02x:s=32x32:r=4 -c:v libx264 -preset ultrafast "
            "-pix_fmt yuv420p",
            i * 11, i % 3 * 120, i % 4 * 80);
        snprintf(name, sizeof name, "vce/videos/%05d.mp4", i);
        render(arguments, name);
    }
}

static inline void make_dataset(void)
{
    static const char *const folders[] = {"vce", "vce/videos", "v2v"};
    for (int i = 0; i < 3; i++) mkdir(in_folder(folders[i]), 0777);
    make_videos();
    if (symlink("../vce/videos", in_folder("v2v/videos"))) abort();
    json_t *train = json_object(), *test = json_object(), *pairs = json_array();
    for (int i = 0; i < VIDEOS + TEST_VIDEOS; i++) {
        char id[16], next[16];
        snprintf(id, sizeof id, "%05d", i);
        snprintf(next, sizeof next, "%05d", i + 1);
        json_object_set_new(i < VIDEOS ? train : test, id, label_of(i));
        if (i < VIDEOS && i % 2 == 0) json_array_append_new(pairs, json_pack("[s,s]", id, next));
    }
    dump(json_object(), "vce/metadata.json");
    dump(json_object(), "v2v/metadata.json");
    dump(train, "vce/train_labels.json");
    dump(test, "vce/test_labels.json");
    dump(json_pack("{s:o}", "comparisons", pairs), "v2v/train_labels.json");
    dump(json_pack("{s:[]}", "comparisons"), "v2v/test_labels.json");
    dump(json_pack("{s:[]}", "comparisons"), "v2v/listwise_labels.json");
}

/* A quick run of a recipe on it: the tiny model on clips of 4 frames of 16x16. */
static inline void quick_config(HedonTrainConfig *config, const HedonRecipe *recipe)
{
    static char vce[256], v2v[256];
    snprintf(vce, sizeof vce, "%s", in_folder("vce"));
    snprintf(v2v, sizeof v2v, "%s", in_folder("v2v"));
    hedon_train_config_default(config, recipe);
    config->vce = recipe->task == HEDON_TASK_V2V ? NULL : vce;
    config->v2v = recipe->task == HEDON_TASK_VCE ? NULL : v2v;
    config->model = "r2plus1d_tiny";
    config->frames = 4;
    config->size = 16;
    config->device.device = "cpu";
    config->device.threads = 1;
    config->workers = 2;
    config->recipe.augment = "none";
    config->recipe.held_out = .2;
    config->recipe.warmup_epochs = 0;
    config->recipe.rate_batch = 0;
    config->recipe.epochs = 2;
}

static HedonContext *ctx;

/* What the events said. */
typedef struct Heard {
    double first_loss, last_loss, held;
    int64_t steps, epochs, broken, short_ones;
    int64_t stop_at; /* ask to stop after this many steps; 0: never */
    json_t *start, *done, *options;
} Heard;

static inline void hear(void *opaque, const char *line)
{
    Heard *heard = opaque;
    json_t *event = json_loads(line, 0, NULL);
    assert_non_null(event);
    const char *kind = json_string_value(json_object_get(event, "event"));
    if (!strcmp(kind, "step")) {
        heard->last_loss = json_number_value(json_object_get(event, "loss"));
        if (!heard->steps++) heard->first_loss = heard->last_loss;
    }
    heard->epochs += !strcmp(kind, "epoch");
    heard->broken += !strcmp(kind, "broken");
    heard->short_ones += !strcmp(kind, "short");
    if (!strcmp(kind, "start") || !strcmp(kind, "resume")) heard->start = json_incref(event);
    if (!strcmp(kind, "options")) heard->options = json_incref(event);
    if (!strcmp(kind, "done")) heard->done = json_incref(event);
    json_decref(event);
}

static inline int wants_stop(void *opaque)
{
    const Heard *heard = opaque;
    return heard->stop_at && heard->steps >= heard->stop_at;
}

static inline int train(const HedonTrainConfig *config, const char *out, int resume, Heard *heard)
{
    const HedonTrainCallbacks callbacks = {.opaque = heard, .event = hear, .stop = wants_stop};
    return hedon_train(ctx, in_folder(out), config, &(HedonTrainOptions){.resume = resume},
                       &callbacks);
}

static inline void forget(Heard *heard)
{
    json_decref(heard->start);
    json_decref(heard->done);
    json_decref(heard->options);
}

static inline void assert_same_files(const char *a, const char *b)
{
    char command[1024];
    snprintf(command, sizeof command, "cmp -s %s %s", in_folder(a), in_folder(b));
    assert_int_equal(system(command), 0);
}

static inline int start_training_tests(void **state)
{
    setenv("HEDON_DECODE_WORKER", HEDON_BINARY_DIR "/hedon-decode", 1);
    if (make_folder(state)) return -1;
    ctx = hedon_context_new();
    make_dataset();
    return 0;
}

static inline int end_training_tests(void **state)
{
    hedon_context_free(ctx);
    return remove_folder(state);
}

#endif
