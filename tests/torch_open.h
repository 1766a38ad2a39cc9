/* What the tests of PyTorch checkpoints share: one context, one file, opening it well or not. */
#ifndef HEDON_TESTS_TORCH_OPEN_H
#define HEDON_TESTS_TORCH_OPEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "models/torch_file.h"
#include "tests/torch_fixture.h"

static HedonContext *ctx;
static char path[] = "/tmp/hedon-torch-XXXXXX";
static char canary[64]; /* what hostile pickles would create */

/* Two storages: 12 floats 0, 1, 2, ... under "0"; 16 bytes under "1". */
static float counting[12];
static uint8_t small[16];

static inline void write_checkpoint(const Bytes *pickle)
{
    const FixtureEntry entries[] = {
        {"archive/data.pkl", pickle->data, pickle->size, 0},
        {"archive/byteorder", "little", 6, 0},
        {"archive/data/0", counting, sizeof(counting), 0},
        {"archive/data/1", small, sizeof(small), 0},
        {"archive/version", "3\n", 2, 0},
    };
    assert_int_equal(write_zip(path, entries, 5), 0);
}

static inline void expect_refusal(const char *sentence)
{
    HedonTorchFile *file;
    const int code = hedon_torch_open(ctx, &file, path);
    if (!code) fail_msg("%s: not refused", sentence);
    assert_null(file);
    if (!strstr(hedon_last_error(ctx), sentence))
        fail_msg("wanted \"%s\", got \"%s\"", sentence, hedon_last_error(ctx));
    assert_int_not_equal(access(canary, F_OK), 0);
}

static inline void expect_pickle_refusal(const void *bytes, size_t size, const char *sentence)
{
    Bytes pickle = {0};
    put(&pickle, bytes, size);
    write_checkpoint(&pickle);
    free_bytes(&pickle);
    expect_refusal(sentence);
}

static inline HedonTorchFile *open_good(void)
{
    HedonTorchFile *file;
    if (hedon_torch_open(ctx, &file, path)) fail_msg("%s", hedon_last_error(ctx));
    return file;
}

static inline void expect_values(const HedonTorchFile *file, const char *name, int count,
                                 const float *wanted)
{
    const HedonTensorSource *source = hedon_torch_source(file);
    const HedonStoredTensor *stored = hedon_tensor_source_find(source, name);
    if (!stored) fail_msg("no tensor %s", name);
    float values[64] = {0};
    assert_int_equal(hedon_shape_count(&stored->shape), count);
    assert_int_equal(stored->bytes, (size_t)count * hedon_dtype_size(stored->dtype));
    assert_int_equal(source->fetch(ctx, source->opaque, stored - source->tensors, values), 0);
    for (int i = 0; i < count; i++)
        if (values[i] != wanted[i])
            fail_msg("%s[%d] is %g, not %g", name, i, (double)values[i], (double)wanted[i]);
}

#define FLOATS(...) ((const float[]){__VA_ARGS__})

static const FixtureTensor matrix = {"FloatStorage", "0", 12, 0, 2, {3, 4}, {4, 1}};

static inline void begin(Bytes *pickle)
{
    put(pickle, "\x80\x02}(", 4);
}

static inline void add(Bytes *pickle, const char *name, const FixtureTensor *tensor)
{
    put_text(pickle, name);
    put_tensor(pickle, tensor);
}

static inline Bytes good_pickle(void)
{
    const FixtureTensor half = {"HalfStorage", "1", 8, 0, 1, {8}, {1}};
    Bytes pickle = {0};
    begin(&pickle);
    add(&pickle, "a", &matrix);
    add(&pickle, "b", &half);
    put_string(&pickle, "u.");
    return pickle;
}

static inline int set_up_torch(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    ctx = hedon_context_new();
    snprintf(canary, sizeof(canary), "%s.executed", path);
    for (int i = 0; i < 12; i++) counting[i] = (float)i;
    for (int i = 0; i < 16; i++) small[i] = (uint8_t)(i * 3);
    return fd < 0 || close(fd) || !ctx ? -1 : 0;
}

static inline int tear_down_torch(void **state)
{
    (void)state;
    hedon_context_free(ctx);
    return unlink(path);
}

#endif
