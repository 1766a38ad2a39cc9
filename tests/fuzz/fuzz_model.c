/* Model files: the safetensors container, the JSON that describes the model, the tensors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/model.h"
#include "models/safetensors.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    const int fd = fuzz_file(data, size, path);
    HedonContext *ctx = hedon_context_new();

    HedonSafetensors file;
    if (!hedon_safetensors_open(ctx, &file, path)) {
        uint8_t sum = 0;
        for (int64_t i = 0; i < file.tensor_count; i++) {
            const HedonStoredTensor *tensor = &file.tensors[i];
            for (size_t k = 0; k < tensor->bytes; k++) sum ^= tensor->data[k];
        }
        volatile uint8_t sink = sum;
        (void)sink;
        hedon_safetensors_close(&file);
    } else if (!hedon_last_error(ctx)[0]) {
        abort(); /* a failure without a sentence */
    }

    HedonModel *model;
    if (!hedon_model_open(ctx, &model, path)) {
        if (!hedon_model_info(model)->name || hedon_model_info(model)->head_count < 1) abort();
        hedon_model_close(model);
    } else if (!hedon_last_error(ctx)[0]) {
        abort();
    }
    hedon_context_free(ctx);
    close(fd);
    return 0;
}

static uint8_t *safetensors(const char *json, size_t bytes, size_t *size)
{
    const size_t length = strlen(json);
    uint8_t *file = calloc(1, 8 + length + bytes);
    if (!file) return NULL;
    for (int i = 0; i < 8; i++) file[i] = (uint8_t)(length >> 8 * i);
    memcpy(file + 8, json, length);
    *size = 8 + length + bytes;
    return file;
}

/* The smallest model that is saved as any other: lowlevel has hardly any parameters. */
static uint8_t *lowlevel(size_t *size)
{
    char path[FUZZ_PATH] = "/tmp/hedon-fuzz-XXXXXX";
    const int fd = mkstemp(path);
    if (fd < 0) return NULL;
    close(fd);
    HedonContext *ctx = hedon_context_new();
    HedonModel *model = NULL;
    uint8_t *bytes = NULL;
    int code = hedon_model_open(ctx, &model, "lowlevel");
    if (!code) code = hedon_model_save(ctx, model, path);
    if (!code) bytes = fuzz_seed_file(path, size);
    else fprintf(stderr, "fuzz: lowlevel: %s\n", hedon_last_error(ctx));
    hedon_model_close(model);
    hedon_context_free(ctx);
    unlink(path);
    return bytes;
}

uint8_t *fuzz_seed(int number, size_t *size)
{
    switch (number) {
    case 0: return lowlevel(size);
    case 1:
        return safetensors("{\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
                           "\"fc.bias\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[24,28]}}  ",
                           28, size);
    case 2:
        return safetensors("{\"__metadata__\":{\"hedon\":\"{\\\"schema\\\":\\\"hedon.model/1\\\","
                           "\\\"architecture\\\":\\\"r3d_18\\\",\\\"heads\\\":[[[[]]]]}\"},"
                           "\"x\":{\"dtype\":\"BF16\",\"shape\":[0,9],\"data_offsets\":[0,0]}}",
                           0, size);
    default: return NULL;
    }
}
