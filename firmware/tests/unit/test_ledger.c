// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Reports that are kept and sent together.

#include "thingpass/ledger.h"

#include "world.h"

enum { objects_max = 64 };

// What the broker says of each object, and what has been heard of it.
struct shop {
    const char *outer;              // the answer, if not to the objects
    const char *codes[objects_max]; // by the order of reporting; NULL: success
    int retry_after_s;              // of the object with a code, if >= 0
    unsigned surplus, missing;      // entries too many, or too few
    size_t padding;                 // more bytes for each entry
    unsigned reported;              // objects that were answered for
    unsigned in_last_report;
    unsigned heard; // verdicts
    char verdicts[objects_max][48];
    char keys[objects_max][100];
    struct thingpass_ledger ledger;
    char entries[2048];
    char text[16000];
};

static void on_verdict(void *ctx, const char *key, size_t key_len, const char *code) {
    struct shop *s = ctx;
    assert_true(s->heard < objects_max && key_len < sizeof *s->keys);
    memcpy(s->keys[s->heard], key, key_len);
    s->keys[s->heard][key_len] = '\0';
    strcpy(s->verdicts[s->heard++], code);
}

static void put_entry(struct shop *s, const char *key, size_t key_len, const char *code) {
    char *at = s->text + strlen(s->text);
    size_t cap = sizeof s->text - strlen(s->text);
    bool first = s->text[strlen(s->text) - 1] == '[';
    char retry[40] = "";
    if (code != NULL && s->retry_after_s >= 0) {
        snprintf(retry, sizeof retry, ",\"retryAfter\":%d", s->retry_after_s);
    }
    if (code == NULL) {
        snprintf(at, cap, "%s{\"status\":\"success\",\"objectKey\":\"%.*s\",\"size\":500%*s}",
                 first ? "" : ",", (int)key_len, key, (int)s->padding, "");
    } else {
        snprintf(at, cap, "%s{\"status\":\"error\",\"objectKey\":\"%.*s\",\"code\":\"%s\"%s%*s}",
                 first ? "" : ",", (int)key_len, key, code, retry, (int)s->padding, "");
    }
}

// Answers a report of objects; everything else as the scripts of the world do.
static const char *answer(struct world *w, const char *topic, const char *payload) {
    struct shop *s = w->test;
    if (strstr(topic, "/upload-request") != NULL) {
        return world_grant;
    }
    const char *at = strstr(payload, "\"objects\":[");
    if (at == NULL) {
        return world_confirm;
    }
    if (s->outer != NULL) {
        const char *outer = s->outer;
        s->outer = NULL;
        return outer;
    }
    strcpy(s->text, "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"objects\":[");
    s->in_last_report = 0;
    static const char name[] = "{\"objectKey\":\"";
    while ((at = strstr(at, name)) != NULL) {
        at += sizeof name - 1;
        size_t n = strcspn(at, "\"");
        if (s->in_last_report++ >= s->missing) {
            put_entry(s, at, n, s->codes[s->reported++]);
        }
    }
    for (unsigned i = 0; i < s->surplus; i++) {
        put_entry(s, "x", 1, NULL);
    }
    strcat(s->text, "]}");
    return s->text;
}

static struct world *world_with(struct shop *s) {
    memset(s, 0, sizeof *s);
    s->retry_after_s = -1;
    assert_int_equal(
        thingpass_ledger_init(&s->ledger, s->entries, sizeof s->entries, on_verdict, s),
        THINGPASS_OK);
    struct world *w = world_new(500);
    w->test = s;
    w->answer = answer;
    w->config.ledger = &s->ledger;
    w->object.verify = THINGPASS_VERIFY_LATER;
    return w;
}

// Stores n objects, each under a key of its own, sending the ledger when it is due.
static void store(struct world *w, unsigned n) {
    static char key[60];
    static unsigned number;
    for (unsigned i = 0; i < n; i++) {
        snprintf(key, sizeof key, "cam1/photo/2026/11/23/%06u.jpg", number++);
        w->key = key;
        world_start(w);
        assert_int_equal(world_run(w), THINGPASS_OK);
    }
}

static int flush(struct world *w) {
    w->closes = 0;
    assert_int_equal(thingpass_ledger_send(&w->tp), THINGPASS_OK);
    return world_run_job(w);
}

static void many_objects_take_one_report(void **state) {
    (void)state;
    static struct shop s;
    struct world *w = world_with(&s);
    store(w, 8);
    assert_int_equal(w->reports_sent, 0);
    assert_false(thingpass_ledger_due(&w->tp));
    assert_int_equal(flush(w), THINGPASS_OK);
    assert_int_equal(w->reports_sent, 1);
    assert_int_equal(s.in_last_report, 8);
    assert_int_equal(s.heard, 8);
    for (unsigned i = 0; i < 8; i++) {
        assert_string_equal(s.verdicts[i], "");
    }
    assert_string_equal(s.keys[7], w->key);
    assert_int_equal(s.ledger.len, 0);
    assert_int_equal(thingpass_ledger_send(&w->tp), THINGPASS_EINVAL);
    world_free(w);
}

static void the_report_is_what_the_protocol_says(void **state) {
    (void)state;
    static struct shop s;
    struct world *w = world_with(&s);
    uint8_t sum[32];
    char hex[65];
    char want[300];
    store(w, 1);
    assert_int_equal(flush(w), THINGPASS_OK);
    world_sum(w->bytes, w->bytes_len, sum);
    for (size_t i = 0; i < sizeof sum; i++) {
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    }
    snprintf(want, sizeof want,
             "{\"id\":\"%s\",\"objects\":[{\"objectKey\":\"%s\",\"size\":500,\"sha256\":\"%s\"}]}",
             thingpass_result(&w->tp)->id, w->key, hex);
    assert_string_equal(w->sent[w->sent_count - 1].payload, want);
    assert_string_equal(w->sent[w->sent_count - 1].topic, "thingpass/cam1/upload-complete");
    world_free(w);
}

static void it_is_due_when_it_is_full_or_old(void **state) {
    (void)state;
    static struct shop s;
    struct world *w = world_with(&s);
    store(w, 1);
    w->now_ms += THINGPASS_LEDGER_AGE_S * 1000 - 1000;
    assert_false(thingpass_ledger_due(&w->tp));
    w->now_ms += 1000;
    assert_true(thingpass_ledger_due(&w->tp));
    assert_int_equal(flush(w), THINGPASS_OK);
    unsigned n = 0;
    for (; !thingpass_ledger_due(&w->tp); n++) {
        store(w, 1);
    }
    assert_true(n > 6 && n <= THINGPASS_LEDGER_MAX);
    assert_int_equal(w->reports_sent, 1);
    // What does not fit any more is reported by itself, and nothing is lost.
    store(w, 1);
    assert_int_equal(w->reports_sent, 2);
    while (s.ledger.count > 0) {
        assert_int_equal(flush(w), THINGPASS_OK);
    }
    assert_int_equal(s.heard, 1 + n);
    world_free(w);
}

static void each_object_has_a_verdict_of_its_own(void **state) {
    (void)state;
    static struct shop s;
    struct world *w = world_with(&s);
    s.codes[1] = "mismatch";
    s.codes[2] = "not-found";
    store(w, 4);
    assert_int_equal(flush(w), THINGPASS_OK);
    assert_string_equal(s.verdicts[0], "");
    assert_string_equal(s.verdicts[1], "mismatch");
    assert_string_equal(s.verdicts[2], "not-found");
    assert_string_equal(s.verdicts[3], "");
    world_free(w);
}

static void what_may_be_retried_is_reported_again(void **state) {
    (void)state;
    static struct shop s;
    struct world *w = world_with(&s);
    s.codes[1] = "unavailable"; // the first time only
    s.retry_after_s = 7;
    store(w, 3);
    uint64_t before = w->now_ms;
    assert_int_equal(flush(w), THINGPASS_OK);
    assert_true(w->now_ms >= before + 7000);
    assert_int_equal(w->reports_sent, 2);
    assert_int_equal(s.heard, 3);
    assert_string_equal(s.verdicts[1], "");
    world_free(w);
}

static void a_refusal_of_the_whole_keeps_the_entries(void **state) {
    (void)state;
    static struct shop s;
    struct world *w = world_with(&s);
    store(w, 3);
    s.outer = world_refusal("bad-request", -1);
    assert_int_equal(flush(w), THINGPASS_EREFUSED);
    assert_string_equal(thingpass_result(&w->tp)->code, "bad-request");
    assert_int_equal(s.heard, 0);
    s.outer = world_refusal("busy", 1);
    assert_int_equal(flush(w), THINGPASS_OK);
    assert_int_equal(s.heard, 3);
    world_free(w);
}

static void a_wrong_number_of_answers_is_no_answer(void **state) {
    (void)state;
    static struct shop s;
    for (unsigned i = 0; i < 2; i++) {
        struct world *w = world_with(&s);
        store(w, 3);
        s.surplus = i;
        s.missing = 1 - i;
        assert_int_equal(flush(w), THINGPASS_EREPLY);
        assert_int_equal(s.heard, 0);
        assert_int_equal(s.ledger.count, 3);
        world_free(w);
    }
}

static void an_answer_that_is_too_long_is_asked_for_in_pieces(void **state) {
    (void)state;
    static struct shop s;
    struct world *w = world_with(&s);
    w->config.reply_size = 3000;
    store(w, 7);
    s.padding = 900; // two of them fit
    while (s.ledger.count > 0) {
        s.reported = s.heard; // answers that came in vain count for nothing
        assert_int_equal(flush(w), THINGPASS_OK);
        assert_true(s.in_last_report <= 2);
    }
    assert_int_equal(s.heard, 7);
    assert_string_equal(s.keys[6], w->key);
    // And what does not fit by itself is said to be so.
    store(w, 2);
    s.padding = 3500;
    assert_int_equal(flush(w), THINGPASS_ESPACE);
    assert_string_equal(s.verdicts[7], "unreported");
    assert_int_equal(s.ledger.count, 1);
    world_free(w);
}

static void a_lost_answer_is_asked_for_again_and_the_deadline_keeps_the_entries(void **state) {
    (void)state;
    static struct shop s;
    struct world *w = world_with(&s);
    store(w, 2);
    w->mqtt_down = 100000;
    w->mqtt_error = THINGPASS_EAGAIN;
    assert_int_equal(flush(w), THINGPASS_EDEADLINE);
    assert_int_equal(s.ledger.count, 2);
    w->mqtt_down = 0;
    assert_int_equal(flush(w), THINGPASS_OK);
    assert_int_equal(s.heard, 2);
    world_free(w);
}

static void mistakes_of_the_caller_are_told(void **state) {
    (void)state;
    static struct shop s;
    struct thingpass_ledger l;
    char buf[THINGPASS_LEDGER_SIZE_MIN];
    assert_int_equal(thingpass_ledger_init(NULL, buf, sizeof buf, NULL, NULL), THINGPASS_EINVAL);
    assert_int_equal(thingpass_ledger_init(&l, NULL, sizeof buf, NULL, NULL), THINGPASS_EINVAL);
    assert_int_equal(thingpass_ledger_init(&l, buf, sizeof buf - 1, NULL, NULL), THINGPASS_ESPACE);
    assert_int_equal(thingpass_ledger_init(&l, buf, sizeof buf, NULL, NULL), THINGPASS_OK);
    struct world *w = world_with(&s);
    world_start(w);
    assert_int_equal(thingpass_ledger_send(&w->tp), THINGPASS_EBUSY);
    assert_int_equal(world_run(w), THINGPASS_OK);
    world_free(w);
    // Without a ledger the broker is asked at once.
    w = world_new(500);
    w->object.verify = THINGPASS_VERIFY_LATER;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(w->reports_sent, 1);
    assert_int_equal(thingpass_ledger_send(&w->tp), THINGPASS_EINVAL);
    assert_false(thingpass_ledger_due(&w->tp));
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_objects_take_one_report),
        cmocka_unit_test(the_report_is_what_the_protocol_says),
        cmocka_unit_test(it_is_due_when_it_is_full_or_old),
        cmocka_unit_test(each_object_has_a_verdict_of_its_own),
        cmocka_unit_test(what_may_be_retried_is_reported_again),
        cmocka_unit_test(a_refusal_of_the_whole_keeps_the_entries),
        cmocka_unit_test(a_wrong_number_of_answers_is_no_answer),
        cmocka_unit_test(an_answer_that_is_too_long_is_asked_for_in_pieces),
        cmocka_unit_test(a_lost_answer_is_asked_for_again_and_the_deadline_keeps_the_entries),
        cmocka_unit_test(mistakes_of_the_caller_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
