/* Gradients of full R(2+1)D-18 on the cpu backend against PyTorch's in double
 * (tests/golden/gradients.json, made by tools/golden/gradients.py): no tensor's is farther from
 * them than twice what PyTorch's own are in float32.
 *
 * Weights, clips and targets are hash-made on both sides. Which ReLUs rounding turns is a matter of
 * luck, so that distances are the root mean square over a few batches. All numbers of a tensor are
 * compared without storing them, as in test_training_parity.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "tests/first_gradients.h"
#include "tests/scenes.h"

enum { BATCHES = 5, CLIPS = 2, FRAMES = 16, SIZE = 80, CLIP = 3 * FRAMES * SIZE * SIZE };
enum { WEIGHT_SEED = 1, CLIP_SEED = 7, VECTOR_SEED = 5, VECTORS = 8, TENSORS = 113 };

static const double limit = 2;

static json_t *golden; /* by parameter */
static HedonContext *ctx;

static void check(int code)
{
    if (code) fail_msg("%s: %s", hedon_error_name(code), hedon_last_error(ctx));
}

/* products[k] = values . vector k */
static void multiply(const char *name, const float *values, int64_t count, double *products)
{
    const HedonRandomKey key = hedon_random_key_name(VECTOR_SEED, name);
    for (int64_t k = 0; k < VECTORS; k++) {
        double sum = 0;
        for (int64_t i = 0; i < count; i++)
            sum += symmetric(key, (uint64_t)(k * count + i)) * (double)values[i];
        products[k] = sqrt(3) * sum;
    }
}

/* The squared relative distance of a batch's gradient from the golden one, estimated. */
static double squared_distance(const json_t *wanted, int batch, const char *name,
                               const HedonTensor *values)
{
    const json_t *products = json_array_get(json_object_get(wanted, "products"), (size_t)batch);
    const double norm =
        json_real_value(json_array_get(json_object_get(wanted, "norms"), (size_t)batch));
    double found[VECTORS], square = 0;
    assert_int_equal(json_array_size(products), VECTORS);
    assert_int_equal(values->dtype, HEDON_F32);
    multiply(name, values->data, hedon_shape_count(&values->shape), found);
    for (size_t k = 0; k < VECTORS; k++) {
        const double off = found[k] - json_real_value(json_array_get(products, k));
        square += off * off / VECTORS;
    }
    return square / (norm * norm);
}

/* Adds a batch's squared distances to those of its tensors, in the engine's order. */
static void add_batch(HedonModel *model, int batch, double squares[TENSORS],
                      const char *names[TENSORS])
{
    float *pixels = malloc((size_t)CLIPS * CLIP * sizeof(*pixels));
    float targets[CLIPS * HEDON_EMOTIONS];
    const HedonRandomKey key = hedon_random_key(CLIP_SEED, 3, (uint64_t)batch);
    assert_non_null(pixels);
    for (int n = 0; n < CLIPS; n++)
        render_clip(pixels + n * CLIP, CLIP_SEED + (uint64_t)batch, (uint64_t)n, FRAMES, SIZE);
    for (int i = 0; i < CLIPS * HEDON_EMOTIONS; i++)
        targets[i] = (float)(floor(121 * hedon_random_uniform(key, (uint64_t)i)) / 120);

    HedonEngine *engine = NULL;
    double loss;
    check(first_gradients(
        ctx, model, 0, &(HedonTensor){HEDON_F32, {5, {CLIPS, 3, FRAMES, SIZE, SIZE}}, pixels},
        &(HedonTensor){HEDON_F32, {2, {CLIPS, HEDON_EMOTIONS}}, targets}, &engine, &loss));
    int tensors = 0;
    for (int64_t i = 0; i < hedon_engine_tensors(engine); i++) {
        HedonStateTensor tensor;
        check(hedon_engine_tensor(ctx, engine, i, &tensor));
        const char *name = gradient_of(&tensor);
        if (!name) continue;
        const json_t *wanted = json_object_get(golden, name);
        if (!wanted) fail_msg("no golden numbers of %s", name);
        assert_true(tensors < TENSORS);
        names[tensors] = json_object_iter_key(json_object_iter_at(golden, name));
        squares[tensors++] += squared_distance(wanted, batch, name, &tensor.values) / BATCHES;
    }
    assert_int_equal(tensors, TENSORS);
    hedon_engine_close(engine);
    free(pixels);
}

static void no_tensor_is_farther_than_twice_pytorchs(void **state)
{
    (void)state;
    double squares[TENSORS] = {0}, greatest = 0, sum = 0;
    const char *names[TENSORS];
    HedonModel *model;
    check(hedon_model_open_random(ctx, &model, "r2plus1d_18", WEIGHT_SEED, "emotions"));
    for (int batch = 0; batch < BATCHES; batch++) add_batch(model, batch, squares, names);
    hedon_model_close(model);
    for (int i = 0; i < TENSORS; i++) {
        const json_t *eager = json_object_get(json_object_get(golden, names[i]), "eager");
        const double ratio = sqrt(squares[i]) / json_real_value(eager);
        if (!(ratio <= limit))
            print_message("%s: %.2f of PyTorch's %.1e\n", names[i], ratio, json_real_value(eager));
        if (!(ratio <= greatest)) greatest = ratio; /* a NaN sticks */
        sum += ratio / TENSORS;
    }
    print_message("distance over PyTorch's: mean %.2f, greatest %.2f\n", sum, greatest);
    assert_true(greatest <= limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_tensor_is_farther_than_twice_pytorchs),
    };
    json_error_t error;
    json_t *document = json_load_file(HEDON_SOURCE_DIR "/tests/golden/gradients.json", 0, &error);
    if (!document) {
        fprintf(stderr, "tests/golden/gradients.json: %s\n", error.text);
        return 1;
    }
    golden = json_object_get(document, "tensors");
    ctx = hedon_context_new();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hedon_context_free(ctx);
    json_decref(document);
    return failed;
}
