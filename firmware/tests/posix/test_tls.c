// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The TLS stream against a real TLS server whose certificates are made in
// memory: what must be refused comes first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tls_server.h"
#include "tls_stream.h"

static uint64_t now_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

// A client with its trust, and a server to talk to.
struct scene {
    struct mint ca;
    struct mint leaf;
    struct tls_server server;
    struct thingpass_tls_trust trust;
    struct thingpass_tls_stream client;
};

static void begin(struct scene *s, const struct mint_terms *terms,
                  enum tls_server_manners manners) {
    memset(s, 0, sizeof *s);
    struct thingpass_why why;
    mint_ca(&s->ca, "test CA");
    mint_leaf(&s->leaf, &s->ca, terms);
    s->server.manners = manners;
    s->server.leaf = &s->leaf;
    tls_server_start(&s->server);
    assert_int_equal(
        thingpass_tls_trust_parse(&s->trust, "ca.pem", s->ca.pem, strlen(s->ca.pem) + 1, &why), 0);
    thingpass_tls_stream_init(&s->client, &s->trust);
}

static void end(struct scene *s) {
    thingpass_tls_stream_free(&s->client);
    thingpass_tls_trust_free(&s->trust);
    tls_server_stop(&s->server);
    mint_free(&s->leaf);
    mint_free(&s->ca);
}

// Waits for what the stream wants. Fails the test after ten seconds.
static void wait_for(struct scene *s, uint64_t since) {
    assert_true(now_ms() - since < 10000);
    assert_true(s->client.wants != 0);
    struct pollfd p = {.fd = thingpass_tls_stream_fd(&s->client), .events = s->client.wants};
    s->client.wants = 0;
    assert_true(p.fd >= 0);
    (void)poll(&p, 1, 1000);
}

static int open_as(struct scene *s, const char *host) {
    uint64_t since = now_ms();
    for (;;) {
        int rc = s->client.port.open(s->client.port.ctx, host, s->server.port, true);
        if (rc != THINGPASS_EAGAIN) {
            return rc;
        }
        wait_for(s, since);
    }
}

static int write_once(struct scene *s, const void *data, size_t length) {
    uint64_t since = now_ms();
    for (;;) {
        int rc = s->client.port.write(s->client.port.ctx, data, length);
        if (rc != THINGPASS_EAGAIN && rc != 0) {
            return rc;
        }
        wait_for(s, since);
    }
}

static int read_once(struct scene *s, void *data, size_t cap) {
    uint64_t since = now_ms();
    for (;;) {
        int rc = s->client.port.read(s->client.port.ctx, data, cap);
        if (rc != THINGPASS_EAGAIN) {
            return rc;
        }
        wait_for(s, since);
    }
}

static void close_it(struct scene *s) {
    s->client.port.close(s->client.port.ctx);
}

// Asserts that host is refused before any of our bytes went out, and that the
// sentence says the given words.
static void refused(const struct mint_terms *terms, const char *host, const char *words) {
    struct scene s;
    begin(&s, terms, TLS_SERVER_ECHO);
    assert_int_equal(open_as(&s, host), THINGPASS_EIO);
    if (strstr(s.client.why.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", s.client.why.text, words);
    }
    assert_int_equal(s.client.port.write(s.client.port.ctx, "secret", 6), THINGPASS_EIO);
    close_it(&s);
    end(&s);
    assert_int_equal(atomic_load(&s.server.handshakes), 0);
    assert_int_equal(atomic_load(&s.server.application), 0);
}

static void a_foreign_ca_is_refused(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &(struct mint_terms){.cn = "s3", .names = "localhost"}, TLS_SERVER_ECHO);
    struct mint foreign;
    struct thingpass_why why;
    struct thingpass_tls_trust other;
    mint_ca(&foreign, "test CA"); // the same name, another key
    assert_int_equal(
        thingpass_tls_trust_parse(&other, "other.pem", foreign.pem, strlen(foreign.pem) + 1, &why),
        0);
    thingpass_tls_stream_init(&s.client, &other);
    assert_int_equal(open_as(&s, "localhost"), THINGPASS_EIO);
    assert_non_null(strstr(s.client.why.text, "not signed by a CA in other.pem"));
    close_it(&s);
    thingpass_tls_trust_free(&other);
    mint_free(&foreign);
    end(&s);
    assert_int_equal(atomic_load(&s.server.handshakes), 0);
}

static void another_host_name_is_refused(void **state) {
    (void)state;
    refused(&(struct mint_terms){.cn = "localhost", .names = "other.example"}, "localhost",
            "is for other.example, not for localhost");
}

static void another_address_is_refused(void **state) {
    (void)state;
    refused(&(struct mint_terms){.cn = "s3", .names = "localhost ip:127.0.0.2 ip:::1"}, "127.0.0.1",
            "is for localhost, 127.0.0.2, ::1, not for 127.0.0.1");
}

static void an_address_in_the_common_name_is_refused(void **state) {
    (void)state;
    refused(&(struct mint_terms){.cn = "127.0.0.1"}, "127.0.0.1",
            "is for CN=127.0.0.1, not for 127.0.0.1");
}

static void an_address_written_as_a_host_name_is_refused(void **state) {
    (void)state;
    refused(&(struct mint_terms){.cn = "s3", .names = "127.0.0.1"}, "127.0.0.1",
            "not for 127.0.0.1");
}

static void an_address_as_the_prefix_of_a_longer_one_is_refused(void **state) {
    (void)state;
    refused(&(struct mint_terms){.cn = "s3", .names = "ip:7f00:1::"}, "127.0.0.1",
            "not for 127.0.0.1");
}

static bool issued_for(const char *names, const char *address) {
    struct mint ca, leaf;
    struct thingpass_ip ip;
    mint_ca(&ca, "test CA");
    mint_leaf(&leaf, &ca, &(struct mint_terms){.cn = "s3", .names = names});
    (void)thingpass_ip_parse(address, &ip);
    bool yes = thingpass_certificate_has_ip(&leaf.crt, &ip);
    mint_free(&leaf);
    mint_free(&ca);
    return yes;
}

static void only_address_names_are_compared_with_addresses(void **state) {
    (void)state;
    assert_true(issued_for("ip:97.98.99.100", "97.98.99.100"));
    assert_false(issued_for("abcd", "97.98.99.100")); // the same four bytes
    assert_true(issued_for("a ip:2001:db8::1 b", "2001:0db8:0::1"));
    assert_false(issued_for("ip:2001:db8::1", "2001:db8::2"));
    assert_false(issued_for(NULL, "97.98.99.100"));
    assert_false(issued_for("ip:97.98.99.100", "not.an.address"));
}

static void an_expired_certificate_is_refused(void **state) {
    (void)state;
    refused(&(struct mint_terms){.cn = "s3", .names = "localhost", .not_after = "20210203000000"},
            "localhost", "expired on 2021-02-03");
}

static void an_expired_certificate_for_an_address_is_refused(void **state) {
    (void)state;
    refused(
        &(struct mint_terms){.cn = "s3", .names = "ip:127.0.0.1", .not_after = "20210203000000"},
        "127.0.0.1", "expired on 2021-02-03");
}

static void a_certificate_of_the_future_is_refused(void **state) {
    (void)state;
    refused(&(struct mint_terms){.cn = "s3", .names = "localhost", .not_before = "20480102000000"},
            "localhost", "not valid before 2048-01-02");
}

static void a_leaf_that_poses_as_a_ca_is_refused(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &(struct mint_terms){.cn = "not a CA", .names = "localhost"}, TLS_SERVER_ECHO);
    struct mint forged;
    mint_leaf(&forged, &s.leaf, &(struct mint_terms){.cn = "s3", .names = "localhost"});
    struct tls_server second = {.manners = TLS_SERVER_ECHO, .leaf = &forged};
    tls_server_start(&second);
    uint16_t first = s.server.port;
    s.server.port = second.port;
    assert_int_equal(open_as(&s, "localhost"), THINGPASS_EIO);
    assert_non_null(strstr(s.client.why.text, "not signed by a CA in ca.pem"));
    s.server.port = first;
    tls_server_stop(&second);
    mint_free(&forged);
    end(&s);
}

static void a_server_without_tls_is_refused(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &(struct mint_terms){.cn = "s3", .names = "localhost"}, TLS_SERVER_NO_TLS);
    assert_int_equal(open_as(&s, "localhost"), THINGPASS_EIO);
    assert_non_null(strstr(s.client.why.text, "does it speak TLS on this port?"));
    end(&s);
}

static void plain_http_is_refused(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &(struct mint_terms){.cn = "s3", .names = "localhost"}, TLS_SERVER_ECHO);
    assert_int_equal(s.client.port.open(s.client.port.ctx, "localhost", s.server.port, false),
                     THINGPASS_EIO);
    assert_non_null(strstr(s.client.why.text, "only https"));
    end(&s);
}

static void nobody_listening_is_an_error_in_words(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &(struct mint_terms){.cn = "s3", .names = "localhost"}, TLS_SERVER_ECHO);
    tls_server_stop(&s.server);
    assert_int_equal(open_as(&s, "127.0.0.1"), THINGPASS_EIO);
    assert_non_null(strstr(s.client.why.text, "Connection refused; is the server running?"));
    close_it(&s);
    s.server.stop = false;
    tls_server_start(&s.server); // end() stops one
    end(&s);
}

static void echo(struct scene *s, const char *host) {
    char back[6] = "";
    if (open_as(s, host) != THINGPASS_OK) {
        fail_msg("%s", s->client.why.text);
    }
    assert_int_equal(write_once(s, "hello", 5), 5);
    assert_int_equal(read_once(s, back, 5), 5);
    assert_string_equal(back, "hello");
}

static void a_host_name_is_accepted(void **state) {
    (void)state;
    struct scene s;
    char end_of_stream;
    begin(&s, &(struct mint_terms){.cn = "s3", .names = "other.example localhost"},
          TLS_SERVER_ECHO);
    echo(&s, "localhost");
    assert_int_equal(read_once(&s, &end_of_stream, 1), 0);
    close_it(&s);
    end(&s);
}

static void an_address_is_accepted(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &(struct mint_terms){.cn = "s3", .names = "localhost ip:10.1.2.3 ip:127.0.0.1"},
          TLS_SERVER_ECHO);
    echo(&s, "127.0.0.1");
    close_it(&s);
    end(&s);
}

static void a_cut_is_not_a_close(void **state) {
    (void)state;
    struct scene s;
    char end_of_stream;
    begin(&s, &(struct mint_terms){.cn = "s3", .names = "localhost"}, TLS_SERVER_HANG_UP);
    echo(&s, "localhost");
    assert_int_equal(read_once(&s, &end_of_stream, 1), THINGPASS_EIO);
    assert_non_null(strstr(s.client.why.text, "the server closed the connection"));
    close_it(&s);
    end(&s);
}

static void a_session_is_resumed_with_the_same_host_only(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &(struct mint_terms){.cn = "s3", .names = "localhost ip:127.0.0.1"}, TLS_SERVER_ECHO);
    static const struct {
        const char *host;
        bool resumed;
    } visits[] = {{"localhost", false}, {"localhost", true},  {"127.0.0.1", false},
                  {"127.0.0.1", true},  {"localhost", false}, {"localhost", true}};
    for (size_t i = 0; i < sizeof visits / sizeof visits[0]; i++) {
        echo(&s, visits[i].host);
        assert_int_equal(s.client.resumed, visits[i].resumed);
        close_it(&s);
    }
    end(&s);
}

static void a_resumed_session_does_not_outlive_a_refusal(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &(struct mint_terms){.cn = "s3", .names = "localhost"}, TLS_SERVER_ECHO);
    echo(&s, "localhost");
    close_it(&s);
    assert_int_equal(open_as(&s, "127.0.0.1"), THINGPASS_EIO);
    assert_non_null(strstr(s.client.why.text, "not for 127.0.0.1"));
    close_it(&s);
    end(&s);
}

static void wait_until(const atomic_bool *flag) {
    for (uint64_t since = now_ms(); !atomic_load(flag) && now_ms() - since < 5000;) {
        (void)poll(NULL, 0, 5);
    }
}

static void a_cut_link_reaches_the_server_as_a_reset(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &(struct mint_terms){.cn = "s3", .names = "localhost"}, TLS_SERVER_SINK_SLOWLY);
    atomic_store(&s.server.go, true);
    assert_int_equal(open_as(&s, "localhost"), THINGPASS_OK);
    assert_int_equal(write_once(&s, "half", 4), 4);
    for (uint64_t since = now_ms();
         atomic_load(&s.server.application) < 4 && now_ms() - since < 5000;) {
        (void)poll(NULL, 0, 5);
    }
    thingpass_tls_stream_cut(&s.client);
    assert_int_equal(s.client.port.write(s.client.port.ctx, "more", 4), THINGPASS_EIO);
    char byte;
    assert_int_equal(s.client.port.read(s.client.port.ctx, &byte, 1), THINGPASS_EIO);
    close_it(&s);
    wait_until(&s.server.saw_reset);
    end(&s);
    assert_true(atomic_load(&s.server.saw_reset));
}

static void a_close_in_the_middle_of_an_upload_is_a_reset(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &(struct mint_terms){.cn = "s3", .names = "localhost"}, TLS_SERVER_SINK_SLOWLY);
    atomic_store(&s.server.go, true);
    assert_int_equal(open_as(&s, "localhost"), THINGPASS_OK);
    assert_int_equal(write_once(&s, "half", 4), 4);
    close_it(&s);
    wait_until(&s.server.saw_reset);
    end(&s);
    assert_true(atomic_load(&s.server.saw_reset));
    assert_false(atomic_load(&s.server.saw_close));
}

static void a_close_after_the_answer_is_a_close_notify(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &(struct mint_terms){.cn = "s3", .names = "localhost"}, TLS_SERVER_ANSWER);
    echo(&s, "localhost");
    close_it(&s);
    wait_until(&s.server.saw_close);
    end(&s);
    assert_true(atomic_load(&s.server.saw_close));
    assert_false(atomic_load(&s.server.saw_reset));
}

// Eight megabytes into a server that does not read at first: every byte arrives once
// and in order, although the socket was full again and again.
static void a_full_socket_loses_nothing(void **state) {
    (void)state;
    enum { TOTAL = 8 << 20, CHUNK = 4096 };
    struct scene s;
    begin(&s, &(struct mint_terms){.cn = "s3", .names = "localhost"}, TLS_SERVER_SINK_SLOWLY);
    assert_int_equal(open_as(&s, "localhost"), THINGPASS_OK);
    unsigned sum = 0;
    int stalls = 0;
    // A repeated write may bring more than the one that was turned away.
    size_t offer = CHUNK / 2;
    for (int sent = 0; sent < TOTAL;) {
        unsigned char chunk[CHUNK];
        for (int i = 0; i < CHUNK; i++) {
            chunk[i] = (unsigned char)((sent + i) * 31 >> 3);
        }
        int n = s.client.port.write(s.client.port.ctx, chunk, offer);
        offer = n == THINGPASS_EAGAIN ? CHUNK : CHUNK / 2;
        if (n == THINGPASS_EAGAIN) {
            stalls++;
            atomic_store(&s.server.go, true);
            wait_for(&s, now_ms());
            continue;
        }
        assert_true(n > 0);
        for (int i = 0; i < n; i++) {
            sum += chunk[i] * (unsigned)((sent + i) % 251 + 1);
        }
        sent += n;
    }
    assert_true(stalls > 0);
    for (uint64_t since = now_ms();
         atomic_load(&s.server.application) < TOTAL && now_ms() - since < 5000;) {
        (void)poll(NULL, 0, 5);
    }
    close_it(&s);
    end(&s);
    assert_int_equal(atomic_load(&s.server.application), TOTAL);
    assert_int_equal(atomic_load(&s.server.checksum), sum);
}

static void a_bad_ca_file_is_an_error_in_words(void **state) {
    (void)state;
    struct thingpass_tls_trust trust;
    struct thingpass_why why;
    assert_int_equal(thingpass_tls_trust_load(&trust, "/nonexistent/ca.pem", &why),
                     THINGPASS_EINVAL);
    assert_non_null(
        strstr(why.text, "open the CA file /nonexistent/ca.pem: No such file or directory"));
    thingpass_tls_trust_free(&trust);
    assert_int_equal(thingpass_tls_trust_parse(&trust, "x.pem", "nonsense", 9, &why),
                     THINGPASS_EINVAL);
    assert_non_null(strstr(why.text, "it must be a PEM file"));
    thingpass_tls_trust_free(&trust);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_foreign_ca_is_refused),
        cmocka_unit_test(another_host_name_is_refused),
        cmocka_unit_test(another_address_is_refused),
        cmocka_unit_test(an_address_in_the_common_name_is_refused),
        cmocka_unit_test(an_address_written_as_a_host_name_is_refused),
        cmocka_unit_test(an_address_as_the_prefix_of_a_longer_one_is_refused),
        cmocka_unit_test(only_address_names_are_compared_with_addresses),
        cmocka_unit_test(an_expired_certificate_is_refused),
        cmocka_unit_test(an_expired_certificate_for_an_address_is_refused),
        cmocka_unit_test(a_certificate_of_the_future_is_refused),
        cmocka_unit_test(a_leaf_that_poses_as_a_ca_is_refused),
        cmocka_unit_test(a_server_without_tls_is_refused),
        cmocka_unit_test(plain_http_is_refused),
        cmocka_unit_test(nobody_listening_is_an_error_in_words),
        cmocka_unit_test(a_host_name_is_accepted),
        cmocka_unit_test(an_address_is_accepted),
        cmocka_unit_test(a_cut_is_not_a_close),
        cmocka_unit_test(a_session_is_resumed_with_the_same_host_only),
        cmocka_unit_test(a_resumed_session_does_not_outlive_a_refusal),
        cmocka_unit_test(a_cut_link_reaches_the_server_as_a_reset),
        cmocka_unit_test(a_close_in_the_middle_of_an_upload_is_a_reset),
        cmocka_unit_test(a_close_after_the_answer_is_a_close_notify),
        cmocka_unit_test(a_full_socket_loses_nothing),
        cmocka_unit_test(a_bad_ca_file_is_an_error_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
