// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A download as S3 and the network see it: every answer, every break, and what a
// sink can do wrong.

#include "fetch.h"

static const struct thingpass_result *result(const struct fetch *f) {
    return thingpass_result(&f->w->tp);
}

static void an_object_is_fetched_and_verified(void **state) {
    (void)state;
    for (unsigned nuisance = 0; nuisance < 4; nuisance++) {
        struct fetch *f = fetch_new(nuisance == 1 ? 3000 : 100000);
        f->w->most = nuisance == 1 ? 1 : 0;
        f->w->eagain = nuisance == 2 ? 2 : 0;
        f->chunked = nuisance == 3;
        assert_int_equal(fetch_run(f), THINGPASS_OK);
        assert_int_equal(result(f)->verified, THINGPASS_VERIFIED_SHA256);
        assert_int_equal(result(f)->asks, 1);
        assert_int_equal(result(f)->puts, 1);
        assert_int_equal(result(f)->reports, 0);
        assert_int_equal(f->begins, 1);
        assert_string_equal(f->version, "\"v1\"");
        assert_string_equal(thingpass_download_version(&f->w->tp), "\"v1\"");
        assert_string_equal(result(f)->object_key, "firmware/cams/latest.bin");
        assert_string_equal(f->w->sent[0].topic, "thingpass/cam1/download-request");
        assert_null(strstr(f->w->head, "Range"));
        assert_non_null(strstr(f->w->sent[0].payload, result(f)->id));
        fetch_free(f);
    }
}

static void the_connection_is_kept_for_the_next_one(void **state) {
    (void)state;
    struct fetch *f = fetch_new(5000);
    f->w->puts[1].answer = world_served;
    f->w->puts[2].answer = world_ok;
    f->w->put_count = 3;
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    f->w->object.verify = THINGPASS_VERIFY_S3;
    f->w->grants[0].text = world_grant;
    assert_int_equal(world_upload(f->w), THINGPASS_OK);
    assert_int_equal(f->w->opens, 1);
    fetch_free(f);
}

static void an_empty_object_needs_no_transfer(void **state) {
    (void)state;
    struct fetch *f = fetch_new(0);
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    assert_int_equal(result(f)->verified, THINGPASS_VERIFIED_SHA256);
    assert_int_equal(f->w->opens, 0);
    fetch_free(f);
}

// Far more breaks than attempts: what brings something is none that failed.
static void a_link_that_breaks_again_and_again_brings_it_all(void **state) {
    (void)state;
    for (unsigned how = 0; how < 4; how++) {
        struct fetch *f = fetch_new(60000);
        f->w->puts[0].answer_cut = 1500;
        f->w->puts[0].reset_after_answer = (how & 1) != 0;
        f->chunked = (how & 2) != 0;
        assert_int_equal(fetch_run(f), THINGPASS_OK);
        assert_int_equal(result(f)->verified, THINGPASS_VERIFIED_SHA256);
        assert_int_equal(result(f)->asks, 1);
        assert_true(result(f)->puts > 40 && result(f)->puts < 50);
        assert_int_equal(f->begins, 1);
        fetch_free(f);
    }
}

static void a_break_at_any_byte_is_made_good(void **state) {
    (void)state;
    struct fetch *f = fetch_new(300);
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    size_t all = f->w->served_len;
    fetch_free(f);
    for (size_t cut = 1; cut < all; cut++) {
        f = fetch_new(300);
        f->w->puts[0].answer_cut = cut;
        f->w->puts[1].answer = world_served;
        f->w->put_count = 2;
        f->w->puts[0].stall = cut % 2 != 0;
        assert_int_equal(fetch_run(f), THINGPASS_OK);
        assert_int_equal(result(f)->puts, 2);
        assert_int_equal(f->begins, 1);
        fetch_free(f);
    }
}

static void a_link_that_brings_nothing_is_given_up(void **state) {
    (void)state;
    struct fetch *f = fetch_new(5000);
    f->w->puts[0].answer_cut = 40; // of the head
    assert_int_equal(fetch_run(f), THINGPASS_ERETRIES);
    assert_int_equal(result(f)->puts, 8);
    assert_int_equal(f->end_err, THINGPASS_ERETRIES);
    fetch_free(f);
}

static void a_server_without_ranges_is_asked_for_all_of_it(void **state) {
    (void)state;
    struct fetch *f = fetch_new(9000);
    f->whole = true;
    f->w->puts[0].answer_cut = 4000;
    f->w->puts[1].answer = world_served;
    f->w->put_count = 2;
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    assert_int_equal(f->begins, 2);
    assert_int_equal(f->offset, 0);
    fetch_free(f);
}

static void a_server_that_begins_anew_each_time_is_given_up(void **state) {
    (void)state;
    struct fetch *f = fetch_new(9000);
    f->whole = true;
    f->w->puts[0].answer_cut = 4000;
    assert_int_equal(fetch_run(f), THINGPASS_ERETRIES);
    assert_int_equal(result(f)->puts, 9); // the first brought something
    fetch_free(f);
}

// After some bytes there is one such answer, then the server is good again.
static const struct {
    unsigned status;
    const char *code;
    int err;
    unsigned asks, puts, begins;
} rows[] = {
    {403, "AccessDenied", THINGPASS_OK, 2, 3, 1},
    {403, NULL, THINGPASS_OK, 2, 3, 1},
    {400, "ExpiredToken", THINGPASS_OK, 2, 3, 1},
    {307, "TemporaryRedirect", THINGPASS_OK, 2, 3, 1},
    {412, "PreconditionFailed", THINGPASS_OK, 2, 3, 1},
    {404, "NoSuchVersion", THINGPASS_OK, 2, 3, 1},
    {416, "InvalidRange", THINGPASS_OK, 2, 3, 2},
    {500, "InternalError", THINGPASS_OK, 1, 3, 1},
    {503, "SlowDown", THINGPASS_OK, 1, 3, 1},
    {429, NULL, THINGPASS_OK, 1, 3, 1},
    {400, "InvalidArgument", THINGPASS_EREJECTED, 1, 2, 1},
    {405, "MethodNotAllowed", THINGPASS_EREJECTED, 1, 2, 1},
    {201, NULL, THINGPASS_EHTTP, 1, 2, 1},
    {204, NULL, THINGPASS_EHTTP, 1, 2, 1},
};

static void every_answer_of_s3_is_acted_upon(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fetch *f = fetch_new(9000);
        f->w->puts[0].answer_cut = 4000;
        f->w->puts[1].answer = world_error(rows[i].status, rows[i].code);
        f->w->puts[2].answer = world_served;
        f->w->put_count = 3;
        const char *what = f->w->puts[1].answer;
        CHECK(what, fetch_run(f) == rows[i].err);
        CHECK(what, result(f)->asks == rows[i].asks && result(f)->puts == rows[i].puts);
        CHECK(what, f->begins == rows[i].begins);
        CHECK(what, rows[i].err == THINGPASS_OK || f->end_err == rows[i].err);
        CHECK(what, rows[i].err == THINGPASS_OK || result(f)->status == (int)rows[i].status);
        CHECK(what, rows[i].begins > 1 || rows[i].err < 0 || f->have_len > 3800);
        fetch_free(f);
    }
}

static void an_answer_that_never_gets_better_is_given_up(void **state) {
    (void)state;
    static const unsigned statuses[] = {403, 404, 412, 416, 301};
    for (size_t i = 0; i < COUNT(statuses); i++) {
        struct fetch *f = fetch_new(9000);
        f->w->puts[0].answer = world_error(statuses[i], NULL);
        CHECK(f->w->puts[0].answer, fetch_run(f) == THINGPASS_ERETRIES);
        CHECK(f->w->puts[0].answer, result(f)->asks == 5 && result(f)->puts == 5);
        fetch_free(f);
    }
}

static void until_some_has_come(struct fetch *f) {
    fetch_start(f);
    while (f->have_len == 0) {
        (void)thingpass_step(&f->w->tp, NULL);
        if (f->w->inbox_count > 0) {
            (void)world_deliver(f->w, f->grant);
        }
    }
    f->w->inbox_count = 0;
}

// [P-13.5]: one of another version, or of another size, which cannot be the same.
static void another_object_is_begun_anew(void **state) {
    (void)state;
    static const struct {
        size_t size;
        const char *etag;
    } cases[] = {{7000, "\"v2\""}, {9000, "\"v2\""}, {12000, "\"v1\""}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fetch *f = fetch_new(9000);
        f->w->puts[0].answer_cut = 4000;
        f->w->puts[1].answer = world_error(403, NULL);
        f->w->puts[2].answer = world_served;
        f->w->put_count = 3;
        until_some_has_come(f);
        fetch_replace(f, cases[i].size, cases[i].etag);
        assert_int_equal(world_run_job(f->w), THINGPASS_OK);
        assert_true(fetch_has_all(f) && f->in_use);
        assert_int_equal(result(f)->asks, 2);
        assert_int_equal(f->begins, 2);
        assert_int_equal(f->ends, 1);
        assert_string_equal(f->version, cases[i].etag);
        assert_int_equal(result(f)->size, cases[i].size);
        fetch_free(f);
    }
}

static void a_server_that_tells_of_another_object_is_believed(void **state) {
    (void)state;
    struct fetch *f = fetch_new(9000);
    f->w->puts[0].answer_cut = 4000;
    f->w->puts[1].answer = world_served;
    f->w->put_count = 2;
    until_some_has_come(f);
    fetch_replace(f, 7000, "\"v2\"");
    assert_int_equal(world_run_job(f->w), THINGPASS_OK);
    assert_true(fetch_has_all(f) && f->in_use);
    assert_int_equal(result(f)->asks, 2);
    assert_int_equal(f->begins, 2);
    assert_int_equal(f->ends, 1);
    assert_string_equal(f->version, "\"v2\"");
    assert_int_equal(result(f)->size, 7000);
    fetch_free(f);
}

// The object is "0123456789", of which the sink has five bytes.
static const struct {
    const char *answer;
    int err;
} ranges[] = {
    {"206 P\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56789", THINGPASS_OK},
    {"206 P\r\ncontent-range:bytes 5-9/10 \r\nContent-Length: 5\r\n\r\n56789", THINGPASS_OK},
    {"206 P\r\nContent-Range: bytes 5-9/10\r\n\r\n56789", THINGPASS_OK},
    {"103 x\r\nContent-Range: bytes 1-2/3\r\n\r\nHTTP/1.1 206 P\r\n"
     "Content-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56789",
     THINGPASS_OK},
    {"200 OK\r\nContent-Length: 10\r\n\r\n0123456789", THINGPASS_OK},
    {"200 OK\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 10\r\n\r\n0123456789", THINGPASS_OK},
    {"206 P\r\nContent-Length: 5\r\n\r\n56789", THINGPASS_EHTTP},
    {"206 P\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n456789", THINGPASS_EHTTP},
    {"206 P\r\nContent-Range: bytes 6-9/10\r\nContent-Length: 4\r\n\r\n6789", THINGPASS_EHTTP},
    {"206 P\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789",
     THINGPASS_EHTTP},
    {"206 P\r\nContent-Range: bytes 5-9/*\r\nContent-Length: 5\r\n\r\n56789", THINGPASS_EHTTP},
    {"206 P\r\nContent-Range: bytes */10\r\nContent-Length: 5\r\n\r\n56789", THINGPASS_EHTTP},
    {"206 P\r\nContent-Range: bytes 5-10/10\r\nContent-Length: 5\r\n\r\n56789", THINGPASS_EHTTP},
    {"206 P\r\nContent-Range: bytes=5-9/10\r\nContent-Length: 5\r\n\r\n56789", THINGPASS_EHTTP},
    {"206 P\r\nContent-Range: bytes 5-9/10\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n"
     "\r\n56789",
     THINGPASS_EHTTP},
    {"206 P\r\nContent-Type: multipart/byteranges; boundary=x\r\nContent-Length: 5\r\n\r\n56789",
     THINGPASS_EHTTP},
    {"206 P\r\nContent-Range: bytes 5-9/11\r\nContent-Length: 5\r\n\r\n56789", THINGPASS_ECORRUPT},
    {"206 P\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 6\r\n\r\n56789x", THINGPASS_ECORRUPT},
    {"206 P\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n5678x", THINGPASS_ECORRUPT},
    {"206 P\r\nContent-Range: bytes 5-9/10\r\n\r\n56789x", THINGPASS_ECORRUPT},
    {"200 OK\r\nContent-Length: 5\r\n\r\n56789", THINGPASS_ECORRUPT},
    {"200 OK\r\nContent-Length: 9\r\n\r\n012345678", THINGPASS_ECORRUPT},
    {"200 OK\r\nContent-Length: 11\r\n\r\n0123456789x", THINGPASS_ECORRUPT},
    {"200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n012345678\r\n0\r\n\r\n", THINGPASS_ECORRUPT},
    {"200 OK\r\n\r\n0123456789x", THINGPASS_ECORRUPT},
    {"203 OK\r\nContent-Length: 5\r\n\r\n56789", THINGPASS_EHTTP},
    // Less than was asked for is no fault, if the rest comes; nor is it lost.
    {"206 P\r\nContent-Range: bytes 5-7/10\r\nContent-Length: 3\r\n\r\n567", THINGPASS_ERETRIES},
    {"200 OK\r\n\r\n012345678", THINGPASS_ERETRIES},
};

static void what_comes_must_belong_where_it_goes(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(ranges); i++) {
        for (size_t most = 0; most < 3; most++) {
            char answer[300];
            struct fetch *f = fetch_new(10);
            memcpy((void *)(uintptr_t)f->w->bytes, "0123456789", 10);
            fetch_grant(f, "\"v1\"", true);
            f->have = malloc(10);
            f->have_len = 5;
            memcpy(f->have, "01234", 5);
            snprintf(f->version, sizeof f->version, "\"v1\"");
            fetch_reboot(f);
            snprintf(answer, sizeof answer, "HTTP/1.1 %s", ranges[i].answer);
            f->w->puts[0].answer = answer;
            f->w->puts[1] = (struct world_put){0}; // no more
            f->w->put_count = 2;
            f->w->most = most;
            CHECK(answer, fetch_run(f) == ranges[i].err);
            CHECK(answer, f->end_err == ranges[i].err);
            CHECK(answer, strstr(f->w->head, "\r\nRange: bytes=") != NULL);
            fetch_free(f);
        }
    }
}

static void a_short_range_is_followed_by_the_next(void **state) {
    (void)state;
    struct fetch *f = fetch_new(10);
    memcpy((void *)(uintptr_t)f->w->bytes, "0123456789", 10);
    fetch_grant(f, "\"v1\"", true);
    f->w->puts[0].answer =
        "HTTP/1.1 206 P\r\nContent-Range: bytes 0-3/10\r\nContent-Length: 4\r\n\r\n"
        "0123";
    f->w->puts[1].answer = world_served;
    f->w->put_count = 2;
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    assert_int_equal(f->w->opens, 1);
    fetch_free(f);
}

static void a_wrong_checksum_is_told(void **state) {
    (void)state;
    struct fetch *f = fetch_new(5000);
    ((uint8_t *)(uintptr_t)f->w->bytes)[4999] ^= 1;
    assert_int_equal(fetch_run(f), THINGPASS_ECORRUPT);
    assert_int_equal(f->end_err, THINGPASS_ECORRUPT);
    assert_int_equal(result(f)->verified, THINGPASS_VERIFIED_NOT);
    assert_false(f->in_use);
    fetch_free(f);
}

static void without_a_checksum_the_size_must_do(void **state) {
    (void)state;
    struct fetch *f = fetch_new(5000);
    fetch_grant(f, "\"v1\"", false);
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    assert_int_equal(result(f)->verified, THINGPASS_VERIFIED_SIZE);
    fetch_free(f);
}

static void a_sink_that_fails_ends_it_with_its_error(void **state) {
    (void)state;
    for (size_t at = 0; at < 5000; at += 700) {
        struct fetch *f = fetch_new(5000);
        f->write_gives = -1234;
        f->write_fails_at = at;
        assert_int_equal(fetch_run(f), -1234);
        assert_int_equal(f->end_err, -1234);
        assert_false(f->w->connected);
        fetch_free(f);
    }
    struct fetch *f = fetch_new(5000);
    f->begin_gives = -1235;
    assert_int_equal(fetch_run(f), -1235);
    assert_int_equal(f->w->opens, 0);
    f->begin_gives = 0;
    f->end_gives = -1236;
    assert_int_equal(fetch_run(f), -1236);
    assert_int_equal(f->end_err, THINGPASS_OK);
    fetch_free(f);
}

// A sink has no other time: what it cannot do now it cannot do.
static void a_sink_that_says_again_has_failed(void **state) {
    (void)state;
    struct fetch *f = fetch_new(5000);
    f->begin_gives = THINGPASS_EAGAIN;
    assert_int_equal(fetch_run(f), THINGPASS_EAGAIN);
    f->begin_gives = 0;
    f->write_gives = THINGPASS_EAGAIN;
    assert_int_equal(fetch_run(f), THINGPASS_EAGAIN);
    fetch_free(f);
}

// It may fail only when it is begun anew.
static void a_sink_that_cannot_begin_again_is_ended_once(void **state) {
    (void)state;
    struct fetch *f = fetch_new(9000);
    f->whole = true;
    f->w->puts[0].answer_cut = 4000;
    until_some_has_come(f);
    f->begin_gives = -1235;
    assert_int_equal(world_run_job(f->w), -1235);
    assert_int_equal(f->ends, 1);
    assert_int_equal(f->end_err, -1235);
    fetch_free(f);
}

static void a_slow_sink_is_no_stalled_stream(void **state) {
    (void)state;
    struct fetch *f = fetch_new(20000);
    f->write_ms = 40000;
    f->w->eagain = 2;
    f->job.deadline_ms = 3600000;
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    assert_int_equal(result(f)->puts, 1);
    fetch_free(f);
}

static void a_deadline_ends_it_and_the_sink_may_keep_what_it_has(void **state) {
    (void)state;
    struct fetch *f = fetch_new(20000);
    f->w->puts[0].answer_cut = 3000;
    f->w->puts[0].stall = true;
    f->job.deadline_ms = 50000;
    assert_int_equal(fetch_run(f), THINGPASS_EDEADLINE);
    assert_int_equal(f->end_err, THINGPASS_EDEADLINE);
    assert_true(f->have_len > 2000);
    fetch_reboot(f);
    f->w->puts[0] = (struct world_put){.answer = world_served};
    f->sent = 0;
    uint32_t from = f->job.from;
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    assert_int_equal(f->sent, 20000 - from);
    fetch_free(f);
}

static void cancelling_tells_the_sink(void **state) {
    (void)state;
    struct fetch *f = fetch_new(20000);
    fetch_start(f);
    world_run_until(f->w, "receive");
    thingpass_cancel(&f->w->tp);
    assert_int_equal(world_run_job(f->w), THINGPASS_ECANCELLED);
    assert_int_equal(f->ends, 1);
    assert_int_equal(f->end_err, THINGPASS_ECANCELLED);
    fetch_free(f);
}

static void progress_goes_up_to_all(void *ctx, uint64_t done, uint64_t size) {
    uint64_t *last = ctx;
    assert_true(done > *last && done <= size && size == 20000);
    *last = done;
}

static void progress_is_told(void **state) {
    (void)state;
    uint64_t last = 0;
    struct fetch *f = fetch_new(20000);
    f->job.progress = progress_goes_up_to_all;
    f->job.progress_ctx = &last;
    f->w->puts[0].answer_cut = 6000;
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    assert_int_equal(last, 20000);
    fetch_free(f);
}

static void a_url_that_ends_on_the_way_is_asked_for_anew(void **state) {
    (void)state;
    struct fetch *f = fetch_new(60000);
    f->w->ttl_s = 4;
    f->w->puts[0].answer_cut = 1500;
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    assert_true(result(f)->asks > 8); // more than max_grants
    assert_int_equal(f->begins, 1);
    fetch_free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_fetched_and_verified),
        cmocka_unit_test(the_connection_is_kept_for_the_next_one),
        cmocka_unit_test(an_empty_object_needs_no_transfer),
        cmocka_unit_test(a_link_that_breaks_again_and_again_brings_it_all),
        cmocka_unit_test(a_break_at_any_byte_is_made_good),
        cmocka_unit_test(a_link_that_brings_nothing_is_given_up),
        cmocka_unit_test(a_server_without_ranges_is_asked_for_all_of_it),
        cmocka_unit_test(a_server_that_begins_anew_each_time_is_given_up),
        cmocka_unit_test(every_answer_of_s3_is_acted_upon),
        cmocka_unit_test(an_answer_that_never_gets_better_is_given_up),
        cmocka_unit_test(another_object_is_begun_anew),
        cmocka_unit_test(a_server_that_tells_of_another_object_is_believed),
        cmocka_unit_test(what_comes_must_belong_where_it_goes),
        cmocka_unit_test(a_short_range_is_followed_by_the_next),
        cmocka_unit_test(a_wrong_checksum_is_told),
        cmocka_unit_test(without_a_checksum_the_size_must_do),
        cmocka_unit_test(a_sink_that_fails_ends_it_with_its_error),
        cmocka_unit_test(a_sink_that_says_again_has_failed),
        cmocka_unit_test(a_sink_that_cannot_begin_again_is_ended_once),
        cmocka_unit_test(a_slow_sink_is_no_stalled_stream),
        cmocka_unit_test(a_deadline_ends_it_and_the_sink_may_keep_what_it_has),
        cmocka_unit_test(cancelling_tells_the_sink),
        cmocka_unit_test(progress_is_told),
        cmocka_unit_test(a_url_that_ends_on_the_way_is_asked_for_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
