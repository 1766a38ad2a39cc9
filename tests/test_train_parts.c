/* The trainer's parts by themselves: rates and groups against PyTorch's, orders, event files,
 * states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crc32c.h"
#include "base/memory.h"
#include "models/trainable.h"
#include "tests/golden/schedules.inc"
#include "tests/media/folder.h"
#include "train/config.h"
#include "train/data.h"
#include "train/groups.h"
#include "train/lists.h"
#include "train/order.h"
#include "train/prior.h"
#include "train/resume.h"
#include "train/run_folder.h"
#include "train/sequence.h"
#include "train/tensorboard.h"

static HedonContext *ctx;

static void assert_near(double is, double wanted)
{
    if (fabs(is - wanted) > 1e-12 * fmax(1, fabs(wanted)))
        fail_msg("%.17g instead of %.17g", is, wanted);
}

/* ---- Learning rates */

static void assert_rates(const HedonRates *rates, const double *golden, size_t count)
{
    for (size_t i = 0; i < count; i++) assert_near(hedon_rate_at(rates, (int64_t)i), golden[i]);
}

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void recipes_have_the_papers_rates(void **state)
{
    (void)state;
    HedonRates rates;
    hedon_recipe_rates(&hedon_recipe_vce, 3, 8, &rates);
    assert_int_equal(rates.steps, COUNT(golden_vce));
    assert_rates(&rates, golden_vce, COUNT(golden_vce));
    hedon_recipe_rates(&hedon_recipe_v2v, 4, 4, &rates);
    assert_int_equal(rates.steps, COUNT(golden_v2v));
    assert_rates(&rates, golden_v2v, COUNT(golden_v2v));
}

static void steps_go_down_as_torchs_do(void **state)
{
    (void)state;
    const HedonRates rates = {.decay = HEDON_DECAY_STEP,
                              .rate = .5,
                              .steps = 16,
                              .factor = .1,
                              .milestone = {4, 10},
                              .milestones = 2};
    assert_rates(&rates, golden_step, COUNT(golden_step));
}

/* Every number of the design's table that a struct has. */
static void recipes_are_the_papers(void **state)
{
    (void)state;
    const HedonRecipe *vce = &hedon_recipe_vce, *v2v = &hedon_recipe_v2v;
    assert_int_equal(vce->optimiser, HEDON_ADAMW);
    assert_true(vce->beta1 == .9 && vce->beta2 == .999 && vce->epsilon == 1e-8);
    assert_true(vce->weight_decay == .05 && vce->layer_decay == .75 && vce->drop_path == .1);
    assert_true(vce->epochs == 50 && vce->clips == 8 && vce->warmup_epochs == 5);
    assert_int_equal(vce->emotions_loss, HEDON_LOSS_BCE);
    assert_true(vce->sampling == HEDON_CLIP_RATE && vce->clip_rate == 4 && vce->leave_out_short);
    assert_string_equal(vce->augment, "vce");
    assert_true(vce->mixup == 0 && vce->cutmix == 0 && vce->average == 0 && vce->clip_norm == 0);
    assert_int_equal(v2v->optimiser, HEDON_SGD);
    assert_true(v2v->nesterov && v2v->momentum == .9 && v2v->rate == .01 && v2v->floor == 0);
    assert_true(v2v->weight_decay == 0 && v2v->layer_decay == 1 && v2v->drop_path == .1);
    assert_true(v2v->epochs == 10 && v2v->pairs == 4 && v2v->rate_batch == 0);
    assert_true(v2v->sampling == HEDON_CLIP_EVEN && v2v->warmup_epochs == 0 && v2v->margin == 0);
    assert_string_equal(v2v->augment, "none");
}

/* ---- Groups */

static void layers_of_a_transformer_decay_as_beits(void **state)
{
    (void)state;
    HedonGraph *graph = hedon_graph_new();
    HedonGroup groups[COUNT(golden_groups)];
    for (size_t i = 0; i < COUNT(golden_groups); i++)
        hedon_graph_parameter(graph, golden_groups[i].name,
                              &(HedonShape){.rank = 1 + (int)(i % 2), .dim = {4, 4}});
    const HedonGroupRule rule = {.layer_decay = .75, .weight_decay = .05};
    assert_int_equal(hedon_groups_make(ctx, graph, &rule, groups), 0);
    for (size_t i = 0; i < COUNT(golden_groups); i++) {
        assert_near(groups[i].rate_scale, golden_groups[i].scale);
        assert_near(groups[i].weight_decay, i % 2 ? .05 : 0); /* vectors don't decay */
    }
    hedon_graph_free(graph);
}

static void stages_of_a_resnet_decay_and_freeze(void **state)
{
    (void)state;
    HedonModel *model;
    HedonGraph *graph;
    assert_int_equal(hedon_model_open_random(ctx, &model, "r2plus1d_tiny", 1, "emotions"), 0);
    assert_int_equal(hedon_model_build(ctx, model, 1, 2, 8, 8, &graph), 0);
    HedonGroup *groups = calloc((size_t)graph->parameter_count, sizeof *groups);
    HedonGroupRule rule = {.layer_decay = .5, .weight_decay = .1, .freeze = "stem,layer1.0.conv1"};
    assert_int_equal(hedon_groups_make(ctx, graph, &rule, groups), 0);
    for (int i = 0; i < graph->parameter_count; i++) {
        const HedonValue *value = &graph->values[hedon_graph_parameter_value(graph, i)];
        const int frozen =
            !strncmp(value->name, "stem", 4) || !strncmp(value->name, "layer1.0.conv1", 14);
        double scale = frozen ? 0 : 1;
        if (!frozen && !strncmp(value->name, "layer", 5))
            scale = pow(.5, 5 - (value->name[5] - '0'));
        assert_near(groups[i].rate_scale, scale);
    }
    rule.freeze = "stem,layr2";
    assert_int_equal(hedon_groups_make(ctx, graph, &rule, groups), HEDON_EINVAL);
    assert_non_null(strstr(hedon_last_error(ctx), "layr2"));
    free(groups);
    hedon_graph_free(graph);
    hedon_model_close(model);
}

/* ---- Orders */

static void an_epoch_shows_each_item_once(void **state)
{
    (void)state;
    static const int64_t counts[] = {1, 2, 3, 20, 64, 65, 1000};
    for (size_t k = 0; k < COUNT(counts); k++) {
        char *seen = calloc((size_t)counts[k], 1);
        int64_t moved = 0, other = 0;
        for (int64_t i = 0; i < counts[k]; i++) {
            const int64_t a = hedon_order_at(hedon_random_key(1, 0, 7), counts[k], i);
            const int64_t b = hedon_order_at(hedon_random_key(1, 1, 7), counts[k], i);
            assert_true(a >= 0 && a < counts[k] && !seen[a]);
            seen[a] = 1;
            moved += a != i;
            other += a != b;
        }
        if (counts[k] >= 20) assert_true(moved > counts[k] / 2 && other > counts[k] / 2);
        free(seen);
    }
}

/* Each item comes to each place about equally often: chi-squared of 10 x 10 over 5000 epochs. */
static void orders_are_even(void **state)
{
    (void)state;
    enum { N = 10, EPOCHS = 5000 };
    int count[N][N] = {0};
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++)
        for (int64_t i = 0; i < N; i++)
            count[i][hedon_order_at(hedon_random_key(3, epoch, 0), N, i)]++;
    double chi = 0;
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            chi += pow(count[i][k] - EPOCHS / (double)N, 2) / (EPOCHS / (double)N);
    assert_true(chi > 40 && chi < 140); /* 81 degrees of freedom: 81 +- 12.7 */
}

/* ---- TensorBoard */

static uint64_t little(const uint8_t *bytes, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++) value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static uint32_t masked(const uint8_t *bytes, size_t size)
{
    const uint32_t crc = hedon_crc32c(0, bytes, size);
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

/* The next field of a message: its number; *value of varints and fixed ones, *bytes of others. */
static int next_field(const uint8_t **at, const uint8_t *end, uint64_t *value,
                      const uint8_t **bytes)
{
    uint64_t key = 0;
    int shift = 0;
    if (*at >= end) return 0;
    do key |= (uint64_t)(**at & 127) << shift, shift += 7;
    while (*(*at)++ & 128);
    const int type = key & 7;
    *value = 0;
    *bytes = NULL;
    if (type == 1 || type == 5) {
        *value = little(*at, type == 1 ? 8 : 4);
        *at += type == 1 ? 8 : 4;
        return (int)(key >> 3);
    }
    shift = 0;
    do *value |= (uint64_t)(**at & 127) << shift, shift += 7;
    while (*(*at)++ & 128);
    if (type == 2) {
        *bytes = *at;
        *at += *value;
    }
    return (int)(key >> 3);
}

static void crc32c_is_the_standards(void **state)
{
    (void)state;
    static const uint8_t zeros[32] = {0};
    assert_int_equal(hedon_crc32c(0, "123456789", 9), 0xe3069283u); /* RFC 3720's check values */
    assert_int_equal(hedon_crc32c(0, zeros, 32), 0x8a9136aau);
    assert_int_equal(hedon_crc32c(hedon_crc32c(0, "12345", 5), "6789", 4), 0xe3069283u);
}

static char *only_file(const char *dir, size_t *size)
{
    char path[600] = "";
    DIR *entries = opendir(dir);
    for (struct dirent *entry; (entry = readdir(entries));)
        if (strstr(entry->d_name, "tfevents"))
            snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
    closedir(entries);
    FILE *file = fopen(path, "rb");
    char *bytes = malloc(4096);
    *size = fread(bytes, 1, 4096, file);
    fclose(file);
    return bytes;
}

static void event_files_are_what_tensorboard_reads(void **state)
{
    (void)state;
    HedonTensorboard board;
    char dir[256];
    snprintf(dir, sizeof dir, "%s", in_folder("board"));
    assert_int_equal(hedon_tensorboard_open(ctx, &board, dir, 300), 0);
    hedon_tensorboard_scalar(&board, "train/loss", 300, .625);
    assert_int_equal(hedon_tensorboard_flush(ctx, &board), 0);
    hedon_tensorboard_close(&board);
    size_t size;
    uint8_t *file = (uint8_t *)only_file(dir, &size), *at = file;
    int records = 0, scalars = 0;
    while (at < file + size) {
        const uint64_t length = little(at, 8);
        assert_int_equal(little(at + 8, 4), masked(at, 8));
        assert_int_equal(little(at + 12 + length, 4), masked(at + 12, length));
        const uint8_t *field = at + 12, *end = at + 12 + length, *bytes;
        uint64_t value;
        for (int number; (number = next_field(&field, end, &value, &bytes));) {
            if (number == 3) assert_memory_equal(bytes, "brain.Event:2", value);
            if (number == 2) assert_int_equal(value, records ? 300 : 0);
            if (number != 5) continue;
            const uint8_t *inner, *part = bytes;
            assert_int_equal(next_field(&part, bytes + value, &value, &inner), 1);
            part = inner;
            const uint8_t *stop = inner + value;
            assert_int_equal(next_field(&part, stop, &value, &bytes), 1);
            assert_int_equal(value, 10);
            assert_memory_equal(bytes, "train/loss", 10);
            assert_int_equal(next_field(&part, stop, &value, &bytes), 2);
            const float wanted = .625f;
            assert_memory_equal(&wanted, &(uint32_t){(uint32_t)value}, 4);
            scalars++;
        }
        at += 16 + length;
        records++;
    }
    assert_int_equal(records, 3); /* the version, the start of a session, the scalar */
    assert_int_equal(scalars, 1);
    free(file);
}

/* ---- States */

static int two_tensors(HedonContext *context, void *opaque, int64_t i, HedonStateTensor *out)
{
    static float floats[6] = {1, 2, 3, 4, 5, 6};
    static double doubles[2] = {.1, .2};
    (void)context, (void)opaque;
    if (i == 0)
        *out = (HedonStateTensor){"a", {HEDON_F32, {.rank = 2, .dim = {2, 3}}, floats}};
    else
        *out = (HedonStateTensor){"b", {HEDON_F64, {.rank = 1, .dim = {2}}, doubles}};
    return 0;
}

static void a_state_comes_back(void **state)
{
    (void)state;
    const char *path = in_folder("some.state");
    json_t *document = json_pack("{s:f}", "third", 1. / 3);
    assert_int_equal(hedon_resume_write(ctx, path, document, 2, two_tensors, NULL), 0);
    json_decref(document);
    HedonResume resume;
    assert_int_equal(hedon_resume_open(ctx, &resume, path), 0);
    assert_true(json_real_value(json_object_get(resume.document, "third")) == 1. / 3);
    double doubles[2];
    float floats[6];
    HedonTensor b = {HEDON_F64, {.rank = 1, .dim = {2}}, doubles};
    HedonTensor a = {HEDON_F32, {.rank = 2, .dim = {3, 2}}, floats};
    assert_int_equal(hedon_resume_read(ctx, &resume, "b", &b), 0);
    assert_true(doubles[0] == .1 && doubles[1] == .2);
    assert_int_equal(hedon_resume_read(ctx, &resume, "a", &a), HEDON_EDATA); /* 2x3, not 3x2 */
    assert_int_equal(hedon_resume_read(ctx, &resume, "c", &a), HEDON_EDATA);
    hedon_resume_close(&resume);
}

/* Cut off anywhere, or with any byte changed, it is refused. */
static void a_damaged_state_is_refused(void **state)
{
    (void)state;
    char path[256], damaged[256];
    uint8_t bytes[4096];
    snprintf(path, sizeof path, "%s", in_folder("some.state"));
    snprintf(damaged, sizeof damaged, "%s", in_folder("damaged.state"));
    FILE *file = fopen(path, "rb");
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t k = 0; k < 2 * size; k++) {
        HedonResume resume;
        uint8_t copy[4096];
        memcpy(copy, bytes, size);
        if (k >= size) copy[k - size] ^= 0x10;
        file = fopen(damaged, "wb");
        fwrite(copy, 1, k < size ? k : size, file);
        fclose(file);
        assert_int_equal(hedon_resume_open(ctx, &resume, damaged), HEDON_EDATA);
    }
}

/* ---- Configurations */

static void a_configuration_comes_back(void **state)
{
    (void)state;
    HedonTrainConfig config, other;
    char hash[2][HEDON_CONFIG_HASH_ROOM];
    hedon_train_config_default(&config, &hedon_recipe_vce);
    config.vce = "some/where";
    config.recipe.rate = 1. / 3;
    config.recipe.decay = HEDON_DECAY_STEP;
    config.recipe.milestone[config.recipe.milestones++] = 30;
    config.device.precision = HEDON_F64;
    json_t *json = hedon_train_config_json(&config);
    hedon_train_config_default(&other, &hedon_recipe_v2v);
    assert_int_equal(hedon_train_config_read(ctx, &other, json), 0);
    assert_null(hedon_train_config_difference(&config, &other));
    assert_int_equal(hedon_train_config_hash(ctx, &config, hash[0]), 0);
    assert_int_equal(hedon_train_config_hash(ctx, &other, hash[1]), 0);
    assert_string_equal(hash[0], hash[1]);
    other.workers = 7; /* changes nothing that matters */
    assert_null(hedon_train_config_difference(&config, &other));
    other.recipe.drop_path = .2;
    assert_string_equal(hedon_train_config_difference(&config, &other), "drop_path");
    json_object_set_new(json, "optimiser", json_string("adam"));
    assert_int_equal(hedon_train_config_read(ctx, &other, json), HEDON_EDATA);
    assert_non_null(strstr(hedon_last_error(ctx), "optimiser"));
    json_decref(json);
    hedon_train_config_free(&other);
}

static void milestones_are_checked(void **state)
{
    (void)state;
    static const struct {
        HedonDecay decay;
        int count;
        double at[3], factor;
        int good;
    } cases[] = {
        {HEDON_DECAY_STEP, 2, {30, 45.5}, .1, 1},    {HEDON_DECAY_STEP, 0, {0}, .1, 0},
        {HEDON_DECAY_COSINE, 1, {30}, .1, 0},        {HEDON_DECAY_STEP, 2, {30, 30}, .1, 0},
        {HEDON_DECAY_STEP, 2, {30, 51}, .1, 0},      {HEDON_DECAY_STEP, 1, {0}, .1, 0},
        {HEDON_DECAY_STEP, 1, {(double)NAN}, .1, 0}, {HEDON_DECAY_STEP, 1, {50}, 0, 0},
        {HEDON_DECAY_STEP, 1, {50}, 1.5, 0},         {HEDON_DECAY_COSINE, 0, {0}, .1, 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        HedonTrainConfig config;
        hedon_train_config_default(&config, &hedon_recipe_vce);
        assert_true(config.recipe.factor == .1);
        config.recipe.decay = cases[i].decay;
        config.recipe.milestones = cases[i].count;
        config.recipe.factor = cases[i].factor;
        memcpy(config.recipe.milestone, cases[i].at, sizeof cases[i].at);
        assert_int_equal(hedon_train_config_check(ctx, &config), cases[i].good ? 0 : HEDON_EINVAL);
    }
}

/* Through its file, to the bit: the state's hash is of the configuration as it was. */
static void a_configuration_survives_its_file(void **state)
{
    (void)state;
    HedonTrainConfig config, other;
    HedonRunFolder run;
    char path[4096];
    static const double epochs[] = {5 * (7 / 50.), 1. / 3, .1};
    assert_int_equal(hedon_run_folder_open(ctx, &run, in_folder("digits"), 1), 0);
    for (size_t i = 0; i < COUNT(epochs); i++) {
        hedon_train_config_default(&config, &hedon_recipe_vce);
        config.recipe.warmup_epochs = epochs[i];
        json_t *json = hedon_train_config_json(&config), *back;
        assert_int_equal(hedon_run_folder_write_json(ctx, &run, "config.json", json), 0);
        json_decref(json);
        hedon_run_folder_path(&run, "config.json", path);
        assert_int_equal(hedon_run_folder_read_json(ctx, path, &back), 0);
        hedon_train_config_default(&other, &hedon_recipe_vce);
        assert_int_equal(hedon_train_config_read(ctx, &other, back), 0);
        assert_true(other.recipe.warmup_epochs == epochs[i]);
        json_decref(back);
        hedon_train_config_free(&other);
    }
    hedon_run_folder_close(&run);
}

/* ---- The division of the data */

enum { IDS = 400 };

static void dump(json_t *document, const char *name)
{
    if (json_dump_file(document, in_folder(name), 0)) abort();
    json_decref(document);
}

static const char *id_of(int i)
{
    static char ids[8][16];
    static int turn;
    char *id = ids[turn++ % 8];
    snprintf(id, 16, "%05d", i);
    return id;
}

static json_t *pair_of(int a, int b)
{
    return json_pack("[s,s]", id_of(a), id_of(b));
}

/* Labels alone: VCE trains on 0..299 and tests on 300..399. V2V's training pairs connect 0-1-2,
 * 3-4-5,
 * ... up to 269 and two videos that VCE tests on; it tests on 270..279 and lists 280..283. */
static void make_labels(void)
{
    json_t *train = json_object(), *test = json_object();
    mkdir(in_folder("labels"), 0777);
    mkdir(in_folder("labels/vce"), 0777);
    mkdir(in_folder("labels/v2v"), 0777);
    for (int i = 0; i < IDS; i++) {
        json_t *emotions = json_object();
        char file[32];
        for (int k = 0; k < HEDON_EMOTIONS; k++)
            json_object_set_new(emotions, hedon_emotion_name(k), json_real(k == i % 27));
        snprintf(file, sizeof file, "videos/%s.mp4", id_of(i));
        json_object_set_new(i < 300 ? train : test, id_of(i),
                            json_pack("{s:o, s:s, s:[s,s,s]}", "emotions", emotions, "file", file,
                                      "topK", hedon_emotion_name(i % 27), hedon_emotion_name(0),
                                      hedon_emotion_name(1)));
    }
    dump(train, "labels/vce/train_labels.json");
    dump(test, "labels/vce/test_labels.json");
    dump(json_object(), "labels/vce/metadata.json");
    json_t *pairs = json_array();
    for (int i = 0; i < 270; i += 3) {
        json_array_append_new(pairs, pair_of(i, i + 1));
        json_array_append_new(pairs, pair_of(i + 1, i + 2));
    }
    json_array_append_new(pairs, pair_of(301, 302));
    dump(json_pack("{s:o}", "comparisons", pairs), "labels/v2v/train_labels.json");
    pairs = json_array();
    for (int i = 270; i < 280; i += 2) json_array_append_new(pairs, pair_of(i, i + 1));
    dump(json_pack("{s:o}", "comparisons", pairs), "labels/v2v/test_labels.json");
    dump(
        json_pack("{s:[[s,s,s,s]]}", "comparisons", id_of(280), id_of(281), id_of(282), id_of(283)),
        "labels/v2v/listwise_labels.json");
    dump(json_object(), "labels/v2v/metadata.json");
}

/* Which videos a part shows, by number of their id. */
static void mark(const HedonTrainData *data, const HedonTrainPart *part, char marks[IDS])
{
    memset(marks, 0, IDS);
    for (int64_t i = 0; i < part->clip_count; i++)
        marks[atoi(hedon_dataset_item(data->vce, part->clips[i])->id)] = 1;
    for (int64_t i = 0; i < part->pair_count; i++) {
        const HedonComparison *pair = hedon_dataset_comparison(data->v2v, part->pairs[i]);
        for (int k = 0; k < 2; k++)
            marks[atoi(hedon_dataset_item(data->v2v, pair->item[k])->id)] = 1;
    }
}

static void no_video_is_on_two_sides(void **state)
{
    (void)state;
    char vce[256], v2v[256], train[IDS], held[IDS], again[IDS];
    HedonTrainConfig config;
    HedonTrainData data;
    make_labels();
    snprintf(vce, sizeof vce, "%s", in_folder("labels/vce"));
    snprintf(v2v, sizeof v2v, "%s", in_folder("labels/v2v"));
    hedon_train_config_default(&config, &hedon_recipe_joint);
    config.vce = vce;
    config.v2v = v2v;
    config.recipe.held_out = .2;
    assert_int_equal(hedon_train_data_open(ctx, &data, &config), 0);
    assert_int_equal(data.v2v_left_out, 1);
    assert_int_equal(data.vce_left_out, 14);
    assert_int_equal(data.train.pair_count + data.held.pair_count, 180);
    assert_int_equal(data.held_shared, 0);
    assert_true(data.held.pair_count >= 18 && data.held.pair_count <= 54); /* about 36 */
    assert_int_equal(data.train.clip_count + data.held.clip_count, 286);
    mark(&data, &data.train, train);
    mark(&data, &data.held, held);
    for (int i = 0; i < IDS; i++) {
        assert_false(train[i] && held[i]);
        const int tested = i >= 270 && (i < 284 || i >= 300);
        assert_int_equal(train[i] || held[i], !tested);
    }
    hedon_train_data_close(&data);
    config.seed = 2; /* another seed, another part */
    assert_int_equal(hedon_train_data_open(ctx, &data, &config), 0);
    mark(&data, &data.held, again);
    assert_memory_not_equal(held, again, IDS);
    hedon_train_data_close(&data);
}

/* ---- Lists */

/* Each pair is between two neighbours of exactly one list, and every list's neighbours are pairs;
 * no video is twice in a list, and none is longer than it may be. */
static void pairs_are_divided_into_chains(void **state)
{
    (void)state;
    enum { ITEMS = 40, PAIRS = 120 };
    char path[256], seen[ITEMS][ITEMS] = {{0}};
    snprintf(path, sizeof path, "%s", in_folder("chains.csv"));
    FILE *file = fopen(path, "wb");
    int given = 0;
    fputs("less,more,list\n,,x y z\n", file);
    for (uint64_t i = 0; i < PAIRS; i++) { /* at random, so with cycles */
        const int a = (int)(ITEMS * hedon_random_uniform(hedon_random_key(5, 0, i), 0)),
                  b = (int)(ITEMS * hedon_random_uniform(hedon_random_key(5, 1, i), 0));
        if (seen[a][b]) continue;
        given += a != b;
        seen[a][b] = 1;
        fprintf(file, "v%02d,v%02d,\n", a, b);
    }
    fclose(file);
    HedonDataset *dataset;
    assert_int_equal(hedon_dataset_open(ctx, &dataset, NULL, path, NULL), 0);
    const int64_t count = hedon_dataset_comparisons(dataset);
    int32_t *all = calloc((size_t)count, sizeof *all);
    for (int64_t i = 0; i < count; i++) all[i] = (int32_t)i;
    HedonTrainList *lists;
    int64_t made, covered = 0;
    assert_int_equal(hedon_train_lists_make(ctx, dataset, all, count, &lists, &made), 0);
    assert_int_equal(lists[0].count, 3);
    assert_string_equal(hedon_dataset_item(dataset, lists[0].item[2])->id, "z");
    for (int64_t i = 1; i < made; i++) {
        assert_in_range(lists[i].count, 2, HEDON_MAX_COMPARED);
        for (int k = 1; k < lists[i].count; k++) {
            const int a = atoi(hedon_dataset_item(dataset, lists[i].item[k - 1])->id + 1),
                      b = atoi(hedon_dataset_item(dataset, lists[i].item[k])->id + 1);
            assert_int_equal(seen[a][b], 1);
            seen[a][b] = 2;
            covered++;
            for (int j = 0; j < k; j++) assert_int_not_equal(lists[i].item[j], lists[i].item[k]);
        }
    }
    assert_int_equal(covered, given);
    assert_true(2 * covered > 3 * (made - 1)); /* most are longer than pairs */
    hedon_free(lists);
    free(all);
    hedon_dataset_close(dataset);
}

/* A list's places in a batch, and nothing where it has no more videos. */
static void lists_fill_a_batch(void **state)
{
    (void)state;
    char path[256];
    HedonTrainConfig config;
    HedonTrainData data;
    HedonSequence sequence;
    snprintf(path, sizeof path, "%s", in_folder("three.csv"));
    FILE *file = fopen(path, "wb");
    fputs("less,more,tie\na,b,\nc,a,\nd,e,\nd,f,1\n", file); /* c a b, d e and a tie */
    fclose(file);
    hedon_train_config_default(&config, &hedon_recipe_v2v);
    config.v2v = path;
    config.recipe.held_out = 0;
    config.recipe.pairs = 2;
    config.recipe.utility_loss = HEDON_LOSS_PLACKETT_LUCE;
    assert_int_equal(hedon_train_config_check(ctx, &config), 0);
    assert_int_equal(hedon_train_data_open(ctx, &data, &config), 0);
    assert_int_equal(data.list_count, 2);
    assert_int_equal(data.ties_left_out, 1);
    hedon_sequence_init(&sequence, &data, &config, 0, 1);
    assert_int_equal(sequence.batch_clips, 8);
    assert_int_equal(sequence.steps_per_epoch, 1);
    for (int64_t list = 0; list < 20; list++) {
        char ids[HEDON_MAX_COMPARED + 1] = "";
        for (int64_t k = 0; k < HEDON_MAX_COMPARED; k++) {
            const HedonShown shown = hedon_sequence_at(&sequence, list * HEDON_MAX_COMPARED + k);
            HedonClipPlace place;
            hedon_sequence_place(&sequence, list * HEDON_MAX_COMPARED + k, &place);
            assert_true(shown.is_pair && !shown.item == !place.path);
            ids[k] = shown.item ? shown.item->id[0] : ' ';
        }
        assert_true(!strcmp(ids, "cab ") || !strcmp(ids, "de  "));
    }
    hedon_train_data_close(&data);
    config.recipe.margin = 1;
    assert_int_equal(hedon_train_config_check(ctx, &config), HEDON_EINVAL);
    config.recipe = hedon_recipe_v2v; /* as pairs, the tie among them */
    config.recipe.held_out = 0;
    assert_int_equal(hedon_train_data_open(ctx, &data, &config), 0);
    assert_int_equal(data.train.pair_count, 4);
    assert_int_equal(data.ties, 1);
    hedon_train_data_close(&data);
    config.recipe.ties = HEDON_TIES_LEAVE_OUT;
    assert_int_equal(hedon_train_data_open(ctx, &data, &config), 0);
    assert_int_equal(data.train.pair_count, 3);
    hedon_train_data_close(&data);
}

/* Together the ranks' shares are the batch of one process with as many clips; opposite clips, which
 * mixing takes together, are of one rank. */
static void shares_make_up_the_batch(void **state)
{
    (void)state;
    enum { RANKS = 3, PAIRS = 2 };
    static const int64_t shares[] = {1, 4, 5};
    char vce[256];
    HedonTrainConfig config;
    HedonTrainData data;
    snprintf(vce, sizeof vce, "%s", in_folder("labels/vce"));
    hedon_train_config_default(&config, &hedon_recipe_vce);
    config.vce = vce;
    assert_int_equal(hedon_train_data_open(ctx, &data, &config), 0);
    for (int s = 0; s < 3; s++) {
        HedonSequence whole, share;
        const int64_t clips = shares[s], all = RANKS * clips;
        config.recipe.clips = all;
        hedon_sequence_init(&whole, &data, &config, 0, 1);
        config.recipe.clips = clips;
        int taken[64] = {0};
        for (int rank = 0; rank < RANKS; rank++) {
            hedon_sequence_init(&share, &data, &config, rank, RANKS);
            assert_int_equal(share.steps_per_epoch, whole.steps_per_epoch);
            for (int64_t i = 0; i < clips; i++) {
                const int64_t slot = hedon_sequence_slot(&share, i);
                assert_true(slot >= 0 && slot < all && !taken[slot]++);
                if (clips % 2 == 0)
                    assert_int_equal(hedon_sequence_slot(&share, clips - 1 - i), all - 1 - slot);
                const HedonShown a = hedon_sequence_at(&share, 7 * clips + i),
                                 b = hedon_sequence_at(&whole, 7 * all + slot);
                assert_ptr_equal(a.item, b.item);
                assert_true(a.key.value == b.key.value);
            }
            share.batch_clips += 2 * PAIRS; /* as joint batches have them, behind the clips */
            for (int64_t i = 0; i < 2 * PAIRS; i++)
                assert_int_equal(hedon_sequence_slot(&share, clips + i),
                                 all + rank * 2 * PAIRS + i);
        }
    }
    hedon_train_data_close(&data);
}

/* With the prior as its bias and its small weights, a fresh head says the mean ratings. */
static void the_prior_is_the_mean_rating(void **state)
{
    (void)state;
    char vce[256];
    HedonTrainConfig config;
    HedonTrainData data;
    HedonModel *model;
    snprintf(vce, sizeof vce, "%s", in_folder("labels/vce"));
    hedon_train_config_default(&config, &hedon_recipe_vce);
    config.vce = vce;
    config.recipe.held_out = 0;
    assert_int_equal(hedon_train_data_open(ctx, &data, &config), 0);
    assert_int_equal(hedon_model_open_fresh(ctx, &model, "r2plus1d_tiny", 1, "emotions"), 0);
    assert_int_equal(hedon_train_prior_bias(ctx, model, &data), 0);
    const float *bias = hedon_model_parameter(model, "head.emotions.bias")->data;
    for (int k = 0; k < HEDON_EMOTIONS;
         k++) { /* emotion k belongs to videos k, k + 27, ... < 300 */
        const double videos = (299 - k) / 27 + 1;
        assert_true(fabs(300 / (1 + exp(-(double)bias[k])) - videos) < 1e-3);
    }
    hedon_model_close(model);
    assert_int_equal(hedon_model_open_fresh(ctx, &model, "r2plus1d_tiny", 1, "utility"), 0);
    assert_int_equal(hedon_train_prior_bias(ctx, model, &data), HEDON_EINVAL);
    hedon_model_close(model);
    hedon_train_data_close(&data);
}

static int start(void **state)
{
    ctx = hedon_context_new();
    return make_folder(state);
}

static int end(void **state)
{
    hedon_context_free(ctx);
    return remove_folder(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recipes_have_the_papers_rates),
        cmocka_unit_test(steps_go_down_as_torchs_do),
        cmocka_unit_test(recipes_are_the_papers),
        cmocka_unit_test(layers_of_a_transformer_decay_as_beits),
        cmocka_unit_test(stages_of_a_resnet_decay_and_freeze),
        cmocka_unit_test(an_epoch_shows_each_item_once),
        cmocka_unit_test(orders_are_even),
        cmocka_unit_test(crc32c_is_the_standards),
        cmocka_unit_test(event_files_are_what_tensorboard_reads),
        cmocka_unit_test(a_state_comes_back),
        cmocka_unit_test(a_damaged_state_is_refused),
        cmocka_unit_test(a_configuration_comes_back),
        cmocka_unit_test(a_configuration_survives_its_file),
        cmocka_unit_test(milestones_are_checked),
        cmocka_unit_test(no_video_is_on_two_sides),
        cmocka_unit_test(pairs_are_divided_into_chains),
        cmocka_unit_test(lists_fill_a_batch),
        cmocka_unit_test(shares_make_up_the_batch),
        cmocka_unit_test(the_prior_is_the_mean_rating),
    };
    return cmocka_run_group_tests(tests, start, end);
}
