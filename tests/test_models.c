/* The zoo, lowlevel, model files, the importer and the predictor's manners. Numbers against torch
 * are in test_parity.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "models/model.h"
#include "models/trainable.h"
#include "models/safetensors.h"

static HedonContext *ctx;
static char folder[] = "/tmp/hedon-models-XXXXXX", path[64], other_path[64];

static void check(int code)
{
    if (code) fail_msg("%s: %s", hedon_error_name(code), hedon_last_error(ctx));
}

static void expect(int code, int wanted, const char *sentence)
{
    if (code != wanted || !strstr(hedon_last_error(ctx), sentence))
        fail_msg("wanted %s, \"%s\"; got %s, \"%s\"", hedon_error_name(wanted), sentence,
                 hedon_error_name(code), hedon_last_error(ctx));
}

/* ---- Pre-processing ---------------------------------------------------------------------------
 */

static void kinetics_transform_is_torchvisions(void **state)
{
    (void)state;
    const HedonPreprocessing *p = &hedon_architecture_find("r2plus1d_18")->preprocessing;
    HedonTransform t;
    check(hedon_preprocessing_transform(ctx, p, 320, 240, 0, &t));
    assert_int_equal(hedon_preprocessing_views(p), 1);
    assert_true(t.source_width == 320 && t.source_height == 240);
    assert_true(t.resize_width == 171 && t.resize_height == 128 && !t.antialias);
    assert_true(t.crop_x == 30 && t.crop_y == 8); /* 29.5 goes to the even neighbour */
    assert_true(t.crop_width == 112 && t.crop_height == 112 && !t.flip);
    assert_true(t.mean[0] == 0.43216f && t.std[2] == 0.216989f);
}

static void short_side_and_three_crops(void **state)
{
    (void)state;
    HedonPreprocessing p = hedon_architecture_find("r2plus1d_18")->preprocessing;
    p.resize = HEDON_RESIZE_SHORT_SIDE;
    p.resize_height = 224;
    p.crop = HEDON_CROP_THREE;
    p.crop_width = p.crop_height = 224;
    const int offsets[3] = {0, 87, 174}; /* 720p: 398 wide; half of 174 */
    HedonTransform t;
    assert_int_equal(hedon_preprocessing_views(&p), 3);
    for (int view = 0; view < 3; view++) {
        check(hedon_preprocessing_transform(ctx, &p, 1280, 720, view, &t));
        assert_true(t.resize_width == 398 && t.resize_height == 224);
        assert_true(t.crop_x == offsets[view] && t.crop_y == 0);
        check(hedon_preprocessing_transform(ctx, &p, 720, 1280, view, &t));
        assert_true(t.crop_y == offsets[view] && t.crop_x == 0);
    }
    expect(hedon_preprocessing_transform(ctx, &p, 1280, 720, 3, &t), HEDON_EINVAL, "no view 3");
    p.crop_width = 300;
    expect(hedon_preprocessing_transform(ctx, &p, 240, 320, 0, &t), HEDON_EINVAL, "no room");
    expect(hedon_preprocessing_transform(ctx, &p, 1, INT32_MAX, 0, &t), HEDON_EINVAL, "no room");
}

/* ---- Zoo --------------------------------------------------------------------------------------
 */

static void parameter_counts_are_torchvisions(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t with_400_classes; /* num_params of torchvision's KINETICS400_V1 weights */
    } known[] = {{"r2plus1d_18", 31505325}, {"mc3_18", 11695440}, {"r3d_18", 33371472}};
    for (int i = 0; i < 3; i++) {
        HedonModel *model;
        check(hedon_model_open_random(ctx, &model, known[i].name, 1, "emotions"));
        assert_int_equal(hedon_model_info(model)->parameters,
                         known[i].with_400_classes - (400 - HEDON_EMOTIONS) * 513);
        hedon_model_close(model);
    }
    HedonModel *model;
    expect(hedon_model_open_random(ctx, &model, "resnet", 1, "utility"), HEDON_EINVAL, "resnet");
    expect(hedon_model_open_random(ctx, &model, "mc3_18", 1, "feet"), HEDON_EINVAL, "feet");
}

static void graph_text_names_the_layers(void **state)
{
    (void)state;
    HedonModel *model;
    char *text;
    check(hedon_model_open(ctx, &model, "lowlevel"));
    check(hedon_model_graph_text(ctx, model, NULL, &text));
    assert_non_null(strstr(text, "colour_motion"));
    assert_non_null(strstr(text, "head.emotions"));
    free(text);
    HedonDeviceOptions device;
    hedon_device_options_default(&device);
    check(hedon_model_graph_text(ctx, model, &device, &text));
    assert_true(strlen(text) > 0);
    free(text);
    hedon_model_close(model);
}

/* ---- lowlevel -----------------------------------------------------------------------------------
 */

enum { FRAMES = 16, SIZE = 64, PIXELS = FRAMES * SIZE * SIZE };

typedef struct Judgement {
    float emotions[HEDON_EMOTIONS], utility;
} Judgement;

/* A clip of one colour a frame: rgb, every second frame times `flicker`. */
static Judgement judge_colour(const HedonModel *model, const float rgb[3], float flicker)
{
    HedonTensor clip;
    check(hedon_tensor_alloc(&clip, HEDON_F32,
                             &(HedonShape){.rank = 5, .dim = {1, 3, FRAMES, SIZE, SIZE}}));
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < PIXELS; i++)
            ((float *)clip.data)[c * PIXELS + i] = rgb[c] * (i / (SIZE * SIZE) % 2 ? flicker : 1);
    Judgement out;
    HedonTensor outputs[2] = {
        {HEDON_F32, {.rank = 2, .dim = {1, HEDON_EMOTIONS}}, out.emotions},
        {HEDON_F32, {.rank = 2, .dim = {1, 1}}, &out.utility},
    };
    HedonPredictor *predictor;
    check(hedon_predictor_open(ctx, &predictor, model, NULL));
    check(hedon_predictor_run(ctx, predictor, &clip, outputs));
    hedon_predictor_close(predictor);
    hedon_tensor_free(&clip);
    return out;
}

static int emotion(const char *name)
{
    for (int i = 0; i < HEDON_EMOTIONS; i++)
        if (!strcmp(hedon_emotion_name(i), name)) return i;
    fail_msg("no emotion %s", name);
    return -1;
}

static void lowlevel_follows_its_formulas(void **state)
{
    (void)state;
    HedonModel *model;
    check(hedon_model_open(ctx, &model, "lowlevel"));
    /* a grey of .6: brightness .6, nothing else */
    const Judgement grey = judge_colour(model, (float[]){0.6f, 0.6f, 0.6f}, 1);
    const double pleasure =
        0.69 * (0.6 - 0.42) / 0.18 + 0.22 * (0 - 0.35) / 0.20 - 0.30 * (0 - 0.01) / 0.05;
    const double arousal =
        -0.31 * (0.6 - 0.42) / 0.18 + 0.60 * (0 - 0.35) / 0.20 + 0.60 * (0 - 0.05) / 0.10;
    const double dominance = -0.76 * (0.6 - 0.42) / 0.18 + 0.32 * (0 - 0.35) / 0.20;
    assert_float_equal(grey.utility, pleasure, 1e-4);
    /* calm is rated 6.89, 1.67, 7.44 */
    const double v = (6.89 - 5.0638) / 1.2749, a = (1.67 - 4.2106) / 0.8964,
                 d = (7.44 - 5.1848) / 0.9383;
    const double logit =
        (pleasure * v + arousal * a + dominance * d - (v * v + a * a + d * d) / 2) / 2 - 0.5;
    assert_float_equal(grey.emotions[emotion("Calmness")], logit, 1e-4);
    hedon_model_close(model);
}

static void lowlevel_tells_bright_from_grim(void **state)
{
    (void)state;
    HedonModel *model;
    check(hedon_model_open(ctx, &model, "lowlevel"));
    const Judgement meadow = judge_colour(model, (float[]){0.5f, 0.95f, 0.4f}, 1);
    const Judgement grey = judge_colour(model, (float[]){0.4f, 0.4f, 0.4f}, 1);
    const Judgement strobe = judge_colour(model, (float[]){0.3f, 0.05f, 0.05f}, 0);
    assert_true(meadow.utility > grey.utility && grey.utility > strobe.utility);
    assert_true(meadow.emotions[emotion("Joy")] > strobe.emotions[emotion("Joy")]);
    assert_true(strobe.emotions[emotion("Fear")] > meadow.emotions[emotion("Fear")]);
    assert_true(strobe.emotions[emotion("Anger")] > grey.emotions[emotion("Anger")]);
    assert_true(grey.emotions[emotion("Boredom")] > strobe.emotions[emotion("Boredom")]);
    hedon_model_close(model);
}

static void lowlevel_says_what_it_is(void **state)
{
    (void)state;
    HedonModel *model;
    check(hedon_model_open(ctx, &model, "lowlevel"));
    const HedonModelInfo *info = hedon_model_info(model);
    assert_string_equal(info->name, "lowlevel");
    assert_int_equal(strlen(info->sha256), 64);
    assert_false(info->human_trained);
    assert_true(strlen(info->caveat) > 0);
    assert_null(info->test_metric);
    assert_int_equal(info->heads[info->emotions_head].size, HEDON_EMOTIONS);
    assert_string_equal(info->heads[info->emotions_head].labels[6], "Awe (or Wonder)");
    assert_int_equal(info->heads[info->utility_head].size, 1);
    assert_int_equal(info->reference_count, 256);
    for (int64_t i = 1; i < info->reference_count; i++)
        assert_true(info->reference[i] >= info->reference[i - 1]);
    assert_true(info->reference[255] - info->reference[0] > 1);
    assert_null(hedon_emotion_name(-1));
    assert_null(hedon_emotion_name(HEDON_EMOTIONS));
    hedon_model_close(model);
}

/* ---- The embedded model that was trained
 * ---------------------------------------------------------------------------------- */

static void the_embedded_one_says_that_nobody_rated(void **state)
{
    (void)state;
    HedonModel *model, *by_name;
    check(hedon_model_open(ctx, &model, NULL));
    assert_string_equal(hedon_model_info(model)->name, HEDON_DEFAULT_MODEL);
    hedon_model_close(model);
    check(hedon_model_open(ctx, &model, "synthetic"));
    check(hedon_model_open(ctx, &by_name, "synthetic"));
    const HedonModelInfo *info = hedon_model_info(model);
    assert_string_equal(info->name, "synthetic");
    assert_string_equal(info->sha256, hedon_model_info(by_name)->sha256);
    assert_false(info->human_trained);
    assert_non_null(strstr(info->trained_on, "synthetic"));
    assert_non_null(strstr(info->caveat, "synthetic"));
    assert_non_null(strstr(info->reference_name, "synthetic"));
    assert_true(info->reference_count >= 100);
    assert_non_null(strstr(info->test_metric, "vce_top3"));
    assert_int_equal(info->heads[info->emotions_head].size, HEDON_EMOTIONS);
    assert_int_equal(info->heads[info->utility_head].size, 1);
    /* as small as it says: weights are 16 bits in the file */
    check(hedon_model_save(ctx, model, path));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    assert_in_range(ftell(file), 100000, 3999999);
    fclose(file);
    HedonModel *again;
    check(hedon_model_open(ctx, &again, path));
    assert_string_equal(hedon_model_info(again)->sha256, info->sha256);
    hedon_model_close(again);
    hedon_model_close(by_name);
    hedon_model_close(model);
}

static void repacking_halves_the_weights_and_keeps_what_is_said(void **state)
{
    (void)state;
    HedonModel *full, *half;
    check(hedon_model_open_fresh(ctx, &full, "r2plus1d_tiny", 5, "emotions,utility"));
    check(hedon_model_set_provenance(ctx, full,
                                     &(HedonProvenance){.name = "long",
                                                        .trained_on = "nothing",
                                                        .caveat = "knows nothing",
                                                        .reference_name = "three",
                                                        .reference = (double[]){1, 2, 3},
                                                        .reference_count = 3}));
    check(hedon_model_save(ctx, full, path));
    check(hedon_model_repack(
        ctx, path, other_path,
        &(HedonRepackOptions){.name = "short", .test_metric = "{\"x\":1}", .half = 1}));
    check(hedon_model_open(ctx, &half, other_path));
    const HedonModelInfo *info = hedon_model_info(half);
    assert_string_equal(info->name, "short");
    assert_string_equal(info->test_metric, "{\"x\":1}");
    assert_string_equal(info->trained_on, "nothing");
    assert_string_equal(info->caveat, "knows nothing");
    assert_int_equal(info->reference_count, 3);
    const char *names[] = {"layer4.0.conv1.0.0.weight", "layer4.0.conv1.1.running_var"};
    for (int i = 0; i < 2; i++) {
        const HedonTensor *a = hedon_model_parameter(full, names[i]),
                          *b = hedon_model_parameter(half, names[i]);
        int64_t differ = 0;
        for (int64_t k = 0; k < hedon_shape_count(&a->shape); k++) {
            const float x = ((float *)a->data)[k], y = ((float *)b->data)[k];
            assert_true(fabsf(x - y) <= fabsf(x) / 2048 + 1e-7f);
            differ += x != y;
        }
        assert_true(i ? differ == 0 : differ > 0);
    }
    hedon_model_close(half);
    hedon_model_close(full);
}

/* ---- Model files
 * ---------------------------------------------------------------------------------- */

static void saved_lowlevel_is_the_embedded_one(void **state)
{
    (void)state;
    HedonModel *embedded, *saved;
    check(hedon_model_open(ctx, &embedded, "lowlevel"));
    check(hedon_model_save(ctx, embedded, path));
    check(hedon_model_open(ctx, &saved, path));
    const HedonModelInfo *a = hedon_model_info(embedded), *b = hedon_model_info(saved);
    assert_string_equal(a->sha256, b->sha256); /* the hash of a definition is that of its file */
    assert_string_equal(a->caveat, b->caveat);
    assert_string_equal(a->trained_on, b->trained_on);
    assert_string_equal(a->reference_name, b->reference_name);
    assert_int_equal(a->reference_count, b->reference_count);
    assert_memory_equal(a->reference, b->reference, (size_t)a->reference_count * sizeof(double));
    const HedonPreprocessing *p = hedon_model_preprocessing(embedded),
                             *q = hedon_model_preprocessing(saved);
    assert_string_equal(p->sampling, q->sampling);
    assert_true(p->window_s == q->window_s && p->resize_width == q->resize_width &&
                p->std[1] == q->std[1]);
    const float colour[3] = {0.2f, 0.7f, 0.9f};
    const Judgement x = judge_colour(embedded, colour, 1), y = judge_colour(saved, colour, 1);
    assert_memory_equal(&x, &y, sizeof(x));
    hedon_model_close(embedded);
    hedon_model_close(saved);
}

/* lowlevel's description with one change, `{path.to.field: value}` as JSON merged into it. */
static void write_changed(const char *change)
{
    HedonModel *model;
    check(hedon_model_open(ctx, &model, "lowlevel"));
    check(hedon_model_save(ctx, model, path));
    HedonSafetensors file;
    check(hedon_safetensors_open(ctx, &file, path));
    json_t *document = json_loads(hedon_safetensors_metadata(&file, "hedon"), 0, NULL);
    json_t *changes = json_loads(change, 0, NULL);
    assert_non_null(changes);
    json_object_update_recursive(document, changes);
    char *text = json_dumps(document, 0);
    HedonTensor values[8];
    HedonTensorToStore tensors[8];
    for (int64_t i = 0; i < file.tensor_count; i++) {
        const HedonStoredTensor *stored = &file.tensors[i];
        values[i] = (HedonTensor){HEDON_F32, stored->shape, (void *)stored->data};
        tensors[i] = (HedonTensorToStore){stored->name, HEDON_F32, &values[i]};
    }
    FILE *stream = fopen(other_path, "wb");
    check(hedon_safetensors_write(ctx, stream, tensors, file.tensor_count,
                                  &(HedonStoredText){"hedon", text}, 1));
    fclose(stream);
    free(text);
    json_decref(changes);
    json_decref(document);
    hedon_safetensors_close(&file);
    hedon_model_close(model);
}

static void unknown_fields_of_a_minor_version_are_ignored(void **state)
{
    (void)state;
    write_changed(
        "{\"schema\":\"hedon.model/1.7\",\"aroma\":\"rose\",\"provenance\":{\"mood\":[1]},"
        "\"name\":\"mine\"}");
    HedonModel *model;
    check(hedon_model_open(ctx, &model, other_path));
    assert_string_equal(hedon_model_info(model)->name, "mine");
    hedon_model_close(model);
}

static void damaged_descriptions_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *change;
        int code;
        const char *sentence;
    } cases[] = {
        {"{\"schema\":\"hedon.model/2\"}", HEDON_EUNSUPPORTED, "use a newer hedon"},
        {"{\"schema\":\"hedon.model/10\"}", HEDON_EUNSUPPORTED, "use a newer hedon"},
        {"{\"schema\":5}", HEDON_EDATA, "names no schema"},
        {"{\"architecture\":\"gpt\"}", HEDON_EUNSUPPORTED, "no architecture gpt"},
        {"{\"architecture\":null}", HEDON_EDATA, "names no architecture"},
        {"{\"name\":\"\\u001b[2J\"}", HEDON_EDATA, "name is not plain text"},
        {"{\"preprocessing\":7}", HEDON_EDATA, "preprocessing is not an object"},
        {"{\"preprocessing\":{\"crop_width\":65}}", HEDON_EDATA, "within the resized picture"},
        {"{\"preprocessing\":{\"crop_width\":32}}", HEDON_EDATA,
         "input is not what preprocessing makes"},
        {"{\"preprocessing\":{\"std\":[1,0,1]}}", HEDON_EDATA, "std is not a number within"},
        {"{\"preprocessing\":{\"mean\":[1,0]}}", HEDON_EDATA, "mean is not three numbers"},
        {"{\"preprocessing\":{\"stride_s\":0}}", HEDON_EDATA, "stride_s is not a number within"},
        {"{\"preprocessing\":{\"sampling\":\"hourly\"}}", HEDON_EDATA, "sampling is not anything"},
        {"{\"preprocessing\":{\"clip_frames\":1e3}}", HEDON_EDATA,
         "clip_frames is not a whole number"},
        {"{\"preprocessing\":{\"antialias\":1}}", HEDON_EDATA, "antialias is not true or false"},
        {"{\"input\":{\"height\":99999}}", HEDON_EDATA, "height is not a whole number"},
        {"{\"heads\":[]}", HEDON_EDATA, "heads is not a list"},
        {"{\"heads\":[{\"name\":\"emotions\",\"size\":26,\"bias\":true}]}", HEDON_EDATA,
         "cannot have 26"},
        {"{\"heads\":[{\"name\":\"utility\",\"size\":2,\"bias\":true}]}", HEDON_EDATA,
         "cannot have 2"},
        {"{\"heads\":[{\"name\":\"legs\",\"size\":2,\"bias\":true}]}", HEDON_EDATA,
         "legs is none of"},
        {"{\"heads\":[{\"name\":\"classes\",\"size\":2,\"bias\":false,\"labels\":[\"a\"]}]}",
         HEDON_EDATA, "labels is not one for each"},
        {"{\"heads\":[{\"name\":\"utility\",\"size\":1,\"bias\":false},"
         "{\"name\":\"utility\",\"size\":1,\"bias\":false}]}",
         HEDON_EDATA, "two utility heads"},
        {"{\"heads\":[{\"name\":\"utility\",\"size\":1,\"bias\":true}]}", HEDON_EDATA,
         "1 tensor missing: head.utility.bias; 2 tensors not expected: head.emotions.bias, "
         "head.emotions.weight"},
        {"{\"reference\":{\"utilities\":[2,1]}}", HEDON_EDATA, "utilities is not ascending"},
        {"{\"reference\":{\"utilities\":[]}}", HEDON_EDATA, "utilities is not a list"},
        {"{\"provenance\":{\"test_metric\":3}}", HEDON_EDATA, "test_metric is not an object"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_changed(cases[i].change);
        HedonModel *model;
        expect(hedon_model_open(ctx, &model, other_path), cases[i].code, cases[i].sentence);
        assert_null(model);
    }
}

static void other_files_are_no_models(void **state)
{
    (void)state;
    HedonModel *model;
    float one = 1;
    const HedonTensor values = {HEDON_F32, {.rank = 1, .dim = {1}}, &one};
    FILE *stream = fopen(path, "wb");
    check(hedon_safetensors_write(ctx, stream, &(HedonTensorToStore){"a", HEDON_F32, &values}, 1,
                                  NULL, 0));
    fclose(stream);
    expect(hedon_model_open(ctx, &model, path), HEDON_EDATA, "hedon import");
    assert_int_equal(hedon_model_open(ctx, &model, "/nowhere"), HEDON_ENOENT);
    assert_int_equal(hedon_model_open(ctx, &model, folder), HEDON_EISDIR);
}

/* ---- Importer -----------------------------------------------------------------------------------
 */

typedef struct StateDict {
    HedonModel *model;
    HedonTensorToStore tensors[400];
    HedonTensor values[400];
    char names[400][80];
    int count;
} StateDict;

/* A random mc3_18 under torchvision's names; the classifier keeps the first `rows` of the head. */
static StateDict *state_dict(int64_t rows)
{
    StateDict *dict = calloc(1, sizeof(*dict));
    check(hedon_model_open_random(ctx, &dict->model, "mc3_18", 3, "emotions"));
    HedonGraph *graph;
    check(hedon_model_build(ctx, dict->model, 1, 4, 32, 32, &graph));
    for (int i = 0; i < graph->parameter_count; i++, dict->count++) {
        const char *name = graph->values[hedon_graph_parameter_value(graph, i)].name;
        const char *last = strrchr(name, '.');
        dict->values[i] = *hedon_model_parameter(dict->model, name);
        if (strncmp(name, "head.", 5)) {
            strcpy(dict->names[i], name);
        } else {
            snprintf(dict->names[i], sizeof(dict->names[i]), "fc%s", last);
            dict->values[i].shape.dim[0] = rows;
        }
        dict->tensors[i] = (HedonTensorToStore){dict->names[i], HEDON_F32, &dict->values[i]};
    }
    hedon_graph_free(graph);
    return dict;
}

static void write_state_dict(const StateDict *dict, int count)
{
    FILE *stream = fopen(path, "wb");
    check(hedon_safetensors_write(ctx, stream, dict->tensors, count, NULL, 0));
    fclose(stream);
}

static void free_state_dict(StateDict *dict)
{
    hedon_model_close(dict->model);
    free(dict);
}

static int index_of(const StateDict *dict, const char *name)
{
    for (int i = 0; i < dict->count; i++)
        if (!strcmp(dict->names[i], name)) return i;
    fail_msg("no tensor %s", name);
    return -1;
}

static void rows_decide_the_head(void **state)
{
    (void)state;
    static const struct {
        int64_t rows;
        int with_bias;
        const char *head;
    } cases[] = {{27, 1, "emotions"}, {1, 0, "utility"}, {1, 1, "utility"}, {5, 1, "classes"}};
    for (int i = 0; i < 4; i++) {
        StateDict *dict = state_dict(cases[i].rows);
        assert_int_equal(index_of(dict, "fc.bias"), dict->count - 1);
        write_state_dict(dict, dict->count - !cases[i].with_bias);
        check(hedon_model_import(ctx, path, "mc3_18", other_path, NULL));
        HedonModel *model;
        check(hedon_model_open(ctx, &model, other_path));
        const HedonModelInfo *info = hedon_model_info(model);
        assert_int_equal(info->head_count, 1);
        assert_string_equal(info->heads[0].name, cases[i].head);
        assert_int_equal(info->heads[0].size, cases[i].rows);
        assert_int_equal(info->emotions_head, cases[i].rows == 27 ? 0 : -1);
        assert_int_equal(info->utility_head, cases[i].rows == 1 ? 0 : -1);
        assert_false(info->human_trained);
        assert_non_null(strstr(info->trained_on, "imported from"));
        for (int t = 0; t < dict->count - 2; t++) {
            const HedonTensor *values = hedon_model_parameter(model, dict->names[t]);
            assert_memory_equal(values->data, dict->values[t].data,
                                (size_t)hedon_shape_count(&values->shape) * sizeof(float));
        }
        hedon_model_close(model);
        free_state_dict(dict);
    }
}

static void half_precision_stays_half(void **state)
{
    (void)state;
    StateDict *dict = state_dict(27);
    for (int i = 0; i < dict->count; i++) dict->tensors[i].stored = HEDON_F16;
    write_state_dict(dict, dict->count);
    check(hedon_model_import(ctx, path, "mc3_18", other_path, NULL));
    struct stat from, to;
    assert_int_equal(stat(path, &from) | stat(other_path, &to), 0);
    assert_true(to.st_size < from.st_size + 8192);
    HedonModel *model;
    check(hedon_model_open(ctx, &model, other_path));
    const float *exact = dict->values[0].data;
    const float *rounded = hedon_model_parameter(model, dict->names[0])->data;
    assert_float_equal(rounded[5], exact[5], fabsf(exact[5]) * 0x1p-10f);
    hedon_model_close(model);
    free_state_dict(dict);
}

static void what_does_not_fit_is_listed(void **state)
{
    (void)state;
    StateDict *dict = state_dict(27);
    strcpy(dict->names[index_of(dict, "layer1.0.conv1.0.weight")], "layer1.0.conv1.weight");
    dict->values[index_of(dict, "stem.1.weight")].shape.dim[0] = 63;
    write_state_dict(dict, dict->count);
    expect(hedon_model_import(ctx, path, "mc3_18", other_path, NULL), HEDON_EDATA,
           "1 tensor missing: layer1.0.conv1.0.weight; 1 tensor of the wrong kind or shape: "
           "stem.1.weight is 63, not 64; 1 tensor not expected: layer1.0.conv1.weight");
    expect(hedon_model_import(ctx, path, "r3d_18", other_path, NULL), HEDON_EDATA,
           "layer2.0.conv1.0.weight is ");
    free_state_dict(dict);

    dict = state_dict(27);
    write_state_dict(dict, 3);
    assert_int_equal(hedon_model_import(ctx, path, "mc3_18", other_path, NULL), HEDON_EDATA);
    char counted[64];
    snprintf(counted, sizeof(counted), "%d tensors missing: stem.1.running_mean, ",
             dict->count - 3);
    assert_non_null(strstr(hedon_last_error(ctx), counted));
    for (int i = 3; i < dict->count; i++) /* all of them */
        assert_non_null(strstr(hedon_last_error(ctx), dict->names[i]));
    free_state_dict(dict);
    expect(hedon_model_import(ctx, path, "lowlevel", other_path, NULL), HEDON_EINVAL,
           "choose r2plus1d_18");
}

/* ---- Predictor ----------------------------------------------------------------------------------
 */

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    HedonModel *model;
    HedonPredictor *predictor;
    check(hedon_model_open(ctx, &model, "lowlevel"));
    check(hedon_predictor_open(ctx, &predictor, model, NULL));
    hedon_model_close(model); /* allowed while the predictor lives */
    HedonTensor outputs[2] = {{0}, {0}}, clips;
    check(hedon_tensor_alloc(&clips, HEDON_F32,
                             &(HedonShape){.rank = 5, .dim = {2, 3, FRAMES, SIZE, SIZE}}));
    check(hedon_predictor_run(ctx, predictor, &clips, outputs)); /* no output wanted */
    clips.shape.dim[4] = 32;
    expect(hedon_predictor_run(ctx, predictor, &clips, outputs), HEDON_EINVAL, "(N,3,16,64,64)");
    clips.shape.dim[4] = SIZE;
    clips.dtype = HEDON_U8;
    expect(hedon_predictor_run(ctx, predictor, &clips, outputs), HEDON_EINVAL, "float32");
    clips.dtype = HEDON_F32;
    float room[2];
    outputs[1] = (HedonTensor){HEDON_F32, {.rank = 2, .dim = {1, 1}}, room};
    expect(hedon_predictor_run(ctx, predictor, &clips, outputs), HEDON_EINVAL, "output utility");
    outputs[1].shape.dim[0] = 2;
    hedon_cancel();
    assert_int_equal(hedon_predictor_run(ctx, predictor, &clips, outputs), HEDON_ECANCELLED);
    hedon_cancel_reset();
    check(hedon_predictor_run(ctx, predictor, &clips, outputs));
    assert_true(hedon_predictor_bytes(predictor) > 0 && hedon_predictor_flops(predictor) > 0);
    hedon_tensor_free(&clips);
    hedon_predictor_close(predictor);
}

static void bad_requests_are_refused(void **state)
{
    (void)state;
    HedonModel *model;
    HedonPredictor *predictor;
    HedonPredictorOptions options;
    check(hedon_model_open(ctx, &model, "lowlevel"));
    hedon_predictor_options_default(&options);
    options.batch = 0;
    assert_int_equal(hedon_predictor_open(ctx, &predictor, model, &options), HEDON_EINVAL);
    options.batch = 1;
    options.frames = -3;
    assert_int_equal(hedon_predictor_open(ctx, &predictor, model, &options), HEDON_EINVAL);
    options.frames = 0;
    options.device.device = "abacus";
    assert_int_equal(hedon_predictor_open(ctx, &predictor, model, &options), HEDON_EINVAL);
    assert_null(predictor);
    hedon_model_close(model);
}

static void profile_counts_runs(void **state)
{
    (void)state;
    HedonModel *model;
    HedonPredictor *predictor;
    HedonPredictorOptions options;
    check(hedon_model_open(ctx, &model, "lowlevel"));
    hedon_predictor_options_default(&options);
    options.profile = 1;
    options.batch = 2;
    check(hedon_predictor_open(ctx, &predictor, model, &options));
    HedonTensor clips, outputs[2] = {{0}, {0}};
    check(hedon_tensor_alloc(&clips, HEDON_F32,
                             &(HedonShape){.rank = 5, .dim = {5, 3, FRAMES, SIZE, SIZE}}));
    check(hedon_predictor_run(ctx, predictor, &clips, outputs));
    const HedonOpProfile *ops;
    int count;
    check(hedon_predictor_profile(predictor, &ops, &count));
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        assert_int_equal(ops[i].runs, 3); /* five clips in batches of two */
        assert_true(ops[i].seconds > 0);
    }
    hedon_tensor_free(&clips);
    hedon_predictor_close(predictor);
    hedon_model_close(model);
}

/* ---- Failing memory
 * -------------------------------------------------------------------------------- */

static void *json_allocate(size_t size)
{
    return hedon_malloc(size, 1);
}

static int try_lowlevel(void)
{
    HedonModel *model;
    const int code = hedon_model_open(ctx, &model, "lowlevel");
    hedon_model_close(model);
    return code;
}

static int try_embedded(void)
{
    HedonModel *model;
    const int code = hedon_model_open(ctx, &model, "synthetic");
    hedon_model_close(model);
    return code;
}

static int try_file(void)
{
    HedonModel *model;
    const int code = hedon_model_open(ctx, &model, path);
    hedon_model_close(model);
    return code;
}

static int try_predictor(void)
{
    HedonModel *model;
    HedonPredictor *predictor = NULL;
    int code = hedon_model_open(ctx, &model, "lowlevel");
    if (!code) code = hedon_predictor_open(ctx, &predictor, model, NULL);
    hedon_predictor_close(predictor);
    hedon_model_close(model);
    return code;
}

static int try_import(void)
{
    return hedon_model_import(ctx, path, "mc3_18", other_path, NULL);
}

/* Let allocation k fail, for k up to the number of them; further apart as k grows by `spread`. */
static void survive(int (*attempt)(void), int64_t spread)
{
    json_set_alloc_funcs(json_allocate, hedon_free);
    for (int64_t k = 1;; k += 1 + k / spread) {
        hedon_memory_fail_at(k);
        const int code = attempt();
        const int failed = hedon_memory_failed();
        hedon_memory_fail_at(0);
        if (!failed) {
            check(code);
            break;
        }
        /* jansson takes some failed allocations for damaged text, and some it does without */
        assert_true(code == HEDON_ENOMEM || code == HEDON_EDATA || code == 0);
    }
    json_set_alloc_funcs(malloc, free);
}

static void failing_memory_is_survived(void **state)
{
    (void)state;
    survive(try_lowlevel, INT64_MAX);
    survive(try_embedded, 20);
    survive(try_predictor, INT64_MAX);
    HedonModel *model;
    check(hedon_model_open(ctx, &model, "lowlevel"));
    check(hedon_model_save(ctx, model, path));
    hedon_model_close(model);
    survive(try_file, INT64_MAX);
    StateDict *dict = state_dict(27);
    write_state_dict(dict, dict->count);
    free_state_dict(dict);
    unlink(other_path);
    survive(try_import, 20);
}

static int set_up(void **state)
{
    (void)state;
    ctx = hedon_context_new();
    if (!ctx || !mkdtemp(folder)) return -1;
    snprintf(path, sizeof(path), "%s/a.safetensors", folder);
    snprintf(other_path, sizeof(other_path), "%s/b.safetensors", folder);
    return 0;
}

/* rmdir also checks that no temporary file was left behind. */
static int tear_down(void **state)
{
    (void)state;
    hedon_context_free(ctx);
    unlink(path);
    unlink(other_path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinetics_transform_is_torchvisions),
        cmocka_unit_test(short_side_and_three_crops),
        cmocka_unit_test(parameter_counts_are_torchvisions),
        cmocka_unit_test(graph_text_names_the_layers),
        cmocka_unit_test(lowlevel_follows_its_formulas),
        cmocka_unit_test(lowlevel_tells_bright_from_grim),
        cmocka_unit_test(lowlevel_says_what_it_is),
        cmocka_unit_test(saved_lowlevel_is_the_embedded_one),
        cmocka_unit_test(the_embedded_one_says_that_nobody_rated),
        cmocka_unit_test(repacking_halves_the_weights_and_keeps_what_is_said),
        cmocka_unit_test(unknown_fields_of_a_minor_version_are_ignored),
        cmocka_unit_test(damaged_descriptions_are_named),
        cmocka_unit_test(other_files_are_no_models),
        cmocka_unit_test(rows_decide_the_head),
        cmocka_unit_test(half_precision_stays_half),
        cmocka_unit_test(what_does_not_fit_is_listed),
        cmocka_unit_test(wrong_shapes_are_refused),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(profile_counts_runs),
        cmocka_unit_test(failing_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
