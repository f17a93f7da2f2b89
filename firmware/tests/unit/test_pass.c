// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Objects that are stored under a pass.

#define _GNU_SOURCE

#include "guard.h"
#include "wire.h"
#include "world.h"

static struct world *world_with_pass(size_t len) {
    struct world *w = world_new(len);
    world_use_pass(w);
    return w;
}

static bool is_stored(const struct world *w) {
    return w->stored_len == w->bytes_len && memcmp(w->stored, w->bytes, w->bytes_len) == 0;
}

static void upload_ok(struct world *w) {
    size_t stored = w->stored_count;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_true(is_stored(w) && w->stored_count == stored + 1);
}

static const char *sent(const struct world *w, size_t i) {
    assert_true(i < w->sent_count);
    return w->sent[i].payload;
}

static void an_object_is_stored_under_a_pass_and_reported(void **state) {
    (void)state;
    struct world *w = world_with_pass(5000);
    upload_ok(w);
    assert_int_equal(w->sent_count, 2);
    assert_string_equal(w->sent[0].topic, "thingpass/cam1/upload-request");
    assert_string_equal(sent(w, 0),
                        "{\"id\":\"aaaaaaaaaa-000002\",\"kind\":\"photo\",\"mode\":\"pass\","
                        "\"contentType\":\"image/jpeg\",\"metadataNames\":[\"captured-at\"],"
                        "\"checksum\":\"sha256\"}");
    assert_string_equal(w->sent[1].topic, "thingpass/cam1/upload-complete");
    assert_non_null(strstr(sent(w, 1), "{\"id\":\"aaaaaaaaaa-000001\",\"objectKey\":"
                                       "\"cam1/photo/2026/11/23/aaaaaaaaaa-000001.jpg\","
                                       "\"size\":5000,\"sha256\":\""));
    char want[400];
    snprintf(want, sizeof want,
             "POST / HTTP/1.1\r\nHost: s3.example.com\r\n"
             "Content-Type: multipart/form-data; boundary=aaaaaaaaaaaaaaaaaaaaaaaa\r\n"
             "Content-Length: %u\r\n\r\n",
             (unsigned)w->body_len);
    assert_string_equal(w->head, want);
    assert_string_equal(w->form.key, "cam1/photo/2026/11/23/aaaaaaaaaa-000001.jpg");
    assert_non_null(strstr(w->form.fields, "\nContent-Type=image/jpeg\npolicy=eyJ9\n"
                                           "x-amz-signature=abc\nx-amz-meta-captured-at=1795424"));
    const struct thingpass_result *r = thingpass_result(&w->tp);
    assert_string_equal(r->object_key, w->form.key);
    assert_int_equal(r->status, 204);
    assert_int_equal(r->captured_at, w->epoch_s + 100);
    world_free(w);
}

static void each_further_object_takes_one_exchange_and_one_report(void **state) {
    (void)state;
    struct world *w = world_with_pass(3000);
    upload_ok(w);
    for (unsigned i = 0; i < 20; i++) {
        size_t before = w->sent_count;
        w->now_ms += 2000;
        upload_ok(w);
        const struct thingpass_result *r = thingpass_result(&w->tp);
        assert_int_equal(w->sent_count, before + 1);
        assert_non_null(strstr(w->sent[before].topic, "/upload-complete"));
        assert_int_equal(r->asks, 0);
        assert_int_equal(r->puts, 1);
        assert_int_equal(r->connects, 0);
        char want[100];
        snprintf(want, sizeof want, "cam1/photo/2026/11/23/%s.jpg", r->id);
        assert_string_equal(w->form.key, want); // nothing has come over the pass
        assert_string_equal(r->object_key, want);
        assert_non_null(strstr(w->form.fields, "\nContent-Type=image/jpeg\npolicy=eyJ9\n"
                                               "x-amz-signature=abc\n"));
    }
    assert_int_equal(w->opens, 1);
    assert_int_equal(w->asks, 1);
    world_free(w);
}

static void the_checksum_is_the_objects_own(void **state) {
    (void)state;
    struct world *w = world_with_pass(10);
    uint8_t known[32];
    memset(known, 0, sizeof known);
    w->object.sha256 = known;
    upload_ok(w);
    assert_non_null(strstr(
        w->form.fields, "\nx-amz-checksum-sha256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"));
    w->object.sha256 = NULL;
    upload_ok(w);
    assert_null(strstr(w->form.fields, "AAAAAAAAAAAAAAAAAAAAA"));
    assert_non_null(strstr(w->form.fields, "\nx-amz-checksum-sha256="));
    assert_int_equal(w->asks, 1); // both are sent with a checksum, so one pass serves
    world_free(w);
}

static void any_size_goes_through_any_chunk_and_any_stream(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 2, 1023, 1024, 1025, 2047, 2048, 2049, 9999};
    static const size_t chunks[] = {1024, 1025, 1500, 2048};
    static const size_t most[] = {0, 1, 7, 1000};
    for (size_t i = 0; i < COUNT(sizes) * COUNT(chunks) * COUNT(most); i++) {
        for (unsigned eagain = 0; eagain < 4; eagain += eagain == 0 ? 2 : 1) {
            struct world *w = world_with_pass(sizes[i % COUNT(sizes)]);
            w->config.chunk_size = chunks[i / COUNT(sizes) % COUNT(chunks)];
            w->most = most[i / COUNT(sizes) / COUNT(chunks)];
            w->eagain = eagain;
            upload_ok(w);
            assert_int_equal(thingpass_result(&w->tp)->puts, 1);
            world_free(w);
        }
    }
}

// The bytes of a photo around which the head, the form and its end fall on
// every place in the chunk.
static void any_place_of_the_seams_in_the_chunk_is_right(void **state) {
    (void)state;
    struct world *w = world_with_pass(2100);
    w->config.chunk_size = 1024;
    for (size_t size = 1; size < 2100; size += size < 1100 ? 1 : 13) {
        w->bytes_len = size;
        w->source.size = size;
        upload_ok(w);
        w->sent_count = 1;
    }
    assert_int_equal(w->asks, 1);
    world_free(w);
}

static void an_empty_object_is_stored_where_that_is_allowed(void **state) {
    (void)state;
    struct world *w = world_with_pass(0);
    w->grants[0].text =
        "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"mode\":\"pass\",\"keyPrefix\":"
        "\"p/\",\"keySuffix\":\"\",\"uploadUrl\":\"https://h/b/\",\"fields\":{},\"minSize\":0,"
        "\"maxSize\":10,\"expiresAt\":$EXPIRES}";
    upload_ok(w);
    assert_string_equal(w->form.key, "p/aaaaaaaaaa-000001");
    assert_non_null(strstr(w->head, "POST /b/ HTTP/1.1\r\nHost: h\r\n"));
    world_free(w);
}

static void a_size_outside_of_the_pass_is_refused_without_sending(void **state) {
    (void)state;
    struct world *w = world_with_pass(100);
    upload_ok(w);
    static const struct {
        size_t size;
        int want;
    } rows[] = {{0, THINGPASS_EREFUSED},
                {1, THINGPASS_OK},
                {8388608, THINGPASS_OK},
                {8388609, THINGPASS_EREFUSED}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        free((void *)(uintptr_t)w->bytes);
        w->bytes = calloc(1, rows[i].size + 1);
        w->bytes_len = rows[i].size;
        w->source.size = rows[i].size;
        unsigned requests = (unsigned)w->request_count;
        size_t messages = w->sent_count;
        assert_int_equal(world_upload(w), rows[i].want);
        bool refused = rows[i].want != THINGPASS_OK;
        assert_string_equal(thingpass_result(&w->tp)->code, refused ? "size-not-allowed" : "");
        assert_int_equal(w->request_count, requests + (refused ? 0 : 1));
        assert_int_equal(w->sent_count, messages + (refused ? 0 : 1));
    }
    world_free(w);
    w = world_with_pass(0); // and when the pass has just come
    assert_int_equal(world_upload(w), THINGPASS_EREFUSED);
    assert_string_equal(thingpass_result(&w->tp)->code, "size-not-allowed");
    assert_int_equal(w->opens, 0);
    world_free(w);
}

static void a_pass_that_has_ended_is_renewed(void **state) {
    (void)state;
    struct world *w = world_with_pass(100);
    upload_ok(w);
    w->now_ms += 600000;
    upload_ok(w);
    assert_int_equal(w->asks, 1);
    w->now_ms += 300000; // ttl_s is 900
    upload_ok(w);
    assert_int_equal(w->asks, 2);
    assert_int_equal(thingpass_result(&w->tp)->asks, 1);
    upload_ok(w);
    assert_int_equal(w->asks, 2);
    world_free(w);
}

static void a_pass_that_ends_between_two_transfers_is_renewed(void **state) {
    (void)state;
    struct world *w = world_with_pass(100);
    w->ttl_s = 40;
    w->puts[0] = w->puts[1] = (struct world_put){.hang = true};
    w->puts[2].answer = world_posted;
    w->put_count = 3;
    upload_ok(w);
    assert_int_equal(w->asks, 2);
    assert_string_not_equal(sent(w, 0), sent(w, 1)); // another request, another id
    world_free(w);
}

static const char *pass_of_the_day(struct world *w, const char *topic, const char *payload) {
    static char later[600];
    (void)w;
    snprintf(later, sizeof later, "%s", world_pass);
    char *day = strstr(later, "/11/23/");
    assert_non_null(day);
    day[5] = '4';
    return strstr(topic, "/upload-complete") != NULL            ? world_confirm
           : strstr(payload, "\"capturedAt\":17954244") != NULL ? world_pass
                                                                : later;
}

// Taken before there was a clock, and sent the day after: asked for again it would
// have another key, and so would those that follow.
static void a_key_has_the_day_on_which_the_object_was_taken(void **state) {
    (void)state;
    struct world *w = world_new(100);
    world_use_pass(w);
    w->answer = pass_of_the_day;
    w->now_ms = 86400000;
    w->object.captured_ms = 1000;
    for (unsigned i = 0; i < 2; i++) { // with a pass at hand, too
        assert_int_equal(world_upload(w), THINGPASS_OK);
        assert_int_equal(thingpass_result(&w->tp)->captured_at, w->epoch_s + 1);
        assert_memory_equal(thingpass_result(&w->tp)->object_key, "cam1/photo/2026/11/23/", 22);
        assert_int_equal(thingpass_result(&w->tp)->asks, i == 0 ? 2 : 0);
    }
    w->object.captured_ms = 0; // now
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(thingpass_result(&w->tp)->asks, 1);
    world_free(w);
}

static void another_day_another_kind_or_other_terms_need_another_pass(void **state) {
    (void)state;
    static const struct thingpass_pair fixed[] = {{"fw", "1.4.2"}};
    static const struct thingpass_pair fixed2[] = {{"fw", "1.4.3"}};
    static const struct thingpass_pair own[] = {{"rssi", "-61"}};
    static const struct thingpass_pair own2[] = {{"rssi", "-62"}};
    struct world *w = world_with_pass(100);
    unsigned asks = 1;
#define TERMS(change, more)                                                                        \
    do {                                                                                           \
        change;                                                                                    \
        upload_ok(w);                                                                              \
        asks += (more);                                                                            \
        assert_int_equal(w->asks, asks);                                                           \
    } while (0)
    TERMS((void)0, 0);
    TERMS((void)0, 0);
    TERMS(w->object.captured_at = 1795424400 - 86400, 1);
    TERMS((void)0, 0);
    TERMS(w->object.captured_at = 1795391999, 0); // 23:59:59 of that day
    TERMS(w->object.captured_at = 1795392000, 1);
    TERMS(w->object.captured_at = 0, 0);
    TERMS(w->object.kind = "log", 1);
    TERMS(w->source.content_type = NULL, 1);
    TERMS((w->object.metadata = own, w->object.metadata_count = 1), 1);
    TERMS(w->object.metadata = own2, 0); // only its value differs
    assert_non_null(strstr(w->form.fields, "\nx-amz-meta-rssi=-62\n"));
    TERMS((w->object.pass_metadata = fixed, w->object.pass_metadata_count = 1), 1);
    assert_null(strstr(w->form.fields, "fw")); // the pass has it among its fields, if at all
    TERMS(w->object.pass_metadata = fixed2, 1);
    TERMS((w->source.rewindable = false, w->bytes_read = 0), 1);
    TERMS((void)0, 0);
    TERMS(w->source.rewindable = true, 1);
    world_free(w);
}

static void the_date_is_asked_for_as_soon_as_it_is_known(void **state) {
    (void)state;
    struct world *w = world_with_pass(100);
    w->object.captured_at = 1795424000;
    upload_ok(w);
    assert_non_null(strstr(sent(w, 0), ",\"capturedAt\":1795424000,"));
    assert_non_null(strstr(w->form.fields, "\nx-amz-meta-captured-at=1795424000\n"));
    world_free(w);
}

static void metadata_of_its_own_and_of_the_pass_are_asked_for_apart(void **state) {
    (void)state;
    static const struct thingpass_pair fixed[] = {{"fw", "1.4.2"}, {"site", "a b"}};
    static const struct thingpass_pair own[] = {{"rssi", "-61"}, {"lux", "7"}};
    struct world *w = world_with_pass(100);
    w->object.metadata = own;
    w->object.metadata_count = 2;
    w->object.pass_metadata = fixed;
    w->object.pass_metadata_count = 2;
    upload_ok(w);
    assert_non_null(strstr(sent(w, 0), ",\"metadata\":{\"fw\":\"1.4.2\",\"site\":\"a b\"},"
                                       "\"metadataNames\":[\"captured-at\",\"rssi\",\"lux\"],"));
    assert_non_null(strstr(w->form.fields, "\nx-amz-meta-rssi=-61\nx-amz-meta-lux=7\n"));
    world_free(w);
}

static void an_object_of_mode_put_takes_the_place_of_the_pass(void **state) {
    (void)state;
    struct world *w = world_with_pass(100);
    upload_ok(w);
    w->object.mode = &thingpass_mode_put;
    w->grants[0].text = world_grant;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_memory_equal(w->head, "PUT ", 4);
    w->object.mode = &thingpass_mode_pass;
    w->grants[0].text = world_pass;
    upload_ok(w);
    assert_int_equal(w->asks, 3);
    world_free(w);
}

static void what_s3_answers_to_a_form_is_acted_upon(void **state) {
    (void)state;
    static const struct {
        unsigned status;
        const char *code;
        int want;
        unsigned asks, puts;
    } rows[] = {
        {200, NULL, THINGPASS_OK, 1, 1},
        {201, NULL, THINGPASS_OK, 1, 1},
        {303, NULL, THINGPASS_OK, 2, 2},
        {307, NULL, THINGPASS_OK, 2, 2},
        {400, "ExpiredToken", THINGPASS_OK, 2, 2},
        {403, "AccessDenied", THINGPASS_OK, 2, 2},
        {400, "BadDigest", THINGPASS_OK, 1, 2},
        {400, "RequestTimeout", THINGPASS_OK, 1, 2},
        {409, NULL, THINGPASS_OK, 1, 2},
        {429, NULL, THINGPASS_OK, 1, 2},
        {500, "InternalError", THINGPASS_OK, 1, 2},
        {503, "SlowDown", THINGPASS_OK, 1, 2},
        {400, "EntityTooLarge", THINGPASS_EREJECTED, 1, 1},
        {400, "InvalidPolicyDocument", THINGPASS_EREJECTED, 1, 1},
        {404, "NoSuchBucket", THINGPASS_EREJECTED, 1, 1},
        {412, "PreconditionFailed", THINGPASS_EREJECTED, 1, 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world *w = world_with_pass(100);
        w->puts[0].answer = world_error(rows[i].status, rows[i].code);
        w->puts[1].answer = world_posted;
        w->put_count = 2;
        int err = world_upload(w);
        char what[60];
        snprintf(what, sizeof what, "%u %s: %d", rows[i].status,
                 rows[i].code != NULL ? rows[i].code : "", err);
        CHECK(what, err == rows[i].want);
        CHECK(what, thingpass_result(&w->tp)->asks == rows[i].asks);
        CHECK(what, thingpass_result(&w->tp)->puts == rows[i].puts);
        world_free(w);
    }
}

static void a_pass_that_s3_never_takes_is_asked_for_so_many_times_only(void **state) {
    (void)state;
    struct world *w = world_with_pass(100);
    w->puts[0].answer = world_error(403, "AccessDenied");
    w->config.timing.max_grants = 3;
    assert_int_equal(world_upload(w), THINGPASS_ERETRIES);
    assert_int_equal(w->asks, 3);
    world_free(w);
}

static void a_connection_that_breaks_at_any_byte_is_made_anew(void **state) {
    (void)state;
    struct world *measure = world_with_pass(300);
    upload_ok(measure);
    size_t len = measure->written;
    world_free(measure);
    for (size_t at = 1; at <= len; at++) {
        struct world *w = world_with_pass(300);
        w->puts[0].break_after = at;
        w->puts[1].answer = world_posted;
        w->put_count = 2;
        upload_ok(w);
        assert_int_equal(w->asks, 1);
        assert_int_equal(thingpass_result(&w->tp)->puts, 2);
        world_free(w);
    }
}

static void a_kept_connection_that_went_stale_costs_no_attempt(void **state) {
    (void)state;
    struct world *w = world_with_pass(100);
    w->puts[0].answer = w->puts[2].answer = world_posted;
    w->puts[1].break_after = 1;
    w->put_count = 3;
    upload_ok(w);
    upload_ok(w);
    assert_int_equal(w->asks, 1);
    assert_int_equal(w->opens, 2);
    world_free(w);
}

static void a_one_pass_source_goes_without_a_checksum(void **state) {
    (void)state;
    struct world *w = world_with_pass(3000);
    w->source.rewindable = false;
    w->source.rewind = NULL;
    upload_ok(w);
    assert_null(strstr(sent(w, 0), "checksum"));
    assert_null(strstr(w->form.fields, "checksum"));
    uint8_t sum[32];
    char hex[20];
    world_sum(w->bytes, w->bytes_len, sum);
    snprintf(hex, sizeof hex, "\"%02x%02x%02x", sum[0], sum[1], sum[2]);
    assert_non_null(strstr(sent(w, 1), hex)); // of the object alone, not of the form
    world_free(w);
}

static void a_source_of_another_length_stores_nothing(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 99, 101, 5000};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct world *w = world_with_pass(5001);
        w->bytes_len = lengths[i];
        w->source.size = 100;
        w->source.rewindable = false;
        assert_int_equal(world_upload(w), THINGPASS_ELENGTH);
        assert_int_equal(w->stored_count, 0);
        world_free(w);
    }
}

static void an_object_that_is_not_found_is_sent_again_under_a_new_pass(void **state) {
    (void)state;
    struct world *w = world_with_pass(100);
    w->reports[0].text = world_refusal("not-found", -1);
    w->reports[1].text = world_confirm;
    w->report_count = 2;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(w->asks, 2);
    assert_int_equal(w->stored_count, 2);
    world_free(w);
}

static void another_object_under_the_key_is_told(void **state) {
    (void)state;
    struct world *w = world_with_pass(100);
    w->reports[0].text = world_refusal("mismatch", -1);
    assert_int_equal(world_upload(w), THINGPASS_EMISMATCH);
    world_free(w);
}

static void refusals_of_a_pass_are_those_of_a_grant(void **state) {
    (void)state;
    struct world *w = world_with_pass(100);
    w->grants[0].text = world_refusal("mode-not-allowed", -1);
    assert_int_equal(world_upload(w), THINGPASS_EREFUSED);
    assert_string_equal(thingpass_result(&w->tp)->code, "mode-not-allowed");
    world_free(w);
    w = world_with_pass(100);
    w->grants[0].text = world_refusal("busy", 30);
    w->grants[1].text = NULL;
    w->grants[2].text = world_pass;
    w->grant_count = 3;
    upload_ok(w);
    assert_int_equal(w->sent[1].at_ms, w->sent[0].at_ms + 30000);
    assert_int_equal(w->sent[2].at_ms, w->sent[1].at_ms + 5000);
    assert_string_equal(sent(w, 1), sent(w, 0)); // the same id, the same fields [P-9.1]
    assert_string_equal(sent(w, 2), sent(w, 0));
    world_free(w);
}

// Two answers to one question: the second comes while the object is reported.
static void a_late_pass_is_no_answer_to_a_report(void **state) {
    (void)state;
    struct world *w = world_with_pass(100);
    w->grants[0].text = w->grants[1].text = world_pass;
    w->grants[0].delay_ms = 6000;
    w->grants[1].delay_ms = 1500;
    w->grant_count = 2;
    w->reports[0].text = world_confirm;
    w->reports[0].delay_ms = 2000;
    upload_ok(w);
    upload_ok(w); // and the pass at hand is still whole
    assert_int_equal(w->asks, 2);
    world_free(w);
}

static void a_pass_survives_whatever_comes_while_a_report_is_awaited(void **state) {
    (void)state;
    struct world *w = world_with_pass(100);
    static char junk[5000];
    memset(junk, 'x', sizeof junk - 1);
    upload_ok(w);
    for (size_t len = 0; len < sizeof junk; len += 97) {
        world_start(w);
        world_run_until(w, "report");
        uint64_t wake;
        assert_int_equal(thingpass_step(&w->tp, &wake), THINGPASS_STEP_WAIT);
        junk[len] = '\0';
        assert_true(world_deliver(w, junk) <= 0);
        junk[len] = 'x';
        assert_int_equal(world_run(w), THINGPASS_OK);
        w->sent_count = 0;
    }
    assert_int_equal(w->asks, 1);
    world_free(w);
}

static void a_pass_outlives_a_cancelled_object(void **state) {
    (void)state;
    struct world *w = world_with_pass(100);
    upload_ok(w);
    world_start(w);
    world_run_until(w, "send");
    thingpass_cancel(&w->tp);
    assert_int_equal(world_run(w), THINGPASS_ECANCELLED);
    upload_ok(w);
    assert_int_equal(w->asks, 1);
    world_free(w);
}

#define PASS_HEAD "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"mode\":\"pass\","
#define PASS_KEY  "\"keyPrefix\":\"p/\",\"keySuffix\":\".jpg\","
#define PASS_TAIL "\"minSize\":1,\"maxSize\":1000,\"expiresAt\":$EXPIRES}"
#define URL       "\"uploadUrl\":\"https://h/\","

static void hostile_passes_end_the_upload_and_are_not_kept(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int want;
    } rows[] = {
        {PASS_HEAD PASS_KEY URL "\"fields\":{}," PASS_TAIL, THINGPASS_OK},
        {PASS_HEAD PASS_KEY URL "\"fields\":{\"x-amz-meta-captured-at\":\"1\"}," PASS_TAIL,
         THINGPASS_EHEADER},
        {PASS_HEAD PASS_KEY URL "\"fields\":{\"X-Amz-Meta-Rssi\":\"1\"}," PASS_TAIL,
         THINGPASS_EHEADER},
        {PASS_HEAD PASS_KEY URL "\"fields\":{\"x-amz-checksum-sha256\":\"1\"}," PASS_TAIL,
         THINGPASS_EHEADER},
        {PASS_HEAD PASS_KEY URL "\"fields\":{\"a\":\"b\\r\\n--x\"}," PASS_TAIL, THINGPASS_EHEADER},
        {PASS_HEAD PASS_KEY "\"uploadUrl\":\"http://h/\",\"fields\":{}," PASS_TAIL, THINGPASS_EURL},
        {PASS_HEAD PASS_KEY
         "\"uploadUrl\":\"https://h/ HTTP/1.1\\r\\nX: y\",\"fields\":{}," PASS_TAIL,
         THINGPASS_EURL},
        {PASS_HEAD PASS_KEY URL "\"fields\":{},\"minSize\":1,\"maxSize\":9,\"expiresAt\":$TIME}",
         THINGPASS_EREPLY},
        {world_grant, THINGPASS_EREPLY}, // a grant of another mode
        {"{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME}", THINGPASS_EREPLY},
    };
    static const struct thingpass_pair own[] = {{"rssi", "-61"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world *w = world_with_pass(100);
        w->object.metadata = own;
        w->object.metadata_count = 1;
        w->grants[0].text = rows[i].text;
        CHECK(rows[i].text, world_upload(w) == rows[i].want);
        CHECK(rows[i].text, w->opens == (rows[i].want == THINGPASS_OK));
        w->grants[0].text = world_pass;
        CHECK(rows[i].text, world_upload(w) == THINGPASS_OK);
        CHECK(rows[i].text, w->asks == (rows[i].want == THINGPASS_OK ? 1 : 2));
        world_free(w);
    }
}

static void a_key_that_is_too_long_is_refused(void **state) {
    (void)state;
    for (size_t n = 1000; n <= 1008; n++) {
        struct world *w = world_with_pass(100);
        char text[2000];
        char prefix[1100];
        memset(prefix, 'p', n);
        prefix[n] = '\0';
        snprintf(text, sizeof text,
                 PASS_HEAD "\"keyPrefix\":\"%s\",\"keySuffix\":\".jpg\"," URL
                           "\"fields\":{}," PASS_TAIL,
                 prefix);
        w->grants[0].text = text;
        int err = world_upload(w);
        assert_int_equal(err, n + 17 + 4 <= 1024 ? THINGPASS_OK : THINGPASS_EREPLY);
        world_free(w);
    }
}

// Every reply buffer is either too small, and said to be, or serves many
// objects, and is never overrun.
static void any_size_of_the_buffers_works_or_is_said_to_be_too_small(void **state) {
    (void)state;
    struct wire_file f = wire_named("pass-token.reply.json");
    bool worked = false;
    size_t least = 0;
    for (size_t size = THINGPASS_REPLY_SIZE_MIN; size <= THINGPASS_REPLY_SIZE_PASS;
         size += 31 * THINGPASS_TESTS_EVERY) {
        struct world *w = world_with_pass(100);
        w->config.reply = guard_alloc(size);
        w->config.reply_size = size;
        w->config.chunk = guard_alloc(THINGPASS_CHUNK_SIZE);
        w->config.chunk_size = THINGPASS_CHUNK_SIZE;
        w->ttl_s = 300;
        w->object.captured_at = 1795424398;
        char *text = strdup(f.data); // its id becomes that of our request
        char *id = strstr(text, "\"id\":\"") + 6;
        char after[8000];
        strcpy(after, id + strcspn(id, "\""));
        text = realloc(text, f.len + 20);
        strcpy(strstr(text, "\"id\":\"") + 6, "$ID");
        strcat(text, after);
        w->grants[0].text = text;
        int err = world_upload(w);
        assert_true(err == (worked ? THINGPASS_OK : THINGPASS_ESPACE) || !worked);
        assert_true(err == THINGPASS_OK || w->opens == 0); // told before anything is sent
        least = !worked && err == THINGPASS_OK ? size : least;
        worked = worked || err == THINGPASS_OK;
        if (worked) {
            upload_ok(w);
            assert_int_equal(w->asks, 1);
            assert_string_equal(w->host, "photos.s3.eu-central-1.amazonaws.com");
        }
        guard_free(w->config.reply, size);
        guard_free(w->config.chunk, THINGPASS_CHUNK_SIZE);
        world_free(w);
        free(text);
    }
    assert_true(worked);
    print_message("a pass with a session token: %u bytes, in a reply buffer of %u or more\n",
                  (unsigned)f.len, (unsigned)least);
    free(f.data);
}

static void without_randomness_there_is_no_form(void **state) {
    (void)state;
    struct world *w = world_with_pass(100);
    world_start(w);
    w->no_random = true;
    assert_int_equal(world_run(w), THINGPASS_EIO);
    assert_int_equal(w->request_count, 0);
    world_free(w);
}

static void lent_buffers_for_passes_are_at_most_8_kb(void **state) {
    (void)state;
    assert_true(THINGPASS_REPLY_SIZE_PASS + THINGPASS_CHUNK_SIZE <= 8192);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_stored_under_a_pass_and_reported),
        cmocka_unit_test(each_further_object_takes_one_exchange_and_one_report),
        cmocka_unit_test(the_checksum_is_the_objects_own),
        cmocka_unit_test(any_size_goes_through_any_chunk_and_any_stream),
        cmocka_unit_test(any_place_of_the_seams_in_the_chunk_is_right),
        cmocka_unit_test(an_empty_object_is_stored_where_that_is_allowed),
        cmocka_unit_test(a_size_outside_of_the_pass_is_refused_without_sending),
        cmocka_unit_test(a_pass_that_has_ended_is_renewed),
        cmocka_unit_test(a_pass_that_ends_between_two_transfers_is_renewed),
        cmocka_unit_test(a_key_has_the_day_on_which_the_object_was_taken),
        cmocka_unit_test(another_day_another_kind_or_other_terms_need_another_pass),
        cmocka_unit_test(the_date_is_asked_for_as_soon_as_it_is_known),
        cmocka_unit_test(metadata_of_its_own_and_of_the_pass_are_asked_for_apart),
        cmocka_unit_test(an_object_of_mode_put_takes_the_place_of_the_pass),
        cmocka_unit_test(what_s3_answers_to_a_form_is_acted_upon),
        cmocka_unit_test(a_pass_that_s3_never_takes_is_asked_for_so_many_times_only),
        cmocka_unit_test(a_connection_that_breaks_at_any_byte_is_made_anew),
        cmocka_unit_test(a_kept_connection_that_went_stale_costs_no_attempt),
        cmocka_unit_test(a_one_pass_source_goes_without_a_checksum),
        cmocka_unit_test(a_source_of_another_length_stores_nothing),
        cmocka_unit_test(an_object_that_is_not_found_is_sent_again_under_a_new_pass),
        cmocka_unit_test(another_object_under_the_key_is_told),
        cmocka_unit_test(refusals_of_a_pass_are_those_of_a_grant),
        cmocka_unit_test(a_late_pass_is_no_answer_to_a_report),
        cmocka_unit_test(a_pass_survives_whatever_comes_while_a_report_is_awaited),
        cmocka_unit_test(a_pass_outlives_a_cancelled_object),
        cmocka_unit_test(hostile_passes_end_the_upload_and_are_not_kept),
        cmocka_unit_test(a_key_that_is_too_long_is_refused),
        cmocka_unit_test(any_size_of_the_buffers_works_or_is_said_to_be_too_small),
        cmocka_unit_test(without_randomness_there_is_no_form),
        cmocka_unit_test(lent_buffers_for_passes_are_at_most_8_kb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
