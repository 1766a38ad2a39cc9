/* PyTorch checkpoints: the pickle machine, tensors and their places, both containers. An input is a
 * whole file, or (marked by its first byte) a pickle that is zipped here, so that mutations reach
 * it past the zip's checksum. */
#include <unistd.h>

#include "models/torch_file.h"
#include "tests/fuzz/fuzz.h"
#include "tests/torch_fixture.h"

enum { PICKLE = '#', STORAGE_BYTES = 64, ELEMENT_LIMIT = 1 << 16 };

static void fetch_all(HedonContext *ctx, const HedonTensorSource *source)
{
    for (int64_t i = 0; i < source->count; i++) {
        const HedonStoredTensor *stored = &source->tensors[i];
        const int64_t count = hedon_shape_count(&stored->shape);
        if (count < 0 || stored->bytes != (size_t)count * hedon_dtype_size(stored->dtype)) abort();
        if (i && strcmp(source->tensors[i - 1].name, stored->name) >= 0) abort();
        if (count > ELEMENT_LIMIT || !hedon_stored_is_float(stored)) continue;
        float *out = malloc((size_t)count * sizeof(*out) + 1); /* exact: one too many is noticed */
        if (source->fetch(ctx, source->opaque, i, out) && !hedon_last_error(ctx)[0]) abort();
        free(out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t storage[STORAGE_BYTES];
    char path[FUZZ_PATH] = "/tmp/hedon-fuzz-XXXXXX";
    const int zipped = size && data[0] == PICKLE;
    int fd;
    if (zipped) {
        fd = mkstemp(path);
        const FixtureEntry entries[] = {{"a/data.pkl", data + 1, size - 1, 0},
                                        {"a/data/0", storage, sizeof(storage), 0},
                                        {"a/data/1", storage, sizeof(storage), 1}};
        if (fd < 0 || write_zip(path, entries, 3)) abort();
    } else {
        fd = fuzz_file(data, size, path);
    }
    HedonContext *ctx = hedon_context_new();
    HedonTorchFile *file;
    if (!hedon_torch_open(ctx, &file, path))
        fetch_all(ctx, hedon_torch_source(file));
    else if (file || !hedon_last_error(ctx)[0])
        abort(); /* a failure without a sentence */
    hedon_torch_close(file);
    hedon_context_free(ctx);
    close(fd);
    if (zipped) unlink(path);
    return 0;
}

/* A checkpoint's pickle, or (legacy) a file of before 1.6. */
static void put_checkpoint(Bytes *out, int legacy)
{
    static const FixtureTensor tensors[] = {{"FloatStorage", "0", 16, 0, 2, {2, 4}, {8, 1}},
                                            {"HalfStorage", "1", 32, 3, 3, {2, 1, 3}, {1, 0, 2}}};
    put_string(out, "\x80\x02}(");
    put_text(out, "epoch");
    put_string(out, "K\x01");
    put_text(out, "state_dict");
    put_string(out, "ccollections\nOrderedDict\n)R(");
    for (int i = 0; i < 2; i++) {
        put_text(out, i ? "module.fc.weight" : "module.fc.bias");
        (legacy ? put_legacy_tensor : put_tensor)(out, &tensors[i]);
    }
    put_string(out, "uu.");
}

static void put_old_file(Bytes *out)
{
    static const uint8_t storage[STORAGE_BYTES];
    put_string(out, "\x80\x02\x8a\x0al\xfc\x9c"
                    "F\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}");
    put_text(out, "little_endian");
    put_string(out, "\x88s.");
    put_checkpoint(out, 1);
    put_string(out, "\x80\x02](");
    put_text(out, "0");
    put_text(out, "1");
    put_string(out, "e.");
    for (int64_t i = 0, count = 16; i < 2; i++, count = 32) {
        put(out, &count, sizeof(count));
        put(out, storage, sizeof(storage));
    }
}

static void put_new_file(Bytes *out)
{
    static const uint8_t storage[STORAGE_BYTES];
    char path[] = "/tmp/hedon-fuzz-XXXXXX";
    const int fd = mkstemp(path);
    Bytes pickle = {0};
    put_checkpoint(&pickle, 0);
    const FixtureEntry entries[] = {{"a/data.pkl", pickle.data, pickle.size, 0},
                                    {"a/byteorder", "little", 6, 0},
                                    {"a/data/0", storage, sizeof(storage), 0},
                                    {"a/data/1", storage, sizeof(storage), 1}};
    if (fd >= 0 && !write_zip(path, entries, 4)) *out = read_bytes(path);
    if (fd >= 0) close(fd);
    unlink(path);
    free_bytes(&pickle);
}

uint8_t *fuzz_seed(int number, size_t *size)
{
    static const char protocol_4[] =
        "#\x80\x04\x95\x50\0\0\0\0\0\0\0}\x94(\x8c\x01w\x94\x8c\x0ctorch._utils\x94\x8c\x12_"
        "rebuild_tensor_v2"
        "\x94\x93\x94((\x8c\x07storage\x94\x8c\x05torch\x94\x8c\x0c"
        "FloatStorage\x94\x93\x94\x8c\x01"
        "0\x94\x8c\x03"
        "cpu\x94K\x10t\x94QK\x02K\x03\x85\x94K\x02\x85\x94\x89}t\x94R\x94u.";
    Bytes seed = {0};
    switch (number) {
    case 0:
        put_string(&seed, "#");
        put_checkpoint(&seed, 0);
        break;
    case 1:
        put(&seed, protocol_4, sizeof(protocol_4) - 1);
        break;
    case 2:
        put_old_file(&seed);
        break;
    case 3:
        put_new_file(&seed);
        break;
    case 4:
        put_string(&seed, "#\x80\x02(cos\nsystem\nX\x02");
        put(&seed, "\0\0\0idoR.", 8);
        break;
    default:
        break;
    }
    *size = seed.size;
    return seed.data;
}
