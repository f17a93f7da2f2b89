// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The upload as S3 and the network see it: every answer, every break, and what
// a source can do wrong.

#include "guard.h"
#include "world.h"

static const struct thingpass_result *result(const struct world *w) {
    return thingpass_result(&w->tp);
}

static bool is_stored(const struct world *w) {
    return w->stored_count == 1 && w->stored_len == w->bytes_len &&
           memcmp(w->stored, w->bytes, w->bytes_len) == 0;
}

// What the upload does after one such answer and then good ones [P-5.3].
static const struct {
    unsigned status;
    const char *code;
    int err;
    unsigned asks, puts, reports;
    unsigned stored;
} rows[] = {
    {200, NULL, THINGPASS_OK, 1, 1, 1, 1},
    {412, "PreconditionFailed", THINGPASS_OK, 1, 1, 1, 0},
    {403, "AccessDenied", THINGPASS_OK, 2, 2, 1, 1},
    {403, NULL, THINGPASS_OK, 2, 2, 1, 1},
    {400, "ExpiredToken", THINGPASS_OK, 2, 2, 1, 1},
    {307, "TemporaryRedirect", THINGPASS_OK, 2, 2, 1, 1},
    {301, "PermanentRedirect", THINGPASS_OK, 2, 2, 1, 1},
    {409, "ConditionalRequestConflict", THINGPASS_OK, 1, 2, 1, 1},
    {500, "InternalError", THINGPASS_OK, 1, 2, 1, 1},
    {503, "SlowDown", THINGPASS_OK, 1, 2, 1, 1},
    {503, NULL, THINGPASS_OK, 1, 2, 1, 1},
    {400, "RequestTimeout", THINGPASS_OK, 1, 2, 1, 1},
    {400, "BadDigest", THINGPASS_OK, 1, 2, 1, 1},
    {400, "InvalidArgument", THINGPASS_EREJECTED, 1, 1, 0, 0},
    {400, NULL, THINGPASS_EREJECTED, 1, 1, 0, 0},
    {404, "NoSuchBucket", THINGPASS_EREJECTED, 1, 1, 0, 0},
    {405, "MethodNotAllowed", THINGPASS_EREJECTED, 1, 1, 0, 0},
    {411, "MissingContentLength", THINGPASS_EREJECTED, 1, 1, 0, 0},
    {413, "EntityTooLarge", THINGPASS_EREJECTED, 1, 1, 0, 0},
};

static void every_answer_of_s3_is_acted_upon(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (unsigned nuisance = 0; nuisance < 3; nuisance++) {
            struct world *w = world_new(3000);
            w->puts[0].answer = world_error(rows[i].status, rows[i].code);
            w->puts[1].answer = world_ok;
            w->put_count = 2;
            w->most = nuisance == 1 ? 1 : 0;
            w->eagain = nuisance == 2 ? 2 : 0;
            const char *what = w->puts[0].answer;
            CHECK(what, world_upload(w) == rows[i].err);
            CHECK(what, result(w)->asks == rows[i].asks && result(w)->puts == rows[i].puts);
            CHECK(what, result(w)->reports == rows[i].reports);
            CHECK(what, w->stored_count == rows[i].stored);
            if (rows[i].err < 0) {
                const char *code = rows[i].code != NULL ? rows[i].code : "";
                CHECK(what, result(w)->status == (int)rows[i].status);
                CHECK(what, strcmp(result(w)->code, code) == 0);
            }
            // Any whole answer leaves the connection as good as it was.
            CHECK(what, result(w)->connects == 1);
            world_free(w);
        }
    }
}

static void an_answer_that_never_gets_better_is_given_up(void **state) {
    (void)state;
    static const struct {
        unsigned status;
        unsigned asks, puts;
    } cases[] = {{503, 1, 8}, {403, 5, 5}, {307, 5, 5}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world *w = world_new(100);
        w->puts[0].answer = world_error(cases[i].status, "Again");
        const char *what = w->puts[0].answer;
        CHECK(what, world_upload(w) == THINGPASS_ERETRIES);
        CHECK(what, result(w)->asks == cases[i].asks && result(w)->puts == cases[i].puts);
        CHECK(what, result(w)->status == (int)cases[i].status);
        CHECK(what, strcmp(result(w)->code, "Again") == 0);
        world_free(w);
    }
}

static void waits_between_transfers_double(void **state) {
    (void)state;
    struct world *w = world_new(100);
    w->puts[0].answer = world_error(503, "SlowDown");
    w->config.timing.max_puts = 5;
    uint64_t began = w->now_ms;
    assert_int_equal(world_upload(w), THINGPASS_ERETRIES);
    assert_int_equal(w->now_ms - began, 1000 + 2000 + 4000 + 8000);
    world_free(w);
}

static void retry_after_of_s3_is_respected(void **state) {
    (void)state;
    struct world *w = world_new(100);
    w->puts[0].answer = "HTTP/1.1 503 x\r\nRetry-After: 33\r\nContent-Length: 0\r\n\r\n";
    w->puts[1].answer = world_ok;
    w->put_count = 2;
    uint64_t began = w->now_ms;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(w->now_ms - began, 33000);
    world_free(w);
}

static void a_url_that_ends_before_the_next_transfer_is_asked_for_anew(void **state) {
    (void)state;
    struct world *w = world_new(100);
    w->ttl_s = 5;
    w->puts[0].answer = world_error(503, "SlowDown");
    w->puts[1] = w->puts[2] = w->puts[0];
    w->puts[3].answer = world_ok;
    w->put_count = 4;
    assert_int_equal(world_upload(w), THINGPASS_OK); // after 0, 1, 3 and 7 s
    assert_int_equal(result(w)->asks, 2);
    assert_int_equal(result(w)->puts, 4);
    world_free(w);
}

static void a_connection_that_breaks_at_any_byte_is_made_anew(void **state) {
    (void)state;
    for (size_t at = 1; at <= 600; at++) {
        struct world *w = world_new(300);
        w->puts[0] = (struct world_put){.answer = world_ok, .break_after = at};
        w->puts[1].answer = world_ok;
        w->put_count = 2;
        assert_int_equal(world_upload(w), THINGPASS_OK);
        assert_true(is_stored(w));
        assert_int_equal(result(w)->asks, 1);
        bool breaks = at <= strlen(w->head) + 300;
        assert_int_equal(result(w)->puts, breaks ? 2 : 1);
        assert_int_equal(result(w)->connects, breaks ? 2 : 1);
        world_free(w);
    }
}

static void an_answer_that_breaks_off_at_any_byte_is_used_or_the_object_sent_again(void **state) {
    (void)state;
    for (size_t cut = 1; cut < strlen(world_ok); cut++) {
        for (unsigned reset = 0; reset < 2; reset++) {
            struct world *w = world_new(300);
            w->puts[0] = (struct world_put){
                .answer = world_ok, .answer_cut = cut, .reset_after_answer = reset != 0};
            w->puts[1].answer = world_error(412, "PreconditionFailed");
            w->put_count = 2;
            assert_int_equal(world_upload(w), THINGPASS_OK);
            assert_true(is_stored(w));
            assert_int_equal(result(w)->puts, 2);
            assert_int_equal(result(w)->status, 412);
            world_free(w);
        }
    }
}

static void an_error_whose_body_breaks_off_is_judged_by_what_came(void **state) {
    (void)state;
    for (size_t cut = 1; cut < strlen(world_error(400, "InvalidArgument")); cut++) {
        struct world *w = world_new(300);
        w->puts[0].answer = world_error(400, "InvalidArgument");
        w->puts[0].answer_cut = cut;
        w->puts[1].answer = world_ok;
        w->put_count = 2;
        const char *whole = strstr(w->puts[0].answer, "</Code>");
        bool told = cut > (size_t)(whole - w->puts[0].answer);
        assert_int_equal(world_upload(w), told ? THINGPASS_EREJECTED : THINGPASS_OK);
        world_free(w);
    }
}

static void a_refusal_before_the_last_byte_is_heard(void **state) {
    (void)state;
    struct world *w = world_new(100000);
    w->puts[0] = (struct world_put){
        .answer = world_error(404, "NoSuchBucket"), .break_after = 9000, .early = true};
    assert_int_equal(world_upload(w), THINGPASS_EREJECTED);
    assert_string_equal(result(w)->code, "NoSuchBucket");
    assert_int_equal(result(w)->puts, 1);
    world_free(w);
}

static void success_before_the_last_byte_is_not_believed(void **state) {
    (void)state;
    struct world *w = world_new(100000);
    w->puts[0] = (struct world_put){.answer = world_ok, .break_after = 9000, .early = true};
    w->puts[1].answer = world_ok;
    w->put_count = 2;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(result(w)->puts, 2);
    assert_true(is_stored(w));
    world_free(w);
}

static void garbage_is_taken_for_a_lost_connection(void **state) {
    (void)state;
    static const char *const answers[] = {"garbage", "HTTP/2 200\r\n\r\n", "HTTP/1.1 200 OK\n\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"};
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct world *w = world_new(10);
        w->puts[0].answer = answers[i];
        CHECK(answers[i], world_upload(w) == THINGPASS_ERETRIES);
        CHECK(answers[i], result(w)->puts == 8 && result(w)->connects == 8);
        CHECK(answers[i], result(w)->status == 0);
        world_free(w);
    }
}

static void silence_is_given_up_after_the_time_out(void **state) {
    (void)state;
    const struct world_put cases[] = {{.hang = true}, {.hang_open = true}, {.full = true}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world *w = world_new(10);
        w->puts[0] = cases[i];
        w->puts[1].answer = world_ok;
        w->put_count = 2;
        uint64_t began = w->now_ms;
        assert_int_equal(world_upload(w), THINGPASS_OK);
        assert_in_range(w->now_ms - began, 31000, 31100); // and one backoff
        assert_int_equal(result(w)->connects, 2);
        world_free(w);
    }
}

static void a_transfer_after_a_broken_one_has_all_the_time_again(void **state) {
    (void)state;
    struct world *w = world_new(10000);
    w->puts[0] = (struct world_put){.break_after = 5000};
    w->puts[1].hang = true;
    w->puts[2].answer = world_ok;
    w->put_count = 3;
    uint64_t began = w->now_ms;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_in_range(w->now_ms - began, 33000, 33100); // 1 and 2 s of backoff
    world_free(w);
}

static void nothing_of_one_answer_is_left_for_the_next(void **state) {
    (void)state;
    struct world *w = world_new(100);
    w->puts[0].answer = world_error(400, "RequestTimeout");
    w->puts[1].answer = world_error(400, NULL);
    w->put_count = 2;
    assert_int_equal(world_upload(w), THINGPASS_EREJECTED);
    assert_string_equal(result(w)->code, "");
    world_free(w);
    w = world_new(100000);
    w->puts[0].answer = world_error(503, "SlowDown"); // all of the body was sent this time
    w->puts[1] = (struct world_put){.answer = world_ok, .break_after = 9000, .early = true};
    w->puts[2].answer = world_ok;
    w->put_count = 3;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(result(w)->puts, 3);
    world_free(w);
}

// Streams that lie once and are honest then.
static struct thingpass_stream honest;
static bool has_lied;

static int write_too_much(void *ctx, const void *data, size_t len) {
    assert_true(len <= THINGPASS_CHUNK_SIZE);
    if (!has_lied) {
        has_lied = true;
        return (int)len + 1;
    }
    return honest.write(ctx, data, len);
}

static int read_too_far(void *ctx, void *buf, size_t cap) {
    int n = honest.read(ctx, buf, cap);
    if (n > 0 && !has_lied) {
        has_lied = true;
        memset(buf, 'x', cap);
        memcpy(buf, "HTTP/1.1 200 ", 13); // and a reason without end
        return (int)cap + 1;
    }
    return n;
}

static void a_stream_that_claims_more_than_it_was_given_is_broken(void **state) {
    (void)state;
    for (unsigned way = 0; way < 2; way++) {
        struct world *w = world_new(3000);
        w->config.chunk = guard_alloc(THINGPASS_CHUNK_SIZE);
        honest = w->stream;
        has_lied = false;
        w->stream.write = way == 0 ? write_too_much : honest.write;
        w->stream.read = way == 1 ? read_too_far : honest.read;
        assert_int_equal(world_upload(w), THINGPASS_OK);
        assert_true(has_lied);
        assert_int_equal(result(w)->puts, 2);
        guard_free(w->config.chunk, THINGPASS_CHUNK_SIZE);
        world_free(w);
    }
}

static void a_url_that_ended_before_it_was_used_is_asked_for_anew(void **state) {
    (void)state;
    struct world *w = world_new(100);
    w->ttl_s = 5;
    world_start(w);
    world_run_until(w, "connect");
    w->now_ms += 5000; // the program was busy elsewhere
    assert_int_equal(world_run(w), THINGPASS_OK);
    assert_int_equal(result(w)->asks, 2);
    assert_int_equal(result(w)->puts, 1);
    world_free(w);
}

static void the_last_words_are_not_waited_for_long(void **state) {
    (void)state;
    struct world *w = world_new(10000);
    w->puts[0] = (struct world_put){.break_after = 5000, .hang = true};
    w->puts[1].answer = world_ok;
    w->put_count = 2;
    uint64_t began = w->now_ms;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_in_range(w->now_ms - began, 3000, 3100);
    world_free(w);
}

static void a_server_that_cannot_be_reached_is_tried_until_the_deadline(void **state) {
    (void)state;
    struct world *w = world_new(10);
    w->puts[0].refuse_open = true;
    w->ttl_s = 7200;
    uint64_t began = w->now_ms;
    assert_int_equal(world_upload(w), THINGPASS_EDEADLINE);
    assert_int_equal(w->now_ms - began, 600000);
    assert_int_equal(result(w)->puts, 0);
    assert_in_range(result(w)->connects, 10, 20);
    world_free(w);
}

static void a_connection_is_kept_for_the_next_object(void **state) {
    (void)state;
    struct world *w = world_new(3000);
    assert_int_equal(world_upload(w), THINGPASS_OK);
    w->now_ms += 14000;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(w->opens, 1);
    assert_int_equal(result(w)->connects, 0);
    assert_int_equal(w->stored_count, 2);
    world_free(w);
}

static void a_connection_idle_for_too_long_is_closed(void **state) {
    (void)state;
    struct world *w = world_new(3000);
    uint64_t wake;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(thingpass_step(&w->tp, &wake), THINGPASS_STEP_IDLE);
    assert_int_equal(wake, w->now_ms + 15000);
    assert_int_equal(w->stream_closes, 0);
    w->now_ms = wake;
    assert_int_equal(thingpass_step(&w->tp, &wake), THINGPASS_STEP_IDLE);
    assert_int_equal(wake, UINT64_MAX);
    assert_int_equal(w->stream_closes, 1);
    assert_int_equal(world_upload(w), THINGPASS_OK);
    w->now_ms += 15000; // nobody called step meanwhile
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(w->opens, 3);
    world_free(w);
}

static void a_reused_connection_in_mid_transfer_is_not_kept(void **state) {
    (void)state;
    for (unsigned way = 0; way < 2; way++) {
        struct world *w = world_new(100000);
        assert_int_equal(world_upload(w), THINGPASS_OK);
        world_start(w);
        world_run_until(w, "send");
        uint64_t wake;
        assert_int_equal(thingpass_step(&w->tp, &wake), THINGPASS_STEP_RUN);
        assert_int_equal(w->opens, 1);
        if (way == 0) {
            w->now_ms += 600000;
            assert_int_equal(world_run(w), THINGPASS_EDEADLINE);
        } else {
            w->read_fails_at = 1;
            assert_int_equal(world_run(w), THINGPASS_ESOURCE);
        }
        assert_int_equal(w->stream_closes, 1);
        w->read_fails_at = 0;
        assert_int_equal(world_upload(w), THINGPASS_OK);
        assert_int_equal(w->opens, 2);
        world_free(w);
    }
}

static void another_server_gets_another_connection(void **state) {
    (void)state;
    static const char *const urls[] = {"https://a/k", "https://a:444/k", "https://b:444/k",
                                       "http://b:444/k", "http://b:444/k"};
    struct world *w = world_new(10);
    w->config.allow_plain_http = true;
    w->key = "k";
    for (size_t i = 0; i < COUNT(urls); i++) {
        char text[300];
        snprintf(text, sizeof text,
                 "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"objectKey\":\"k\","
                 "\"uploadUrl\":\"%s\",\"headers\":{},\"expiresAt\":$EXPIRES}",
                 urls[i]);
        w->grants[0].text = text;
        assert_int_equal(world_upload(w), THINGPASS_OK);
        assert_int_equal(w->opens, i < 4 ? i + 1 : 4);
    }
    world_free(w);
}

static void a_connection_that_may_not_be_kept_is_not(void **state) {
    (void)state;
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK",
    };
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct world *w = world_new(10);
        w->puts[0].answer = answers[i];
        CHECK(answers[i], world_upload(w) == THINGPASS_OK);
        CHECK(answers[i], w->stream_closes == 1);
        world_free(w);
    }
    struct world *w = world_new(10);
    w->config.no_keep_alive = true;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(w->stream_closes, 1);
    world_free(w);
}

static void a_long_error_is_read_only_so_far(void **state) {
    (void)state;
    static char text[40000];
    static const size_t lengths[] = {10000, 30000};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        int n = snprintf(text, sizeof text, "HTTP/1.1 503 x\r\nContent-Length: %u\r\n\r\n",
                         (unsigned)lengths[i]);
        memset(text + n, 'x', lengths[i]);
        text[(size_t)n + lengths[i]] = '\0';
        struct world *w = world_new(10);
        w->puts[0].answer = text;
        w->puts[1].answer = world_ok;
        w->put_count = 2;
        assert_int_equal(world_upload(w), THINGPASS_OK);
        assert_int_equal(result(w)->connects, lengths[i] > 16384 ? 2 : 1);
        world_free(w);
    }
}

static void a_kept_connection_that_went_stale_costs_no_attempt(void **state) {
    (void)state;
    const struct world_put stale[] = {
        {.break_after = 1},   // the write fails at once
        {.break_after = 200}, // or later, without an answer
        {.answer = NULL},     // or the server closes instead of answering
    };
    for (size_t i = 0; i < COUNT(stale); i++) {
        struct world *w = world_new(3000);
        w->config.timing.max_puts = 1;
        w->puts[0].answer = world_ok;
        w->puts[1] = stale[i];
        w->puts[2].answer = world_ok;
        w->put_count = 3;
        assert_int_equal(world_upload(w), THINGPASS_OK);
        uint64_t began = w->now_ms;
        assert_int_equal(world_upload(w), THINGPASS_OK);
        assert_int_equal(w->now_ms, began); // no backoff either
        assert_int_equal(result(w)->connects, 1);
        assert_int_equal(w->stored_count, 2);
        world_free(w);
    }
}

static void only_the_first_failure_after_reuse_is_free(void **state) {
    (void)state;
    struct world *w = world_new(3000);
    w->config.timing.max_puts = 1;
    w->puts[0].answer = world_ok;
    w->puts[1].break_after = 1;
    w->put_count = 2;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(world_upload(w), THINGPASS_ERETRIES);
    assert_int_equal(result(w)->puts, 2);
    world_free(w);
}

static void a_stale_connection_with_half_an_answer_is_a_failure(void **state) {
    (void)state;
    struct world *w = world_new(3000);
    w->config.timing.max_puts = 1;
    w->puts[0].answer = world_ok;
    w->puts[1] = (struct world_put){.answer = world_ok, .answer_cut = 5};
    w->put_count = 2;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(world_upload(w), THINGPASS_ERETRIES);
    world_free(w);
}

static struct world *world_one_pass(size_t len) {
    struct world *w = world_new(len);
    w->source.rewindable = false;
    w->source.rewind = NULL;
    return w;
}

static void a_one_pass_source_is_hashed_while_it_is_sent(void **state) {
    (void)state;
    struct world *w = world_one_pass(5000);
    uint8_t sum[32];
    char hex[65];
    w->eagain = 3;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    world_sum(w->bytes, w->bytes_len, sum);
    for (size_t i = 0; i < 32; i++) {
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    }
    assert_null(strstr(w->sent[0].payload, "sha256"));
    assert_non_null(strstr(w->sent[1].payload, hex));
    assert_true(is_stored(w));
    world_free(w);
}

static void a_one_pass_source_gets_a_new_connection(void **state) {
    (void)state;
    struct world *w = world_one_pass(3000);
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(w->opens, 2);
    world_free(w);
}

static void a_one_pass_source_waits_for_a_connection(void **state) {
    (void)state;
    struct world *w = world_one_pass(3000);
    w->puts[0].refuse_open = w->puts[1].refuse_open = true;
    w->puts[2].answer = world_ok;
    w->put_count = 3;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_true(is_stored(w));
    world_free(w);
}

static void a_one_pass_source_cannot_be_sent_twice(void **state) {
    (void)state;
    const struct world_put cases[] = {
        {.break_after = 1000},
        {.answer = world_error(403, "AccessDenied")},
        {.answer = world_error(503, "SlowDown"), .break_after = 1000, .early = true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world *w = world_one_pass(3000);
        w->puts[0] = cases[i];
        assert_int_equal(world_upload(w), THINGPASS_ESPENT);
        assert_int_equal(result(w)->asks, 1);
        assert_int_equal(result(w)->reports, 0);
        world_free(w);
    }
}

static void a_one_pass_object_that_may_be_stored_is_looked_for(void **state) {
    (void)state;
    const struct world_put cases[] = {
        {.answer = NULL},
        {.hang = true},
        {.answer = world_ok, .answer_cut = 4},
        {.answer = world_error(500, "InternalError")},
        {.answer = world_error(412, "PreconditionFailed"), .break_after = 1000, .early = true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (unsigned found = 0; found < 2; found++) {
            struct world *w = world_one_pass(3000);
            w->puts[0] = cases[i];
            w->reports[0].text = found ? world_confirm : world_refusal("not-found", -1);
            assert_int_equal(world_upload(w), found ? THINGPASS_OK : THINGPASS_ESPENT);
            assert_int_equal(result(w)->puts, 1);
            assert_int_equal(result(w)->reports, 1);
            world_free(w);
        }
    }
}

static void a_source_of_another_length_stores_nothing(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 2999, 3001, 4000};
    static uint8_t sum[32];
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (unsigned way = 0; way < 3; way++) {
            struct world *w = way == 2 ? world_one_pass(3000) : world_new(3000);
            w->source.size = sizes[i];
            w->object.sha256 = way == 1 ? sum : NULL;
            assert_int_equal(world_upload(w), THINGPASS_ELENGTH);
            assert_int_equal(w->stored_count, 0);
            assert_int_equal(w->opens, w->stream_closes);
            assert_int_equal(w->opens, way == 0 ? 0 : 1);
            world_free(w);
        }
    }
}

static void a_source_that_shrinks_between_hash_and_transfer_stores_nothing(void **state) {
    (void)state;
    struct world *w = world_new(3000);
    world_start(w);
    world_run_until(w, "connect");
    w->bytes_len = 2500;
    assert_int_equal(world_run(w), THINGPASS_ELENGTH);
    assert_int_equal(w->stored_count, 0);
    assert_int_equal(w->opens, w->stream_closes);
    world_free(w);
}

static void a_source_that_fails_stores_nothing(void **state) {
    (void)state;
    static uint8_t sum[32];
    for (size_t at = 1; at < 2900; at += 499) {
        for (unsigned hashed = 0; hashed < 2; hashed++) {
            struct world *w = world_new(3000);
            w->most = 100;
            w->read_fails_at = at;
            w->object.sha256 = hashed ? sum : NULL;
            assert_int_equal(world_upload(w), THINGPASS_ESOURCE);
            assert_int_equal(w->stored_count, 0);
            assert_int_equal(w->opens, w->stream_closes);
            world_free(w);
        }
    }
    struct world *w = world_new(3000);
    w->rewind_fails = true;
    assert_int_equal(world_upload(w), THINGPASS_ESOURCE);
    world_free(w);
}

static int read_too_much(void *ctx, void *buf, size_t cap) {
    (void)ctx;
    memset(buf, 'x', cap);
    return (int)cap + 1;
}

static void a_source_that_claims_more_than_was_asked_for_is_refused(void **state) {
    (void)state;
    struct world *w = world_new(3000);
    w->source.read = read_too_much;
    assert_int_equal(world_upload(w), THINGPASS_ESOURCE);
    world_free(w);
}

static bool is_slow; // every other time

static int read_slowly(void *ctx, void *buf, size_t cap) {
    struct world *w = ctx;
    is_slow = !is_slow;
    if (is_slow) {
        w->now_ms += 31000; // longer than the stream may stall
        return THINGPASS_EAGAIN;
    }
    size_t left = w->bytes_len - w->bytes_read;
    size_t n = left < cap ? left : cap;
    n = n > 500 ? 500 : n;
    memcpy(buf, w->bytes + w->bytes_read, n);
    w->bytes_read += n;
    return (int)n;
}

static void a_slow_source_is_no_stalled_stream(void **state) {
    (void)state;
    static uint8_t sum[32];
    struct world *w = world_new(3000);
    w->object.sha256 = sum;
    w->source.read = read_slowly;
    w->eagain = 2; // so that the stream has a stall to be blamed for
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_true(is_stored(w));
    assert_int_equal(result(w)->puts, 1);
    world_free(w);
}

static void a_hash_that_fails_ends_the_upload(void **state) {
    (void)state;
    struct world *w = world_new(3000);
    w->no_hash = true;
    assert_int_equal(world_upload(w), THINGPASS_EIO);
    world_free(w);
    w = world_one_pass(3000);
    w->no_hash = true;
    assert_int_equal(world_upload(w), THINGPASS_EIO);
    assert_int_equal(w->stored_count, 0);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_of_s3_is_acted_upon),
        cmocka_unit_test(an_answer_that_never_gets_better_is_given_up),
        cmocka_unit_test(waits_between_transfers_double),
        cmocka_unit_test(retry_after_of_s3_is_respected),
        cmocka_unit_test(a_url_that_ends_before_the_next_transfer_is_asked_for_anew),
        cmocka_unit_test(a_connection_that_breaks_at_any_byte_is_made_anew),
        cmocka_unit_test(an_answer_that_breaks_off_at_any_byte_is_used_or_the_object_sent_again),
        cmocka_unit_test(an_error_whose_body_breaks_off_is_judged_by_what_came),
        cmocka_unit_test(a_refusal_before_the_last_byte_is_heard),
        cmocka_unit_test(success_before_the_last_byte_is_not_believed),
        cmocka_unit_test(garbage_is_taken_for_a_lost_connection),
        cmocka_unit_test(silence_is_given_up_after_the_time_out),
        cmocka_unit_test(a_transfer_after_a_broken_one_has_all_the_time_again),
        cmocka_unit_test(nothing_of_one_answer_is_left_for_the_next),
        cmocka_unit_test(a_stream_that_claims_more_than_it_was_given_is_broken),
        cmocka_unit_test(a_url_that_ended_before_it_was_used_is_asked_for_anew),
        cmocka_unit_test(the_last_words_are_not_waited_for_long),
        cmocka_unit_test(a_server_that_cannot_be_reached_is_tried_until_the_deadline),
        cmocka_unit_test(a_connection_is_kept_for_the_next_object),
        cmocka_unit_test(a_connection_idle_for_too_long_is_closed),
        cmocka_unit_test(a_reused_connection_in_mid_transfer_is_not_kept),
        cmocka_unit_test(another_server_gets_another_connection),
        cmocka_unit_test(a_connection_that_may_not_be_kept_is_not),
        cmocka_unit_test(a_long_error_is_read_only_so_far),
        cmocka_unit_test(a_kept_connection_that_went_stale_costs_no_attempt),
        cmocka_unit_test(only_the_first_failure_after_reuse_is_free),
        cmocka_unit_test(a_stale_connection_with_half_an_answer_is_a_failure),
        cmocka_unit_test(a_one_pass_source_is_hashed_while_it_is_sent),
        cmocka_unit_test(a_one_pass_source_gets_a_new_connection),
        cmocka_unit_test(a_one_pass_source_waits_for_a_connection),
        cmocka_unit_test(a_one_pass_source_cannot_be_sent_twice),
        cmocka_unit_test(a_one_pass_object_that_may_be_stored_is_looked_for),
        cmocka_unit_test(a_source_of_another_length_stores_nothing),
        cmocka_unit_test(a_source_that_shrinks_between_hash_and_transfer_stores_nothing),
        cmocka_unit_test(a_source_that_fails_stores_nothing),
        cmocka_unit_test(a_source_that_claims_more_than_was_asked_for_is_refused),
        cmocka_unit_test(a_slow_source_is_no_stalled_stream),
        cmocka_unit_test(a_hash_that_fails_ends_the_upload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
