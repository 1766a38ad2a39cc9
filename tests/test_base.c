/* base/: what everything else leans on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/frame.h"
#include "base/mapped_file.h"
#include "base/memory.h"
#include "base/random.h"

static char folder[] = "/tmp/hedon-test-base-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder); /* fails, and the group with it, if a test left a file behind */
}

static int files_in_folder(void)
{
    int count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; (entry = readdir(dir));) count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void test_allocation_sizes_are_checked(void **state)
{
    (void)state;
    assert_null(hedon_malloc(SIZE_MAX / 2, 3));
    assert_null(hedon_malloc_aligned(SIZE_MAX, 1));
    HedonArena arena = {0};
    assert_null(hedon_arena_alloc(&arena, SIZE_MAX / 4, 8));
    hedon_arena_free(&arena);
    void *aligned = hedon_malloc_aligned(3, 5);
    assert_int_equal((uintptr_t)aligned % 64, 0);
    hedon_free(aligned);
}

static void test_the_kth_allocation_fails_once(void **state)
{
    (void)state;
    hedon_memory_fail_at(2);
    void *first = hedon_malloc(1, 1), *second = hedon_malloc(1, 1), *third = hedon_malloc(1, 1);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    assert_true(hedon_memory_failed());
    hedon_memory_fail_at(0);
    assert_false(hedon_memory_failed());
    hedon_free(first);
    hedon_free(third);
}

static void test_arena_keeps_what_it_gave(void **state)
{
    (void)state;
    HedonArena arena = {0};
    char *names[2000];
    for (int i = 0; i < 2000; i++) names[i] = hedon_arena_printf(&arena, "name %d", i);
    uint8_t *large = hedon_arena_alloc(&arena, 100000, 1);
    for (int i = 0; i < 100000; i++) assert_int_equal(large[i], 0);
    for (int i = 0; i < 2000; i++) {
        char expected[32];
        snprintf(expected, sizeof(expected), "name %d", i);
        assert_string_equal(names[i], expected);
    }
    hedon_arena_free(&arena);
}

static void test_shapes_refuse_overflow(void **state)
{
    (void)state;
    HedonShape shape = {.rank = 3, .dim = {1LL << 30, 1LL << 30, 1LL << 30}};
    assert_int_equal(hedon_shape_count(&shape), -1);
    HedonTensor tensor;
    assert_int_equal(hedon_tensor_alloc(&tensor, HEDON_F32, &shape), HEDON_EINVAL);
    shape.dim[0] = -1;
    assert_int_equal(hedon_shape_count(&shape), -1);
    shape = (HedonShape){.rank = 2, .dim = {3, 4}};
    assert_int_equal(hedon_tensor_alloc(&tensor, HEDON_F64, &shape), 0);
    assert_int_equal(hedon_shape_count(&tensor.shape), 12);
    hedon_tensor_free(&tensor);
    assert_int_equal(hedon_shape_count(&(HedonShape){.rank = 0}), 1);
}

/* The mix is SplitMix64: its outputs are published, so both sides can be held against them. */
static void test_random_numbers_are_the_published_mix(void **state)
{
    (void)state;
    /* SplitMix64 seeded with 0: its first three outputs as published with the algorithm */
    const HedonRandomKey zero = {0};
    assert_true(hedon_random_u64(zero, 0) == 0xe220a8397b1dcdafu);
    assert_true(hedon_random_u64(zero, 1) == 0x6e789e6aa1b965f4u);
    assert_true(hedon_random_u64(zero, 2) == 0x06c45d188009454fu);
    assert_true(hedon_random_key(1, 2, 3).value != hedon_random_key(1, 3, 2).value);
    assert_true(hedon_random_key_name(1, "a").value != hedon_random_key_name(1, "b").value);
    double sum = 0, square = 0;
    const HedonRandomKey key = hedon_random_key(7, 0, 0);
    enum { COUNT = 100000 };
    for (int i = 0; i < COUNT; i++) {
        const double u = hedon_random_uniform(key, (uint64_t)i);
        assert_true(u >= 0 && u < 1);
        const double z = hedon_random_normal(key, (uint64_t)i);
        sum += z;
        square += z * z;
    }
    assert_true(fabs(sum / COUNT) < 0.01);
    assert_true(fabs(square / COUNT - 1) < 0.02);
}

static void test_atomic_file_appears_whole(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    char path[128];
    snprintf(path, sizeof(path), "%s/result.json", folder);
    HedonAtomicFile *file;
    assert_int_equal(hedon_atomic_open(ctx, &file, path), 0);
    fputs("half", hedon_atomic_stream(file));
    assert_int_equal(access(path, F_OK), -1);
    hedon_atomic_abort(file);
    assert_int_equal(files_in_folder(), 0);

    assert_int_equal(hedon_atomic_open(ctx, &file, path), 0);
    fputs("whole", hedon_atomic_stream(file));
    assert_int_equal(hedon_atomic_commit(ctx, file), 0);
    assert_int_equal(files_in_folder(), 1);
    HedonMappedFile mapped;
    assert_int_equal(hedon_mapped_open(ctx, &mapped, path), 0);
    assert_int_equal(mapped.size, 5);
    assert_memory_equal(mapped.data, "whole", 5);
    hedon_mapped_close(&mapped);
    unlink(path);

    snprintf(path, sizeof(path), "%s/missing/result.json", folder);
    assert_int_equal(hedon_atomic_open(ctx, &file, path), HEDON_ENOENT);
    assert_non_null(strstr(hedon_last_error(ctx), "missing/result.json"));
    hedon_context_free(ctx);
}

static void test_a_full_disk_leaves_no_file(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    char path[128];
    snprintf(path, sizeof(path), "%s/large", folder);
    /* a file size limit stands in for a full disk: write() fails the same way */
    struct rlimit old, small = {4096, 0};
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    HedonAtomicFile *file;
    assert_int_equal(hedon_atomic_open(ctx, &file, path), 0);
    for (int i = 0; i < 100000; i++) fputs("bytes", hedon_atomic_stream(file));
    const int code = hedon_atomic_commit(ctx, file);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(code, HEDON_EIO);
    assert_int_equal(files_in_folder(), 0);
    hedon_context_free(ctx);
}

static void test_devices_and_links_are_not_replaced(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    char path[128], link[128];
    snprintf(path, sizeof(path), "%s/target", folder);
    snprintf(link, sizeof(link), "%s/link", folder);
    HedonAtomicFile *file;
    assert_int_equal(hedon_atomic_open(ctx, &file, "/dev/full"), 0);
    fputs("bytes", hedon_atomic_stream(file));
    assert_int_equal(hedon_atomic_commit(ctx, file), HEDON_EIO);
    struct stat status;
    assert_int_equal(stat("/dev/full", &status), 0);
    assert_true(S_ISCHR(status.st_mode));

    fclose(fopen(path, "w"));
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(hedon_atomic_open(ctx, &file, link), 0);
    fputs("bytes", hedon_atomic_stream(file));
    assert_int_equal(hedon_atomic_commit(ctx, file), 0);
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 5);
    assert_int_equal(status.st_mode & 0777, 0600);
    unlink(path);
    unlink(link);
    hedon_context_free(ctx);
}

static void test_mapping_names_what_is_wrong(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    HedonMappedFile file;
    assert_int_equal(hedon_mapped_open(ctx, &file, "/nonexistent"), HEDON_ENOENT);
    assert_int_equal(hedon_mapped_open(ctx, &file, folder), HEDON_EISDIR);
    assert_int_equal(hedon_mapped_open(ctx, &file, "/dev/null"), HEDON_EDATA);
    char pipe[128];
    snprintf(pipe, sizeof(pipe), "%s/pipe", folder);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(hedon_mapped_open(ctx, &file, pipe), HEDON_EDATA); /* and does not wait */
    unlink(pipe);
    hedon_context_free(ctx);
}

static void test_chroma_planes_round_up(void **state)
{
    (void)state;
    int64_t width, height;
    hedon_frame_plane_size(HEDON_PIXEL_YUV420, 1, 321, 241, &width, &height);
    assert_int_equal(width, 161);
    assert_int_equal(height, 121);
    hedon_frame_plane_size(HEDON_PIXEL_YUV422, 2, 321, 241, &width, &height);
    assert_int_equal(width, 161);
    assert_int_equal(height, 241);
    hedon_frame_plane_size(HEDON_PIXEL_YUV420, 0, 321, 241, &width, &height);
    assert_int_equal(width, 321);
    assert_int_equal(hedon_frame_planes(HEDON_PIXEL_GRAY), 1);
    hedon_frame_plane_size(HEDON_PIXEL_NV12, 1, 321, 241, &width, &height);
    assert_int_equal(width, 322);
    assert_int_equal(height, 121);
    hedon_frame_plane_size(HEDON_PIXEL_NV12, 0, 321, 241, &width, &height);
    assert_int_equal(width, 321);
    assert_int_equal(height, 241);
    assert_int_equal(hedon_frame_planes(HEDON_PIXEL_NV12), 2);
    assert_int_equal(hedon_frame_components(HEDON_PIXEL_NV12), 3);
}

static void test_components_in_turns_are_found(void **state)
{
    (void)state;
    static const uint16_t luma[2], chroma[2];
    HedonFrame frame = {.plane = {luma, chroma},
                        .stride = {64, 128},
                        .layout = HEDON_PIXEL_NV12,
                        .bits = 10,
                        .shift = 6};
    int64_t stride;
    int step;
    assert_ptr_equal(hedon_frame_component(&frame, 0, &stride, &step), luma);
    assert_true(stride == 64 && step == 1);
    assert_ptr_equal(hedon_frame_component(&frame, 1, &stride, &step), chroma);
    assert_true(stride == 128 && step == 2);
    assert_ptr_equal(hedon_frame_component(&frame, 2, &stride, &step), chroma + 1);
    frame.bits = 8;
    assert_ptr_equal(hedon_frame_component(&frame, 2, &stride, &step), (const char *)chroma + 1);
    assert_true(stride == 128 && step == 2);
}

static void test_depths_that_samples_can_have(void **state)
{
    (void)state;
    for (int32_t bits = -1; bits < 40; bits++)
        for (int32_t shift = -1; shift < 20; shift++)
            assert_int_equal(hedon_frame_has_depth(bits, shift),
                             (bits == 8 && shift == 0) ||
                                 (bits > 8 && bits <= 16 && shift >= 0 && bits + shift <= 16));
    assert_false(hedon_frame_has_depth(10, INT32_MAX));
    assert_false(hedon_frame_has_depth(INT32_MAX, INT32_MAX));
    assert_false(hedon_frame_has_depth(9, INT32_MIN));
}

static void test_cancelling_reaches_every_context(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    assert_int_equal(hedon_check_cancelled(ctx), 0);
    hedon_cancel();
    assert_int_equal(hedon_check_cancelled(ctx), HEDON_ECANCELLED);
    assert_string_equal(hedon_last_error(ctx), "interrupted");
    hedon_cancel_reset();
    assert_int_equal(hedon_check_cancelled(ctx), 0);
    hedon_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocation_sizes_are_checked),
        cmocka_unit_test(test_the_kth_allocation_fails_once),
        cmocka_unit_test(test_arena_keeps_what_it_gave),
        cmocka_unit_test(test_shapes_refuse_overflow),
        cmocka_unit_test(test_random_numbers_are_the_published_mix),
        cmocka_unit_test(test_atomic_file_appears_whole),
        cmocka_unit_test(test_a_full_disk_leaves_no_file),
        cmocka_unit_test(test_devices_and_links_are_not_replaced),
        cmocka_unit_test(test_mapping_names_what_is_wrong),
        cmocka_unit_test(test_chroma_planes_round_up),
        cmocka_unit_test(test_components_in_turns_are_found),
        cmocka_unit_test(test_depths_that_samples_can_have),
        cmocka_unit_test(test_cancelling_reaches_every_context),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
