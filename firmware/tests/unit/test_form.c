// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The form around an object that is POSTed.

#include "check.h"
#include "form.h"
#include "form_judge.h"
#include "guard.h"
#include "id.h"

static const char boundary[] = "abcdefghijklmnopqrstuvwx";
static const uint8_t sum[32] = {0x9f, 0x86, 0xd0, 0x81};
static const struct thingpass_pair pairs[] = {{"fw", "1.4.2"}, {"rssi", "-61"}};
static const char packed[] = "Content-Type: image/jpeg\r\npolicy: eyJ9==\r\nx-amz-empty: \r\n";

static struct thingpass_form whole_form(void) {
    struct thingpass_form f = {boundary,
                               thingpass_span_of("cam1/photo/2026/11/23/x.jpg"),
                               {packed, sizeof packed - 1},
                               pairs,
                               2,
                               1795424398,
                               sum};
    return f;
}

// Writes form and object in pieces of that size. Returns the length.
static size_t write_form(const struct thingpass_form *form, const char *object, size_t object_len,
                         char *out, size_t piece) {
    size_t len = 0;
    size_t offset = 0;
    for (size_t n; (n = thingpass_form_before(form, &offset, out + len, piece)) > 0;) {
        len += n;
    }
    memcpy(out + len, object, object_len);
    len += object_len;
    offset = 0;
    for (size_t n; (n = thingpass_form_after(form, &offset, out + len, piece)) > 0;) {
        len += n;
    }
    return len;
}

static const char head[] =
    "POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=abcdefghijklmnopqrstuvwx\r\n"
    "Content-Length: 1\r\n\r\n";

static void a_form_has_the_key_first_and_the_file_last(void **state) {
    (void)state;
    struct thingpass_form form = whole_form();
    struct form_reading got;
    char body[2000];
    size_t len = write_form(&form, "\xff\xd8\r\n--abc\xff\xd9", 11, body, sizeof body / 2);
    form_read(&got, head, body, len);
    assert_null(got.flaw);
    assert_string_equal(got.fields,
                        "key=cam1/photo/2026/11/23/x.jpg\n"
                        "Content-Type=image/jpeg\npolicy=eyJ9==\nx-amz-empty=\n"
                        "x-amz-meta-captured-at=1795424398\nx-amz-meta-fw=1.4.2\n"
                        "x-amz-meta-rssi=-61\n"
                        "x-amz-checksum-sha256=n4bQgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    assert_int_equal(got.file_len, 11);
    assert_memory_equal(got.file, "\xff\xd8\r\n--abc\xff\xd9", 11);
}

static void the_length_is_known_beforehand_and_pieces_of_any_size_make_the_same(void **state) {
    (void)state;
    struct thingpass_form form = whole_form();
    char whole[2000];
    size_t len = write_form(&form, "", 0, whole, sizeof whole / 2);
    assert_int_equal(thingpass_form_length(&form), len);
    for (size_t piece = 1; piece <= len; piece++) {
        char *buf = guard_alloc(len);
        size_t offset = 0;
        size_t at = 0;
        for (size_t n = 1; n > 0; at += n) {
            size_t room = len - at < piece ? len - at : piece;
            n = thingpass_form_before(&form, &offset, buf + at, room);
        }
        offset = 0;
        for (size_t n = 1; n > 0; at += n) {
            size_t room = len - at < piece ? len - at : piece;
            n = thingpass_form_after(&form, &offset, buf + at, room);
        }
        assert_int_equal(at, len);
        assert_memory_equal(buf, whole, len);
        guard_free(buf, len);
    }
}

static void what_is_not_there_is_left_out(void **state) {
    (void)state;
    struct thingpass_form form = {boundary, thingpass_span_of("k"), {NULL, 0}, NULL, 0, 7, NULL};
    struct form_reading got;
    char body[500];
    form_read(&got, head, body, write_form(&form, "x", 1, body, 100));
    assert_null(got.flaw);
    assert_string_equal(got.fields, "key=k\nx-amz-meta-captured-at=7\n");
}

struct dice {
    uint8_t next;
    bool fail;
};

static int throw_dice(void *ctx, void *buf, size_t len) {
    struct dice *d = ctx;
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)buf)[i] = d->next++;
    }
    return d->fail ? -3 : 0;
}

static void a_boundary_is_made_of_letters_and_digits_only(void **state) {
    (void)state;
    struct dice d = {0, false};
    const struct thingpass_random random = {&d, throw_dice};
    char *buf = guard_alloc(25);
    char before[25] = "";
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(thingpass_draw_letters(&random, buf, 25), THINGPASS_OK);
        assert_int_equal(strspn(buf, "abcdefghijklmnopqrstuvwxyz234567"), 24);
        assert_int_equal(strlen(buf), 24);
        assert_string_not_equal(buf, before);
        memcpy(before, buf, 25);
    }
    d.fail = true;
    assert_int_equal(thingpass_draw_letters(&random, buf, 25), THINGPASS_EIO);
    guard_free(buf, 25);
}

static void base64_is_as_rfc_4648_has_it(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"},
                                          {"\xfb\xff\xbf", "+/+/"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t n = strlen(rows[i][1]);
        const uint8_t *bytes = guard_copy(rows[i][0], strlen(rows[i][0]));
        char *buf = guard_alloc(n);
        struct thingpass_writer w = {buf, n, 0};
        thingpass_put_base64(&w, bytes, strlen(rows[i][0]));
        CHECK(rows[i][0], w.len == n && memcmp(buf, rows[i][1], n) == 0);
        guard_free(buf, n);
        guard_free((void *)(uintptr_t)bytes, strlen(rows[i][0]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_has_the_key_first_and_the_file_last),
        cmocka_unit_test(the_length_is_known_beforehand_and_pieces_of_any_size_make_the_same),
        cmocka_unit_test(what_is_not_there_is_left_out),
        cmocka_unit_test(a_boundary_is_made_of_letters_and_digits_only),
        cmocka_unit_test(base64_is_as_rfc_4648_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
