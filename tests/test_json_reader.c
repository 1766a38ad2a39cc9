/* The streaming JSON reader: what it takes, what it refuses, and where it says the mistake is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "datasets/json_reader.h"

static HedonJsonReader reading(HedonContext *ctx, const char *text)
{
    HedonJsonReader json;
    hedon_json_open_bytes(ctx, &json, text, strlen(text));
    return json;
}

static int skips(HedonContext *ctx, const char *text, size_t size)
{
    HedonJsonReader json;
    hedon_json_open_bytes(ctx, &json, text, size);
    int code = hedon_json_skip(&json);
    if (!code) code = hedon_json_finish(&json);
    hedon_json_close(&json);
    return code;
}

static void test_valid_documents_are_taken(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{}",
        "[]",
        " [ ] ",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-1.5e+3",
        "1E-2",
        "\"\"",
        "[1,2,[3,[4]],{\"a\":{}}]",
        "{\"a\":1,\"b\":[true,null]}\n",
        "\"\\u00e9\\ud83d\\ude00\\n\\/\"",
        "\"\xc3\xa9\xf0\x9f\x98\x80\"",
        "\r\n\t 12",
    };
    HedonContext *ctx = hedon_context_new();
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        if (skips(ctx, good[i], strlen(good[i])))
            fail_msg("%s: %s", good[i], hedon_last_error(ctx));
    hedon_context_free(ctx);
}

static void test_mistakes_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "line 1, column 1: the file ends where a value is wanted"},
        {"[1,\n 2", "line 2, column 3: the file ends inside an array"},
        {"{\"a\":1,\n\n  \"b\" 2}", "line 3, column 7: a colon is wanted"},
        {"[1 2]", "a comma or ] is wanted"},
        {"[1,]", "a comma before ]"},
        {"{\"a\":1,}", "a comma before }"},
        {"{a:1}", "where a string is wanted"},
        {"{1:1}", "a number where a string is wanted"},
        {"[01]", "a comma or ] is wanted"},
        {"[+1]", "something else where a value is wanted"},
        {"[.5]", "something else"},
        {"[1.]", "not a number"},
        {"[1e]", "not a number"},
        {"[-]", "not a number"},
        {"[1e999]", "the number 1e999 is too large"},
        {"[NaN]", "something else"},
        {"[nul]", "neither a value nor true"},
        {"\"abc", "ends inside a string"},
        {"\"a\nb\"", "control character"},
        {"\"\\x\"", "unknown escape"},
        {"\"\\u12g4\"", "four hexadecimal digits"},
        {"\"\\u0000\"", "contains \\u0000"},
        {"\"\\ud800x\"", "half a surrogate pair"},
        {"\"\\udc00\"", "half a surrogate pair"},
        {"\"\xc3(\"", "not UTF-8"},
        {"\"\xe0\x80\x80\"", "not UTF-8"},
        {"\"\xed\xa0\x80\"", "not UTF-8"},
        {"\"\xf5\x80\x80\x80\"", "not UTF-8"},
        {"\"\xc3", "not UTF-8"},
        {"{} {}", "something follows"},
        {"[1]x", "something follows"},
    };
    HedonContext *ctx = hedon_context_new();
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (skips(ctx, bad[i].text, strlen(bad[i].text)) != HEDON_EDATA)
            fail_msg("taken: %s", bad[i].text);
        if (!strstr(hedon_last_error(ctx), bad[i].says))
            fail_msg("%s: %s", bad[i].text, hedon_last_error(ctx));
    }
    assert_int_equal(skips(ctx, "\"a\0b\"", 5), HEDON_EDATA);
    hedon_context_free(ctx);
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    const char text[] =
        "{\"a\": [1.5e2, \"x\\u00e9\\ud83d\\ude00\"], \"b\": {\"c\": true, \"d\": null}}";
    HedonContext *ctx = hedon_context_new();
    for (size_t size = 0; size + 1 < sizeof(text); size++) {
        char *exact =
            malloc(size + 1); /* so that valgrind and sanitizers see what is read past it */
        memcpy(exact, text, size);
        char *shrunk = size ? realloc(exact, size) : exact;
        if (skips(ctx, shrunk, size) != HEDON_EDATA) fail_msg("taken with %zu bytes", size);
        free(shrunk);
    }
    assert_int_equal(skips(ctx, text, sizeof(text) - 1), 0);
    hedon_context_free(ctx);
}

static void test_depth_and_length_are_bounded(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    char *text = calloc(1, 2000001);
    memset(text, '[', 1000000);
    assert_int_equal(skips(ctx, text, 1000000), HEDON_EDATA);
    assert_non_null(strstr(hedon_last_error(ctx), "column 33: nested more than 32 deep"));
    memset(text, '[', 32);
    memset(text + 32, ']', 32);
    assert_int_equal(skips(ctx, text, 64), 0);

    memset(text, 'a', 2000000);
    text[0] = text[HEDON_JSON_STRING + 1] = '"';
    assert_int_equal(skips(ctx, text, HEDON_JSON_STRING + 2), 0);
    text[HEDON_JSON_STRING + 1] = 'a';
    text[HEDON_JSON_STRING + 2] = '"';
    assert_int_equal(skips(ctx, text, HEDON_JSON_STRING + 3), HEDON_EDATA);
    assert_non_null(strstr(hedon_last_error(ctx), "more than 4096 bytes"));
    text[1] = '\\'; /* the same with an escape, which takes another way */
    text[2] = 'n';
    text[1999999] = '"';
    text[HEDON_JSON_STRING + 2] = 'a';
    assert_int_equal(skips(ctx, text, 2000000), HEDON_EDATA);
    assert_non_null(strstr(hedon_last_error(ctx), "more than 4096 bytes"));

    memset(text, '9', 1000);
    assert_int_equal(skips(ctx, text, 1000), HEDON_EDATA);
    assert_non_null(strstr(hedon_last_error(ctx), "a number of 1000 characters"));
    free(text);
    hedon_context_free(ctx);
}

static void test_strings_are_decoded(void **state)
{
    (void)state;
    HedonJsonText text;
    HedonJsonReader json = reading(NULL, "[\"plain\", \"\\\"\\\\\\/\\b\\f\\n\\r\\t\", "
                                         "\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00z\"]");
    assert_int_equal(hedon_json_begin_array(&json), 0);
    assert_int_equal(hedon_json_next_element(&json), 1);
    assert_int_equal(hedon_json_text(&json, &text), 0);
    assert_true(hedon_json_text_is(text, "plain"));
    assert_int_equal(hedon_json_next_element(&json), 1);
    assert_int_equal(hedon_json_text(&json, &text), 0);
    assert_true(hedon_json_text_is(text, "\"\\/\b\f\n\r\t"));
    assert_int_equal(hedon_json_next_element(&json), 1);
    assert_int_equal(hedon_json_text(&json, &text), 0);
    assert_true(hedon_json_text_is(text, "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"));
    assert_int_equal(hedon_json_next_element(&json), 0);
    assert_int_equal(hedon_json_finish(&json), 0);
    hedon_json_close(&json);
}

/* Every multiple of 1/120 as Python prints it, and random doubles: the bits of strtod. */
static void test_numbers_are_rounded_as_strtod_does(void **state)
{
    (void)state;
    const HedonRandomKey key = hedon_random_key(1, 2, 3);
    for (int i = 0; i < 20000; i++) {
        char text[64];
        const double wanted = i <= 120 ? i / 120.0 : hedon_random_uniform(key, (uint64_t)i) - .5;
        const int digits = i <= 120 ? 17 : 1 + i % 17;
        snprintf(text, sizeof(text), "%.*g", digits, wanted);
        double value;
        HedonJsonReader json = reading(NULL, text);
        assert_int_equal(hedon_json_real(&json, &value), 0);
        assert_int_equal(hedon_json_finish(&json), 0);
        const double right = strtod(text, NULL);
        if (memcmp(&value, &right, sizeof(value))) fail_msg("%s became %.17g", text, value);
        if (i <= 120 && value != wanted) fail_msg("%s is not %d/120", text, i);
    }
}

static void test_kinds_are_seen_before_they_are_read(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    double value;
    HedonJsonReader json = reading(ctx, " {\"a\": [\"b\", -1, null]}");
    HedonJsonText key;
    assert_int_equal(hedon_json_peek(&json), '{');
    assert_int_equal(hedon_json_begin_object(&json), 0);
    assert_int_equal(hedon_json_next_key(&json, &key), 1);
    assert_int_equal(hedon_json_peek(&json), '[');
    assert_int_equal(hedon_json_begin_array(&json), 0);
    assert_int_equal(hedon_json_next_element(&json), 1);
    assert_int_equal(hedon_json_peek(&json), '"');
    assert_int_equal(hedon_json_real(&json, &value), HEDON_EDATA);
    assert_string_equal(hedon_last_error(ctx),
                        "line 1, column 9: a string where a number is wanted");
    assert_int_equal(hedon_json_next_element(&json), HEDON_EDATA); /* and it stays so */
    assert_int_equal(hedon_json_finish(&json), HEDON_EDATA);
    hedon_json_close(&json);
    hedon_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid_documents_are_taken),
        cmocka_unit_test(test_mistakes_are_refused_with_their_place),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_depth_and_length_are_bounded),
        cmocka_unit_test(test_strings_are_decoded),
        cmocka_unit_test(test_numbers_are_rounded_as_strtod_does),
        cmocka_unit_test(test_kinds_are_seen_before_they_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
