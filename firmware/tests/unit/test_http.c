// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "check.h"
#include "guard.h"
#include "http_judge.h"
#include "http_request.h"

// Reads a copy that ends at a forbidden page.
static void read_guarded(struct http_reading *r, const char *data, size_t len, size_t piece,
                         bool end) {
    char *copy = guard_copy(data, len);
    http_read(r, copy, len, piece, end);
    guard_free(copy, len);
}

#define SIXTY "0123456789-123456789-123456789-123456789-123456789-123456789"

static const struct {
    const char *text;
    unsigned status;
    const char *body;
    bool reuse;
    bool until_end; // complete only when the connection has ended
} good[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", true, false},
    {"HTTP/1.1 200 OK\r\nx-amz-id-2: a/b=\r\nx-amz-request-id: 1\r\nDate: Mon, 23 Nov 2026\r\n"
     "ETag: \"abc\"\r\nServer: AmazonS3\r\nContent-Length: 0\r\n\r\n",
     200, "", true, false},
    {"HTTP/1.1 403 Forbidden\r\ncontent-length:5\r\n\r\nhello", 403, "hello", true, false},
    {"HTTP/1.1 403 Forbidden\r\nCONTENT-LENGTH: \t5  \r\n\r\nhello", 403, "hello", true, false},
    {"HTTP/1.1 500 \r\nContent-Length: 0\r\n\r\n", 500, "", true, false},
    {"HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n", 500, "", true, false},
    {"HTTP/1.1 503 Slow Down\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", 503, "x", false,
     false},
    {"HTTP/1.1 503 Slow Down\r\nConnection: a, Close ,b\r\nContent-Length: 1\r\n\r\nx", 503, "x",
     false, false},
    {"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", 200, "", true,
     false},
    {"HTTP/1.1 200 OK\r\nConnection: Keep-Alive \r\nContent-Length: 0\r\n\r\n", 200, "", true,
     false},
    {"HTTP/1.1 200 OK\r\nConnection: keep-alive, x\r\nContent-Length: 0\r\n\r\n", 200, "", false,
     false},
    {"HTTP/1.1 200 OK\r\nConnection: \r\nContent-Length: 0\r\n\r\n", 200, "", false, false},
    {"HTTP/1.1 200 OK\r\nConnection: a-very-long-option-that-is-longer-than-we-keep, close\r\n"
     "Content-Length: 0\r\n\r\n",
     200, "", false, false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", false, false},
    {"HTTP/1.0 200 OK\r\n\r\nok", 200, "ok", false, true},
    {"HTTP/1.1 200 OK\r\n\r\nall of it", 200, "all of it", false, true},
    {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true, false},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n", 304, "", true, false},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", true,
     false},
    {"HTTP/1.1 103 Early Hints\r\nConnection: x\r\n\r\nHTTP/1.1 100 \r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
     200, "x", true, false},
    {"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0002\r\nde\r\n0\r\n\r\n",
     400, "abcde", true, false},
    {"HTTP/1.1 400 Bad\r\nTransfer-Encoding: Chunked\r\n\r\nA;x=\"y\"\r\n0123456789\r\n0;z\r\n\r\n",
     400, "0123456789", true, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "", true, false},
    {"HTTP/1.1 200 OK\r\nX: \xff\xfe\r\nY:\r\nZ: \t \r\nContent-Length: 0\r\n\r\n", 200, "", true,
     false},
    {"HTTP/1.1 200 OK\r\nA-Header-Name-That-Is-Very-Much-Longer-Than-Those-We-Read: 1\r\n"
     "Content-Lengthy: 5\r\nContent-Length: 0\r\n\r\n",
     200, "", true, false},
    {"HTTP/1.1 200 OK\r\n" SIXTY "-and-more: 1\r\n" SIXTY ": 2\r\nContent-Length: 0\r\n\r\n", 200,
     "", true, false},
    {"HTTP/1.1 200 " SIXTY SIXTY "\r\nTransfer-Encoding: chunked\r\n\r\n1;" SIXTY
     "\r\nx\r\n0\r\n\r\n",
     200, "x", true, false},
};

static void responses_are_read_in_pieces_of_any_size(void **state) {
    (void)state;
    static struct http_reading r;
    for (size_t i = 0; i < COUNT(good); i++) {
        size_t len = strlen(good[i].text);
        for (size_t piece = 1; piece <= len; piece++) {
            read_guarded(&r, good[i].text, len, piece, good[i].until_end);
            CHECK(good[i].text, r.err == THINGPASS_OK && thingpass_http_is_complete(&r.state));
            CHECK(good[i].text, thingpass_http_has_head(&r.state));
            CHECK(good[i].text, r.used == len && r.state.status == good[i].status);
            CHECK(good[i].text, r.body_len == strlen(good[i].body) &&
                                    memcmp(r.body, good[i].body, r.body_len) == 0);
            CHECK(good[i].text, thingpass_http_may_reuse(&r.state) == good[i].reuse);
            const char *difference = http_judge(&r, good[i].text, len);
            CHECK(good[i].text, difference == NULL);
        }
    }
}

static void no_truncation_counts_as_complete(void **state) {
    (void)state;
    static struct http_reading r;
    for (size_t i = 0; i < COUNT(good); i++) {
        const char *head_end = strstr(good[i].text, "\r\n\r\n") + 4;
        for (size_t len = 0; len < strlen(good[i].text); len++) {
            bool may_end = good[i].until_end && len >= (size_t)(head_end - good[i].text);
            read_guarded(&r, good[i].text, len, len + 1, true);
            CHECK(good[i].text, r.err == THINGPASS_OK);
            CHECK(good[i].text, thingpass_http_is_complete(&r.state) == may_end);
            CHECK(good[i].text, !thingpass_http_may_reuse(&r.state));
        }
    }
}

static void what_no_good_server_sends_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "\r\nHTTP/1.1 200 OK\r\n",
        "HTTP/2.0 200 OK\r\n",
        "HTTP/1.2 200 OK\r\n",
        "HTTP/1.10 200 OK\r\n",
        "http/1.1 200 OK\r\n",
        "HTTP/1.1  200 OK\r\n",
        "HTTP/1.1 20 OK\r\n",
        "HTTP/1.1 2000 OK\r\n",
        "HTTP/1.1 -20 OK\r\n",
        "HTTP/1.1 099 OK\r\n",
        "HTTP/1.1 600 OK\r\n",
        "HTTP/1.1 2x0 OK\r\n",
        "HTTP/1.1 200OK\r\n",
        "HTTP/1.1 200 OK\n",
        "HTTP/1.1 200 OK\rX",
        "HTTP/1.1 200 O\x01K\r\n",
        "HTTP/1.1 200 O\x7fK\r\n",
        "<html>",
        "\x16\x03\x01",
        "HTTP/1.1 200 OK\r\nA: b\n",
        "HTTP/1.1 200 OK\r\nA: b\rC",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\n",
        "HTTP/1.1 200 OK\r\n A: b\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n",
        "HTTP/1.1 200 OK\r\n: b\r\n",
        "HTTP/1.1 200 OK\r\nA\r\n",
        "HTTP/1.1 200 OK\r\nA\x80: b\r\n",
        "HTTP/1.1 200 OK\r\n" SIXTY SIXTY " : b\r\n",
        "HTTP/1.1 200 OK\r\n" SIXTY "\r\n",
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "000000000000000000000000000000000000000000000000000000000001x\r\n"),
        "HTTP/1.1 200 OK\r\nA: \x01\r\n",
        "HTTP/1.1 200 OK\r\n\rX",
        "HTTP/1.1 200 OK\r\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: \r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1 1\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1,1\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0x10\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 00000000000000000000000000000000000000000000000001\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked and so on and so on and so on\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n;\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n 1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nx",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100000000\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\ry",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n A: b\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\rx",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;\x01\r\n",
    };
    static struct http_reading r;
    for (size_t i = 0; i < COUNT(bad); i++) {
        size_t len = strlen(bad[i]);
        for (size_t piece = 1; piece <= len; piece++) {
            read_guarded(&r, bad[i], len, piece, true);
            CHECK(bad[i], r.err == THINGPASS_EHTTP);
            CHECK(bad[i], !thingpass_http_is_complete(&r.state));
            CHECK(bad[i], !thingpass_http_has_head(&r.state));
        }
    }
}

static void a_broken_response_stays_broken(void **state) {
    (void)state;
    struct thingpass_http_response r;
    struct thingpass_span body;
    thingpass_http_init(&r);
    assert_int_equal(thingpass_http_feed(&r, "X", 1, &body), THINGPASS_EHTTP);
    const char *text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(thingpass_http_feed(&r, text, strlen(text), &body), THINGPASS_EHTTP);
    thingpass_http_feed_end(&r);
    assert_false(thingpass_http_is_complete(&r));
}

static void a_head_without_end_is_given_up(void **state) {
    (void)state;
    static struct http_reading r;
    static char text[20000];
    const char *line = "X-Filler: 0123456789\r\n";
    strcpy(text, "HTTP/1.1 200 OK\r\n");
    size_t n = strlen(text);
    for (; n + strlen(line) < 8100; n += strlen(line)) {
        strcpy(text + n, line);
    }
    strcpy(text + n, "\r\n");
    http_read(&r, text, n + 2, 100, false);
    assert_int_equal(r.err, THINGPASS_OK);
    for (; n + strlen(line) < 9000; n += strlen(line)) {
        strcpy(text + n, line);
    }
    strcpy(text + n, "\r\n");
    http_read(&r, text, n + 2, 100, false);
    assert_int_equal(r.err, THINGPASS_EHTTP);
}

static void informational_responses_without_end_are_given_up(void **state) {
    (void)state;
    static struct http_reading r;
    static char text[20000];
    size_t n = 0;
    while (n < 9000) {
        n += (size_t)sprintf(text + n, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    http_read(&r, text, n, 1000, false);
    assert_int_equal(r.err, THINGPASS_EHTTP);
}

static void retry_after_is_read(void **state) {
    (void)state;
    static const struct {
        const char *value;
        uint32_t want;
    } rows[] = {{"7", 7},  {"0", 0}, {"999999999", 86400}, {"Wed, 21 Oct 2026", 0},
                {"-3", 0}, {"", 0}};
    static struct http_reading r;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[200];
        snprintf(text, sizeof text,
                 "HTTP/1.1 503 x\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", rows[i].value);
        http_read(&r, text, strlen(text), 3, false);
        CHECK(rows[i].value, r.err == THINGPASS_OK && r.state.retry_s == rows[i].want);
    }
}

static void bytes_behind_a_response_are_left_alone(void **state) {
    (void)state;
    static struct http_reading r;
    const char *text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500";
    http_read(&r, text, strlen(text), 1000, false);
    assert_int_equal(r.used, strlen(text) - strlen("HTTP/1.1 500"));
    assert_true(thingpass_http_is_complete(&r.state));
}

static struct thingpass_http_request request_to(uint16_t port, bool tls) {
    struct thingpass_http_request r = {
        "PUT",
        thingpass_span_of("/b/k.jpg?X-Amz-Signature=abc"),
        thingpass_span_of("s3.example.com"),
        port,
        tls,
        thingpass_span_of("Content-Type: image/jpeg\r\nIf-None-Match: *\r\n"),
        48211,
    };
    return r;
}

static void the_head_is_the_same_in_pieces_of_any_size(void **state) {
    (void)state;
    const char *want = "PUT /b/k.jpg?X-Amz-Signature=abc HTTP/1.1\r\n"
                       "Host: s3.example.com:9000\r\n"
                       "Content-Type: image/jpeg\r\nIf-None-Match: *\r\n"
                       "Content-Length: 48211\r\n\r\n";
    struct thingpass_http_request request = request_to(9000, true);
    for (size_t piece = 1; piece <= strlen(want) + 1; piece++) {
        char got[300];
        size_t len = 0;
        char *buf = guard_alloc(piece);
        size_t n;
        while ((n = thingpass_http_put_head(&request, len, buf, piece)) > 0) {
            assert_true(n <= piece && len + n < sizeof got);
            memcpy(got + len, buf, n);
            len += n;
        }
        guard_free(buf, piece);
        assert_int_equal(len, strlen(want));
        assert_memory_equal(got, want, len);
    }
}

static const char *host_line(uint16_t port, bool tls) {
    static char head[300];
    struct thingpass_http_request request = request_to(port, tls);
    size_t n = thingpass_http_put_head(&request, 0, head, sizeof head - 1);
    head[n] = '\0';
    char *line = strstr(head, "Host: ");
    *strstr(line, "\r\n") = '\0';
    return line;
}

static void the_host_names_the_port_unless_it_is_the_schemes_own(void **state) {
    (void)state;
    assert_string_equal(host_line(443, true), "Host: s3.example.com");
    assert_string_equal(host_line(80, false), "Host: s3.example.com");
    assert_string_equal(host_line(80, true), "Host: s3.example.com:80");
    assert_string_equal(host_line(443, false), "Host: s3.example.com:443");
    assert_string_equal(host_line(65535, true), "Host: s3.example.com:65535");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(responses_are_read_in_pieces_of_any_size),
        cmocka_unit_test(no_truncation_counts_as_complete),
        cmocka_unit_test(what_no_good_server_sends_is_refused),
        cmocka_unit_test(a_broken_response_stays_broken),
        cmocka_unit_test(a_head_without_end_is_given_up),
        cmocka_unit_test(informational_responses_without_end_are_given_up),
        cmocka_unit_test(retry_after_is_read),
        cmocka_unit_test(bytes_behind_a_response_are_left_alone),
        cmocka_unit_test(the_head_is_the_same_in_pieces_of_any_size),
        cmocka_unit_test(the_host_names_the_port_unless_it_is_the_schemes_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
