/* safetensors: what is written is read back; every kind of damage is named and nothing crashes. */
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
#include <unistd.h>

#include "base/memory.h"
#include "models/half.h"
#include "models/safetensors.h"

static HedonContext *ctx;
static char path[] = "/tmp/hedon-safetensors-XXXXXX";

static void write_bytes(const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* A file of this length field, header and number of data bytes. */
static void write_file(uint64_t length, const char *header, size_t data_size)
{
    const size_t header_size = strlen(header);
    unsigned char *bytes = calloc(1, 8 + header_size + data_size);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(length >> 8 * i);
    memcpy(bytes + 8, header, header_size);
    for (size_t i = 0; i < data_size; i++) bytes[8 + header_size + i] = (unsigned char)(i * 37);
    write_bytes(bytes, 8 + header_size + data_size);
    free(bytes);
}

static void expect_refusal(const char *sentence)
{
    HedonSafetensors file;
    const int code = hedon_safetensors_open(ctx, &file, path);
    if (code != HEDON_EDATA) fail_msg("%s: not refused but %d", sentence, code);
    if (!strstr(hedon_last_error(ctx), sentence))
        fail_msg("wanted \"%s\", got \"%s\"", sentence, hedon_last_error(ctx));
}

#define T(shape, begin, end)                                                                       \
    "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

static void damaged_headers_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data_size;
        const char *sentence;
    } cases[] = {
        {"{\"a\":" T("[2]", "0", "8") "", 8, "not valid JSON"},
        {"{\"a\":" T("[2]", "0", "8") ",\"a\":" T("[2]", "8", "16") "}", 16,
         "names something twice"},
        {"{\"a\":" T("[2]", "0", "8") "}", 4, "a lies outside the file"},
        {"{\"a\":" T("[2]", "-8", "0") "}", 8, "a lies outside the file"},
        {"{\"a\":" T("[2]", "8", "0") "}", 8, "a lies outside the file"},
        {"{\"a\":" T("[2]", "9223372036854775800", "9223372036854775807") "}", 8,
         "outside the file"},
        {"{\"a\":" T("[2]", "0", "99999999999999999999999") "}", 8, "not valid JSON"},
        {"{\"a\":" T("[3]", "0", "8") "}", 8, "a has a shape that does not fit its bytes"},
        {"{\"a\":" T("[-2]", "0", "8") "}", 8, "a has a shape that is no list of counts"},
        {"{\"a\":" T("[2.0]", "0", "8") "}", 8, "a has a shape that is no list of counts"},
        {"{\"a\":" T("[4611686018427387904,4]", "0", "8") "}", 8, "an impossibly large shape"},
        {"{\"a\":" T("[4611686018427387904]", "0", "8") "}", 8, "an impossibly large shape"},
        {"{\"a\":" T("[1,1,1,1,1,1,2]", "0", "8") "}", 8, "a has more than 6 dimensions"},
        {"{\"a\":" T("\"2\"", "0", "8") "}", 8, "a has no shape"},
        {"{\"a\":" T("[2]", "0", "8") ",\"b\":" T("[2]", "4", "12") "}", 12, "overlaps another"},
        {"{\"a\":" T("[2]", "0", "8") ",\"b\":" T("[2]", "0", "8") "}", 8, "overlaps another"},
        {"{\"a\":" T("[2]", "0", "8") ",\"b\":" T("[2]", "12", "20") "}", 20, "b leaves a hole"},
        {"{\"a\":" T("[2]", "4", "12") "}", 12, "a leaves a hole"},
        {"{\"a\":" T("[2]", "0", "8") "}", 12, "4 bytes at its end belong to no tensor"},
        {"{\"a\":" T("[2]", "2", "10") "}", 10, "a is misaligned"},
        {"{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2, "type F8_E4M3"},
        {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,2]}}", 2, "a has no dtype"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2]}}", 2, "a has no pair of data_offsets"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2,3]}}", 2,
         "no pair of data_offsets"},
        {"{\"a\":[1,2]}", 0, "a is not described by an object"},
        {"{\"a\\u001b[31m\":" T("[2]", "0", "8") "}", 8, "control characters"},
        {"{\"__metadata__\":[]}", 0, "__metadata__ is not an object"},
        {"{\"__metadata__\":{\"k\":1}}", 0, "something other than text"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_file(strlen(cases[i].header), cases[i].header, cases[i].data_size);
        expect_refusal(cases[i].sentence);
    }
}

static void damaged_lengths_are_named(void **state)
{
    (void)state;
    write_bytes("", 0);
    expect_refusal("only 0 bytes");
    write_bytes("\x10\0\0\0\0\0", 6);
    expect_refusal("only 6 bytes");
    write_file(0, "{}", 0);
    expect_refusal("not a safetensors file");
    write_file(100000001, "{}", 0);
    expect_refusal("over 100 MB");
    write_file(UINT64_MAX, "{}", 0);
    expect_refusal("over 100 MB");
    write_file(3, "{}", 0);
    expect_refusal("cut off within its header");
    write_bytes("#!/bin/sh\necho hello\n", 21);
    expect_refusal("not a safetensors file");
    HedonSafetensors file;
    assert_int_equal(hedon_safetensors_open(ctx, &file, "/nowhere/at/all"), HEDON_ENOENT);
    assert_int_equal(hedon_safetensors_open(ctx, &file, "/tmp"), HEDON_EISDIR);
}

static void deep_json_is_refused(void **state)
{
    (void)state;
    enum { DEPTH = 1000000 };
    char *header = malloc(DEPTH + 6);
    memcpy(header, "{\"a\":", 5);
    memset(header + 5, '[', DEPTH);
    header[DEPTH + 5] = 0;
    write_file(DEPTH + 5, header, 0);
    expect_refusal("nested too deeply");
    free(header);
}

/* Every prefix of a good file is refused, or (one cut within the padding) nothing is read past it.
 */
static void every_truncation_is_refused(void **state)
{
    (void)state;
    static const char header[] = "{\"a\":" T("[2]", "0", "8") ",\"b\":" T("[1,2]", "8", "16") "}";
    const size_t size = 8 + sizeof(header) - 1 + 16;
    unsigned char whole[256] = {sizeof(header) - 1};
    memcpy(whole + 8, header, sizeof(header) - 1);
    for (size_t cut = 0; cut < size; cut++) {
        write_bytes(whole, cut);
        HedonSafetensors file;
        assert_int_equal(hedon_safetensors_open(ctx, &file, path), HEDON_EDATA);
    }
    write_bytes(whole, size);
    HedonSafetensors file;
    assert_int_equal(hedon_safetensors_open(ctx, &file, path), 0);
    assert_int_equal(file.tensor_count, 2);
    hedon_safetensors_close(&file);
}

static void all_float_types_are_read(void **state)
{
    (void)state;
    static const char header[] =
        "{\"d\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]},"
        "\"f\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[16,20]},"
        "\"b\":{\"dtype\":\"BF16\",\"shape\":[1,2],\"data_offsets\":[20,24]},"
        "\"h\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[24,30]},"
        "\"i\":{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[30,30]}}";
    unsigned char bytes[512] = {0};
    const double doubles[2] = {0.1, -2.5};
    const float single = 3.25f;
    const uint16_t brains[2] = {0x3f80, 0xc049}, halves[3] = {0x3c00, 0xfbff, 0x0001};
    const size_t length = sizeof(header) - 1; /* 287: an odd header, so that nothing is aligned */
    bytes[0] = (unsigned char)length;
    bytes[1] = (unsigned char)(length >> 8);
    memcpy(bytes + 8, header, length);
    memcpy(bytes + 8 + length, doubles, 16);
    memcpy(bytes + 24 + length, &single, 4);
    memcpy(bytes + 28 + length, brains, 4);
    memcpy(bytes + 32 + length, halves, 6);
    write_bytes(bytes, 38 + length);

    HedonSafetensors file;
    assert_int_equal(hedon_safetensors_open(ctx, &file, path),
                     HEDON_EDATA); /* i at 30: misaligned */
    bytes[8 + (size_t)(strstr(header, "[30,30]") - header) + 1] = '2';
    bytes[8 + (size_t)(strstr(header, "[30,30]") - header) + 2] = '4';
    bytes[8 + (size_t)(strstr(header, "[30,30]") - header) + 4] = '2';
    bytes[8 + (size_t)(strstr(header, "[30,30]") - header) + 5] = '4';
    write_bytes(bytes, 38 + length);
    assert_int_equal(hedon_safetensors_open(ctx, &file, path), 0);
    float out[3];
    hedon_stored_to_float(hedon_safetensors_find(&file, "d"), out);
    assert_true(out[0] == 0.1f && out[1] == -2.5f);
    hedon_stored_to_float(hedon_safetensors_find(&file, "f"), out);
    assert_true(out[0] == 3.25f);
    hedon_stored_to_float(hedon_safetensors_find(&file, "b"), out);
    assert_true(out[0] == 1.0f && out[1] == -3.140625f);
    hedon_stored_to_float(hedon_safetensors_find(&file, "h"), out);
    assert_true(out[0] == 1.0f && out[1] == -65504.0f && out[2] == 0x1p-24f);
    assert_false(hedon_stored_is_float(hedon_safetensors_find(&file, "i")));
    assert_null(hedon_safetensors_find(&file, "e"));
    hedon_safetensors_close(&file);
}

static void halves_convert_exactly(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        const float value = hedon_float_from_f16((uint16_t)bits);
        if (isnan(value))
            assert_int_equal(hedon_f16_from_float(value) & 0x7c00, 0x7c00);
        else
            assert_int_equal(hedon_f16_from_float(value), bits);
    }
    /* between two neighbours: the nearer, and the even one from exactly half way */
    for (uint32_t bits = 0; bits < 0x7bff; bits++) {
        const float low = hedon_float_from_f16((uint16_t)bits);
        const float high = hedon_float_from_f16((uint16_t)(bits + 1));
        const float middle = (low + high) / 2; /* exact in float32 */
        assert_int_equal(hedon_f16_from_float(middle), bits + (bits & 1));
        assert_int_equal(hedon_f16_from_float(nextafterf(middle, 0)), bits);
        assert_int_equal(hedon_f16_from_float(nextafterf(middle, INFINITY)), bits + 1);
    }
    assert_int_equal(hedon_f16_from_float(65519.996f), 0x7bff);
    assert_int_equal(hedon_f16_from_float(65520), 0x7c00);
    assert_int_equal(hedon_f16_from_float(-1e30f), 0xfc00);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    float first[3] = {1, 2.5f, 65504}, second[5] = {-1, 0.1f, 3, 4, 5};
    const HedonTensor a = {HEDON_F32, {.rank = 1, .dim = {3}}, first};
    const HedonTensor b = {HEDON_F32, {.rank = 2, .dim = {1, 5}}, second};
    const HedonTensorToStore tensors[] = {{"half", HEDON_F16, &a}, {"full", HEDON_F32, &b}};
    const HedonStoredText metadata[] = {{"hedon", "{\"quote\":\"\\u00e9 \\\"\"}"}, {"other", ""}};
    FILE *stream = fopen(path, "wb");
    assert_int_equal(hedon_safetensors_write(ctx, stream, tensors, 2, metadata, 2), 0);
    fclose(stream);

    HedonSafetensors file;
    assert_int_equal(hedon_safetensors_open(ctx, &file, path), 0);
    float out[5];
    const HedonStoredTensor *half = hedon_safetensors_find(&file, "half");
    const HedonStoredTensor *full = hedon_safetensors_find(&file, "full");
    assert_int_equal(half->dtype, HEDON_F16);
    assert_int_equal((uintptr_t)full->data % 64, 0); /* wide types first, aligned: used in place */
    hedon_stored_to_float(half, out);
    assert_memory_equal(out, first, sizeof(first));
    hedon_stored_to_float(full, out);
    assert_memory_equal(out, second, sizeof(second));
    assert_int_equal(full->shape.rank, 2);
    assert_string_equal(hedon_safetensors_metadata(&file, "hedon"), metadata[0].value);
    assert_string_equal(hedon_safetensors_metadata(&file, "other"), "");
    assert_null(hedon_safetensors_metadata(&file, "none"));
    hedon_safetensors_close(&file);

    stream = fopen("/dev/full", "wb");
    setvbuf(stream, NULL, _IONBF, 0);
    assert_int_equal(hedon_safetensors_write(ctx, stream, tensors, 2, metadata, 2), HEDON_EIO);
    fclose(stream);
}

static void *json_allocate(size_t size)
{
    return hedon_malloc(size, 1);
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    static const char header[] = "{\"__metadata__\":{\"k\":\"v\"},\"a\":" T("[2]", "0", "8") "}";
    write_file(sizeof(header) - 1, header, 8);
    json_set_alloc_funcs(json_allocate, hedon_free);
    int code = HEDON_ENOMEM;
    for (int64_t k = 1; code; k++) {
        HedonSafetensors file;
        hedon_memory_fail_at(k);
        code = hedon_safetensors_open(ctx, &file, path);
        /* jansson takes some failed allocations for damaged text */
        assert_true(code == 0 || code == HEDON_ENOMEM || code == HEDON_EDATA);
        if (!code) assert_false(hedon_memory_failed());
        if (!code) hedon_safetensors_close(&file);
    }
    hedon_memory_fail_at(0);
    json_set_alloc_funcs(malloc, free);
}

static int set_up(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    ctx = hedon_context_new();
    return fd < 0 || close(fd) || !ctx ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    hedon_context_free(ctx);
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_headers_are_named),
        cmocka_unit_test(damaged_lengths_are_named),
        cmocka_unit_test(deep_json_is_refused),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(all_float_types_are_read),
        cmocka_unit_test(halves_convert_exactly),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
