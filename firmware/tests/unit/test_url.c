// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "check.h"
#include "guard.h"
#include "header.h"
#include "url.h"

static int parse(struct thingpass_url *url, const char *text, bool allow_plain) {
    size_t n = strlen(text);
    char *copy = guard_copy(text, n);
    struct thingpass_span s = {copy, n};
    int err = thingpass_url_parse(url, s, allow_plain);
    bool inside = err < 0 || (url->host.p >= copy && url->host.p + url->host.n <= copy + n &&
                              url->target.p >= copy && url->target.p + url->target.n == copy + n);
    CHECK(text, inside);
    // The spans are only compared by their offsets once the copy is gone.
    if (err == THINGPASS_OK) {
        url->host.p = text + (url->host.p - copy);
        url->target.p = text + (url->target.p - copy);
    }
    guard_free(copy, n);
    return err;
}

static void urls_are_split(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *host;
        unsigned port;
        bool tls;
        const char *target;
    } rows[] = {
        {"https://b.s3.eu-central-1.amazonaws.com/k?X=1%2F&y=~", "b.s3.eu-central-1.amazonaws.com",
         443, true, "/k?X=1%2F&y=~"},
        {"https://h/", "h", 443, true, "/"},
        {"https://127.0.0.1:9000/bucket/key", "127.0.0.1", 9000, true, "/bucket/key"},
        {"https://h:443/x", "h", 443, true, "/x"},
        {"https://h:65535/x//../y", "h", 65535, true, "/x//../y"},
        {"http://h/x", "h", 80, false, "/x"},
        {"http://my_host:8080/x", "my_host", 8080, false, "/x"},
        {"https://h/a?b/c?d:@!$&'()*+,;=-._~", "h", 443, true, "/a?b/c?d:@!$&'()*+,;=-._~"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct thingpass_url url;
        CHECK(rows[i].text, parse(&url, rows[i].text, true) == THINGPASS_OK);
        CHECK(rows[i].text, thingpass_span_is(url.host, rows[i].host));
        CHECK(rows[i].text, url.port == rows[i].port && url.tls == rows[i].tls);
        CHECK(rows[i].text, thingpass_span_is(url.target, rows[i].target));
    }
}

static void urls_that_could_do_harm_are_refused(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        "h/x",
        "https:",
        "https:/h/x",
        "https://",
        "https:///x",
        "https://h",
        "https://h?x",
        "https://h:/x",
        "https://h:0/x",
        "https://h:65536/x",
        "https://h:99999/x",
        "https://h:100000/x",
        "https://h:080/x",
        "https://h:+80/x",
        "https://h:80",
        "https://h:80x/y",
        "https://user@h/x",
        "https://user:pw@h/x",
        "https://[::1]/x",
        "https://h#/x",
        "https://h/x#f",
        "https://h/a b",
        "https://h/a\r\nX-Evil: 1",
        "https://h/a\nb",
        "https://h/a\tb",
        "https://h\r\n/x",
        "https://h /x",
        "https://h\\x",
        "https://h/\\",
        "https://h/\x7f",
        "https://h/\xc3\xa9",
        "https://h\xc3\xa9/x",
        "https://h/\"x\"",
        "https://h/<x>",
        "https://h/{x}",
        "https://h/^",
        "https://h/`",
        "https://h/|",
        "HTTPS://h/x",
        "ftp://h/x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        " https://h/x",
        "https://h/x ",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct thingpass_url url;
        struct thingpass_url zero = {0};
        CHECK(rows[i], parse(&url, rows[i], true) == THINGPASS_EURL);
        CHECK(rows[i], memcmp(&url, &zero, sizeof url) == 0);
    }
}

static void a_nul_in_a_url_is_refused(void **state) {
    (void)state;
    static const char text[] = "https://h/a\0b";
    struct thingpass_span s = {text, sizeof text - 1};
    struct thingpass_url url;
    assert_int_equal(thingpass_url_parse(&url, s, true), THINGPASS_EURL);
}

static void plain_http_is_followed_only_where_it_is_allowed(void **state) {
    (void)state;
    struct thingpass_url url;
    assert_int_equal(parse(&url, "http://h/x", false), THINGPASS_EURL);
    assert_int_equal(parse(&url, "http://h/x", true), THINGPASS_OK);
    assert_int_equal(parse(&url, "https://h/x", false), THINGPASS_OK);
}

static void a_host_fits_the_connection_or_is_refused(void **state) {
    (void)state;
    char text[300] = "https://";
    struct thingpass_url url;
    for (size_t n = 250; n < 260; n++) {
        memset(text + 8, 'h', n);
        strcpy(text + 8 + n, "/x");
        assert_int_equal(parse(&url, text, true), n <= 253 ? THINGPASS_OK : THINGPASS_EURL);
    }
}

static bool may_send(const char *name, const char *value) {
    return thingpass_header_may_send(thingpass_span_of(name), thingpass_span_of(value),
                                     thingpass_framing_headers);
}

static void headers_that_s3_wants_may_be_sent(void **state) {
    (void)state;
    assert_true(may_send("Content-Type", "image/jpeg"));
    assert_true(may_send("If-None-Match", "*"));
    assert_true(may_send("x-amz-checksum-sha256", "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="));
    assert_true(may_send("x-amz-meta-note", "a&b \"c\" \\ d"));
    assert_true(may_send("x-empty", ""));
}

static void headers_that_forge_or_frame_may_not(void **state) {
    (void)state;
    static const char *const names[] = {
        "",
        "a b",
        "a:",
        "a\r\nb",
        "a\n",
        "\x7f",
        "\xc3\xa9",
        "a(b",
        "a/b",
        "Host",
        "hOsT",
        "Content-Length",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "CONNECTION",
        "Expect",
        "TE",
        "Trailer",
        "Upgrade",
        "Keep-Alive",
        " a",
        "a\t",
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        CHECK(names[i], !may_send(names[i], "x"));
    }
    static const char *const values[] = {"a\r\nb: c", "a\n",  "a\r",     "\x01",
                                         "\t",        "\x7f", "\xc3\xa9"};
    for (size_t i = 0; i < COUNT(values); i++) {
        CHECK(values[i], !may_send("x", values[i]));
    }
    struct thingpass_span nul = {"a\0b", 3};
    struct thingpass_span x = thingpass_span_of("x");
    assert_false(thingpass_header_may_send(nul, x, thingpass_framing_headers));
    assert_false(thingpass_header_may_send(x, nul, thingpass_framing_headers));
}

static void a_header_is_found_among_lines_whatever_its_case(void **state) {
    (void)state;
    struct thingpass_span lines =
        thingpass_span_of("Content-Type: a\r\nx-amz-b: content-type: c\r\n");
    assert_true(thingpass_header_is_in(lines, thingpass_span_of("content-type")));
    assert_true(thingpass_header_is_in(lines, thingpass_span_of("X-AMZ-B")));
    assert_false(thingpass_header_is_in(lines, thingpass_span_of("Content")));
    assert_false(thingpass_header_is_in(lines, thingpass_span_of("x-amz-bb")));
    lines.n = 0;
    assert_false(thingpass_header_is_in(lines, thingpass_span_of("x-amz-b")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_split),
        cmocka_unit_test(urls_that_could_do_harm_are_refused),
        cmocka_unit_test(a_nul_in_a_url_is_refused),
        cmocka_unit_test(plain_http_is_followed_only_where_it_is_allowed),
        cmocka_unit_test(a_host_fits_the_connection_or_is_refused),
        cmocka_unit_test(headers_that_s3_wants_may_be_sent),
        cmocka_unit_test(headers_that_forge_or_frame_may_not),
        cmocka_unit_test(a_header_is_found_among_lines_whatever_its_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
