/* Training when memory runs out: whichever allocation fails, the run ends with HEDON_ENOMEM and a
 * sentence, leaves what it had saved, and goes on from there. The sanitized build sees to leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>

#include "base/memory.h"
#include "tests/train_fixture.h"

/* Allocation 1, 2, 3, ..., then ever rarer ones, by this factor. */
static const double EACH = 1.3;

static void short_config(HedonTrainConfig *config)
{
    quick_config(config, &hedon_recipe_joint);
    config->recipe.clips = 4;
    config->recipe.pairs = 1;
    config->recipe.utility_loss = HEDON_LOSS_PLACKETT_LUCE;
    config->recipe.average = .9;
    config->recipe.augment = "vce";
    config->recipe.mixup = .8;
    config->recipe.epochs = 1;
    config->save_every = 2;
}

static int failures; /* runs that ended with HEDON_ENOMEM */

static int open_files(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (readdir(directory)) count++;
    closedir(directory);
    return count;
}

static void empty(const char *out)
{
    char command[512];
    snprintf(command, sizeof command, "rm -rf %s", in_folder(out));
    assert_int_equal(system(command), 0);
}

/* One run whose k-th allocation fails. 0 when it was over before that. A decoder that could not
 * take another job fails nothing while others can: then the weights are those of the whole run. */
static int fails_at(const HedonTrainConfig *config, const char *out, int resume, int64_t k)
{
    Heard heard = {0};
    const int files = open_files();
    hedon_memory_fail_at(k);
    const int code = train(config, out, resume, &heard);
    const int failed = hedon_memory_failed();
    hedon_memory_fail_at(0);
    forget(&heard);
    if (code && (code != HEDON_ENOMEM || !strstr(hedon_last_error(ctx), "memory")))
        fail_msg("allocation %lld: %d, '%s'", (long long)k, code, hedon_last_error(ctx));
    assert_int_equal(open_files(), files);
    if (!code) {
        char last[64];
        snprintf(last, sizeof last, "%s/last.safetensors", out);
        assert_same_files("whole/last.safetensors", last);
    }
    failures += code != 0;
    return failed;
}

static int64_t next_of(int64_t k)
{
    const int64_t next = (int64_t)(EACH * (double)k);
    return next > k ? next : k + 1;
}

static void whichever_allocation_fails(void **state)
{
    (void)state;
    HedonTrainConfig config;
    Heard heard = {0};
    short_config(&config);
    assert_int_equal(train(&config, "whole", 0, &heard), 0);
    forget(&heard);
    int64_t k = 1;
    for (; fails_at(&config, "failing", 0, k); k = next_of(k)) empty("failing");
    print_message("more than %lld allocations\n", (long long)(k / EACH));
    assert_true(k > 1000);
    assert_true(failures > 20);
}

/* What an out-of-memory run had saved is good: the next one goes on from it to the same weights. */
static void a_run_that_ran_out_is_resumed(void **state)
{
    (void)state;
    HedonTrainConfig config;
    Heard heard = {.stop_at = 1};
    short_config(&config);
    assert_int_equal(train(&config, "resumed", 0, &heard), HEDON_ECANCELLED);
    for (int64_t k = 1; fails_at(&config, "resumed", 1, k);) k = next_of(next_of(k));
    forget(&heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whichever_allocation_fails),
        cmocka_unit_test(a_run_that_ran_out_is_resumed),
    };
    return cmocka_run_group_tests(tests, start_training_tests, end_training_tests);
}
