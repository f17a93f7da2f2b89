// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "check.h"
#include "text.h"

#define ALNUM "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static void each_class_has_its_characters_and_no_other(void **state) {
    (void)state;
    static const struct {
        enum thingpass_class class;
        const char *all;
    } rows[] = {
        {THINGPASS_KIND, "0123456789abcdefghijklmnopqrstuvwxyz-"},
        {THINGPASS_ID, ALNUM "-_"},
        {THINGPASS_THING, ALNUM "-_:"},
        {THINGPASS_HOST, ALNUM "-_."},
        {THINGPASS_TOKEN, ALNUM "!#$%&'*+-.^_`|~"},
        {THINGPASS_TARGET, ALNUM "-._~!$&'()*+,;=:@/?%"},
        {THINGPASS_PRINT, ALNUM " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"},
        {THINGPASS_ROOT, ALNUM "!\"%&'()*,-./:;<=>?@[\\]^_`{|}~"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int c = 0; c < 256; c++) {
            char text[] = {(char)c, '\0'};
            struct thingpass_span one = {text, 1};
            bool want = memchr(rows[i].all, c, strlen(rows[i].all)) != NULL;
            CHECK(rows[i].all, thingpass_is((char)c, rows[i].class) == want);
            CHECK(rows[i].all, thingpass_span_all(one, 1, rows[i].class) == want);
        }
    }
}

static void a_span_is_of_a_class_when_every_character_is(void **state) {
    (void)state;
    struct thingpass_span s = thingpass_span_of("abc-1");
    assert_true(thingpass_span_all(s, 5, THINGPASS_KIND));
    assert_false(thingpass_span_all(s, 4, THINGPASS_KIND));
    for (size_t i = 0; i < 5; i++) {
        char text[] = "abc-1";
        text[i] = 'A';
        assert_false(thingpass_span_all(thingpass_span_of(text), 5, THINGPASS_KIND));
        assert_true(thingpass_span_all(thingpass_span_of(text), 5, THINGPASS_ID));
    }
    s.n = 0;
    assert_false(thingpass_span_all(s, 5, THINGPASS_KIND));
}

// The quotient and the remainder are those of the compiler's own division.
static void divisions_are_exact(void **state) {
    (void)state;
    static const uint32_t by[] = {1, 2, 3, 10, 24, 675, 1000, 3600, 65535};
    uint64_t n = 0;
    for (int i = 0; i < 20000; i++) {
        n = n * 6364136223846793005U + 1442695040888963407U;
        uint64_t value = i < 64 ? (uint64_t)1 << i : i < 128 ? UINT64_MAX >> (i - 64) : n >> i % 64;
        for (size_t k = 0; k < COUNT(by); k++) {
            uint64_t quotient = value;
            assert_int_equal(thingpass_divide(&quotient, by[k]), value % by[k]);
            assert_int_equal(quotient, value / by[k]);
        }
    }
}

static void numbers_are_written_in_full(void **state) {
    (void)state;
    static const struct {
        uint64_t value;
        const char *want;
    } rows[] = {{0, "0"},
                {9, "9"},
                {10, "10"},
                {4294967295, "4294967295"},
                {4294967296, "4294967296"},
                {UINT64_MAX, "18446744073709551615"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[21] = "";
        struct thingpass_writer w = {text, 20, 0};
        thingpass_put_u64(&w, rows[i].value);
        assert_string_equal(text, rows[i].want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_has_its_characters_and_no_other),
        cmocka_unit_test(a_span_is_of_a_class_when_every_character_is),
        cmocka_unit_test(divisions_are_exact),
        cmocka_unit_test(numbers_are_written_in_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
