// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "check.h"
#include "date.h"
#include "guard.h"

static const char *text_of(char text[32], void (*put)(struct thingpass_writer *, uint32_t),
                           uint32_t unix_s) {
    struct thingpass_writer w = {text, 31, 0};
    put(&w, unix_s);
    text[w.len] = '\0';
    return text;
}

static void dates_are_written_as_they_are(void **state) {
    (void)state;
    static const struct {
        uint32_t unix_s;
        const char *time, *path;
    } rows[] = {
        {946684800, "20000101T000000Z", "2000/01/01"},
        {951782399, "20000228T235959Z", "2000/02/28"},
        {951868799, "20000229T235959Z", "2000/02/29"},
        {951868800, "20000301T000000Z", "2000/03/01"},
        {978307199, "20001231T235959Z", "2000/12/31"},
        {978307200, "20010101T000000Z", "2001/01/01"},
        {1369353600, "20130524T000000Z", "2013/05/24"},
        {1709164800, "20240229T000000Z", "2024/02/29"},
        {1735689599, "20241231T235959Z", "2024/12/31"},
        {1795424400, "20261123T090000Z", "2026/11/23"},
        {2147483648, "20380119T031408Z", "2038/01/19"},
        {4102444799, "20991231T235959Z", "2099/12/31"},
    };
    char text[32];
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_string_equal(text_of(text, thingpass_put_date_time, rows[i].unix_s), rows[i].time);
        assert_string_equal(text_of(text, thingpass_put_date_path, rows[i].unix_s), rows[i].path);
    }
}

// Counts every day of the century with a calendar of its own.
static void every_day_of_the_century_is_right(void **state) {
    (void)state;
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t unix_s = 946684800;
    for (unsigned year = 2000; year < 2100; year++) {
        for (unsigned month = 1; month <= 12; month++) {
            unsigned last = days[month - 1] + (month == 2 && year % 4 == 0);
            for (unsigned day = 1; day <= last; day++, unix_s += 86400) {
                char want[32];
                char got[32];
                uint32_t at = unix_s + 3661 * (day % 23);
                snprintf(want, sizeof want, "%04u%02u%02uT%02u%02u%02uZ", year, month, day,
                         at % 86400 / 3600, at / 60 % 60, at % 60);
                assert_string_equal(text_of(got, thingpass_put_date_time, at), want);
                snprintf(want, sizeof want, "%04u-%02u-%02uT%02u:%02u:%02uZ", year, month, day,
                         at % 86400 / 3600, at / 60 % 60, at % 60);
                assert_int_equal(thingpass_date_iso(thingpass_span_of(want)), at);
            }
        }
    }
    assert_int_equal(unix_s, 4102444800u);
}

static void moments_outside_of_the_century_have_no_date(void **state) {
    (void)state;
    static const int64_t none[] = {INT64_MIN,  -1,         0,         946684799,
                                   4102444800, 4294967296, INT64_MAX, 4294967296 + 1795424400};
    for (size_t i = 0; i < COUNT(none); i++) {
        assert_int_equal(thingpass_date_seconds(none[i]), 0);
    }
    assert_int_equal(thingpass_date_seconds(946684800), 946684800);
    assert_int_equal(thingpass_date_seconds(4102444799), 4102444799u);
}

static void a_date_that_does_not_fit_is_not_written(void **state) {
    (void)state;
    for (size_t cap = 0; cap < 16; cap++) {
        struct thingpass_writer w = {guard_alloc(cap), cap, 0};
        thingpass_put_date_time(&w, 1795424400);
        assert_true(w.len == SIZE_MAX);
        guard_free(w.buf, cap);
    }
}

static void good_dates_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t want;
    } iso[] = {{"2026-11-23T09:00:00Z", 1795424400},
               {"2026-11-23T09:00:00.5Z", 1795424400},
               {"2026-11-23T09:00:00.123456789Z", 1795424400},
               {"2000-01-01T00:00:00Z", 946684800},
               {"2024-02-29T00:00:00Z", 1709164800},
               {"2099-12-31T23:59:59Z", 4102444799}},
      http[] = {{"Mon, 23 Nov 2026 09:00:00 GMT", 1795424400},
                {"Fri, 24 May 2013 00:00:00 GMT", 1369353600},
                {"Sat, 01 Jan 2000 00:00:00 GMT", 946684800},
                {"Thu, 31 Dec 2099 23:59:59 GMT", 4102444799},
                {"Thu, 29 Feb 2024 00:00:00 GMT", 1709164800}};
    for (size_t i = 0; i < COUNT(iso); i++) {
        CHECK(iso[i].text, thingpass_date_iso(thingpass_span_of(iso[i].text)) == iso[i].want);
        CHECK(iso[i].text, thingpass_date_http(thingpass_span_of(iso[i].text)) == 0);
    }
    for (size_t i = 0; i < COUNT(http); i++) {
        CHECK(http[i].text, thingpass_date_http(thingpass_span_of(http[i].text)) == http[i].want);
        CHECK(http[i].text, thingpass_date_iso(thingpass_span_of(http[i].text)) == 0);
    }
}

static void bad_dates_are_refused(void **state) {
    (void)state;
    static const char *const iso[] = {
        "",
        "Z",
        "2026-11-23",
        "2026-11-23T09:00:00",
        "2026-11-23T09:00:00z",
        "2026-11-23T09:00:00+00:00",
        "2026-11-23T09:00:00.Z",
        "2026-11-23T09:00:00.1234567890Z",
        "2026-11-23T09:00:00,5Z",
        "2026-11-23T09:00:00.5xZ",
        "2026-11-23 09:00:00Z",
        "2026-13-23T09:00:00Z",
        "2026-00-23T09:00:00Z",
        "2026-11-00T09:00:00Z",
        "2026-11-31T09:00:00Z",
        "2026-02-29T09:00:00Z",
        "2100-01-01T00:00:00Z",
        "1999-12-31T23:59:59Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T09:60:00Z",
        "2026-11-23T09:00:60Z",
        "2026-11-23T09:00:0 Z",
        "-026-11-23T09:00:00Z",
        " 2026-11-23T09:00:0Z",
    };
    static const char *const http[] = {
        "",
        "Mon, 23 Nov 2026 09:00:00",
        "Mon, 23 Nov 2026 09:00:00 UTC",
        "Mon, 23 nov 2026 09:00:00 GMT",
        "Mon, 23 Nox 2026 09:00:00 GMT",
        "Mon, 3 Nov 2026 09:00:00 GMT ",
        "Monday, 23-Nov-26 09:00:00 GMT",
        "Mon Nov 23 09:00:00 2026     ",
        "Mon, 31 Nov 2026 09:00:00 GMT",
        "Mon, 23 Nov 2126 09:00:00 GMT",
        "Mon, 23 Nov 2026 09:61:00 GMT",
        "Mon, 23 Nov 2026 0x:00:00 GMT",
    };
    for (size_t i = 0; i < COUNT(iso); i++) {
        CHECK(iso[i], thingpass_date_iso(thingpass_span_of(iso[i])) == 0);
    }
    for (size_t i = 0; i < COUNT(http); i++) {
        CHECK(http[i], thingpass_date_http(thingpass_span_of(http[i])) == 0);
    }
}

static void no_byte_behind_a_date_is_read(void **state) {
    (void)state;
    static const char *const texts[] = {"2026-11-23T09:00:00.5Z", "Mon, 23 Nov 2026 09:00:00 GMT",
                                        "2026-11-23T09:00:00Z"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        for (size_t n = 0; n < strlen(texts[i]); n++) {
            struct thingpass_span s = {guard_copy(texts[i], n), n};
            CHECK(texts[i], thingpass_date_iso(s) == 0 && thingpass_date_http(s) == 0);
            guard_free((void *)(uintptr_t)s.p, n);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_written_as_they_are),
        cmocka_unit_test(every_day_of_the_century_is_right),
        cmocka_unit_test(moments_outside_of_the_century_have_no_date),
        cmocka_unit_test(a_date_that_does_not_fit_is_not_written),
        cmocka_unit_test(good_dates_are_read),
        cmocka_unit_test(bad_dates_are_refused),
        cmocka_unit_test(no_byte_behind_a_date_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
