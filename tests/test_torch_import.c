/* hedon import from PyTorch checkpoints, end to end: the same weights in a .pth and in safetensors
 * give the same model; what does not fit is listed before anything is unpacked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "base/memory.h"
#include "kernels/graph/graph.h"
#include "models/model.h"
#include "models/safetensors.h"
#include "tests/torch_fixture.h"

enum { MAX_TENSORS = 400 };

static HedonContext *ctx;
static char folder[] = "/tmp/hedon-torch-import-XXXXXX";
static char torch_path[64], safetensors_path[64], model_path[64];

static void check(int code)
{
    if (code) fail_msg("%s", hedon_last_error(ctx));
}

/* A random mc3_18 under torchvision's names. */
typedef struct StateDict {
    HedonModel *model;
    int count;
    char names[MAX_TENSORS][80];
    HedonTensor values[MAX_TENSORS];
} StateDict;

static StateDict *new_state_dict(void)
{
    StateDict *dict = calloc(1, sizeof(*dict));
    HedonGraph *graph;
    check(hedon_model_open_random(ctx, &dict->model, "mc3_18", 5, "emotions"));
    check(hedon_model_build(ctx, dict->model, 1, 4, 32, 32, &graph));
    for (int i = 0; i < graph->parameter_count; i++, dict->count++) {
        const char *name = graph->values[hedon_graph_parameter_value(graph, i)].name;
        dict->values[i] = *hedon_model_parameter(dict->model, name);
        if (strncmp(name, "head.", 5))
            snprintf(dict->names[i], sizeof(dict->names[i]), "%s", name);
        else
            snprintf(dict->names[i], sizeof(dict->names[i]), "fc%s", strrchr(name, '.'));
    }
    hedon_graph_free(graph);
    return dict;
}

static void free_state_dict(StateDict *dict)
{
    hedon_model_close(dict->model);
    free(dict);
}

static void write_safetensors(const StateDict *dict)
{
    HedonTensorToStore tensors[MAX_TENSORS];
    for (int i = 0; i < dict->count; i++)
        tensors[i] = (HedonTensorToStore){dict->names[i], HEDON_F32, &dict->values[i]};
    FILE *stream = fopen(safetensors_path, "wb");
    check(hedon_safetensors_write(ctx, stream, tensors, dict->count, NULL, 0));
    assert_int_equal(fclose(stream), 0);
}

/* {'state_dict': {'module.NAME': tensor, ..., 'module.stem.1.num_batches_tracked': 1}}; first_dim:
 * what the first tensor claims to have, 0 for the truth. */
static void write_torch(const StateDict *dict, int64_t first_dim)
{
    static const int64_t one = 1;
    char names[MAX_TENSORS + 2][32];
    FixtureEntry entries[MAX_TENSORS + 2];
    Bytes pickle = {0};
    put(&pickle, "\x80\x02}", 3);
    put_text(&pickle, "state_dict");
    put(&pickle, "}(", 2);
    for (int i = 0; i <= dict->count; i++) {
        FixtureTensor tensor = {
            i < dict->count ? "FloatStorage" : "LongStorage", names[i] + 7, 1, 0, 0, {0}, {0}};
        char name[96];
        snprintf(name, sizeof(name), "module.%s",
                 i < dict->count ? dict->names[i] : "stem.1.num_batches_tracked");
        snprintf(names[i], sizeof(names[i]), "a/data/%d", i);
        if (i < dict->count) {
            const HedonShape *shape = &dict->values[i].shape;
            tensor.rank = shape->rank;
            tensor.count = hedon_shape_count(shape);
            for (int64_t axis = shape->rank - 1, stride = 1; axis >= 0;
                 stride *= shape->dim[axis--]) {
                tensor.size[axis] = shape->dim[axis];
                tensor.stride[axis] = stride;
            }
            if (!i && first_dim) tensor.size[0] = first_dim;
        }
        put_text(&pickle, name);
        put_tensor(&pickle, &tensor);
        entries[i] =
            (FixtureEntry){names[i], i < dict->count ? dict->values[i].data : (const void *)&one,
                           (size_t)tensor.count * (i < dict->count ? 4 : 8), 0};
    }
    put_string(&pickle, "us.");
    entries[dict->count + 1] = (FixtureEntry){"a/data.pkl", pickle.data, pickle.size, 0};
    assert_int_equal(write_zip(torch_path, entries, dict->count + 2), 0);
    free_bytes(&pickle);
}

static void a_pth_gives_the_model_of_its_safetensors(void **state)
{
    (void)state;
    StateDict *dict = new_state_dict();
    write_safetensors(dict);
    write_torch(dict, 0);
    HedonImportReport report;
    HedonModel *ours, *reference;
    check(hedon_model_import(ctx, safetensors_path, "mc3_18", model_path, &report));
    assert_string_equal(report.taken, "");
    check(hedon_model_open(ctx, &reference, model_path));
    check(hedon_model_import(ctx, torch_path, "mc3_18", model_path, &report));
    assert_string_equal(report.taken, "under 'state_dict', names without 'module.'");
    check(hedon_model_open(ctx, &ours, model_path));
    assert_non_null(strstr(hedon_model_info(ours)->trained_on,
                           "imported from state.pth, under 'state_dict', names without 'module.'"));
    assert_int_equal(hedon_model_info(ours)->emotions_head, 0);
    for (int i = 0; i < dict->count; i++) {
        char head[80] = "head.emotions";
        const char *name = dict->names[i];
        if (!strncmp(name, "fc.", 3)) name = strcat(head, name + 2);
        const HedonTensor *a = hedon_model_parameter(ours, name),
                          *b = hedon_model_parameter(reference, name);
        assert_memory_equal(a->data, b->data, (size_t)hedon_shape_count(&a->shape) * sizeof(float));
        assert_memory_equal(a->data, dict->values[i].data,
                            (size_t)hedon_shape_count(&a->shape) * sizeof(float));
    }
    hedon_model_close(ours);
    hedon_model_close(reference);
    free_state_dict(dict);
}

static void what_does_not_fit_is_listed(void **state)
{
    (void)state;
    StateDict *dict = new_state_dict();
    strcpy(dict->names[1], "stem.9.weight");
    write_torch(dict, dict->values[0].shape.dim[0] - 1);
    unlink(model_path);
    assert_int_equal(hedon_model_import(ctx, torch_path, "mc3_18", model_path, NULL), HEDON_EDATA);
    assert_string_equal(hedon_last_error(ctx),
                        "1 tensor missing: stem.1.weight; 1 tensor of the wrong kind or shape: "
                        "stem.0.weight is 63x3x3x7x7, not 64x3x3x7x7; 1 tensor not expected: "
                        "stem.9.weight");
    assert_int_not_equal(access(model_path, F_OK), 0);
    free_state_dict(dict);
}

static void a_pth_is_no_model(void **state)
{
    (void)state;
    HedonModel *model;
    assert_int_equal(hedon_model_open(ctx, &model, torch_path), HEDON_EDATA);
    assert_non_null(strstr(hedon_last_error(ctx), "is a PyTorch file, not a hedon model"));
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    StateDict *dict = new_state_dict();
    write_torch(dict, 0);
    free_state_dict(dict);
    int code = HEDON_ENOMEM;
    for (int64_t k = 1; code;
         k += 1 + k / 16) { /* there are some hundreds: not each, at 46 MB a run */
        hedon_memory_fail_at(k);
        code = hedon_model_import(ctx, torch_path, "mc3_18", model_path, NULL);
        if (code) assert_int_equal(code, HEDON_ENOMEM);
        assert_int_equal(code != 0, hedon_memory_failed());
        if (code) assert_int_not_equal(access(model_path, F_OK), 0);
    }
    hedon_memory_fail_at(0);
}

static int set_up(void **state)
{
    (void)state;
    ctx = hedon_context_new();
    if (!ctx || !mkdtemp(folder)) return -1;
    snprintf(torch_path, sizeof(torch_path), "%s/state.pth", folder);
    snprintf(safetensors_path, sizeof(safetensors_path), "%s/state.safetensors", folder);
    snprintf(model_path, sizeof(model_path), "%s/model", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    hedon_context_free(ctx);
    unlink(torch_path);
    unlink(safetensors_path);
    unlink(model_path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pth_gives_the_model_of_its_safetensors),
        cmocka_unit_test(what_does_not_fit_is_listed),
        cmocka_unit_test(a_pth_is_no_model),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
