/* The JSON document by which a model file describes itself: written and read here, field by field.
 * Schema "hedon.model/1": unknown fields belong to a newer minor version and are ignored. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "models/json.h"
#include "models/model_private.h"

#define SCHEMA "hedon.model/1"
enum { SIDE_LIMIT = 4096, FRAMES_LIMIT = 4096, REFERENCE_LIMIT = 1000000 };

static const char *const samplings[] = {"even", "contiguous", "segments", "windows", NULL};
static const char *const resizes[] = {
    [HEDON_RESIZE_EXACT] = "exact", [HEDON_RESIZE_SHORT_SIDE] = "short_side", NULL};
static const char *const interpolations[] = {
    [HEDON_BILINEAR] = "bilinear", [HEDON_BICUBIC] = "bicubic", NULL};
static const char *const crops[] = {
    [HEDON_CROP_CENTRE] = "centre", [HEDON_CROP_THREE] = "three", NULL};

/* ---- Writing -------------------------------------------------------------------------------- */

/* The shortest decimal that is this float32, so that .43216 is not written .43215999007225037. */
static json_t *short_real(float value)
{
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) break;
    }
    return json_real(strtod(text, NULL));
}

static json_t *rgb(const float values[3])
{
    return json_pack("[o,o,o]", short_real(values[0]), short_real(values[1]),
                     short_real(values[2]));
}

static json_t *describe_preprocessing(const HedonPreprocessing *p)
{
    return json_pack(
        "{s:s, s:I, s:I, s:f, s:f, s:s, s:i, s:i, s:s, s:b, s:s, s:i, s:i, s:o, s:o}", /* in order
                                                                                        */
        "sampling", p->sampling, "clip_frames", (json_int_t)p->clip_frames, "frame_stride",
        (json_int_t)p->frame_stride, "window_s", p->window_s, "stride_s", p->stride_s, "resize",
        resizes[p->resize], "resize_width", (int)p->resize_width, "resize_height",
        (int)p->resize_height, "interpolation", interpolations[p->interpolation], "antialias",
        (int)p->antialias, "crop", crops[p->crop], "crop_width", (int)p->crop_width, "crop_height",
        (int)p->crop_height, "mean", rgb(p->mean), "std", rgb(p->std));
}

static json_t *describe_heads(const HedonModel *model)
{
    json_t *heads = json_array();
    for (int i = 0; i < model->info.head_count; i++) {
        const HedonHead *head = &model->heads[i];
        json_t *labels = head->labels ? json_array() : json_null();
        for (int64_t k = 0; head->labels && k < head->size; k++)
            json_array_append_new(labels, json_string(head->labels[k]));
        json_array_append_new(heads, json_pack("{s:s, s:I, s:b, s:o}", "name", head->name, "size",
                                               (json_int_t)head->size, "bias", model->head_bias[i],
                                               "labels", labels));
    }
    return heads;
}

static json_t *describe_reference(const HedonModelInfo *info)
{
    if (!info->reference_name) return json_null();
    json_t *utilities = json_array();
    for (int64_t i = 0; i < info->reference_count; i++)
        json_array_append_new(utilities, json_real(info->reference[i]));
    return json_pack("{s:s, s:o}", "name", info->reference_name, "utilities", utilities);
}

char *hedon_model_describe(const HedonModel *model)
{
    const HedonModelInfo *info = &model->info;
    json_t *metric = info->test_metric ? json_loads(info->test_metric, 0, NULL) : json_null();
    json_t *document = json_pack(
        "{s:s, s:s, s:s, s:{s:I, s:I, s:I}, s:o, s:o, s:{s:s, s:b, s:s, s:o}, s:o}", "schema",
        SCHEMA, "name", info->name, "architecture", model->architecture->name, "input", "frames",
        (json_int_t)info->clip_frames, "height", (json_int_t)info->clip_height, "width",
        (json_int_t)info->clip_width, "preprocessing",
        describe_preprocessing(&model->preprocessing), "heads", describe_heads(model), "provenance",
        "trained_on", info->trained_on, "human_trained", info->human_trained, "caveat",
        info->caveat, "test_metric", metric, "reference", describe_reference(info));
    char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;
    json_decref(document);
    return text;
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* The first failure sticks; afterwards every field reads as nothing. */
typedef struct Reader {
    HedonContext *ctx;
    HedonModel *model;
    int code;
} Reader;

static void refuse(Reader *reader, const char *field, const char *wanted)
{
    if (!reader->code)
        reader->code =
            hedon_fail(reader->ctx, HEDON_EDATA, "the model's description is damaged: %s is not %s",
                       field, wanted);
}

static const json_t *object_at(Reader *reader, const json_t *parent, const char *field)
{
    const json_t *value = json_object_get(parent, field);
    if (!json_is_object(value)) refuse(reader, field, "an object");
    return value;
}

static int64_t integer_at(Reader *reader, const json_t *parent, const char *field, int64_t low,
                          int64_t high)
{
    const json_t *value = json_object_get(parent, field);
    if (!json_is_integer(value) || json_integer_value(value) < low ||
        json_integer_value(value) > high)
        refuse(reader, field, "a whole number within its limits");
    return reader->code ? low : json_integer_value(value);
}

static int flag_at(Reader *reader, const json_t *parent, const char *field)
{
    const json_t *value = json_object_get(parent, field);
    if (!json_is_boolean(value)) refuse(reader, field, "true or false");
    return json_is_true(value);
}

static double number_from(Reader *reader, const json_t *value, const char *field, double low)
{
    const double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= low) || fabs(number) > 1e9)
        refuse(reader, field, "a number within its limits");
    return reader->code ? low : number;
}

/* A copy in the model's arena, fit for a terminal. */
static void text_at(Reader *reader, const json_t *parent, const char *field, const char **out)
{
    const char *text = json_string_value(json_object_get(parent, field));
    if (!text || !hedon_is_printable(text)) refuse(reader, field, "plain text");
    if (!reader->code) reader->code = hedon_model_set_text(reader->ctx, reader->model, out, text);
}

static int choice_at(Reader *reader, const json_t *parent, const char *field,
                     const char *const *choices)
{
    const char *text = json_string_value(json_object_get(parent, field));
    for (int i = 0; text && choices[i]; i++)
        if (!strcmp(choices[i], text)) return i;
    refuse(reader, field, "anything that this hedon knows");
    return 0;
}

static void rgb_at(Reader *reader, const json_t *parent, const char *field, double low,
                   float out[3])
{
    const json_t *values = json_object_get(parent, field);
    if (json_array_size(values) != 3) refuse(reader, field, "three numbers");
    for (size_t i = 0; i < 3; i++)
        out[i] = (float)number_from(reader, json_array_get(values, i), field, low);
}

static void read_preprocessing(Reader *reader, const json_t *document)
{
    HedonPreprocessing *p = &reader->model->preprocessing;
    const json_t *from = object_at(reader, document, "preprocessing");
    strcpy(p->sampling, samplings[choice_at(reader, from, "sampling", samplings)]);
    p->clip_frames = integer_at(reader, from, "clip_frames", 1, FRAMES_LIMIT);
    p->frame_stride = integer_at(reader, from, "frame_stride", 1, FRAMES_LIMIT);
    p->window_s = number_from(reader, json_object_get(from, "window_s"), "window_s", 1e-3);
    p->stride_s = number_from(reader, json_object_get(from, "stride_s"), "stride_s", 1e-3);
    p->resize = (HedonResize)choice_at(reader, from, "resize", resizes);
    p->resize_width = (int32_t)integer_at(reader, from, "resize_width", 1, SIDE_LIMIT);
    p->resize_height = (int32_t)integer_at(reader, from, "resize_height", 1, SIDE_LIMIT);
    p->interpolation = (HedonInterpolation)choice_at(reader, from, "interpolation", interpolations);
    p->antialias = flag_at(reader, from, "antialias");
    p->crop = (HedonCrop)choice_at(reader, from, "crop", crops);
    p->crop_width = (int32_t)integer_at(reader, from, "crop_width", 1, SIDE_LIMIT);
    p->crop_height = (int32_t)integer_at(reader, from, "crop_height", 1, SIDE_LIMIT);
    rgb_at(reader, from, "mean", -1e6, p->mean);
    rgb_at(reader, from, "std", 1e-6, p->std);
    const int crop_fits =
        p->crop_height <= p->resize_height &&
        p->crop_width <= (p->resize == HEDON_RESIZE_EXACT ? p->resize_width : p->resize_height);
    if (!crop_fits) refuse(reader, "crop_width or crop_height", "within the resized picture");
}

static void read_input(Reader *reader, const json_t *document)
{
    HedonModelInfo *info = &reader->model->info;
    const HedonPreprocessing *p = &reader->model->preprocessing;
    const json_t *from = object_at(reader, document, "input");
    info->clip_frames = integer_at(reader, from, "frames", 1, FRAMES_LIMIT);
    info->clip_height = integer_at(reader, from, "height", 1, SIDE_LIMIT);
    info->clip_width = integer_at(reader, from, "width", 1, SIDE_LIMIT);
    if (info->clip_frames != p->clip_frames || info->clip_height != p->crop_height ||
        info->clip_width != p->crop_width)
        refuse(reader, "input", "what preprocessing makes");
}

static void read_labels(Reader *reader, const json_t *from, HedonHead *head)
{
    const json_t *values = json_object_get(from, "labels");
    if (!values || json_is_null(values) || reader->code) return;
    if ((int64_t)json_array_size(values) != head->size) {
        refuse(reader, "labels", "one for each output");
        return;
    }
    const char **labels =
        hedon_arena_alloc(&reader->model->arena, (size_t)head->size, sizeof(*labels));
    if (!labels) reader->code = hedon_fail_memory(reader->ctx);
    for (int64_t i = 0; i < head->size && !reader->code; i++) {
        const char *label = json_string_value(json_array_get(values, (size_t)i));
        if (!label || !hedon_is_printable(label))
            refuse(reader, "labels", "plain text");
        else if (head->labels && strcmp(label, head->labels[i]))
            refuse(reader, "labels", "the 27 emotions in VCE's order");
        else
            reader->code = hedon_model_set_text(reader->ctx, reader->model, &labels[i], label);
    }
    head->labels = labels;
}

static void read_heads(Reader *reader, const json_t *document)
{
    HedonModel *model = reader->model;
    const json_t *heads = json_object_get(document, "heads");
    const size_t count = json_array_size(heads);
    if (count < 1 || count > HEDON_MAX_HEADS) refuse(reader, "heads", "a list of them");
    for (size_t i = 0; i < count && !reader->code; i++) {
        const json_t *from = json_array_get(heads, i);
        const char *name = "";
        text_at(reader, from, "name", &name);
        const int64_t size = integer_at(reader, from, "size", 1, 1000000);
        const int bias = flag_at(reader, from, "bias");
        if (!reader->code)
            reader->code = hedon_model_add_head(reader->ctx, model, name, size, bias);
        if (!reader->code) read_labels(reader, from, &model->heads[i]);
    }
}

static void read_provenance(Reader *reader, const json_t *document)
{
    HedonModelInfo *info = &reader->model->info;
    const json_t *from = object_at(reader, document, "provenance");
    text_at(reader, from, "trained_on", &info->trained_on);
    text_at(reader, from, "caveat", &info->caveat);
    info->human_trained = flag_at(reader, from, "human_trained");
    const json_t *metric = json_object_get(from, "test_metric");
    if (!metric || json_is_null(metric) || reader->code) return;
    if (!json_is_object(metric)) {
        refuse(reader, "test_metric", "an object");
        return;
    }
    char *text = json_dumps(metric, JSON_COMPACT | JSON_REAL_PRECISION(9));
    reader->code = text ? hedon_model_set_text(reader->ctx, reader->model, &info->test_metric, text)
                        : hedon_fail_memory(reader->ctx);
    free(text);
}

static void read_reference(Reader *reader, const json_t *document)
{
    HedonModelInfo *info = &reader->model->info;
    const json_t *from = json_object_get(document, "reference");
    if (!from || json_is_null(from)) return;
    const json_t *values = json_object_get(from, "utilities");
    const size_t count = json_array_size(values);
    if (count < 1 || count > REFERENCE_LIMIT) refuse(reader, "utilities", "a list of numbers");
    const char *name = NULL;
    text_at(reader, from, "name", &name);
    if (reader->code) return;
    double *utilities = hedon_arena_alloc(&reader->model->arena, count, sizeof(*utilities));
    if (!utilities) reader->code = hedon_fail_memory(reader->ctx);
    for (size_t i = 0; i < count && !reader->code; i++) {
        utilities[i] = number_from(reader, json_array_get(values, i), "utilities", -1e9);
        if (i && utilities[i] < utilities[i - 1]) refuse(reader, "utilities", "ascending");
    }
    info->reference_name = name;
    info->reference = utilities;
    info->reference_count = (int64_t)count;
}

static int check_schema(HedonContext *ctx, const json_t *document)
{
    const char *schema = json_string_value(json_object_get(document, "schema"));
    const size_t length = strlen(SCHEMA);
    if (schema && !strncmp(schema, SCHEMA, length) && (!schema[length] || schema[length] == '.'))
        return 0;
    if (schema && !strncmp(schema, "hedon.model/", 12) && hedon_is_printable(schema))
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "the model file is of schema %.40s, this hedon reads " SCHEMA
                          ": use a newer hedon",
                          schema);
    return hedon_fail(ctx, HEDON_EDATA, "the model's description is damaged: it names no schema");
}

static int find_architecture(HedonContext *ctx, const json_t *document,
                             const HedonArchitecture **out)
{
    const char *name = json_string_value(json_object_get(document, "architecture"));
    *out = name ? hedon_architecture_find(name) : NULL;
    if (*out) return 0;
    if (!name || !hedon_is_printable(name))
        return hedon_fail(ctx, HEDON_EDATA,
                          "the model's description is damaged: it names no architecture");
    return hedon_fail(ctx, HEDON_EUNSUPPORTED, "this hedon has no architecture %.60s", name);
}

static int read_document(HedonContext *ctx, HedonModel **out, const json_t *document)
{
    const HedonArchitecture *architecture;
    int code = check_schema(ctx, document);
    if (!code) code = find_architecture(ctx, document, &architecture);
    if (!code) code = hedon_model_new(ctx, out, architecture);
    if (code) return code;
    Reader reader = {.ctx = ctx, .model = *out};
    text_at(&reader, document, "name", &reader.model->info.name);
    read_preprocessing(&reader, document);
    read_input(&reader, document);
    read_heads(&reader, document);
    read_provenance(&reader, document);
    read_reference(&reader, document);
    if (reader.code) {
        hedon_model_close(*out);
        *out = NULL;
    }
    return reader.code;
}

int hedon_model_from_description(HedonContext *ctx, HedonModel **out, const char *text)
{
    json_error_t reason;
    *out = NULL;
    json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, &reason);
    if (!document) return hedon_fail_json(ctx, &reason, "the model's description");
    const int code = read_document(ctx, out, document);
    json_decref(document);
    return code;
}
