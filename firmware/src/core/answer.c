// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Understanding the broker: what its replies do to the upload.

#include <string.h>

#include "backoff.h"
#include "clock.h"
#include "key.h"
#include "mode.h"
#include "upload.h"

static bool is_response_topic(const struct thingpass *tp, struct thingpass_span topic) {
    char text[THINGPASS_TOPIC_MAX + 1];
    return thingpass_response_topic(tp, text, sizeof text) >= 0 && thingpass_span_is(topic, text);
}

// Whether "id" with its quotes stands anywhere in a payload that cannot be
// parsed for lack of memory. Ids need no escapes.
static bool mentions_id(const struct thingpass *tp, struct thingpass_span payload) {
    struct thingpass_span id = thingpass_span_of(thingpass_awaited_id(tp));
    for (; payload.n >= id.n + 2; payload.p++, payload.n--) {
        if (payload.p[0] == '"' && payload.p[1 + id.n] == '"' &&
            memcmp(payload.p + 1, id.p, id.n) == 0) {
            return true;
        }
    }
    return false;
}

int thingpass_end_with(struct thingpass *tp, int err) {
    thingpass_finish(tp, err);
    return err;
}

static int on_large_reply(struct thingpass *tp) {
    const struct thingpass_mode *mode = tp->upload.mode;
    bool again = mode->too_large != NULL && mode->too_large(tp);
    return again ? 1 : thingpass_end_with(tp, THINGPASS_ESPACE);
}

// Waits as long as a refusal says, then the phase's message is sent again.
static void wait_as_told(struct thingpass *tp, const struct thingpass_reply *reply) {
    uint32_t wait_ms = reply->retry_after_s * 1000;
    uint32_t least_ms = tp->config.timing.retry_wait_ms;
    wait_ms = wait_ms > least_ms ? wait_ms : least_ms;
    (void)thingpass_pause(tp, thingpass_jitter_ms(tp->config.random, wait_ms));
    tp->upload.unanswered = 0;
}

int thingpass_refused(struct thingpass *tp, const struct thingpass_reply *reply) {
    thingpass_copy_cut(tp->result.code, sizeof tp->result.code, reply->code);
    if (thingpass_span_is(reply->code, "no-such-upload") && tp->upload.upload_id_len > 0) {
        thingpass_upload_lost(tp);
        return 1;
    }
    if (reply->may_retry) {
        wait_as_told(tp, reply);
        return 1;
    }
    return thingpass_finish(tp, THINGPASS_EREFUSED);
}

// Codes of answers to reports only.
static bool is_of_a_report(struct thingpass_span code) {
    return thingpass_span_is(code, "not-found") || thingpass_span_is(code, "parts-missing") ||
           thingpass_span_is(code, "mismatch");
}

// Late answers to a report come under the object's id as well; they are told by
// their code or their fields.
static bool is_late_refusal(const struct thingpass_json *json,
                            const struct thingpass_reply *reply) {
    return thingpass_json_find(json, 0, "objectKey") != 0 || is_of_a_report(reply->code);
}

static bool is_late_confirmation(const struct thingpass *tp, const struct thingpass_json *json) {
    const struct thingpass_upload *u = &tp->upload;
    return !u->mode->standing && u->key_len > 0 &&
           thingpass_confirms(json, 0, thingpass_span_of(thingpass_key(tp)),
                              u->object.source->size);
}

static int on_refused_grant(struct thingpass *tp, const struct thingpass_json *json,
                            const struct thingpass_reply *reply) {
    const struct thingpass_mode *mode = tp->upload.mode;
    if (mode->refused != NULL && mode->refused(tp, reply)) {
        return 1;
    }
    return !mode->standing && is_late_refusal(json, reply) ? 0 : thingpass_refused(tp, reply);
}

// A reply while leave is awaited.
static int on_grant_reply(struct thingpass *tp, struct thingpass_json *json,
                          const struct thingpass_reply *reply, size_t reply_len) {
    struct thingpass_upload *u = &tp->upload;
    if (!reply->success) {
        return on_refused_grant(tp, json, reply);
    }
    if (is_late_confirmation(tp, json)) {
        return 0;
    }
    int err = u->mode->take(tp, json, reply, reply_len);
    if (err < 0 && err != THINGPASS_EREFUSED) {
        return err == THINGPASS_ESPACE ? on_large_reply(tp) : thingpass_end_with(tp, err);
    }
    thingpass_count(&u->grants);
    if (err < 0) {
        return thingpass_finish(tp, err);
    }
    tp->result.code[0] = '\0';
    if (u->mode->next != NULL) {
        u->mode->next(tp);
    } else {
        thingpass_plan_connect(tp, 0);
    }
    return 1;
}

static int on_failed_report(struct thingpass *tp, const struct thingpass_json *json,
                            const struct thingpass_reply *reply) {
    struct thingpass_span key;
    if (thingpass_json_string(json, 0, "objectKey", &key) == THINGPASS_OK &&
        !thingpass_span_equal(key, thingpass_span_of(thingpass_key(tp)))) {
        return 0;
    }
    if (!is_of_a_report(reply->code)) {
        return thingpass_refused(tp, reply);
    }
    thingpass_copy_cut(tp->result.code, sizeof tp->result.code, reply->code);
    if (thingpass_span_is(reply->code, "mismatch")) {
        return thingpass_finish(tp, THINGPASS_EMISMATCH);
    }
    thingpass_ask_anew(tp);
    return 1;
}

// A reply while a report is to be confirmed; a late grant is told by its URL.
static int on_report_reply(struct thingpass *tp, const struct thingpass_json *json,
                           const struct thingpass_reply *reply) {
    const struct thingpass_mode *mode = tp->upload.mode;
    if (mode->confirm != NULL) {
        return mode->confirm(tp, json, reply);
    }
    if (!reply->success) {
        return on_failed_report(tp, json, reply);
    }
    if (thingpass_json_find(json, 0, "uploadUrl") != 0 ||
        thingpass_json_find(json, 0, "parts") != 0) {
        return 0;
    }
    if (!thingpass_confirms(json, 0, thingpass_span_of(thingpass_key(tp)),
                            tp->upload.object.source->size)) {
        return thingpass_end_with(tp, THINGPASS_EREPLY);
    }
    tp->result.code[0] = '\0';
    return thingpass_finish(tp, THINGPASS_OK);
}

static int take_reply(struct thingpass *tp, struct thingpass_json *json, size_t len) {
    struct thingpass_reply reply;
    if (!thingpass_span_is(thingpass_reply_id(json), thingpass_awaited_id(tp))) {
        return 0;
    }
    int err = thingpass_reply_read(json, 0, &reply);
    if (err < 0) {
        return thingpass_end_with(tp, err);
    }
    thingpass_clock_set(&tp->clock, reply.time, thingpass_clock_ms(tp));
    if (tp->upload.phase == THINGPASS_PHASE_REPORT) {
        return on_report_reply(tp, json, &reply);
    }
    return on_grant_reply(tp, json, &reply, len);
}

// Only while a reply is awaited is the reply buffer free to take one.
int thingpass_receive(struct thingpass *tp, const char *topic, size_t topic_len,
                      const void *payload, size_t len) {
    const struct thingpass_config *c = &tp->config;
    struct thingpass_span name = {topic, topic_len};
    struct thingpass_span text = {payload, len};
    if (!thingpass_awaits_reply(tp) || !is_response_topic(tp, name)) {
        return 0;
    }
    struct thingpass_json json;
    int err = THINGPASS_ESPACE;
    if (len > 0 && len <= thingpass_reply_room(tp)) {
        char *begin = thingpass_reply_begin(tp);
        memcpy(begin, payload, len);
        err = thingpass_json_parse(&json, begin, len, c->chunk, c->chunk_size);
    }
    if (err == THINGPASS_ESPACE) {
        return mentions_id(tp, text) ? on_large_reply(tp) : 0;
    }
    return err < 0 ? err : take_reply(tp, &json, len);
}
