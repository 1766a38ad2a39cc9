/* .npy files: what is written is read back, NumPy's own layout is understood, damage is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/npy.h"

static HedonContext *ctx;
static char path[] = "/tmp/hedon-npy-XXXXXX";

static void write_bytes(const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Version 1 with this dict and so many bytes 0, 1, 2... of data. */
static void write_file(const char *header, size_t data_size)
{
    unsigned char bytes[512] = "\x93NUMPY\x01";
    const size_t length = strlen(header);
    bytes[8] = (unsigned char)length;
    memcpy(bytes + 10, header, length);
    for (size_t i = 0; i < data_size; i++) bytes[10 + length + i] = (unsigned char)i;
    write_bytes(bytes, 10 + length + data_size);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const HedonDtype dtypes[] = {HEDON_F32, HEDON_F64, HEDON_F16,
                                        HEDON_I64, HEDON_I32, HEDON_U8};
    for (size_t d = 0; d < sizeof(dtypes) / sizeof(dtypes[0]); d++)
        for (int rank = 0; rank <= HEDON_MAX_RANK; rank++) {
            const HedonShape shape = {.rank = rank, .dim = {2, 3, 1, 2, 1, 2}};
            HedonTensor tensor, back;
            assert_int_equal(hedon_tensor_alloc(&tensor, dtypes[d], &shape), 0);
            const size_t size = (size_t)hedon_shape_count(&shape) * hedon_dtype_size(dtypes[d]);
            for (size_t i = 0; i < size; i++) ((uint8_t *)tensor.data)[i] = (uint8_t)(i * 7);
            assert_int_equal(hedon_npy_write(ctx, path, &tensor), 0);
            assert_int_equal(hedon_npy_read(ctx, &back, path), 0);
            assert_int_equal(back.dtype, dtypes[d]);
            assert_int_equal(back.shape.rank, rank);
            for (int i = 0; i < rank; i++) assert_int_equal(back.shape.dim[i], shape.dim[i]);
            assert_memory_equal(back.data, tensor.data, size);
            hedon_tensor_free(&tensor);
            hedon_tensor_free(&back);
        }
}

/* The very bytes of numpy.save(file, numpy.zeros((3,), '<f4')), so that NumPy reads what we write.
 */
static void bytes_are_numpys(void **state)
{
    (void)state;
    HedonTensor tensor;
    assert_int_equal(hedon_tensor_alloc(&tensor, HEDON_F32, &(HedonShape){.rank = 1, .dim = {3}}),
                     0);
    assert_int_equal(hedon_npy_write(ctx, path, &tensor), 0);
    hedon_tensor_free(&tensor);
    static const char dict[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
    char wanted[140] = "\x93NUMPY\x01\x00\x76", got[200];
    memset(wanted + 10, ' ', 118);
    memcpy(wanted + 10, dict, strlen(dict));
    wanted[127] = '\n';
    FILE *file = fopen(path, "rb");
    assert_int_equal(fread(got, 1, sizeof(got), file), sizeof(wanted));
    fclose(file);
    assert_memory_equal(got, wanted, sizeof(wanted));
}

static void damage_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data_size;
        const char *sentence;
    } cases[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 11,
         "asks for 12 bytes, it has 11"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 13,
         "asks for 12 bytes, it has 13"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (3,), }", 12, "Fortran order"},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (3,), }", 12, "element type is >f4"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }", 24, "element type is <c8"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }", 12,
         "no plain element"},
        {"{'fortran_order': False, 'shape': (3,), }", 12, "no plain element type"},
        {"{'descr': '<f4', 'fortran_order': False, }", 12, "no shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }", 12, "no list of counts"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3", 12, "no list of counts"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (", 12, "no list of counts"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,3), }", 12, "more than 6"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 12,
         "impossibly large"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296,4294967296), }", 0,
         "impossibly large"},
    };
    HedonTensor tensor;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_file(cases[i].header, cases[i].data_size);
        if (hedon_npy_read(ctx, &tensor, path) != HEDON_EDATA ||
            !strstr(hedon_last_error(ctx), cases[i].sentence))
            fail_msg("wanted \"%s\", got \"%s\"", cases[i].sentence, hedon_last_error(ctx));
        assert_null(tensor.data);
    }
    write_bytes("\x93NUMPY\x01", 7);
    assert_int_equal(hedon_npy_read(ctx, &tensor, path), HEDON_EDATA);
    write_bytes("\x93NUMPY\x01\x00\xff\xff{}", 12);
    assert_int_equal(hedon_npy_read(ctx, &tensor, path), HEDON_EDATA);
    write_bytes("PK\x03\x04 an npz file", 16);
    assert_int_equal(hedon_npy_read(ctx, &tensor, path), HEDON_EDATA);
    assert_int_equal(hedon_npy_read(ctx, &tensor, "/nowhere"), HEDON_ENOENT);
}

static void failing_memory_is_survived(void **state)
{
    (void)state;
    write_file("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 12);
    HedonTensor tensor;
    hedon_memory_fail_at(1);
    assert_int_equal(hedon_npy_read(ctx, &tensor, path), HEDON_ENOMEM);
    hedon_memory_fail_at(0);
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
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(bytes_are_numpys),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(failing_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
