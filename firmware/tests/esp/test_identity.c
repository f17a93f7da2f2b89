// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "check.h"
#include "guard.h"
#include "jpeg_frame.h"
#include "provision_rules.h"

#define PEM(what) "-----BEGIN " what "-----\nMIIB\n-----END " what "-----\n"

static const struct thingpass_esp_provision good = {.server =
                                                        "mqtts://a1b2-ats.iot.eu.example:8883",
                                                    .thing = "cam1",
                                                    .cert = PEM("CERTIFICATE"),
                                                    .key = PEM("EC PRIVATE KEY"),
                                                    .ca = PEM("CERTIFICATE"),
                                                    .s3_ca = ""};

static int check(const struct thingpass_esp_provision *p, const char **field) {
    const struct thingpass_provision_field *wrong = NULL;
    int rc = thingpass_provision_check(p, THINGPASS_NVS_STRING_MAX, &wrong);
    *field = wrong != NULL ? wrong->name : "";
    return rc;
}

static void a_server_that_is_not_mqtts_is_refused(void **state) {
    (void)state;
    const char *bad[] = {NULL,
                         "",
                         "mqtt://host",
                         "mqtts://",
                         "mqtts:///",
                         "mqtts://host:",
                         "mqtts://host:0",
                         "mqtts://host:65536",
                         "mqtts://host:123456",
                         "mqtts://host:12a",
                         "mqtts://host/path",
                         "mqtts://user@host",
                         "mqtts://ho st",
                         "mqtts://.host",
                         "mqtts://-host",
                         "host",
                         "ssl://host",
                         "MQTTS://host",
                         "mqtts://host\n",
                         "wss://host",
                         "mqtts://host:-1"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(thingpass_server_uri_ok(bad[i]));
    }
    const char *fine[] = {"mqtts://h", "mqtts://192.168.1.10:8883", "mqtts://x.example:65535"};
    for (size_t i = 0; i < COUNT(fine); i++) {
        assert_true(thingpass_server_uri_ok(fine[i]));
    }
}

static void what_is_wrong_is_named(void **state) {
    (void)state;
    char long_thing[THINGPASS_THING_MAX + 2];
    memset(long_thing, 'a', sizeof long_thing - 1);
    long_thing[sizeof long_thing - 1] = '\0';
    const struct {
        size_t offset;
        const char *name, *text;
    } cases[] = {
#define CASE(field, text) {offsetof(struct thingpass_esp_provision, field), #field, text}
        CASE(server, "mqtt://plain"),
        CASE(thing, "a/b"),
        CASE(thing, "a+"),
        CASE(thing, "a b"),
        CASE(thing, long_thing),
        CASE(cert, "cert.pem"),
        CASE(cert, PEM("PRIVATE KEY")),
        CASE(cert, "-----BEGIN CERTIFICATE-----\nMIIB\n"), // cut
        CASE(cert, "\x30\x82\x01\x01"),                    // DER
        CASE(cert, PEM("CERTIFICATE") "\x80"),
        CASE(key, PEM("CERTIFICATE")),
        CASE(key, PEM("ENCRYPTED PRIVATE KEY")),
        CASE(key, PEM("PUBLIC KEY")),
        CASE(ca, PEM("CERTIFICATE REQUEST")),
        CASE(s3_ca, "-----BEGIN X-----\n-----BEGIN CERTIFICATE-----\n-----END X-----"),
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct thingpass_esp_provision p = good;
        const char *field;
        memcpy((char *)&p + cases[i].offset, &cases[i].text, sizeof cases[i].text);
        assert_int_equal(check(&p, &field), THINGPASS_EINVAL);
        assert_string_equal(field, cases[i].name);
    }
}

static void what_nvs_cannot_hold_is_refused(void **state) {
    (void)state;
    static char text[THINGPASS_NVS_STRING_MAX + 2];
    memset(text, '\n', sizeof text - 1);
    memcpy(text, PEM("CERTIFICATE"), sizeof PEM("CERTIFICATE") - 1);
    struct thingpass_esp_provision p = good;
    const char *field;
    p.ca = text;
    assert_int_equal(check(&p, &field), THINGPASS_ESPACE);
    assert_string_equal(field, "ca");
    text[THINGPASS_NVS_STRING_MAX] = '\0';
    assert_int_equal(check(&p, &field), THINGPASS_OK);
}

static void what_is_left_out_or_erased_is_fine(void **state) {
    (void)state;
    struct thingpass_esp_provision none = {0};
    const char *field;
    assert_int_equal(check(&none, &field), THINGPASS_OK);
    assert_int_equal(check(&good, &field), THINGPASS_OK);
    assert_string_equal(field, "");
}

static void names_are_those_that_nvs_takes(void **state) {
    (void)state;
    for (size_t i = 0; i < thingpass_provision_field_count; i++) {
        const struct thingpass_provision_field *f = &thingpass_provision_fields[i];
        assert_in_range(strlen(f->name), 1, THINGPASS_NVS_KEY_MAX);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(f->name, thingpass_provision_fields[j].name);
        }
        // Each reads its own field.
        struct thingpass_esp_provision p = {0};
        const char *text = "x";
        memcpy((char *)&p + f->offset, &text, sizeof text);
        assert_ptr_equal(thingpass_provision_text(&p, f), text);
    }
    // What flashed boards have in their NVS.
    assert_string_equal(thingpass_provision_fields[0].name, "server");
    assert_string_equal(thingpass_provision_fields[5].name, "s3_ca");
}

// ── Frames ──

static const uint8_t frame[] = {0xFF, 0xD8, 0xFF, 0xE0, 0x00, 0x04, 0xAA, 0xBB, 0xFF, 0xC0, 0x00,
                                0x0B, 0x08, 0x00, 0xF0, 0x01, 0x40, 0x01, 0x01, 0x11, 0x00};

static bool size_of(const uint8_t *bytes, size_t n, uint16_t *w, uint16_t *h) {
    void *copy = guard_copy(bytes, n);
    bool found = thingpass_jpeg_frame_size(copy, n, w, h);
    guard_free(copy, n);
    return found;
}

static void a_cut_frame_header_is_not_read(void **state) {
    (void)state;
    uint16_t w;
    uint16_t h;
    for (size_t n = 0; n < sizeof frame; n++) {
        bool found = size_of(frame, n, &w, &h);
        assert_int_equal(found, n >= 17); // height and width are there
    }
    assert_true(size_of(frame, sizeof frame, &w, &h));
    assert_int_equal(w, 320);
    assert_int_equal(h, 240);
}

static void damaged_frames_have_no_size(void **state) {
    (void)state;
    const struct {
        size_t at;
        uint8_t byte;
    } damage[] = {{0, 0}, {1, 0xD9}, {2, 0}, {8, 0}, {5, 1}, {4, 0xFF}, {9, 0xDA}, {9, 0xC4}};
    for (size_t i = 0; i < COUNT(damage); i++) {
        uint8_t bytes[sizeof frame];
        uint16_t w;
        uint16_t h;
        memcpy(bytes, frame, sizeof frame);
        bytes[damage[i].at] = damage[i].byte;
        assert_false(size_of(bytes, sizeof bytes, &w, &h));
    }
    uint8_t empty[sizeof frame];
    uint16_t w;
    uint16_t h;
    memcpy(empty, frame, sizeof frame);
    empty[13] = empty[14] = 0;
    assert_false(size_of(empty, sizeof empty, &w, &h));
}

static void luma_lies_where_the_pixels_were(void **state) {
    (void)state;
    // Black, white, red, green, blue: low byte first.
    uint8_t pixels[] = {0x00, 0x00, 0xFF, 0xFF, 0x00, 0xF8, 0xE0, 0x07, 0x1F, 0x00};
    thingpass_luma_of_rgb565(pixels, 5);
    assert_int_equal(pixels[0], 0);
    assert_in_range(pixels[1], 245, 255);
    assert_in_range(pixels[2], 70, 80);
    assert_in_range(pixels[3], 140, 152);
    assert_in_range(pixels[4], 25, 32);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_is_not_mqtts_is_refused),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(what_nvs_cannot_hold_is_refused),
        cmocka_unit_test(what_is_left_out_or_erased_is_fine),
        cmocka_unit_test(names_are_those_that_nvs_takes),
        cmocka_unit_test(a_cut_frame_header_is_not_read),
        cmocka_unit_test(damaged_frames_have_no_size),
        cmocka_unit_test(luma_lies_where_the_pixels_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
