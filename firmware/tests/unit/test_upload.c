// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The upload as the broker sees it: what is asked, how often, and what each
// reply does.

#include "world.h"

static const char *sent(const struct world *w, size_t i) {
    assert_true(i < w->sent_count);
    return w->sent[i].payload;
}

static bool is_stored(const struct world *w) {
    return w->stored_len == w->bytes_len && memcmp(w->stored, w->bytes, w->bytes_len) == 0;
}

static void an_object_is_hashed_asked_for_sent_and_reported(void **state) {
    (void)state;
    struct world *w = world_new(5000);
    uint8_t sum[32];
    char hex[65];
    char want[400];
    assert_int_equal(world_upload(w), THINGPASS_OK);
    world_sum(w->bytes, w->bytes_len, sum);
    for (size_t i = 0; i < 32; i++) {
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    }
    assert_int_equal(w->sent_count, 2);
    assert_string_equal(w->sent[0].topic, "thingpass/cam1/upload-request");
    snprintf(want, sizeof want,
             "{\"id\":\"aaaaaaaaaa-000001\",\"kind\":\"photo\",\"contentType\":\"image/jpeg\","
             "\"size\":5000,\"sha256\":\"%s\"}",
             hex);
    assert_string_equal(sent(w, 0), want);
    assert_string_equal(w->sent[1].topic, "thingpass/cam1/upload-complete");
    snprintf(want, sizeof want,
             "{\"id\":\"aaaaaaaaaa-000001\",\"objectKey\":\"%s\",\"size\":5000,\"sha256\":\"%s\"}",
             w->key, hex);
    assert_string_equal(sent(w, 1), want);
    snprintf(want, sizeof want,
             "PUT /%s?X-Amz-Signature=abc HTTP/1.1\r\nHost: s3.example.com\r\n"
             "Content-Type: image/jpeg\r\nIf-None-Match: *\r\nContent-Length: 5000\r\n\r\n",
             w->key);
    assert_string_equal(w->head, want);
    assert_true(is_stored(w) && w->stored_count == 1);
    assert_true(w->port == 443 && w->tls);
    world_free(w);
}

static void the_result_says_what_it_took(void **state) {
    (void)state;
    struct world *w = world_new(5000);
    assert_int_equal(world_upload(w), THINGPASS_OK);
    const struct thingpass_result *r = thingpass_result(&w->tp);
    assert_int_equal(r->status, 200);
    assert_string_equal(r->code, "");
    assert_string_equal(r->id, "aaaaaaaaaa-000001");
    assert_string_equal(r->object_key, w->key);
    assert_int_equal(r->size, 5000);
    assert_int_equal(r->asks, 1);
    assert_int_equal(r->puts, 1);
    assert_int_equal(r->connects, 1);
    assert_int_equal(r->reports, 1);
    world_free(w);
}

static void any_size_goes_through_any_chunk_and_any_stream(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 1023, 1024, 1025, 2047, 2048, 2049, 4096, 9999};
    static const size_t chunks[] = {1024, 1025, 1500, 2048};
    static const size_t most[] = {0, 1, 7, 1000};
    for (size_t i = 0; i < COUNT(sizes) * COUNT(chunks) * COUNT(most); i++) {
        for (unsigned eagain = 0; eagain < 4; eagain += eagain == 0 ? 2 : 1) {
            struct world *w = world_new(sizes[i % COUNT(sizes)]);
            w->config.chunk_size = chunks[i / COUNT(sizes) % COUNT(chunks)];
            w->most = most[i / COUNT(sizes) / COUNT(chunks)];
            w->eagain = eagain;
            assert_int_equal(world_upload(w), THINGPASS_OK);
            assert_true(is_stored(w) && w->stored_count == 1);
            assert_int_equal(thingpass_result(&w->tp)->puts, 1);
            world_free(w);
        }
    }
}

static void a_hash_that_is_known_is_not_computed(void **state) {
    (void)state;
    struct world *w = world_new(100);
    uint8_t sum[32];
    memset(sum, 0xab, sizeof sum);
    w->object.sha256 = sum;
    w->no_hash = true;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_non_null(strstr(sent(w, 0), "\"sha256\":\"abababab"));
    assert_non_null(strstr(sent(w, 1), "\"sha256\":\"abababab"));
    assert_int_equal(w->rewinds, 1);
    world_free(w);
}

static void metadata_and_type_are_asked_for(void **state) {
    (void)state;
    static const struct thingpass_pair pairs[] = {{"fw", "1.4.2"}, {"rssi", "-61"}};
    struct world *w = world_new(10);
    w->object.metadata = pairs;
    w->object.metadata_count = 2;
    w->source.content_type = NULL;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_non_null(strstr(sent(w, 0), ",\"metadata\":{\"fw\":\"1.4.2\",\"rssi\":\"-61\"}}"));
    assert_null(strstr(sent(w, 0), "contentType"));
    world_free(w);
}

static void the_callers_id_is_kept_and_new_ids_differ(void **state) {
    (void)state;
    struct world *w = world_new(10);
    w->object.id = "b7Kq-000017";
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_string_equal(thingpass_result(&w->tp)->id, "b7Kq-000017");
    w->object.id = NULL;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_string_equal(thingpass_result(&w->tp)->id, "aaaaaaaaaa-000001");
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_string_equal(thingpass_result(&w->tp)->id, "aaaaaaaaaa-000002");
    world_free(w);
}

static void the_first_reply_sets_the_clock(void **state) {
    (void)state;
    struct world *w = world_new(10);
    int64_t now = 7;
    assert_int_equal(thingpass_init(&w->tp, &w->config), THINGPASS_OK);
    assert_int_equal(thingpass_now(&w->tp, &now), THINGPASS_ENOCLOCK);
    assert_int_equal(now, 0);
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(thingpass_now(&w->tp, &now), THINGPASS_OK);
    assert_int_equal(now, w->epoch_s + (int64_t)(w->now_ms / 1000));
    w->epoch_s -= 86400 * 30; // the broker's clock is put back
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(thingpass_now(&w->tp, &now), THINGPASS_OK);
    assert_int_equal(now, w->epoch_s + (int64_t)(w->now_ms / 1000));
    world_free(w);
}

static void a_clock_can_be_carried_through_sleep(void **state) {
    (void)state;
    struct world *w = world_new(10);
    int64_t now;
    assert_int_equal(thingpass_init(&w->tp, &w->config), THINGPASS_OK);
    assert_int_equal(thingpass_set_now(&w->tp, 5), THINGPASS_EINVAL);
    assert_int_equal(thingpass_now(&w->tp, &now), THINGPASS_ENOCLOCK);
    assert_int_equal(thingpass_set_now(&w->tp, 1795424000), THINGPASS_OK);
    w->now_ms += 2500;
    assert_int_equal(thingpass_now(&w->tp, &now), THINGPASS_OK);
    assert_int_equal(now, 1795424002);
    world_free(w);
}

static void a_photo_from_before_the_clock_was_known_gets_its_own_time(void **state) {
    (void)state;
    struct world *w = world_new(10);
    w->now_ms = 50000;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_null(strstr(sent(w, 0), "capturedAt"));
    assert_int_equal(thingpass_result(&w->tp)->captured_at, 0);
    w->object.captured_ms = 20000;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_non_null(strstr(sent(w, 2), "\"capturedAt\":1795424420"));
    assert_int_equal(thingpass_result(&w->tp)->captured_at, 1795424420);
    w->object.captured_at = 1700000000;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_non_null(strstr(sent(w, 4), "\"capturedAt\":1700000000"));
    world_free(w);
}

static void without_an_answer_it_asks_again_with_doubled_waits_until_the_deadline(void **state) {
    (void)state;
    static const uint64_t at_s[] = {0, 5, 15, 35, 75, 135, 195, 255};
    struct world *w = world_new(10);
    w->grants[0].text = NULL;
    w->object.deadline_ms = 300000;
    uint64_t began = w->now_ms;
    assert_int_equal(world_upload(w), THINGPASS_EDEADLINE);
    assert_int_equal(w->now_ms, began + 300000);
    assert_int_equal(thingpass_result(&w->tp)->elapsed_ms, 300000);
    assert_int_equal(w->sent_count, COUNT(at_s));
    for (size_t i = 0; i < COUNT(at_s); i++) {
        assert_int_equal(w->sent[i].at_ms, began + at_s[i] * 1000);
        assert_string_equal(sent(w, i), sent(w, 0));
    }
    world_free(w);
}

static void a_lost_reply_costs_one_wait(void **state) {
    (void)state;
    struct world *w = world_new(10);
    w->grants[0].text = NULL;
    w->grants[1].text = world_grant;
    w->grant_count = 2;
    w->reports[0].text = NULL;
    w->reports[1].text = world_confirm;
    w->report_count = 2;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_string_equal(sent(w, 1), sent(w, 0));
    assert_string_equal(sent(w, 3), sent(w, 2));
    assert_int_equal(w->stored_count, 1);
    world_free(w);
}

static void two_answers_to_one_question_do_no_harm(void **state) {
    (void)state;
    struct world *w = world_new(10);
    w->grants[0].text = w->grants[1].text = world_grant;
    w->grants[0].delay_ms = 6000; // the second request is out by then
    w->grants[1].delay_ms = 1500;
    w->grant_count = 2;
    w->reports[0] = (struct world_reply){world_confirm, 2000};
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(thingpass_result(&w->tp)->asks, 2);
    assert_int_equal(thingpass_result(&w->tp)->puts, 1);
    assert_int_equal(w->stored_count, 1);
    world_free(w);
}

static void what_is_repeated_keeps_the_time_or_the_key(void **state) {
    (void)state;
    struct world *w = world_new(10);
    w->puts[0].answer = world_error(403, "AccessDenied");
    w->puts[1].answer = world_ok;
    w->put_count = 2;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_null(strstr(sent(w, 0), "capturedAt"));
    assert_null(strstr(sent(w, 0), "objectKey"));
    assert_null(strstr(sent(w, 1), "capturedAt")); // although the time is known now
    assert_non_null(strstr(sent(w, 1), ",\"objectKey\":\"cam1/photo/2026/11/23/x.jpg\"}"));

    size_t next = w->sent_count; // now with a clock
    w->put_index = 0;
    thingpass_cancel(&w->tp);
    w->put_index = 0;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_non_null(strstr(sent(w, next), "capturedAt"));
    assert_null(strstr(sent(w, next), "objectKey"));
    assert_string_equal(sent(w, next + 1), sent(w, next));
    world_free(w);
}

static void a_key_from_before_a_reboot_is_repeated(void **state) {
    (void)state;
    struct world *w = world_new(10);
    w->object.id = "old-1";
    w->object.object_key = "cam1/photo/2026/11/22/old-1.jpg";
    w->key = w->object.object_key;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_non_null(strstr(sent(w, 0), ",\"objectKey\":\"cam1/photo/2026/11/22/old-1.jpg\"}"));
    assert_string_equal(thingpass_result(&w->tp)->object_key, w->object.object_key);
    world_free(w);
}

static void without_mqtt_it_waits_for_mqtt(void **state) {
    (void)state;
    static const int errors[] = {THINGPASS_EAGAIN, THINGPASS_EIO, -1234};
    for (size_t i = 0; i < COUNT(errors); i++) {
        struct world *w = world_new(10);
        w->mqtt_down = 20;
        w->mqtt_error = errors[i];
        uint64_t began = w->now_ms;
        assert_int_equal(world_upload(w), THINGPASS_OK);
        assert_int_equal(w->sent[0].at_ms, began + 20 * 500);
        assert_int_equal(thingpass_result(&w->tp)->asks, 1);
        world_free(w);
    }
}

static void a_new_mqtt_connection_is_used_at_once(void **state) {
    (void)state;
    struct world *w = world_new(10);
    w->mqtt_down = 1;
    w->grants[0].text = NULL;
    w->grants[1].text = world_grant;
    w->grant_count = 2;
    world_start(w);
    world_run_until(w, "ask");
    uint64_t wake;
    assert_int_equal(thingpass_step(&w->tp, &wake), THINGPASS_STEP_WAIT); // no connection
    assert_int_equal(w->sent_count, 0);
    thingpass_ask_again(&w->tp);
    assert_int_equal(thingpass_step(&w->tp, &wake), THINGPASS_STEP_WAIT);
    assert_int_equal(w->sent_count, 1); // and its answer is lost
    assert_int_equal(thingpass_step(&w->tp, &wake), THINGPASS_STEP_WAIT);
    assert_int_equal(w->sent_count, 1);
    thingpass_ask_again(&w->tp);
    assert_int_equal(world_run(w), THINGPASS_OK);
    assert_int_equal(w->sent[1].at_ms, w->sent[0].at_ms);
    world_free(w);
}

static void a_new_mqtt_connection_does_not_cut_a_wait_that_was_asked_for(void **state) {
    (void)state;
    struct world *w = world_new(10);
    w->grants[0].text = world_refusal("busy", 30);
    w->grants[1].text = world_grant;
    w->grant_count = 2;
    world_start(w);
    world_run_until(w, "ask");
    uint64_t wake;
    assert_int_equal(thingpass_step(&w->tp, &wake), THINGPASS_STEP_WAIT);
    w->inbox_count = 0;
    assert_int_equal(world_deliver(w, w->grants[0].text), 1);
    thingpass_ask_again(&w->tp);
    assert_int_equal(thingpass_step(&w->tp, &wake), THINGPASS_STEP_WAIT);
    assert_int_equal(w->sent_count, 1);
    assert_int_equal(wake, w->now_ms + 30000);
    assert_int_equal(world_run(w), THINGPASS_OK);
    world_free(w);
}

static void refusals_for_good_end_the_upload(void **state) {
    (void)state;
    static const char *const codes[] = {
        "bad-request",      "payload-too-large",    "unknown-kind",    "mode-not-allowed",
        "type-not-allowed", "size-not-allowed",     "key-not-allowed", "metadata-not-allowed",
        "too-many-objects", "some-code-to-be-made",
    };
    for (size_t i = 0; i < COUNT(codes); i++) {
        struct world *w = world_new(10);
        w->grants[0].text = world_refusal(codes[i], -1);
        CHECK(codes[i], world_upload(w) == THINGPASS_EREFUSED);
        CHECK(codes[i], strcmp(thingpass_result(&w->tp)->code, codes[i]) == 0);
        CHECK(codes[i], w->asks == 1 && w->opens == 0);
        world_free(w);
    }
}

static void refusals_for_now_are_waited_out(void **state) {
    (void)state;
    static const char *const codes[] = {"busy", "unavailable", "internal"};
    for (size_t i = 0; i < COUNT(codes); i++) {
        struct world *w = world_new(10);
        w->grants[0].text = world_refusal(codes[i], 40);
        w->grants[1].text = world_refusal(codes[i], 0);
        w->grants[2].text = world_grant;
        w->grant_count = 3;
        w->reports[0].text = world_refusal(codes[i], 7);
        w->reports[1].text = world_confirm;
        w->report_count = 2;
        CHECK(codes[i], world_upload(w) == THINGPASS_OK);
        CHECK(codes[i], w->sent[1].at_ms == w->sent[0].at_ms + 40000);
        CHECK(codes[i], w->sent[2].at_ms == w->sent[1].at_ms + 1000); // never at once
        CHECK(codes[i], w->sent[4].at_ms == w->sent[3].at_ms + 7000);
        CHECK(codes[i], strcmp(thingpass_result(&w->tp)->code, "") == 0);
        world_free(w);
    }
}

static void a_broker_that_stays_busy_is_asked_until_the_deadline(void **state) {
    (void)state;
    struct world *w = world_new(10);
    w->grants[0].text = world_refusal("busy", 100);
    assert_int_equal(world_upload(w), THINGPASS_EDEADLINE);
    assert_string_equal(thingpass_result(&w->tp)->code, "busy");
    assert_int_equal(w->asks, 6);
    world_free(w);
}

static int receive(struct world *w, const char *topic, const char *payload) {
    return thingpass_receive(&w->tp, topic, strlen(topic), payload, strlen(payload));
}

static struct world *world_waiting(void) {
    struct world *w = world_new(10);
    w->grants[0].text = NULL;
    world_start(w);
    world_run_until(w, "ask");
    uint64_t wake;
    assert_int_equal(thingpass_step(&w->tp, &wake), THINGPASS_STEP_WAIT);
    return w;
}

static void messages_for_others_are_ignored(void **state) {
    (void)state;
    static const char refusal[] = "{\"id\":\"aaaaaaaaaa-000001\",\"status\":\"error\","
                                  "\"time\":1795424400,\"code\":\"bad-request\"}";
    struct world *w = world_waiting();
    assert_int_equal(receive(w, "thingpass/cam2/response", refusal), 0);
    assert_int_equal(receive(w, "thingpass/cam1/responses", refusal), 0);
    assert_int_equal(receive(w, "thingpass/cam1/upload-request", refusal), 0);
    assert_int_equal(receive(w, "", refusal), 0);
    assert_int_equal(world_deliver(w, "{\"id\":\"aaaaaaaaaa-000002\",\"status\":\"error\","
                                      "\"time\":$TIME,\"code\":\"bad-request\"}"),
                     0);
    assert_int_equal(world_deliver(w, "{\"status\":\"error\",\"time\":$TIME,\"code\":\"x\"}"), 0);
    assert_int_equal(world_deliver(w, "{\"id\":\"$ID\",\"id\":\"$ID\",\"status\":\"error\","
                                      "\"time\":$TIME,\"code\":\"x\"}"),
                     0);
    assert_int_equal(world_deliver(w, ""), 0);
    assert_int_equal(world_deliver(w, "garbage $ID"), THINGPASS_EREPLY);
    assert_int_equal(world_deliver(w, "{\"id\":\"$ID\""), THINGPASS_EREPLY);
    int64_t now;
    assert_int_equal(thingpass_now(&w->tp, &now), THINGPASS_ENOCLOCK);
    assert_string_equal(thingpass_phase_name(&w->tp), "ask");
    assert_int_equal(world_deliver(w, world_grant), 1);
    assert_int_equal(world_run(w), THINGPASS_OK);
    world_free(w);
}

static void messages_that_nobody_waits_for_are_ignored(void **state) {
    (void)state;
    struct world *w = world_new(10);
    assert_int_equal(thingpass_init(&w->tp, &w->config), THINGPASS_OK);
    assert_int_equal(world_deliver(w, world_grant), 0);
    world_start(w);
    assert_int_equal(world_deliver(w, world_grant), 0); // not asked yet
    world_run_until(w, "send");
    assert_int_equal(world_deliver(w, world_refusal("bad-request", -1)), 0);
    assert_int_equal(world_run(w), THINGPASS_OK);
    assert_int_equal(world_deliver(w, world_refusal("bad-request", -1)), 0);
    assert_true(is_stored(w));
    world_free(w);
}

#define GRANT_OF(mode, url, headers, expires)                                                      \
    "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME" mode ",\"objectKey\":\"k\","           \
    "\"uploadUrl\":\"" url "\",\"headers\":" headers ",\"expiresAt\":" expires "}"

static void a_bad_grant_ends_the_upload_and_says_why(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int want;
    } rows[] = {
        {GRANT_OF(",\"mode\":\"pass\"", "https://h/k", "{}", "$EXPIRES"), THINGPASS_EREPLY},
        {GRANT_OF("", "http://h/k", "{}", "$EXPIRES"), THINGPASS_EURL},
        {GRANT_OF("", "https://h/k\\r\\nX: y", "{}", "$EXPIRES"), THINGPASS_EURL},
        {GRANT_OF("", "https://h", "{}", "$EXPIRES"), THINGPASS_EURL},
        {GRANT_OF("", "https://h/k", "{\"Host\":\"evil\"}", "$EXPIRES"), THINGPASS_EHEADER},
        {GRANT_OF("", "https://h/k", "{\"X\":\"a\\nb\"}", "$EXPIRES"), THINGPASS_EHEADER},
        {GRANT_OF("", "https://h/k", "{}", "$TIME"), THINGPASS_EREPLY}, // ends as it begins
        {GRANT_OF("", "https://h/k", "{}", "1600000000"), THINGPASS_EREPLY},
        {GRANT_OF("", "https://h/k", "{}", "\"soon\""), THINGPASS_EREPLY},
        {"{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME}", THINGPASS_EREPLY},
        {"{\"id\":\"$ID\",\"status\":\"success\"}", THINGPASS_EREPLY},
        {"{\"id\":\"$ID\",\"status\":\"perhaps\",\"time\":$TIME}", THINGPASS_EREPLY},
        {"{\"id\":\"$ID\",\"status\":\"error\",\"time\":$TIME}", THINGPASS_EREPLY},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world *w = world_new(10);
        w->grants[0].text = rows[i].text;
        CHECK(rows[i].text, world_upload(w) == rows[i].want);
        CHECK(rows[i].text, w->asks == 1 && w->opens == 0);
        world_free(w);
    }
}

static void plain_http_is_followed_where_it_is_allowed(void **state) {
    (void)state;
    struct world *w = world_new(10);
    w->config.allow_plain_http = true;
    w->key = "k";
    w->grants[0].text = GRANT_OF("", "http://127.0.0.1:9000/k", "{}", "$EXPIRES");
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_true(w->port == 9000 && !w->tls);
    assert_string_equal(w->host, "127.0.0.1");
    assert_string_equal(w->head,
                        "PUT /k HTTP/1.1\r\nHost: 127.0.0.1:9000\r\nContent-Length: 10\r\n\r\n");
    world_free(w);
}

static void a_reply_that_does_not_fit_ends_the_upload_only_if_it_is_ours(void **state) {
    (void)state;
    static char text[4200];
    struct world *w = world_waiting();
    memset(text, ' ', 4150);
    memcpy(text, "{\"id\":\"aaaaaaaaaa-000002\"", 25);
    assert_int_equal(receive(w, "thingpass/cam1/response", text), 0);
    assert_string_equal(thingpass_phase_name(&w->tp), "ask");
    memcpy(text + 4000, "\"aaaaaaaaaa-000001\"", 19);
    assert_int_equal(receive(w, "thingpass/cam1/response", text), THINGPASS_ESPACE);
    assert_int_equal(world_run(w), THINGPASS_ESPACE);
    world_free(w);
}

static void a_reply_with_too_many_values_for_the_chunk_says_so(void **state) {
    (void)state;
    static char text[1000];
    struct world *w = world_new(10);
    w->config.chunk_size = 1024;
    strcpy(text, "{\"id\":\"$ID\",\"x\":[");
    for (int i = 0; i < 130; i++) {
        strcat(text, i == 0 ? "1" : ",1");
    }
    strcat(text, "]}");
    w->grants[0].text = text;
    assert_int_equal(world_upload(w), THINGPASS_ESPACE);
    world_free(w);
}

static void a_key_that_leaves_no_room_for_itself_says_so(void **state) {
    (void)state;
    static char key[1025];
    struct world *w = world_new(10);
    memset(key, 'k', 500);
    w->key = key;
    w->config.reply_size = 1400; // the reply has the key twice, and needs it once more
    assert_int_equal(world_upload(w), THINGPASS_ESPACE);
    assert_int_equal(w->opens, 0);
    w->config.reply_size = 1900;
    memset(&w->tp, 0, sizeof w->tp);
    assert_int_equal(world_upload(w), THINGPASS_OK);
    world_free(w);
}

static void a_report_of_what_is_not_there_sends_it_again(void **state) {
    (void)state;
    struct world *w = world_new(10);
    w->reports[0].text = world_refusal("not-found", -1);
    w->reports[1].text = world_confirm;
    w->report_count = 2;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(thingpass_result(&w->tp)->asks, 2);
    assert_int_equal(thingpass_result(&w->tp)->puts, 2);
    assert_string_equal(thingpass_result(&w->tp)->code, "");
    world_free(w);
}

static void what_is_never_found_is_given_up(void **state) {
    (void)state;
    struct world *w = world_new(10);
    w->reports[0].text = world_refusal("not-found", -1);
    assert_int_equal(world_upload(w), THINGPASS_ERETRIES);
    assert_string_equal(thingpass_result(&w->tp)->code, "not-found");
    assert_int_equal(thingpass_result(&w->tp)->asks, 5);
    world_free(w);
}

static void reports_end_as_the_broker_says(void **state) {
    (void)state;
    static const struct {
        const char *code;
        int want;
    } rows[] = {{"mismatch", THINGPASS_EMISMATCH},
                {"key-not-allowed", THINGPASS_EREFUSED},
                {"bad-request", THINGPASS_EREFUSED}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world *w = world_new(10);
        w->reports[0].text = world_refusal(rows[i].code, -1);
        CHECK(rows[i].code, world_upload(w) == rows[i].want);
        CHECK(rows[i].code, strcmp(thingpass_result(&w->tp)->code, rows[i].code) == 0);
        world_free(w);
    }
}

static void a_confirmation_of_something_else_is_no_confirmation(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME}",
        "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"objectKey\":\"$KEY\"}",
        "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"objectKey\":\"$KEY\",\"size\":11}",
        "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"objectKey\":\"x\",\"size\":10}",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct world *w = world_new(10);
        w->reports[0].text = texts[i];
        CHECK(texts[i], world_upload(w) == THINGPASS_EREPLY);
        world_free(w);
    }
}

// Brings the world to where a report is out and not answered.
static struct world *world_reporting(void) {
    struct world *w = world_new(10);
    w->reports[0].text = NULL;
    world_start(w);
    world_run_until(w, "report");
    uint64_t wake;
    assert_int_equal(thingpass_step(&w->tp, &wake), THINGPASS_STEP_WAIT);
    return w;
}

static void late_answers_to_the_request_do_not_disturb_the_report(void **state) {
    (void)state;
    struct world *w = world_reporting();
    assert_int_equal(world_deliver(w, world_grant), 0);
    assert_int_equal(world_deliver(w, "{\"id\":\"$ID\",\"status\":\"error\",\"time\":$TIME,"
                                      "\"objectKey\":\"another\",\"code\":\"not-found\"}"),
                     0);
    assert_string_equal(thingpass_phase_name(&w->tp), "report");
    assert_string_equal(thingpass_result(&w->tp)->object_key, w->key); // not overwritten
    assert_int_equal(world_deliver(w, world_confirm), 1);
    assert_int_equal(world_run(w), THINGPASS_OK);
    world_free(w);
}

static void a_long_message_for_another_leaves_the_key_alone(void **state) {
    (void)state;
    static char text[4097];
    struct world *w = world_reporting();
    memset(text, ' ', 4096);
    memcpy(text, "{\"id\":\"aaaaaaaaaa-000002\"", 25);
    text[4095] = '}';
    assert_int_equal(receive(w, "thingpass/cam1/response", text), 0);
    assert_string_equal(thingpass_result(&w->tp)->object_key, w->key);
    assert_int_equal(world_deliver(w, world_confirm), 1);
    assert_int_equal(world_run(w), THINGPASS_OK);
    world_free(w);
}

static void an_old_grant_is_not_taken_for_the_next(void **state) {
    (void)state;
    struct world *w = world_new(10);
    w->puts[0].answer = world_error(403, "AccessDenied");
    w->puts[1].answer = world_ok;
    w->put_count = 2;
    world_start(w);
    world_run_until(w, "receive");
    world_run_until(w, "ask");
    assert_int_equal(world_deliver(w, world_grant), 0); // not asked again so far
    assert_string_equal(thingpass_phase_name(&w->tp), "ask");
    assert_int_equal(world_run(w), THINGPASS_OK);
    assert_int_equal(thingpass_result(&w->tp)->asks, 2);
    world_free(w);
}

static void late_answers_to_the_report_do_not_disturb_the_next_request(void **state) {
    (void)state;
    struct world *w = world_reporting();
    w->grants[0].text = NULL;
    assert_int_equal(world_deliver(w, world_refusal("not-found", -1)), 1);
    assert_string_equal(thingpass_phase_name(&w->tp), "ask");
    w->now_ms += 1000; // the backoff
    uint64_t wake;
    assert_int_equal(thingpass_step(&w->tp, &wake), THINGPASS_STEP_WAIT);
    assert_int_equal(w->asks, 2);
    assert_int_equal(world_deliver(w, world_confirm), 0);
    assert_int_equal(world_deliver(w, world_refusal("not-found", -1)), 0);
    assert_int_equal(world_deliver(w, world_refusal("mismatch", -1)), 0);
    assert_int_equal(world_deliver(w, "{\"id\":\"$ID\",\"status\":\"error\",\"time\":$TIME,"
                                      "\"objectKey\":\"$KEY\",\"code\":\"unavailable\","
                                      "\"retryAfter\":500}"),
                     0);
    assert_string_equal(thingpass_phase_name(&w->tp), "ask");
    assert_int_equal(world_deliver(w, world_grant), 1);
    world_run_until(w, "report");
    assert_int_equal(thingpass_step(&w->tp, &wake), THINGPASS_STEP_WAIT);
    assert_int_equal(world_deliver(w, world_confirm), 1);
    assert_int_equal(world_run(w), THINGPASS_OK);
    world_free(w);
}

static void a_second_start_waits_for_the_first_to_end(void **state) {
    (void)state;
    struct world *w = world_new(10);
    world_start(w);
    assert_int_equal(thingpass_upload_start(&w->tp, &w->object), THINGPASS_EBUSY);
    assert_int_equal(world_run(w), THINGPASS_OK);
    assert_int_equal(world_upload(w), THINGPASS_OK);
    world_free(w);
}

static void a_start_that_fails_leaves_the_source_alone(void **state) {
    (void)state;
    struct world *w = world_new(10);
    static char key[1025];
    memset(key, 'k', 1024);
    w->config.chunk_size = 1024;
    assert_int_equal(thingpass_init(&w->tp, &w->config), THINGPASS_OK);
    w->object.object_key = key;
    assert_int_equal(thingpass_upload_start(&w->tp, &w->object), THINGPASS_ESPACE);
    w->object.object_key = NULL;
    w->object.kind = "Bad Kind";
    assert_int_equal(thingpass_upload_start(&w->tp, &w->object), THINGPASS_EINVAL);
    assert_int_equal(w->closes, 0);
    assert_int_equal(w->rewinds, 0);
    w->object.kind = "photo";
    assert_int_equal(world_upload(w), THINGPASS_OK);
    world_free(w);
}

static void a_key_too_long_to_be_repeated_ends_the_upload(void **state) {
    (void)state;
    static char key[1025];
    struct world *w = world_new(10);
    memset(key, 'k', 900);
    w->key = key;
    w->config.chunk_size = 1024;
    assert_int_equal(world_upload(w), THINGPASS_ESPACE);
    world_free(w);
}

static void an_upload_can_be_cancelled_at_any_step(void **state) {
    (void)state;
    for (unsigned steps = 0;; steps++) {
        struct world *w = world_new(3000);
        w->eagain = 3;
        w->most = 200;
        world_start(w);
        uint64_t wake;
        bool ended = false;
        for (unsigned i = 0; i < steps && !ended; i++) {
            int todo = thingpass_step(&w->tp, &wake);
            ended = todo == THINGPASS_STEP_DONE;
            if (todo == THINGPASS_STEP_WAIT && w->inbox_count > 0) {
                w->inbox_count = 0;
                assert_int_equal(receive(w, "thingpass/cam1/response", w->inbox[0].payload), 1);
            } else if (todo != THINGPASS_STEP_RUN) {
                w->now_ms += 50;
            }
        }
        if (ended) {
            assert_true(steps > 20);
            thingpass_cancel(&w->tp);
            world_free(w);
            return;
        }
        thingpass_cancel(&w->tp);
        assert_int_equal(w->opens, w->stream_closes);
        if (strcmp(thingpass_phase_name(&w->tp), "ended") == 0) {
            assert_int_equal(thingpass_step(&w->tp, &wake), THINGPASS_STEP_DONE);
        }
        assert_int_equal(w->closes, 1);
        world_free(w);
    }
}

static void the_deadline_ends_every_phase(void **state) {
    (void)state;
    for (uint32_t deadline = 1; deadline < 3000; deadline += 37) {
        struct world *w = world_new(3000);
        w->eagain = 2;
        w->most = 40;
        w->object.deadline_ms = deadline;
        w->grants[0].delay_ms = 300;
        uint64_t began = w->now_ms;
        int err = world_upload(w);
        assert_true(err == THINGPASS_EDEADLINE || (err == THINGPASS_OK && deadline > 600));
        assert_true(w->now_ms <= began + deadline + 20);
        world_free(w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_hashed_asked_for_sent_and_reported),
        cmocka_unit_test(the_result_says_what_it_took),
        cmocka_unit_test(any_size_goes_through_any_chunk_and_any_stream),
        cmocka_unit_test(a_hash_that_is_known_is_not_computed),
        cmocka_unit_test(metadata_and_type_are_asked_for),
        cmocka_unit_test(the_callers_id_is_kept_and_new_ids_differ),
        cmocka_unit_test(the_first_reply_sets_the_clock),
        cmocka_unit_test(a_clock_can_be_carried_through_sleep),
        cmocka_unit_test(a_photo_from_before_the_clock_was_known_gets_its_own_time),
        cmocka_unit_test(without_an_answer_it_asks_again_with_doubled_waits_until_the_deadline),
        cmocka_unit_test(a_lost_reply_costs_one_wait),
        cmocka_unit_test(two_answers_to_one_question_do_no_harm),
        cmocka_unit_test(what_is_repeated_keeps_the_time_or_the_key),
        cmocka_unit_test(a_key_from_before_a_reboot_is_repeated),
        cmocka_unit_test(without_mqtt_it_waits_for_mqtt),
        cmocka_unit_test(a_new_mqtt_connection_is_used_at_once),
        cmocka_unit_test(a_new_mqtt_connection_does_not_cut_a_wait_that_was_asked_for),
        cmocka_unit_test(refusals_for_good_end_the_upload),
        cmocka_unit_test(refusals_for_now_are_waited_out),
        cmocka_unit_test(a_broker_that_stays_busy_is_asked_until_the_deadline),
        cmocka_unit_test(messages_for_others_are_ignored),
        cmocka_unit_test(messages_that_nobody_waits_for_are_ignored),
        cmocka_unit_test(a_bad_grant_ends_the_upload_and_says_why),
        cmocka_unit_test(plain_http_is_followed_where_it_is_allowed),
        cmocka_unit_test(a_reply_that_does_not_fit_ends_the_upload_only_if_it_is_ours),
        cmocka_unit_test(a_reply_with_too_many_values_for_the_chunk_says_so),
        cmocka_unit_test(a_key_that_leaves_no_room_for_itself_says_so),
        cmocka_unit_test(a_report_of_what_is_not_there_sends_it_again),
        cmocka_unit_test(what_is_never_found_is_given_up),
        cmocka_unit_test(reports_end_as_the_broker_says),
        cmocka_unit_test(a_confirmation_of_something_else_is_no_confirmation),
        cmocka_unit_test(late_answers_to_the_request_do_not_disturb_the_report),
        cmocka_unit_test(a_long_message_for_another_leaves_the_key_alone),
        cmocka_unit_test(an_old_grant_is_not_taken_for_the_next),
        cmocka_unit_test(late_answers_to_the_report_do_not_disturb_the_next_request),
        cmocka_unit_test(a_second_start_waits_for_the_first_to_end),
        cmocka_unit_test(a_start_that_fails_leaves_the_source_alone),
        cmocka_unit_test(a_key_too_long_to_be_repeated_ends_the_upload),
        cmocka_unit_test(an_upload_can_be_cancelled_at_any_step),
        cmocka_unit_test(the_deadline_ends_every_phase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
