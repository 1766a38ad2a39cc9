/* The registry: what is listed, what "auto" takes, and what it says of a backend that cannot run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/plugin.h"

static HedonContext *ctx;

static void every_backend_is_listed_best_first(void **state)
{
    (void)state;
    static const char *const names[] = {"cuda", "cpu", "ref"};
    const HedonBackend *const *list = hedon_backends();
    for (int i = 0; i < 3; i++) assert_string_equal(list[i]->name, names[i]);
    assert_null(list[3]);
}

/* Without a GPU: a sentence that says why, and "auto" goes on to the CPU. */
static void a_machine_without_a_gpu_says_so(void **state)
{
    (void)state;
    const HedonBackend *backend;
    if (hedon_plugin_cuda_driver(ctx) == 0) skip();
    assert_non_null(strstr(hedon_last_error(ctx), "CUDA driver"));
    assert_int_equal(hedon_backend_find(ctx, "cuda", &backend), HEDON_EDEVICE);
    assert_null(backend);
    assert_non_null(strstr(hedon_last_error(ctx), "CUDA driver"));
    assert_int_equal(hedon_backend_find(ctx, "auto", &backend), 0);
    assert_ptr_equal(backend, &hedon_backend_cpu);
}

static void a_plugin_that_is_nowhere_is_named(void **state)
{
    (void)state;
    const HedonBackend *backend;
    assert_int_equal(hedon_plugin_find(ctx, "abacus", &backend), HEDON_EDEVICE);
    assert_non_null(strstr(hedon_last_error(ctx), "hedon-abacus.so"));
    assert_int_equal(hedon_plugin_open(ctx, "/nonexistent/hedon-abacus.so", &backend),
                     HEDON_EDEVICE);
    assert_non_null(strstr(hedon_last_error(ctx), "/nonexistent/hedon-abacus.so"));
    /* an object that is no backend: the C library */
    assert_int_equal(hedon_plugin_open(ctx, "libc.so.6", &backend), HEDON_EDEVICE);
    assert_non_null(strstr(hedon_last_error(ctx), "another build"));
    assert_null(backend);
}

/* The shared object opens on any machine, and its own probe is as clear as the registry's. */
static void the_cuda_backend_opens_without_a_gpu(void **state)
{
    (void)state;
    const HedonBackend *backend;
    if (hedon_plugin_find(ctx, "cuda", &backend)) skip();
    assert_string_equal(backend->name, "cuda");
    HedonBackendInfo info;
    const int code = backend->probe(ctx, NULL, &info);
    if (code == 0) {
        assert_true(info.device[0] && info.library[0] && info.precisions >> HEDON_F32 & 1);
    } else {
        assert_int_equal(code, HEDON_EDEVICE);
        assert_non_null(strstr(hedon_last_error(ctx), "cuda"));
    }
}

/* Layouts are compared before anything is called: a program of another build is refused. */
static void a_program_of_another_build_is_refused(void **state)
{
    (void)state;
    void *object = dlopen(HEDON_BINARY_DIR "/hedon-cuda.so", RTLD_NOW | RTLD_LOCAL);
    if (!object) skip();
    HedonBackendPlugin1 entry;
    *(void **)&entry = dlsym(object, HEDON_PLUGIN_ENTRY);
    assert_non_null(entry);
    assert_null(entry(&(HedonHost){.layout = hedon_plugin_layout() + 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_backend_is_listed_best_first),
        cmocka_unit_test(a_machine_without_a_gpu_says_so),
        cmocka_unit_test(a_plugin_that_is_nowhere_is_named),
        cmocka_unit_test(the_cuda_backend_opens_without_a_gpu),
        cmocka_unit_test(a_program_of_another_build_is_refused),
    };
    ctx = hedon_context_new();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hedon_context_free(ctx);
    return failed;
}
