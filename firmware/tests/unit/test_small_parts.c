// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "backoff.h"
#include "check.h"
#include "clock.h"
#include "id.h"
#include "reader.h"
#include "s3.h"

static int fill_with(void *ctx, void *buf, size_t len) {
    memset(buf, *(int *)ctx, len);
    return THINGPASS_OK;
}

static int fill_fails(void *ctx, void *buf, size_t len) {
    (void)ctx;
    memset(buf, 0x55, len);
    return THINGPASS_EIO;
}

static int bits_none = 0x00;
static int bits_all = 0xff;
static const struct thingpass_random zeros = {&bits_none, fill_with};
static const struct thingpass_random ones = {&bits_all, fill_with};
static const struct thingpass_random broken = {NULL, fill_fails};

static void waits_double_up_to_the_maximum(void **state) {
    (void)state;
    const uint32_t want[] = {5000, 10000, 20000, 40000, 60000, 60000};
    for (unsigned n = 0; n < COUNT(want); n++) {
        assert_int_equal(thingpass_backoff_ms(&zeros, 5000, 60000, n), want[n]);
    }
    assert_int_equal(thingpass_backoff_ms(&zeros, 5000, 60000, 1000000), 60000);
    assert_int_equal(thingpass_backoff_ms(&zeros, 9000, 60, 0), 60);
    assert_int_equal(thingpass_backoff_ms(&zeros, 3000000000u, UINT32_MAX, 3), UINT32_MAX);
}

static void jitter_adds_up_to_half_and_never_takes_away(void **state) {
    (void)state;
    bool moved = false;
    for (int bits = 0; bits < 256; bits++) {
        const struct thingpass_random random = {&bits, fill_with};
        uint32_t wait = thingpass_jitter_ms(&random, 1000);
        assert_in_range(wait, 1000, 1500);
        moved = moved || wait != 1000;
    }
    assert_true(moved);
    assert_int_equal(thingpass_jitter_ms(&broken, 1000), 1000);
    assert_int_equal(thingpass_jitter_ms(&ones, 0), 0);
    assert_true(thingpass_jitter_ms(&ones, UINT32_MAX) >= UINT32_MAX - 1);
}

static void the_clock_follows_the_last_reply(void **state) {
    (void)state;
    struct thingpass_clock_state clock = {false, 0};
    assert_int_equal(thingpass_clock_at(&clock, 1000), 0);
    thingpass_clock_set(&clock, 1795424400, 60000);
    assert_int_equal(thingpass_clock_at(&clock, 60000), 1795424400);
    assert_int_equal(thingpass_clock_at(&clock, 61999), 1795424401);
    assert_int_equal(thingpass_clock_at(&clock, 10000), 1795424350); // before it was set
    thingpass_clock_set(&clock, 1700000000, 70000);                  // the broker's clock went back
    assert_int_equal(thingpass_clock_at(&clock, 70000), 1700000000);
}

static void moments_outside_2020_to_9999_count_as_unknown(void **state) {
    (void)state;
    struct thingpass_clock_state clock = {false, 0};
    thingpass_clock_set(&clock, 1577836800, 5000);
    assert_int_equal(thingpass_clock_at(&clock, 5000), 1577836800);
    assert_int_equal(thingpass_clock_at(&clock, 1000), 0);
    thingpass_clock_set(&clock, 253402300799, 5000);
    assert_int_equal(thingpass_clock_at(&clock, 6000), 0);
    assert_int_equal(thingpass_clock_at(&clock, UINT64_MAX), 0);
    assert_false(thingpass_time_is_sane(1577836799));
    assert_false(thingpass_time_is_sane(253402300800));
    assert_false(thingpass_time_is_sane(-1));
}

static void ids_have_a_prefix_per_boot_and_count(void **state) {
    (void)state;
    struct thingpass_id_state ids;
    char id[THINGPASS_ID_MAX + 1];
    assert_int_equal(thingpass_id_init(&ids, &ones), THINGPASS_OK);
    assert_int_equal(thingpass_id_next(&ids, id, sizeof id), 17);
    assert_string_equal(id, "7777777777-000001");
    thingpass_id_next(&ids, id, sizeof id);
    assert_string_equal(id, "7777777777-000002");
    ids.counter = 1234566;
    assert_int_equal(thingpass_id_next(&ids, id, sizeof id), 18);
    assert_string_equal(id, "7777777777-1234567");
    assert_int_equal(thingpass_id_init(&ids, &broken), THINGPASS_EIO);
}

static void an_id_that_does_not_fit_is_not_used_up(void **state) {
    (void)state;
    struct thingpass_id_state ids;
    char id[18] = "x";
    assert_int_equal(thingpass_id_init(&ids, &zeros), THINGPASS_OK);
    for (size_t cap = 0; cap < sizeof id; cap++) {
        assert_int_equal(thingpass_id_next(&ids, id, cap), THINGPASS_ESPACE);
        assert_true(cap == 0 || id[0] == '\0');
    }
    assert_int_equal(thingpass_id_next(&ids, id, sizeof id), 17);
    assert_string_equal(id, "aaaaaaaaaa-000001");
}

static void every_answer_of_s3_has_its_meaning(void **state) {
    (void)state;
    static const struct {
        unsigned status;
        const char *code;
        enum thingpass_s3_verdict want;
    } rows[] = {
        {200, "", THINGPASS_S3_STORED},
        {204, "", THINGPASS_S3_STORED},
        {412, "PreconditionFailed", THINGPASS_S3_STORED},
        {403, "AccessDenied", THINGPASS_S3_ASK_AGAIN},
        {403, "SignatureDoesNotMatch", THINGPASS_S3_ASK_AGAIN},
        {403, "", THINGPASS_S3_ASK_AGAIN},
        {400, "ExpiredToken", THINGPASS_S3_ASK_AGAIN},
        {301, "PermanentRedirect", THINGPASS_S3_ASK_AGAIN},
        {307, "TemporaryRedirect", THINGPASS_S3_ASK_AGAIN},
        {409, "ConditionalRequestConflict", THINGPASS_S3_SEND_AGAIN},
        {500, "InternalError", THINGPASS_S3_SEND_AGAIN},
        {502, "", THINGPASS_S3_SEND_AGAIN},
        {503, "SlowDown", THINGPASS_S3_SEND_AGAIN},
        {400, "RequestTimeout", THINGPASS_S3_SEND_AGAIN},
        {400, "BadDigest", THINGPASS_S3_SEND_AGAIN},
        {408, "", THINGPASS_S3_SEND_AGAIN},
        {429, "", THINGPASS_S3_SEND_AGAIN},
        {400, "", THINGPASS_S3_REJECTED},
        {400, "InvalidDigest", THINGPASS_S3_REJECTED},
        {400, "EntityTooLarge", THINGPASS_S3_REJECTED},
        {404, "NoSuchBucket", THINGPASS_S3_REJECTED},
        {405, "MethodNotAllowed", THINGPASS_S3_REJECTED},
        {411, "MissingContentLength", THINGPASS_S3_REJECTED},
        {413, "", THINGPASS_S3_REJECTED},
        {499, "", THINGPASS_S3_REJECTED},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK(rows[i].code, thingpass_s3_judge(rows[i].status, rows[i].code) == rows[i].want);
    }
}

static const char *code_of(const char *body, size_t piece) {
    static struct thingpass_s3_error e;
    memset(&e, 0, sizeof e);
    size_t n = strlen(body);
    for (size_t i = 0; i < n; i += piece) {
        struct thingpass_span s = {body + i, n - i < piece ? n - i : piece};
        thingpass_s3_error_feed(&e, s);
    }
    return e.code;
}

static void the_error_code_is_found_in_pieces_of_any_size(void **state) {
    (void)state;
    static const struct {
        const char *body;
        const char *want;
    } rows[] = {
        {"<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>x</Message>", "SlowDown"},
        {"<Error><Co<Code>A.B</Code>", "A.B"},
        {"<<Code>One</Code><Code>Two</Code>", "One"},
        {"<Code></Code><Code>Two</Code>", ""},
        {"<Code>cut", "cut"},
        {"<code>lower</code>", ""},
        {"<Code>Bad\r\nX-Evil: 1", "Bad"},
        {"<Code>0123456789012345678901234567890123456789012345678901234567890123456789</Code>",
         "01234567890123456789012345678901234567890123456"},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t piece = 1; piece < 80; piece++) {
            CHECK(rows[i].body, strcmp(code_of(rows[i].body, piece), rows[i].want) == 0);
        }
    }
}

static void a_code_is_whole_when_its_end_was_seen(void **state) {
    (void)state;
    static const struct {
        const char *body;
        bool want;
    } rows[] = {{"<Code>SlowDown<", true},
                {"<Code>SlowDown", false},
                {"<Code><", false},
                {"<Code>", false},
                {"", false}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct thingpass_s3_error e;
        memset(&e, 0, sizeof e);
        thingpass_s3_error_feed(&e, thingpass_span_of(rows[i].body));
        CHECK(rows[i].body, thingpass_s3_error_is_whole(&e) == rows[i].want);
    }
}

static int read_nothing(void *ctx, void *buf, size_t cap) {
    (void)ctx;
    (void)buf;
    (void)cap;
    return 0;
}

static void a_one_pass_source_is_begun_once(void **state) {
    (void)state;
    const struct thingpass_source source = {NULL,         1,    NULL, true, false,
                                            read_nothing, NULL, NULL, NULL};
    struct thingpass_reader r;
    char byte;
    memset(&r, 0, sizeof r);
    assert_int_equal(thingpass_reader_begin(&r, &source), THINGPASS_OK);
    assert_int_equal(thingpass_reader_begin(&r, &source), THINGPASS_OK); // not read so far
    assert_int_equal(thingpass_reader_next(&r, &byte, 1), THINGPASS_ELENGTH);
    assert_int_equal(thingpass_reader_begin(&r, &source), THINGPASS_ESPENT);
}

static void a_code_beyond_the_first_kilobyte_is_not_looked_for(void **state) {
    (void)state;
    char body[1100];
    memset(body, ' ', sizeof body);
    memcpy(body + 1010, "<Code>Late</Code>", 18);
    assert_string_equal(code_of(body, 64), "Late");
    memset(body, ' ', sizeof body);
    memcpy(body + 1030, "<Code>Late</Code>", 18);
    assert_string_equal(code_of(body, 64), "");
}

static void every_error_has_words(void **state) {
    (void)state;
    for (int err = THINGPASS_EDAMAGED; err <= THINGPASS_OK; err++) {
        assert_string_not_equal(thingpass_strerror(err), "unknown error");
        for (int other = THINGPASS_EDAMAGED; other < err; other++) {
            assert_string_not_equal(thingpass_strerror(err), thingpass_strerror(other));
        }
    }
    assert_string_equal(thingpass_strerror(-1000), "unknown error");
    assert_string_equal(thingpass_strerror(7), "unknown error");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_up_to_the_maximum),
        cmocka_unit_test(jitter_adds_up_to_half_and_never_takes_away),
        cmocka_unit_test(the_clock_follows_the_last_reply),
        cmocka_unit_test(moments_outside_2020_to_9999_count_as_unknown),
        cmocka_unit_test(ids_have_a_prefix_per_boot_and_count),
        cmocka_unit_test(an_id_that_does_not_fit_is_not_used_up),
        cmocka_unit_test(every_answer_of_s3_has_its_meaning),
        cmocka_unit_test(the_error_code_is_found_in_pieces_of_any_size),
        cmocka_unit_test(a_code_is_whole_when_its_end_was_seen),
        cmocka_unit_test(a_one_pass_source_is_begun_once),
        cmocka_unit_test(a_code_beyond_the_first_kilobyte_is_not_looked_for),
        cmocka_unit_test(every_error_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
