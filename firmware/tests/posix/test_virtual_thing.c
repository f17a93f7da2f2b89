// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The whole thing, from its options to what it prints, where there is nobody who
// could help it. (That it stores photos is shown with a real broker and a real
// S3, elsewhere.)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosquitto_server.h"
#include "posix_world.h"
#include "virtual_thing.h"

#define OPEN_TO_ALL "allow_anonymous true\n"

static struct thingpass_options options;
static struct thingpass_virtual_thing thing;

struct scene {
    struct mint ca;
    struct mint leaf;
    struct mosquitto_server server;
    char path[3][128]; // CA, certificate, key
    char address[32];
    char out[4096]; // what it printed
    int stop[2];
};

static int setup(void **state) {
    struct scene *s = calloc(1, sizeof *s);
    mint_ca(&s->ca, "test CA");
    mint_leaf(&s->leaf, &s->ca, &(struct mint_terms){.cn = "cam1", .names = "ip:127.0.0.1"});
    mosquitto_server_init(&s->server, &s->ca, &s->leaf);
    mosquitto_server_file(&s->server, "trusted.crt", s->ca.pem, s->path[0]);
    mosquitto_server_file(&s->server, "thing.crt", s->leaf.pem, s->path[1]);
    mosquitto_server_file(&s->server, "thing.key", s->leaf.key_pem, s->path[2]);
    (void)snprintf(s->address, sizeof s->address, "127.0.0.1:%u", (unsigned)s->server.port);
    assert_int_equal(pipe(s->stop), 0);
    *state = s;
    return 0;
}

static int teardown(void **state) {
    struct scene *s = *state;
    mosquitto_server_end(&s->server);
    mint_free(&s->leaf);
    mint_free(&s->ca);
    (void)close(s->stop[0]);
    (void)close(s->stop[1]);
    free(s);
    return 0;
}

// Opens the thing with some more options; ends of words are spaces.
static int open_thing(struct scene *s, const char *more, struct thingpass_why *why) {
    static char words[512];
    char *argv[40] = {(char *)(uintptr_t) "t",
                      (char *)(uintptr_t) "--name",
                      (char *)(uintptr_t) "cam1",
                      (char *)(uintptr_t) "--server",
                      s->address,
                      (char *)(uintptr_t) "--ca",
                      s->path[0],
                      (char *)(uintptr_t) "--cert",
                      s->path[1],
                      (char *)(uintptr_t) "--key",
                      s->path[2],
                      (char *)(uintptr_t) "--json",
                      (char *)(uintptr_t) "--interval",
                      (char *)(uintptr_t) "0"};
    int argc = 14;
    (void)snprintf(words, sizeof words, "%s", more);
    for (char *w = strtok(words, " "); w != NULL; w = strtok(NULL, " ")) {
        argv[argc++] = w;
    }
    if (thingpass_options_parse(&options, argc, argv, why) != THINGPASS_OK) {
        fail_msg("%s", why->text);
    }
    return thingpass_virtual_thing_open(&thing, &options, s->stop[0], why);
}

// Runs the thing with its output in s->out. Returns whether all was stored.
static bool run(struct scene *s, const char *more) {
    struct thingpass_why why;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/out", s->server.folder);
    (void)fflush(stdout);
    int saved[2] = {dup(1), dup(2)};
    assert_non_null(freopen(path, "w", stdout));
    assert_true(dup2(1, 2) == 2);
    int rc = open_thing(s, more, &why);
    bool stored = rc == THINGPASS_OK && thingpass_virtual_thing_run(&thing);
    thingpass_virtual_thing_close(&thing);
    (void)fflush(stdout);
    (void)dup2(saved[0], 1);
    (void)dup2(saved[1], 2);
    (void)close(saved[0]);
    (void)close(saved[1]);
    if (rc != THINGPASS_OK) {
        fail_msg("%s", why.text);
    }
    FILE *f = fopen(path, "r");
    size_t n = fread(s->out, 1, sizeof s->out - 1, f);
    s->out[n] = '\0';
    (void)fclose(f);
    return stored;
}

static void says(const struct scene *s, const char *words) {
    if (strstr(s->out, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", s->out, words);
    }
}

static int times(const char *text, const char *words) {
    int n = 0;
    for (const char *at = text; (at = strstr(at, words)) != NULL; at += strlen(words)) {
        n++;
    }
    return n;
}

static void without_a_server_each_photo_is_given_up_and_reported(void **state) {
    struct scene *s = *state;
    uint64_t start_ms = thingpass_posix_now_ms();
    assert_false(run(s, "--count 2 --deadline 1"));
    assert_in_range(thingpass_posix_now_ms() - start_ms, 2000, 6000);
    says(s, "cannot reach the MQTT server 127.0.0.1:");
    says(s, "{\"n\":1,\"id\":\"");
    says(s, "{\"n\":2,\"id\":\"");
    assert_int_equal(times(s->out, "\"result\":\"failed\""), 2);
    assert_int_equal(times(s->out, "\"reason\":\"deadline\""), 2);
    assert_int_equal(times(s->out, "\"asks\":0"), 2);
}

static void without_a_broker_the_words_point_at_it(void **state) {
    struct scene *s = *state;
    mosquitto_server_start(&s->server, mosquitto_server_mutual_tls, OPEN_TO_ALL);
    assert_false(run(s, "--count 1 --deadline 1 --ask-wait 100"));
    says(s, "no answer from the broker in 1 s, asked ");
    says(s, "\"reason\":\"deadline\"");
    assert_null(strstr(s->out, "\"asks\":0"));
    assert_null(strstr(s->out, "\"asks\":1,"));
}

// Whether the server's log has these words, within ten seconds.
static bool logged(const struct scene *s, const char *words) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/log", s->server.folder);
    for (int i = 0; i < 1000; i++) {
        static char text[65536];
        FILE *f = fopen(path, "r");
        size_t n = f != NULL ? fread(text, 1, sizeof text - 1, f) : 0;
        text[n] = '\0';
        if (f != NULL) {
            (void)fclose(f);
        }
        if (strstr(text, words) != NULL) {
            return true;
        }
        (void)poll(NULL, 0, 10);
    }
    return false;
}

static void start_with_log(struct scene *s) {
    char extra[256];
    (void)snprintf(extra, sizeof extra, OPEN_TO_ALL "log_type all\nlog_dest file %s/log\n",
                   s->server.folder);
    mosquitto_server_start(&s->server, mosquitto_server_mutual_tls, extra);
}

// Restarts the server as soon as it has a request.
static void *restart(void *ctx) {
    struct scene *s = ctx;
    char path[128];
    bool asked = logged(s, "Received PUBLISH from cam1");
    mosquitto_server_kill(&s->server);
    (void)snprintf(path, sizeof path, "%s/log", s->server.folder);
    (void)unlink(path);
    start_with_log(s);
    return asked && logged(s, "Received PUBLISH from cam1") ? ctx : NULL;
}

static void after_a_new_connection_it_asks_again_at_once(void **state) {
    struct scene *s = *state;
    pthread_t thread;
    void *asked_twice = NULL;
    start_with_log(s);
    assert_int_equal(pthread_create(&thread, NULL, restart, s), 0);
    assert_false(run(s, "--count 1 --deadline 4")); // --ask-wait is 5 s
    assert_int_equal(pthread_join(thread, &asked_twice), 0);
    assert_non_null(asked_twice);
    says(s, "\"asks\":2,");
}

static void what_cannot_work_ends_at_once(void **state) {
    struct scene *s = *state;
    struct mint foreign;
    mint_ca(&foreign, "test CA");
    mosquitto_server_file(&s->server, "trusted.crt", foreign.pem, s->path[0]);
    mint_free(&foreign);
    mosquitto_server_start(&s->server, mosquitto_server_mutual_tls, OPEN_TO_ALL);
    uint64_t start_ms = thingpass_posix_now_ms();
    assert_false(run(s, "--count 5 --deadline 60"));
    assert_true(thingpass_posix_now_ms() - start_ms < 10000);
    assert_int_equal(times(s->out, "{\"n\":"), 1);
    says(s, "\"reason\":\"cancelled\"");
    says(s, "that is not signed by a CA in ");
}

static void a_signal_ends_the_photo_in_flight_and_says_so(void **state) {
    struct scene *s = *state;
    assert_int_equal(write(s->stop[1], "", 1), 1);
    uint64_t start_ms = thingpass_posix_now_ms();
    assert_false(run(s, "--count 5 --deadline 60"));
    assert_true(thingpass_posix_now_ms() - start_ms < 5000);
    assert_int_equal(times(s->out, "{\"n\":"), 1);
    says(s, "\"reason\":\"cancelled\",\"status\":0,\"code\":\"\",\"error\":\"interrupted\"");
}

static void bad_files_are_each_reported_and_do_not_count_as_stored(void **state) {
    struct scene *s = *state;
    char path[128];
    char more[256];
    (void)snprintf(path, sizeof path, "%s/photos", s->server.folder);
    assert_int_equal(mkdir(path, 0700), 0);
    mosquitto_server_file(&s->server, "photos/a.jpg", "", path);
    mosquitto_server_file(&s->server, "photos/b.jpg", "no picture", path);
    (void)snprintf(more, sizeof more, "--camera %s/photos", s->server.folder);
    assert_false(run(s, more));
    says(s, "{\"n\":1,\"result\":\"failed\",\"reason\":\"capture\",\"error\":\"skip ");
    says(s, "/a.jpg: it is empty\"}");
    says(s, "{\"n\":2,\"result\":\"failed\",\"reason\":\"capture\",\"error\":\"skip ");
    says(s, "/b.jpg: it is not a JPEG");
    assert_int_equal(times(s->out, "{\"n\":"), 2);
}

static void what_is_wrong_at_the_start_is_told_before_anything_is_connected(void **state) {
    struct scene *s = *state;
    static const char *const cases[][2] = {
        {"--ca /nonexistent", "open the CA file /nonexistent: No such file or directory"},
        {"--s3-ca /nonexistent", "open the CA file /nonexistent: No such file or directory"},
        {"--cert /nonexistent", "open the certificate /nonexistent: No such file or directory"},
        {"--camera /nonexistent", "open the camera folder /nonexistent: No such file or directory"},
        {"--save /nonexistent/a",
         "--save: make the folder /nonexistent/a: No such file or directory"},
        {"--root a/#",
         "--root \"a/#\" cannot begin a topic; it has no + # $ and no spaces, no / at "
         "its ends, and is short"},
        {"--root /a", "--root \"/a\" cannot begin a topic; it has no + # $ and no spaces, no / at "
                      "its ends, and is short"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct thingpass_why why = {""};
        assert_true(open_thing(s, cases[i][0], &why) < 0);
        assert_string_equal(why.text, cases[i][1]);
        thingpass_virtual_thing_close(&thing);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(without_a_server_each_photo_is_given_up_and_reported),
        TEST(without_a_broker_the_words_point_at_it),
        TEST(after_a_new_connection_it_asks_again_at_once),
        TEST(what_cannot_work_ends_at_once),
        TEST(a_signal_ends_the_photo_in_flight_and_says_so),
        TEST(bad_files_are_each_reported_and_do_not_count_as_stored),
        TEST(what_is_wrong_at_the_start_is_told_before_anything_is_connected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
