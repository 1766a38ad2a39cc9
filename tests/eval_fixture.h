/* Datasets of a few videos and predictions of them, made in cli_fixture.h's scratch folder. */
#ifndef HEDON_TESTS_EVAL_FIXTURE_H
#define HEDON_TESTS_EVAL_FIXTURE_H

#include "hedon.h"
#include "tests/cli_fixture.h"

enum { ADMIRATION = 0, ANGER = 4, FEAR = 16, JOY = 19, SADNESS = 23 };

/* ---- Datasets */

typedef struct Intensity {
    int emotion;
    double value;
} Intensity;

static inline FILE *create(const char *name)
{
    FILE *file = fopen(in_scratch(name), "wb");
    if (!file) abort();
    return file;
}

static inline void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

static inline double of(const Intensity *given, int emotion)
{
    for (; given->value > 0; given++)
        if (given->emotion == emotion) return given->value;
    return 0;
}

/* given ends with a value of 0; topK is the first three in class order among equals. */
static inline void write_label(FILE *file, const char *id, const Intensity *given)
{
    int used[HEDON_EMOTIONS] = {0};
    fprintf(file, "\"%s\":{\"emotions\":{", id);
    for (int e = 0; e < HEDON_EMOTIONS; e++)
        fprintf(file, "%s\"%s\":%g", e ? "," : "", hedon_emotion_name(e), of(given, e));
    fprintf(file, "},\"file\":\"videos/%s.mp4\",\"topK\":[", id);
    for (int place = 0; place < 3; place++) {
        int best = -1;
        for (int e = 0; e < HEDON_EMOTIONS; e++)
            if (!used[e] && (best < 0 || of(given, e) > of(given, best))) best = e;
        used[best] = 1;
        fprintf(file, "%s\"%s\"", place ? "," : "", hedon_emotion_name(best));
    }
    fputs("]}", file);
}

static inline void make_vce(void)
{
    const Intensity joy[] = {{JOY, 1}, {0, 0}}, fear[] = {{FEAR, 1}, {0, 0}};
    const Intensity both[] = {{ANGER, .5}, {JOY, .5}, {0, 0}}, none[] = {{0, 0}};
    const Intensity sad[] = {{SADNESS, 1}, {0, 0}};
    if (shell("mkdir -p %s/videos", in_scratch("vce"))) abort();
    FILE *train = create("vce/train_labels.json"), *test = create("vce/test_labels.json");
    fputs("{", train);
    write_label(train, "00000", joy);
    fputs(",", train);
    write_label(train, "00005", joy);
    fputs(",", train);
    write_label(train, "00006", fear);
    fputs("}", train);
    fputs("{", test);
    write_label(test, "00001", joy);
    fputs(",", test);
    write_label(test, "00002", both);
    fputs(",", test);
    write_label(test, "00003", none);
    fputs(",", test);
    write_label(test, "00004", sad);
    fputs("}", test);
    fclose(train);
    fclose(test);
    write_text(
        "vce/metadata.json",
        "{\"00001\":{\"codec_name\":\"h264\",\"duration\":\"3.0\",\"file\":\"videos/00001.mp4\"},"
        "\"00002\":{\"codec_name\":\"h264\",\"duration\":\"9.0\",\"file\":\"videos/00002.mp4\"},"
        "\"00003\":{\"codec_name\":\"vp9\",\"duration\":\"3.0\",\"file\":\"videos/00003.mp4\"},"
        "\"00004\":{\"codec_name\":\"vp9\",\"duration\":\"9.0\",\"file\":\"videos/00004.mp4\"}}");
}

static inline void make_v2v(void)
{
    if (shell("mkdir -p %s/videos", in_scratch("v2v"))) abort();
    write_text("v2v/train_labels.json", "{\"comparisons\":[[\"10\",\"11\"]]}");
    write_text("v2v/test_labels.json", "{\"comparisons\":[[\"01\",\"02\"],[\"03\",\"04\"]]}");
    write_text("v2v/listwise_labels.json",
               "{\"comparisons\":[[\"05\",\"06\",\"07\"],[\"08\",\"09\"]]}");
    FILE *file = create("v2v/metadata.json");
    fputc('{', file);
    for (int i = 1; i <= 11; i++)
        fprintf(file, "%s\"%02d\":{\"duration\":\"%d.0\",\"file\":\"videos/%02d.mp4\"}",
                i > 1 ? "," : "", i, i, i);
    fputc('}', file);
    fclose(file);
}

/* ---- Predictions */

static inline void write_header(FILE *file)
{
    fputs("comment,id", file);
    for (int e = HEDON_EMOTIONS - 1; e >= 0; e--) /* any order */
        fprintf(file, ",%s", hedon_emotion_name(e));
    fputc('\n', file);
}

static inline void write_row(FILE *file, const char *id, const Intensity *given)
{
    fprintf(file, "\"a, b\",%s", id);
    for (int e = HEDON_EMOTIONS - 1; e >= 0; e--) fprintf(file, ",%g", of(given, e));
    fputc('\n', file);
}

static const Intensity first[] = {{JOY, .9}, {0, 0}}, second[] = {{JOY, .8}, {ANGER, .7}, {0, 0}},
                       third[] = {{FEAR, .5}, {0, 0}},
                       fourth[] = {{JOY, .9}, {FEAR, .8}, {ANGER, .7}, {SADNESS, .1}, {0, 0}};

static inline void make_predictions(void)
{
    FILE *file = create("all.csv");
    write_header(file);
    write_row(file, "00004", fourth);
    write_row(file, "00001", first);
    write_row(file, "00002", second);
    write_row(file, "00003", third);
    fclose(file);
    file = create("some.csv");
    write_header(file);
    write_row(file, "00001", first);
    write_row(file, "00001", second); /* again: the first counts */
    write_row(file, "00002", second);
    write_row(file, "77777", third);
    fclose(file);
    write_text("utilities.csv",
               "id,utility\n01,0\n02,1\n03,5\n04,5\n05,0\n06,0\n07,1\n08,2\n09,1\n");
    write_text("views.jsonl", "{\"id\":\"01\",\"clip\":0,\"view\":0,\"utility\":4}\n"
                              "{\"id\":\"01\",\"clip\":1,\"view\":0,\"utility\":-2}\n"
                              "{\"video\":\"some/where/02.mp4\",\"wellbeing\":{\"utility\":1.5}}\n"
                              "{\"video\":\"03.mp4\",\"error\":\"damaged\"}\n");
}

static inline int make_scratch(void **state)
{
    (void)state;
    if (!mkdtemp(scratch)) return -1;
    make_vce();
    make_v2v();
    make_predictions();
    return 0;
}

static inline int remove_scratch(void **state)
{
    (void)state;
    return shell("rm -rf %s", scratch);
}

#endif
