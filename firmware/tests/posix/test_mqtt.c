// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The MQTT link against a real Mosquitto with mutual TLS: who is refused, with
// which words, and what is tried again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mosquitto_server.h"
#include "mqtt_mosquitto.h"
#include "posix_world.h"
#include "tls_server.h"

#define OPEN_TO_ALL "allow_anonymous true\n"

struct scene {
    struct mint ca;
    struct mint server_leaf;
    struct mint thing_leaf;
    struct mosquitto_server server;
    struct thingpass_tls_trust trust;
    struct thingpass_mqtt_link link;
    char ca_file[128], cert_file[128], key_file[128];

    int messages;
    size_t length;
    char topic[64];
    unsigned sum;
    unsigned steps; // turns of the loop
};

static void receive(void *ctx, const char *topic, const void *payload, size_t length) {
    struct scene *s = ctx;
    const unsigned char *p = payload;
    s->messages++;
    s->length = length;
    (void)snprintf(s->topic, sizeof s->topic, "%s", topic);
    s->sum = 0;
    for (size_t i = 0; i < length; i++) {
        s->sum = s->sum * 31 + p[i];
    }
}

static void set_link(struct scene *s, const char *host, int version) {
    struct thingpass_mqtt_settings settings = {.host = host,
                                               .port = s->server.port,
                                               .client_id = "cam1",
                                               .ca_file = s->ca_file,
                                               .cert_file = s->cert_file,
                                               .key_file = s->key_file,
                                               .topic = "thingpass/cam1/response",
                                               .version = version,
                                               .trust = &s->trust,
                                               .ctx = s,
                                               .receive = receive};
    thingpass_mqtt_link_init(&s->link, &settings);
}

static void use_thing(struct scene *s, const struct mint *ca, const struct mint_terms *terms) {
    mint_free(&s->thing_leaf);
    mint_leaf(&s->thing_leaf, ca, terms);
    mosquitto_server_file(&s->server, "thing.crt", s->thing_leaf.pem, s->cert_file);
    mosquitto_server_file(&s->server, "thing.key", s->thing_leaf.key_pem, s->key_file);
}

static void use_ca(struct scene *s, const struct mint *ca) {
    thingpass_tls_trust_free(&s->trust);
    mosquitto_server_file(&s->server, "trusted.crt", ca->pem, s->ca_file);
    assert_int_equal(thingpass_tls_trust_load(&s->trust, s->ca_file, NULL), THINGPASS_OK);
}

static void begin(struct scene *s, const struct mint_terms *server) {
    memset(s, 0, sizeof *s);
    mint_ca(&s->ca, "test CA");
    mint_leaf(&s->server_leaf, &s->ca, server);
    mbedtls_pk_init(&s->thing_leaf.key);
    mbedtls_x509_crt_init(&s->thing_leaf.crt);
    mosquitto_server_init(&s->server, &s->ca, &s->server_leaf);
    use_thing(s, &s->ca, &(struct mint_terms){.cn = "cam1"});
    mosquitto_server_file(&s->server, "trusted.crt", s->ca.pem, s->ca_file);
    assert_int_equal(thingpass_tls_trust_load(&s->trust, s->ca_file, NULL), THINGPASS_OK);
    set_link(s, "127.0.0.1", 4);
}

static void end(struct scene *s) {
    thingpass_mqtt_link_close(&s->link);
    thingpass_tls_trust_free(&s->trust);
    mosquitto_server_end(&s->server);
    mint_free(&s->thing_leaf);
    mint_free(&s->server_leaf);
    mint_free(&s->ca);
}

// One turn of a thing's loop.
static int turn(struct scene *s, uint64_t most_ms) {
    struct pollfd p = thingpass_mqtt_link_poll(&s->link);
    uint64_t now = thingpass_posix_now_ms();
    uint64_t wake = thingpass_mqtt_link_wake_ms(&s->link);
    uint64_t wait = wake > now ? wake - now : 0;
    (void)poll(&p, 1, (int)(wait < most_ms ? wait : most_ms));
    s->steps++;
    return thingpass_mqtt_link_step(&s->link, thingpass_posix_now_ms());
}

// Turns until the link is ready or refused for good. Returns what step did.
static int run(struct scene *s) {
    uint64_t end_ms = thingpass_posix_now_ms() + 15000;
    int rc = THINGPASS_OK;
    while (rc == THINGPASS_OK && !thingpass_mqtt_link_ready(&s->link)) {
        assert_true(thingpass_posix_now_ms() < end_ms);
        rc = turn(s, 100);
    }
    return rc;
}

static void says(const struct scene *s, const char *words) {
    if (strstr(s->link.why.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", s->link.why.text, words);
    }
}

// Turns until there is a trouble of that kind, which must not be for good.
static void run_into(struct scene *s, const char *words) {
    uint64_t end_ms = thingpass_posix_now_ms() + 15000;
    while (strstr(s->link.why.text, words) == NULL) {
        if (thingpass_posix_now_ms() >= end_ms) {
            fail_msg("\"%s\" does not say \"%s\"", s->link.why.text, words);
        }
        assert_int_equal(turn(s, 100), THINGPASS_OK);
    }
}

// Stands in front of the C library's: "six-first.test" is ::1, then 127.0.0.1,
// as "localhost" is on many machines.
int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict list) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof real);
    if (node == NULL || strcmp(node, "six-first.test") != 0) {
        return real(node, service, hints, list);
    }
    int rc = real("::1", service, hints, list);
    return rc != 0 ? rc : real("127.0.0.1", service, hints, &(*list)->ai_next);
}

static const struct mint_terms good_server = {.cn = "mqtt", .names = "localhost ip:127.0.0.1"};

static void a_foreign_ca_is_refused_for_good(void **state) {
    (void)state;
    struct scene s;
    struct mint foreign;
    begin(&s, &good_server);
    mint_ca(&foreign, "test CA");
    use_ca(&s, &foreign);
    mosquitto_server_start(&s.server, mosquitto_server_mutual_tls, OPEN_TO_ALL);
    assert_int_equal(run(&s), THINGPASS_EIO);
    says(&s, "that is not signed by a CA in ");
    says(&s, "trusted.crt");
    assert_int_equal(thingpass_mqtt_link_poll(&s.link).fd, -1);
    assert_true(thingpass_mqtt_link_wake_ms(&s.link) == UINT64_MAX);
    mint_free(&foreign);
    end(&s);
}

static void a_server_with_another_name_is_refused_for_good(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &(struct mint_terms){.cn = "mqtt", .names = "mqtt.example ip:127.0.0.2"});
    mosquitto_server_start(&s.server, mosquitto_server_mutual_tls, OPEN_TO_ALL);
    assert_int_equal(run(&s), THINGPASS_EIO);
    says(&s, "is for mqtt.example, 127.0.0.2, not for 127.0.0.1");
    end(&s);
}

static void an_expired_server_is_refused_for_good(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &(struct mint_terms){
                  .cn = "mqtt", .names = "ip:127.0.0.1", .not_after = "20210203000000"});
    mosquitto_server_start(&s.server, mosquitto_server_mutual_tls, OPEN_TO_ALL);
    assert_int_equal(run(&s), THINGPASS_EIO);
    says(&s, "expired on 2021-02-03; renew it");
    end(&s);
}

static void a_thing_of_a_foreign_ca_is_told_so(void **state) {
    (void)state;
    struct scene s;
    struct mint foreign;
    begin(&s, &good_server);
    mint_ca(&foreign, "another CA");
    use_thing(&s, &foreign, &(struct mint_terms){.cn = "cam1"});
    mosquitto_server_start(&s.server, mosquitto_server_mutual_tls, OPEN_TO_ALL);
    assert_int_equal(run(&s), THINGPASS_EIO);
    says(&s, "it does not trust the CA that signed ");
    says(&s, "thing.crt");
    mint_free(&foreign);
    end(&s);
}

static void an_expired_thing_is_told_so(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &good_server);
    use_thing(&s, &s.ca, &(struct mint_terms){.cn = "cam1", .not_after = "20210203000000"});
    mosquitto_server_start(&s.server, mosquitto_server_mutual_tls, OPEN_TO_ALL);
    assert_int_equal(run(&s), THINGPASS_EIO);
    says(&s, "thing.crt has expired; issue a new certificate");
    end(&s);
}

static void a_port_without_tls_is_told(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &good_server);
    mosquitto_server_start(&s.server, NULL, OPEN_TO_ALL);
    // Mosquitto takes a ClientHello for a bad packet and hangs up, or resets the
    // connection while it is still being made: "lost" or "cannot reach".
    run_into(&s, "the MQTT server");
    end(&s);
}

static void a_refused_connect_is_told_for_good(void **state) {
    (void)state;
    for (int version = 4; version <= 5; version++) {
        struct scene s;
        begin(&s, &good_server);
        set_link(&s, "localhost", version);
        mosquitto_server_start(&s.server, mosquitto_server_mutual_tls, "allow_anonymous false\n");
        assert_int_equal(run(&s), THINGPASS_EIO);
        says(&s, "refused cam1: ");
        says(&s, "does the server's policy let this certificate connect as this --name?");
        end(&s);
    }
}

static void a_suback_right_behind_connack_is_not_overlooked(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct scene s;
        begin(&s, &good_server);
        struct tls_server hasty = {
            .manners = TLS_SERVER_HASTY_MQTT, .ca = &s.ca, .leaf = &s.server_leaf};
        tls_server_start(&hasty);
        s.link.settings.port = hasty.port;
        uint64_t start_ms = thingpass_posix_now_ms();
        assert_int_equal(run(&s), THINGPASS_OK);
        assert_true(thingpass_posix_now_ms() - start_ms < 4000); // one connection was enough
        assert_int_equal(s.link.connections, 1);
        thingpass_mqtt_link_close(&s.link);
        tls_server_stop(&hasty);
        end(&s);
    }
}

static void a_server_that_is_not_there_yet_is_waited_for(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &good_server);
    run_into(&s, "cannot reach the MQTT server 127.0.0.1:");
    says(&s, "Connection refused");
    assert_int_equal(s.link.port.publish(s.link.port.ctx, "a", "b", 1, 5), THINGPASS_EAGAIN);
    mosquitto_server_start(&s.server, mosquitto_server_mutual_tls, OPEN_TO_ALL);
    assert_int_equal(run(&s), THINGPASS_OK);
    assert_string_equal(s.link.why.text, "");
    end(&s);
}

static void the_second_address_of_a_name_is_tried(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &(struct mint_terms){.cn = "mqtt", .names = "six-first.test"});
    set_link(&s, "six-first.test", 4);
    mosquitto_server_start(&s.server, mosquitto_server_mutual_tls, OPEN_TO_ALL);
    assert_int_equal(run(&s), THINGPASS_OK);
    assert_int_equal(s.link.failures, 0);
    mosquitto_server_kill(&s.server);
    run_into(&s, "cannot reach the MQTT server six-first.test:");
    end(&s);
}

static void publish(struct scene *s, const char *topic, size_t length) {
    static unsigned char payload[60000];
    unsigned sum = 0;
    for (size_t i = 0; i < length; i++) {
        payload[i] = (unsigned char)(i * 7);
        sum = sum * 31 + payload[i];
    }
    int before = s->messages;
    assert_int_equal(s->link.port.publish(s->link.port.ctx, topic, payload, length, 5),
                     THINGPASS_OK);
    uint64_t end_ms = thingpass_posix_now_ms() + 5000;
    while (s->messages == before) {
        assert_true(thingpass_posix_now_ms() < end_ms);
        assert_int_equal(turn(s, 100), THINGPASS_OK);
    }
    assert_string_equal(s->topic, topic);
    assert_int_equal(s->length, length);
    assert_int_equal(s->sum, sum);
}

static void messages_flow_in_both_versions(void **state) {
    (void)state;
    for (int version = 4; version <= 5; version++) {
        struct scene s;
        begin(&s, &good_server);
        set_link(&s, version == 4 ? "localhost" : "127.0.0.1", version);
        mosquitto_server_start(&s.server, mosquitto_server_mutual_tls, OPEN_TO_ALL);
        assert_int_equal(run(&s), THINGPASS_OK);
        publish(&s, "thingpass/cam1/response", 1);
        publish(&s, "thingpass/cam1/response", 1500);
        publish(&s, "thingpass/cam1/response", 60000);
        assert_int_equal(s.link.connections, 1);
        end(&s);
    }
}

static void a_killed_server_is_found_again_and_subscribed_to_again(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &good_server);
    mosquitto_server_start(&s.server, mosquitto_server_mutual_tls, OPEN_TO_ALL);
    for (unsigned life = 1; life <= 3; life++) {
        assert_int_equal(run(&s), THINGPASS_OK);
        assert_int_equal(s.link.connections, life);
        publish(&s, "thingpass/cam1/response", 100);
        mosquitto_server_kill(&s.server);
        run_into(&s, "the MQTT server");
        assert_false(thingpass_mqtt_link_ready(&s.link));
        mosquitto_server_start(&s.server, mosquitto_server_mutual_tls, OPEN_TO_ALL);
    }
    end(&s);
}

static void what_would_be_for_good_is_tried_again_once_it_has_worked(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &good_server);
    mosquitto_server_start(&s.server, mosquitto_server_mutual_tls, OPEN_TO_ALL);
    assert_int_equal(run(&s), THINGPASS_OK);
    mosquitto_server_kill(&s.server);
    mosquitto_server_start(&s.server, mosquitto_server_mutual_tls, "allow_anonymous false\n");
    run_into(&s, "refused cam1: ");
    mosquitto_server_kill(&s.server);
    mosquitto_server_start(&s.server, mosquitto_server_mutual_tls, OPEN_TO_ALL);
    assert_int_equal(run(&s), THINGPASS_OK);
    assert_int_equal(s.link.connections, 2);
    end(&s);
}

static void a_refused_publish_is_told_by_mqtt_5(void **state) {
    (void)state;
    struct scene s;
    char path[128];
    char extra[256];
    begin(&s, &good_server);
    set_link(&s, "localhost", 5);
    mosquitto_server_file(&s.server, "acl", "topic read thingpass/#\n", path);
    (void)snprintf(extra, sizeof extra, OPEN_TO_ALL "acl_file %s\n", path);
    mosquitto_server_start(&s.server, mosquitto_server_mutual_tls, extra);
    assert_int_equal(run(&s), THINGPASS_OK);
    assert_int_equal(
        s.link.port.publish(s.link.port.ctx, "thingpass/cam2/upload-request", "{}", 2, 5),
        THINGPASS_OK);
    run_into(&s, "refused a request of cam1: Not authorized");
    assert_true(thingpass_mqtt_link_ready(&s.link));
    end(&s);
}

// A server that takes a connection and says nothing, or hangs up at once.
struct rude {
    int listener;
    int guest;
};

static struct rude listen_rudely(struct scene *s) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons(s->server.port)};
    struct rude r = {socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), -1};
    assert_int_equal(bind(r.listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(r.listener, 4), 0);
    return r;
}

static void a_silent_server_costs_no_cpu(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &good_server);
    struct rude r = listen_rudely(&s);
    uint64_t end_ms = thingpass_posix_now_ms() + 500;
    while (thingpass_posix_now_ms() < end_ms) {
        assert_int_equal(turn(&s, 100), THINGPASS_OK);
    }
    assert_in_range(s.steps, 3, 30);
    (void)close(r.listener);
    end(&s);
}

static void a_server_that_hangs_up_is_tried_again(void **state) {
    (void)state;
    struct scene s;
    begin(&s, &good_server);
    struct rude r = listen_rudely(&s);
    uint64_t end_ms = thingpass_posix_now_ms() + 5000;
    while (s.link.why.text[0] == '\0') {
        assert_true(thingpass_posix_now_ms() < end_ms);
        assert_int_equal(turn(&s, 50), THINGPASS_OK);
        if (r.guest < 0 && s.steps > 2) {
            char hello[512];
            r.guest = accept(r.listener, NULL, NULL);
            (void)recv(r.guest, hello, sizeof hello, 0);
            (void)shutdown(r.guest, SHUT_RDWR);
        }
    }
    says(&s, "127.0.0.1:");
    assert_in_range(s.steps, 3, 40);
    (void)close(r.guest);
    (void)close(r.listener);
    end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_foreign_ca_is_refused_for_good),
        cmocka_unit_test(a_server_with_another_name_is_refused_for_good),
        cmocka_unit_test(an_expired_server_is_refused_for_good),
        cmocka_unit_test(a_thing_of_a_foreign_ca_is_told_so),
        cmocka_unit_test(an_expired_thing_is_told_so),
        cmocka_unit_test(a_port_without_tls_is_told),
        cmocka_unit_test(a_refused_connect_is_told_for_good),
        cmocka_unit_test(a_suback_right_behind_connack_is_not_overlooked),
        cmocka_unit_test(a_server_that_is_not_there_yet_is_waited_for),
        cmocka_unit_test(the_second_address_of_a_name_is_tried),
        cmocka_unit_test(messages_flow_in_both_versions),
        cmocka_unit_test(a_killed_server_is_found_again_and_subscribed_to_again),
        cmocka_unit_test(what_would_be_for_good_is_tried_again_once_it_has_worked),
        cmocka_unit_test(a_refused_publish_is_told_by_mqtt_5),
        cmocka_unit_test(a_silent_server_costs_no_cpu),
        cmocka_unit_test(a_server_that_hangs_up_is_tried_again),
    };
    (void)mosquitto_lib_init();
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    (void)mosquitto_lib_cleanup();
    return failures;
}
