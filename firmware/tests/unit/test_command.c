// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Commands of operators: what is done, what is ignored, what is answered.

#include "thingpass/command.h"

#include "guard.h"
#include "upload.h"
#include "wire.h"
#include "world.h"

enum { wire_now = 1795424400, both = THINGPASS_CAPTURE | THINGPASS_DOWNLOAD };

static struct thingpass_commands commands;
static struct thingpass_command command;

// A world at the time of the wire vectors.
static struct world *begin(void) {
    struct world *w = world_new(100);
    assert_int_equal(thingpass_init(&w->tp, &w->config), THINGPASS_OK);
    assert_int_equal(thingpass_set_now(&w->tp, wire_now), THINGPASS_OK);
    memset(&commands, 0, sizeof commands);
    commands.does = both;
    return w;
}

static int receive_at(struct world *w, const char *topic, bool retained, const char *text,
                      size_t len) {
    char *copy = guard_copy(text, len);
    char *name = guard_copy(topic, strlen(topic));
    struct thingpass_message m = {name, strlen(topic), copy, len, retained};
    size_t sent = w->sent_count;
    int got = thingpass_command_receive(&w->tp, &commands, &m, &command);
    assert_int_equal(w->sent_count - sent, got < 0); // an answer to each that is refused
    guard_free(copy, len);
    guard_free(name, strlen(topic));
    return got;
}

static int receive(struct world *w, const char *text) {
    return receive_at(w, "thingpass/cam1/command", false, text, strlen(text));
}

static const char *last_sent(const struct world *w) {
    assert_true(w->sent_count > 0);
    const struct world_message *m = &w->sent[w->sent_count - 1];
    assert_string_equal(m->topic, "thingpass/cam1/command-result");
    assert_int_equal(m->expiry_s, 3600);
    return m->payload;
}

#define HEAD "{\"id\":\"c-1\",\"time\":1795424400,"
#define TAIL ",\"expiresAt\":1795424460}"

static const char capture[] = HEAD "\"command\":\"capture\"" TAIL;

static void the_topic_is_the_things_own(void **state) {
    (void)state;
    struct world *w = begin();
    char topic[THINGPASS_TOPIC_MAX + 1];
    assert_int_equal(thingpass_command_topic(&w->tp, topic, sizeof topic), 22);
    assert_string_equal(topic, "thingpass/cam1/command");
    assert_int_equal(thingpass_command_topic(&w->tp, topic, 22), THINGPASS_ESPACE);
    world_free(w);
}

static void every_command_of_the_broker_is_read(void **state) {
    (void)state;
    struct wire_file *files;
    size_t n = wire_read(".command.json", &files);
    assert_true(n >= 5);
    for (size_t i = 0; i < n; i++) {
        struct world *w = begin();
        CHECK(files[i].name, receive(w, files[i].data) == 1);
        CHECK(files[i].name, command.id[0] != '\0' && command.expires_at > wire_now);
        bool download = strstr(files[i].data, "\"download\"") != NULL;
        CHECK(files[i].name, command.verb == (download ? THINGPASS_DOWNLOAD : THINGPASS_CAPTURE));
        CHECK(files[i].name, receive(w, files[i].data) == 0); // done once
        world_free(w);
    }
    wire_free(files, n);
    struct wire_file f = wire_named("download.command.json");
    struct world *w = begin();
    assert_int_equal(receive(w, f.data), 1);
    assert_string_equal(command.id, "c-3");
    assert_string_equal(command.kind, "firmware");
    assert_string_equal(command.name, "v2");
    assert_int_equal(command.expires_at, wire_now + 86400);
    free(f.data);
    world_free(w);
}

// Cut anywhere it is no command; and no answer, for it has no id then.
static void a_command_that_is_cut_is_ignored(void **state) {
    (void)state;
    struct wire_file f = wire_named("longest.command.json");
    struct world *w = begin();
    for (size_t len = 0; len < f.len; len++) {
        assert_int_equal(receive_at(w, "thingpass/cam1/command", false, f.data, len), 0);
    }
    assert_int_equal(receive(w, f.data), 1);
    free(f.data);
    world_free(w);
}

static void what_is_not_for_us_is_ignored(void **state) {
    (void)state;
    static const char *const topics[] = {
        "thingpass/cam2/command",        "thingpass/cam10/command", "thingpass/cam1/response",
        "thingpass/cam1/command-result", "thingpass/cam1/comman",   "thingpass/cam1",
        "thingpass/cam1/command/",       "other/cam1/command",      "",
    };
    struct world *w = begin();
    for (size_t i = 0; i < COUNT(topics); i++) {
        CHECK(topics[i], receive_at(w, topics[i], false, capture, sizeof capture - 1) == 0);
    }
    assert_int_equal(receive_at(w, "thingpass/cam1/command", true, capture, sizeof capture - 1), 0);
    assert_int_equal(receive(w, capture), 1);
    world_free(w);
}

static void without_an_id_it_is_ignored(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "capture",
        "{\"time\":1795424400,\"command\":\"capture\"" TAIL,
        "{\"id\":\"\",\"time\":1795424400,\"command\":\"capture\"" TAIL,
        "{\"id\":\"a/b\",\"time\":1795424400,\"command\":\"capture\"" TAIL,
        "{\"id\":7,\"time\":1795424400,\"command\":\"capture\"" TAIL,
        "{\"id\":\"a\",\"id\":\"a\",\"time\":1795424400,\"command\":\"capture\"" TAIL,
        HEAD "\"command\":\"capture\"" TAIL "{}",
    };
    struct world *w = begin();
    for (size_t i = 0; i < COUNT(texts); i++) {
        CHECK(texts[i], receive(w, texts[i]) == 0);
    }
    char large[THINGPASS_COMMAND_MAX + 2];
    memset(large, ' ', sizeof large);
    memcpy(large, capture, sizeof capture - 1);
    assert_int_equal(receive_at(w, "thingpass/cam1/command", false, large, sizeof large - 1), 0);
    assert_int_equal(receive_at(w, "thingpass/cam1/command", false, large, sizeof large - 2), 1);
    world_free(w);
}

static void what_cannot_be_read_is_answered(void **state) {
    (void)state;
    static const struct {
        const char *text, *code;
    } cases[] = {
        {HEAD "\"command\":\"reboot\"" TAIL, "unknown-command"},
        {HEAD "\"command\":\"reboot\",\"delay\":5" TAIL, "unknown-command"},
        {HEAD "\"command\":\"Capture\"" TAIL, "unknown-command"},
        {HEAD "\"command\":\"\"" TAIL, "unknown-command"},
        {HEAD "\"command\":1" TAIL, "bad-command"},
        {HEAD "\"kind\":\"photo\"" TAIL, "bad-command"},
        {HEAD "\"command\":\"capture\",\"command\":\"capture\"" TAIL, "bad-command"},
        {HEAD "\"command\":\"capture\",\"x\":1" TAIL, "bad-command"},
        {HEAD "\"command\":\"capture\",\"x\":[1,{\"a\":2}]" TAIL, "bad-command"},
        {HEAD "\"command\":\"capture\",\"name\":\"v2\"" TAIL, "bad-command"},
        {HEAD "\"command\":\"capture\",\"kind\":\"Photo\"" TAIL, "bad-command"},
        {HEAD "\"command\":\"capture\",\"kind\":\"\"" TAIL, "bad-command"},
        {HEAD "\"command\":\"capture\",\"kind\":null" TAIL, "bad-command"},
        {HEAD "\"command\":\"capture\",\"kind\":\"a\",\"kind\":\"a\"" TAIL, "bad-command"},
        {HEAD "\"command\":\"capture\",\"kind\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"" TAIL,
         "bad-command"},
        {HEAD "\"command\":\"download\"" TAIL, "bad-command"},
        {HEAD "\"command\":\"download\",\"name\":\"v2\"" TAIL, "bad-command"},
        {HEAD "\"command\":\"download\",\"kind\":\"fw\",\"name\":\".v2\"" TAIL, "bad-command"},
        {HEAD "\"command\":\"download\",\"kind\":\"fw\",\"name\":\"a/b\"" TAIL, "bad-command"},
        {HEAD "\"command\":\"download\",\"kind\":\"fw\",\"name\":\"\"" TAIL, "bad-command"},
        {HEAD "\"command\":\"capture\"}", "bad-command"},
        {HEAD "\"command\":\"capture\",\"expiresAt\":\"soon\"}", "bad-command"},
        {HEAD "\"command\":\"capture\",\"expiresAt\":-1}", "bad-command"},
        {"{\"id\":\"c-1\",\"command\":\"capture\"" TAIL, "bad-command"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world *w = begin();
        char want[100];
        snprintf(want, sizeof want, "{\"id\":\"c-1\",\"status\":\"error\",\"code\":\"%s\"}",
                 cases[i].code);
        CHECK(cases[i].text, receive(w, cases[i].text) == THINGPASS_EREPLY);
        CHECK(cases[i].text, strcmp(last_sent(w), want) == 0);
        CHECK(cases[i].text, strcmp(command.id, "c-1") == 0);
        CHECK(cases[i].text, receive(w, cases[i].text) == 0); // once
        world_free(w);
    }
}

static void a_thing_does_what_it_says_it_does(void **state) {
    (void)state;
    struct world *w = begin();
    commands.does = THINGPASS_DOWNLOAD;
    assert_int_equal(receive(w, capture), THINGPASS_EREPLY);
    assert_non_null(strstr(last_sent(w), "unknown-command"));
    world_free(w);
}

static void an_expired_command_is_ignored(void **state) {
    (void)state;
    struct world *w = begin();
    assert_int_equal(thingpass_set_now(&w->tp, wire_now + 60), THINGPASS_OK);
    assert_int_equal(receive(w, capture), 0);
    world_free(w);
    w = begin();
    assert_int_equal(thingpass_set_now(&w->tp, wire_now + 59), THINGPASS_OK);
    assert_int_equal(receive(w, capture), 1);
    world_free(w);
}

// A thing that knows no time takes the command's; afterwards it knows better.
static void without_a_clock_the_command_tells_the_time(void **state) {
    (void)state;
    struct world *w = world_new(100);
    assert_int_equal(thingpass_init(&w->tp, &w->config), THINGPASS_OK);
    memset(&commands, 0, sizeof commands);
    commands.does = both;
    int64_t now;
    assert_int_equal(receive(w, capture), 1);
    assert_int_equal(thingpass_now(&w->tp, &now), THINGPASS_OK);
    assert_int_equal(now, wire_now);
    w->now_ms += 60000;
    assert_int_equal(receive(w, "{\"id\":\"c-2\",\"time\":1795424400,\"command\":\"capture\"" TAIL),
                     0);
    assert_int_equal(thingpass_now(&w->tp, &now), THINGPASS_OK);
    assert_int_equal(now, wire_now + 60);
    assert_int_equal(receive(w, "{\"id\":\"c-3\",\"time\":1795424900,\"command\":\"capture\","
                                "\"expiresAt\":1795424900}"),
                     0); // not even by its own time
    world_free(w);
}

static void the_last_eight_ids_are_remembered(void **state) {
    (void)state;
    struct world *w = begin();
    char text[200];
    for (unsigned i = 0; i < 100; i++) {
        for (unsigned k = i < 7 ? 0 : i - 7; k < i; k++) {
            snprintf(text, sizeof text,
                     "{\"id\":\"c-%u\",\"time\":1795424400,\"command\":\"capture\"" TAIL, k);
            assert_int_equal(receive(w, text), 0);
        }
        snprintf(text, sizeof text,
                 "{\"id\":\"c-%u\",\"time\":1795424400,\"command\":\"capture\"" TAIL, i);
        assert_int_equal(receive(w, text), 1);
    }
    world_free(w);
}

static void a_command_during_an_upload_leaves_it_alone(void **state) {
    (void)state;
    static const char *const phases[] = {"ask", "connect", "send", "receive", "report"};
    for (size_t i = 0; i < COUNT(phases); i++) {
        struct world *w = world_new(5000);
        memset(&commands, 0, sizeof commands);
        commands.does = both;
        world_start(w);
        world_run_until(w, phases[i]);
        char late[200];
        snprintf(late, sizeof late, HEAD "\"command\":\"capture\",\"expiresAt\":%lld}",
                 (long long)w->epoch_s + 1000000);
        assert_int_equal(receive(w, late), 1);
        assert_int_equal(thingpass_command_answer(&w->tp, command.id, NULL), THINGPASS_EBUSY);
        assert_int_equal(thingpass_command_answer(&w->tp, command.id, "busy"), THINGPASS_OK);
        assert_string_equal(last_sent(w),
                            "{\"id\":\"c-1\",\"status\":\"error\",\"code\":\"busy\"}");
        assert_int_equal(world_run(w), THINGPASS_OK);
        assert_int_equal(w->stored_len, 5000);
        assert_memory_equal(w->stored, w->bytes, w->stored_len);
        world_free(w);
    }
}

// The result is the bytes that the broker's tests read.
static void results_are_those_of_the_wire_vectors(void **state) {
    (void)state;
    struct world *w = begin();
    static const char digits[] = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    struct wire_file f = wire_named("done-capture.result.json");
    w->tp.result.object_key = "cam1/photo/2026/11/23/b7Kq-000017.jpg";
    w->tp.result.size = 48211;
    w->tp.upload.have_sum = true;
    for (size_t i = 0; i < 32; i++) {
        unsigned byte;
        assert_int_equal(sscanf(digits + 2 * i, "%2x", &byte), 1);
        w->tp.upload.sum[i] = (uint8_t)byte;
    }
    assert_int_equal(thingpass_command_answer(&w->tp, "c-2", NULL), THINGPASS_OK);
    assert_string_equal(last_sent(w), f.data);
    free(f.data);

    f = wire_named("done-download.result.json");
    w->tp.result.object_key = "firmware/cams/v2.bin";
    w->tp.result.size = 917504;
    w->tp.result.verified = THINGPASS_VERIFIED_SHA256;
    w->tp.upload.fetch.sum = (struct thingpass_span){digits, 64};
    assert_int_equal(thingpass_command_answer(&w->tp, "c-3", NULL), THINGPASS_OK);
    assert_string_equal(last_sent(w), f.data);
    free(f.data);

    f = wire_named("failed-blocked.result.json");
    w->tp.result.err = THINGPASS_EDEADLINE;
    strcpy(w->tp.result.code, "blocked");
    assert_int_equal(thingpass_command_answer(&w->tp, "c-6", NULL), THINGPASS_OK);
    assert_string_equal(last_sent(w), f.data);
    free(f.data);

    char text[200];
    struct thingpass_result result = {.object_key = "cam1/photo/a.jpg", .size = 5, .id = "a"};
    static const char want[] =
        "{\"id\":\"c-2\",\"status\":\"success\",\"objectKey\":\"cam1/photo/a.jpg\",\"size\":5}";
    assert_int_equal(thingpass_command_print(&result, "c-2", text, sizeof text), sizeof want - 1);
    assert_string_equal(text, want);
    assert_int_equal(thingpass_command_print(&result, "c-2", text, sizeof want - 1),
                     THINGPASS_ESPACE);
    assert_int_equal(thingpass_command_print(&result, "c 2", text, sizeof text), THINGPASS_EINVAL);
    assert_int_equal(thingpass_command_print(&w->tp.result, "c-6", text, sizeof text), 48);
    assert_string_equal(text, "{\"id\":\"c-6\",\"status\":\"error\",\"code\":\"blocked\"}");

    strcpy(w->tp.result.code, "AccessDenied"); // S3's
    assert_int_equal(thingpass_command_answer(&w->tp, "c-6", NULL), THINGPASS_OK);
    assert_string_equal(last_sent(w), "{\"id\":\"c-6\",\"status\":\"error\",\"code\":\"failed\"}");
    world_free(w);
}

static void a_photo_on_command_is_stored_and_told(void **state) {
    (void)state;
    struct world *w = begin();
    assert_int_equal(receive(w, capture), 1);
    assert_int_equal(thingpass_upload_start(&w->tp, &w->object), THINGPASS_OK);
    assert_int_equal(world_run(w), THINGPASS_OK);
    assert_int_equal(thingpass_command_answer(&w->tp, command.id, NULL), THINGPASS_OK);
    const char *told = last_sent(w);
    assert_non_null(strstr(told, "{\"id\":\"c-1\",\"status\":\"success\",\"objectKey\":\""));
    assert_non_null(strstr(told, w->key));
    assert_non_null(strstr(told, "\"size\":100,\"sha256\":\""));
    world_free(w);
}

static void an_answer_that_breaks_its_contract_is_refused(void **state) {
    (void)state;
    struct world *w = begin();
    static const char *const ids[] = {NULL, "", "a b", "a\"b"};
    static const char *const codes[] = {"", "Failed", "a b", "a\"",
                                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < COUNT(ids); i++) {
        assert_int_equal(thingpass_command_answer(&w->tp, ids[i], "busy"), THINGPASS_EINVAL);
    }
    for (size_t i = 0; i < COUNT(codes); i++) {
        assert_int_equal(thingpass_command_answer(&w->tp, "c-1", codes[i]), THINGPASS_EINVAL);
    }
    char key[THINGPASS_KEY_MAX + 1]; // the chunk buffer is too small for its escapes
    memset(key, '"', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    w->tp.result.object_key = key;
    w->tp.config.chunk_size = THINGPASS_CHUNK_SIZE_MIN;
    assert_int_equal(thingpass_command_answer(&w->tp, "c-1", NULL), THINGPASS_ESPACE);
    assert_int_equal(w->sent_count, 0);
    w->mqtt_down = 1;
    w->mqtt_error = THINGPASS_EAGAIN;
    assert_int_equal(thingpass_command_answer(&w->tp, "c-1", "busy"), THINGPASS_EAGAIN);
    world_free(w);
}

// [P-8.2]: a refusal like others that end by waiting.
static void a_blocked_thing_asks_again_every_five_minutes(void **state) {
    (void)state;
    struct world *w = world_new(100);
    w->object.deadline_ms = 3600000;
    w->grants[0].text = world_refusal("blocked", 300);
    w->grants[1].text = world_refusal("blocked", 300);
    w->grants[2].text = world_grant;
    w->grant_count = 3;
    uint64_t began = w->now_ms;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_true(w->now_ms - began >= 600000 && w->now_ms - began < 1200000);
    world_free(w);
    w = world_new(100);
    w->grants[0].text = world_refusal("blocked", 300);
    w->grant_count = 1;
    assert_int_equal(world_upload(w), THINGPASS_EDEADLINE);
    assert_string_equal(thingpass_result(&w->tp)->code, "blocked");
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_topic_is_the_things_own),
        cmocka_unit_test(every_command_of_the_broker_is_read),
        cmocka_unit_test(a_command_that_is_cut_is_ignored),
        cmocka_unit_test(what_is_not_for_us_is_ignored),
        cmocka_unit_test(without_an_id_it_is_ignored),
        cmocka_unit_test(what_cannot_be_read_is_answered),
        cmocka_unit_test(a_thing_does_what_it_says_it_does),
        cmocka_unit_test(an_expired_command_is_ignored),
        cmocka_unit_test(without_a_clock_the_command_tells_the_time),
        cmocka_unit_test(the_last_eight_ids_are_remembered),
        cmocka_unit_test(a_command_during_an_upload_leaves_it_alone),
        cmocka_unit_test(results_are_those_of_the_wire_vectors),
        cmocka_unit_test(a_photo_on_command_is_stored_and_told),
        cmocka_unit_test(an_answer_that_breaks_its_contract_is_refused),
        cmocka_unit_test(a_blocked_thing_asks_again_every_five_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
