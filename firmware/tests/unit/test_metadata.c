// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "check.h"
#include "guard.h"
#include "thingpass/metadata.h"

static struct thingpass_metadata md;
static char room[4096];

static void fresh(void) {
    thingpass_metadata_begin(&md, room, sizeof room);
}

static void pairs_are_built_for_an_object(void **state) {
    (void)state;
    fresh();
    char version[] = "1.4.2";
    assert_int_equal(thingpass_metadata_text(&md, THINGPASS_METADATA_FW, version), THINGPASS_OK);
    memset(version, 'x', sizeof version - 1); // the value was copied
    assert_int_equal(thingpass_metadata_int(&md, THINGPASS_METADATA_RSSI, -61), THINGPASS_OK);
    assert_int_equal(thingpass_metadata_fixed(&md, THINGPASS_METADATA_TEMPERATURE, 2153, 2),
                     THINGPASS_OK);
    assert_int_equal(md.count, 3);
    assert_string_equal(md.pairs[0].name, "fw");
    assert_string_equal(md.pairs[0].value, "1.4.2");
    assert_string_equal(md.pairs[1].name, "rssi");
    assert_string_equal(md.pairs[1].value, "-61");
    assert_string_equal(md.pairs[2].name, "temperature");
    assert_string_equal(md.pairs[2].value, "21.53");
}

static void numbers_are_written_as_people_do(void **state) {
    (void)state;
    static const struct {
        int32_t value;
        unsigned decimals;
        const char *text;
    } rows[] = {
        {0, 0, "0"},
        {7, 0, "7"},
        {10, 0, "10"},
        {-1, 0, "-1"},
        {INT32_MAX, 0, "2147483647"},
        {INT32_MIN, 0, "-2147483648"},
        {0, 2, "0.00"},
        {5, 1, "0.5"},
        {5, 2, "0.05"},
        {-5, 2, "-0.05"},
        {-50, 2, "-0.50"},
        {99, 2, "0.99"},
        {100, 2, "1.00"},
        {2153, 2, "21.53"},
        {-2153, 3, "-2.153"},
        {1, 9, "0.000000001"},
        {INT32_MAX, 9, "2.147483647"},
        {INT32_MIN, 9, "-2.147483648"},
        {INT32_MIN, 1, "-214748364.8"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        fresh();
        CHECK(rows[i].text,
              thingpass_metadata_fixed(&md, "n", rows[i].value, rows[i].decimals) == THINGPASS_OK);
        CHECK(rows[i].text, strcmp(md.pairs[0].value, rows[i].text) == 0);
        if (rows[i].decimals == 0) {
            fresh();
            CHECK(rows[i].text, thingpass_metadata_int(&md, "n", rows[i].value) == THINGPASS_OK);
            CHECK(rows[i].text, strcmp(md.pairs[0].value, rows[i].text) == 0);
        }
    }
    fresh();
    assert_int_equal(thingpass_metadata_fixed(&md, "n", 1, 10), THINGPASS_EINVAL);
    assert_int_equal(thingpass_metadata_fixed(&md, "n", 1, UINT32_MAX), THINGPASS_EINVAL);
    assert_int_equal(md.count, 0);
}

// Whether a pair is refused and leaves everything as it was.
static bool refused(const char *name, const char *value, int err) {
    struct thingpass_metadata before = md;
    char text[sizeof room];
    memcpy(text, room, sizeof room);
    return thingpass_metadata_text(&md, name, value) == err &&
           memcmp(&before, &md, sizeof md) == 0 && memcmp(text, room, sizeof room) == 0;
}

static void a_bad_pair_is_refused_and_nothing_half_added(void **state) {
    (void)state;
    static const char *const names[] = {"",         "A",   "Fw",  "a_b",      "a b",         "a.b",
                                        "\xc3\xa9", "a\n", "a\r", "battery:", "captured-at", "a/b",
                                        "a=b",      "\x7f"};
    static const char *const values[] = {"",     " ",       " a",   "a ",   "a  b",     "a\tb",
                                         "a\nb", "a\r\n b", "\x01", "\x7f", "\xc3\xa9", "  "};
    fresh();
    memset(room, 0x55, sizeof room);
    assert_int_equal(thingpass_metadata_text(&md, "ok", "a b"), THINGPASS_OK);
    for (size_t i = 0; i < COUNT(names); i++) {
        CHECK(names[i], refused(names[i], "x", THINGPASS_EINVAL));
    }
    for (size_t i = 0; i < COUNT(values); i++) {
        CHECK(values[i], refused("x", values[i], THINGPASS_EINVAL));
    }
    assert_true(refused(NULL, "x", THINGPASS_EINVAL));
    assert_true(refused("x", NULL, THINGPASS_EINVAL));
    assert_true(refused("ok", "x", THINGPASS_EINVAL)); // there already
    assert_int_equal(thingpass_metadata_text(&md, "ok-2", "~ !"), THINGPASS_OK);
    assert_int_equal(md.count, 2);
}

static void names_and_values_have_their_longest(void **state) {
    (void)state;
    char name[34];
    char value[258];
    memset(name, 'n', sizeof name);
    memset(value, 'v', sizeof value);
    fresh();
    name[33] = '\0';
    assert_true(refused(name, "x", THINGPASS_EINVAL));
    name[32] = '\0';
    assert_int_equal(thingpass_metadata_text(&md, name, "x"), THINGPASS_OK);
    value[257] = '\0';
    assert_true(refused("a", value, THINGPASS_EINVAL));
    value[256] = '\0';
    assert_int_equal(thingpass_metadata_text(&md, "a", value), THINGPASS_OK);
    assert_int_equal(strlen(md.pairs[1].value), 256);
}

static void sixteen_pairs_are_the_most(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h",
                                        "i", "j", "k", "l", "m", "n", "o", "p"};
    fresh();
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(thingpass_metadata_int(&md, names[i], (int32_t)i), THINGPASS_OK);
    }
    assert_true(refused("q", "x", THINGPASS_EINVAL));
    assert_int_equal(md.count, 16);
    assert_string_equal(md.pairs[15].value, "15");
}

static void two_kilobytes_are_the_most(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
    char value[257];
    memset(value, 'v', 256);
    value[256] = '\0';
    fresh();
    for (size_t i = 0; i < COUNT(names); i++) { // 7 * 257 = 1,799
        assert_int_equal(thingpass_metadata_text(&md, names[i], value), THINGPASS_OK);
    }
    assert_true(refused("h", value + 7, THINGPASS_EINVAL)); // 1 + 249: one too many
    assert_int_equal(thingpass_metadata_text(&md, "h", value + 8), THINGPASS_OK);
    assert_int_equal(md.total, 2048);
    assert_true(refused("i", "x", THINGPASS_EINVAL));
}

// With every size of the lent text, up to the one that suffices.
static void a_text_that_is_too_small_is_told_and_never_overrun(void **state) {
    (void)state;
    for (size_t n = 0; n <= 14; n++) {
        char *text = guard_alloc(n);
        thingpass_metadata_begin(&md, text, n);
        int first = thingpass_metadata_text(&md, "a", "12345");
        int second = thingpass_metadata_fixed(&md, "b", -123456, 4);
        assert_int_equal(first, n >= 6 ? THINGPASS_OK : THINGPASS_ESPACE);
        assert_int_equal(second,
                         n >= (first == THINGPASS_OK ? 15U : 9U) ? THINGPASS_OK : THINGPASS_ESPACE);
        assert_int_equal(md.count, (first == THINGPASS_OK) + (second == THINGPASS_OK));
        guard_free(text, n);
    }
    char *text = guard_alloc(15);
    thingpass_metadata_begin(&md, text, 15);
    assert_int_equal(thingpass_metadata_text(&md, "a", "12345"), THINGPASS_OK);
    assert_int_equal(thingpass_metadata_fixed(&md, "b", -123456, 4), THINGPASS_OK);
    assert_string_equal(md.pairs[1].value, "-12.3456");
    assert_int_equal(md.left, 0);
    guard_free(text, 15);
    thingpass_metadata_begin(&md, NULL, 0);
    assert_int_equal(thingpass_metadata_text(&md, "a", "1"), THINGPASS_ESPACE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_built_for_an_object),
        cmocka_unit_test(numbers_are_written_as_people_do),
        cmocka_unit_test(a_bad_pair_is_refused_and_nothing_half_added),
        cmocka_unit_test(names_and_values_have_their_longest),
        cmocka_unit_test(sixteen_pairs_are_the_most),
        cmocka_unit_test(two_kilobytes_are_the_most),
        cmocka_unit_test(a_text_that_is_too_small_is_told_and_never_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
