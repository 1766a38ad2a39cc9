/* As much of cmocka as the tests of kernels/ and the zoo use, for machines without it (preset gpu). The names
 * and what they mean are cmocka's. */
#ifndef HEDON_TESTS_PLAIN_CMOCKA_H
#define HEDON_TESTS_PLAIN_CMOCKA_H

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef void (*CMUnitTestFunction)(void **state);
typedef int (*CMFixtureFunction)(void **state);

struct CMUnitTest {
    const char *name;
    CMUnitTestFunction test_func;
};

#define cmocka_unit_test(f) {#f, f}

enum { PLAIN_FAILED = 1, PLAIN_SKIPPED };

/* One a program: every test is one file. */
static jmp_buf plain_out;

static inline void plain_stop(int how)
{
    longjmp(plain_out, how);
}

#define print_message(...) printf(__VA_ARGS__)

#define fail_msg(...)                                                                              \
    do {                                                                                           \
        printf("ERROR: " __VA_ARGS__);                                                             \
        printf("\n[   LINE   ] --- %s:%d: error: Failure!\n", __FILE__, __LINE__);                 \
        plain_stop(PLAIN_FAILED);                                                                  \
    } while (0)

#define plain_assert(condition, text)                                                              \
    do {                                                                                           \
        if (!(condition)) fail_msg("%s", text);                                                    \
    } while (0)

#define skip()              plain_stop(PLAIN_SKIPPED)
#define assert_true(c)      plain_assert(c, #c)
#define assert_false(c)     plain_assert(!(c), "not: " #c)
#define assert_null(p)      plain_assert((p) == NULL, #p " is not NULL")
#define assert_non_null(p)  plain_assert((p) != NULL, #p " is NULL")
#define assert_ptr_equal(a, b) plain_assert((const void *)(a) == (const void *)(b), #a " != " #b)
#define assert_int_equal(a, b)                                                                     \
    do {                                                                                           \
        const long long plain_a = (long long)(a), plain_b = (long long)(b);                        \
        if (plain_a != plain_b) fail_msg("%s: %lld != %lld", #a " != " #b, plain_a, plain_b);      \
    } while (0)
#define assert_in_range(v, low, high)                                                              \
    plain_assert((long long)(v) >= (long long)(low) && (long long)(v) <= (long long)(high), #v)
#define assert_string_equal(a, b)     plain_assert(strcmp(a, b) == 0, #a " != " #b)
#define assert_string_not_equal(a, b) plain_assert(strcmp(a, b) != 0, #a " == " #b)
#define assert_memory_equal(a, b, n)  plain_assert(memcmp(a, b, n) == 0, #a " != " #b)
#define assert_memory_not_equal(a, b, n) plain_assert(memcmp(a, b, n) != 0, #a " == " #b)

/* 0, or how it stopped. */
static __attribute__((noinline)) int plain_run_one(const struct CMUnitTest *test, void **state)
{
    const int how = setjmp(plain_out);
    if (!how) test->test_func(state);
    return how;
}

static int plain_run(const struct CMUnitTest *tests, int count, CMFixtureFunction open,
                     CMFixtureFunction shut)
{
    void *state = NULL;
    int failed = 0, skipped = 0;
    printf("[==========] Running %d test(s).\n", count);
    if (open && open(&state)) return count;
    for (int i = 0; i < count; i++) {
        printf("[ RUN      ] %s\n", tests[i].name);
        fflush(stdout);
        const int how = plain_run_one(&tests[i], &state);
        failed += how == PLAIN_FAILED;
        skipped += how == PLAIN_SKIPPED;
        printf("[  %s ] %s\n", how == PLAIN_FAILED ? "FAILED" : how ? "SKIPPED" : "    OK", tests[i].name);
        fflush(stdout);
    }
    if (shut) shut(&state);
    printf("%d passed, %d failed, %d skipped\n", count - failed - skipped, failed, skipped);
    return failed;
}

#define cmocka_run_group_tests(tests, open, shut)                                                  \
    plain_run(tests, (int)(sizeof(tests) / sizeof(*(tests))), open, shut)
#define cmocka_run_group_tests_name(name, tests, open, shut) cmocka_run_group_tests(tests, open, shut)

#endif
