// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "check.h"
#include "guard.h"
#include "jpeg_bytes.h"
#include "thingpass/jpeg.h"

enum { WHOLE = sizeof jpeg_bytes };

static size_t check(const uint8_t *bytes, size_t n) {
    uint8_t *copy = guard_copy(bytes, n);
    size_t length = thingpass_jpeg_is_whole(copy, n);
    guard_free(copy, n);
    return length;
}

static void a_whole_jpeg_has_its_length(void **state) {
    (void)state;
    assert_int_equal(check(jpeg_bytes, WHOLE), WHOLE);
}

static void a_cut_jpeg_is_not_whole(void **state) {
    (void)state;
    for (size_t n = 0; n < WHOLE; n++) {
        assert_int_equal(check(jpeg_bytes, n), 0);
    }
    assert_int_equal(thingpass_jpeg_is_whole(NULL, 0), 0);
}

static void padding_behind_the_end_is_not_counted(void **state) {
    (void)state;
    static const uint8_t fills[] = {0x00, 0xff, 0xd9, 0x55};
    uint8_t padded[WHOLE + 300];
    for (size_t i = 0; i < COUNT(fills); i++) {
        memset(padded, fills[i], sizeof padded);
        memcpy(padded, jpeg_bytes, WHOLE);
        for (size_t n = WHOLE; n <= sizeof padded; n++) {
            assert_int_equal(check(padded, n), WHOLE);
        }
    }
}

static void what_is_no_jpeg_is_told_at_once(void **state) {
    (void)state;
    static const struct {
        const char *what;
        uint8_t bytes[12];
        size_t n;
    } rows[] = {
        {"no picture between", {0xff, 0xd8, 0xff, 0xd9}, 4},
        {"the other way round", {0xd8, 0xff}, 1},
        {"a PNG", {0x89, 'P', 'N', 'G'}, 1},
        {"zeros", {0}, 1},
        {"one byte early", {0, 0xff, 0xd8, 0xff}, 1},
        {"no marker", {0xff, 0xd8, 0x12}, 3},
        {"a marker 0", {0xff, 0xd8, 0xff, 0}, 4},
        {"a marker 1", {0xff, 0xd8, 0xff, 1}, 4},
        {"a second beginning", {0xff, 0xd8, 0xff, 0xd8}, 4},
        {"a restart outside a scan", {0xff, 0xd8, 0xff, 0xd3}, 4},
        {"a segment of 0 bytes", {0xff, 0xd8, 0xff, 0xe0, 0, 0}, 6},
        {"a segment of 1 byte", {0xff, 0xd8, 0xff, 0xe0, 0, 1}, 6},
        {"nothing behind a segment", {0xff, 0xd8, 0xff, 0xe0, 0, 3, 7, 0}, 8},
        {"a beginning in a scan", {0xff, 0xd8, 0xff, 0xda, 0, 2, 1, 0xff, 0xd8}, 9},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct thingpass_jpeg jpeg;
        thingpass_jpeg_begin(&jpeg);
        thingpass_jpeg_feed(&jpeg, rows[i].bytes, rows[i].n - 1);
        CHECK(rows[i].what, !thingpass_jpeg_is_broken(&jpeg));
        thingpass_jpeg_feed(&jpeg, rows[i].bytes + rows[i].n - 1, 1);
        CHECK(rows[i].what, thingpass_jpeg_is_broken(&jpeg));
        thingpass_jpeg_feed(&jpeg, jpeg_bytes, WHOLE); // comes too late
        CHECK(rows[i].what, thingpass_jpeg_length(&jpeg) == 0);
    }
}

static void pieces_make_no_difference(void **state) {
    (void)state;
    for (size_t first = 0; first <= WHOLE; first++) {
        for (size_t second = first; second <= WHOLE; second++) {
            struct thingpass_jpeg jpeg;
            thingpass_jpeg_begin(&jpeg);
            thingpass_jpeg_feed(&jpeg, jpeg_bytes, first);
            thingpass_jpeg_feed(&jpeg, jpeg_bytes + first, second - first);
            assert_int_equal(thingpass_jpeg_length(&jpeg), second == WHOLE ? WHOLE : 0);
            thingpass_jpeg_feed(&jpeg, jpeg_bytes + second, WHOLE - second);
            assert_int_equal(thingpass_jpeg_length(&jpeg), WHOLE);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_jpeg_has_its_length),
        cmocka_unit_test(a_cut_jpeg_is_not_whole),
        cmocka_unit_test(padding_behind_the_end_is_not_counted),
        cmocka_unit_test(what_is_no_jpeg_is_told_at_once),
        cmocka_unit_test(pieces_make_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
