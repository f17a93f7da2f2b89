// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Understanding the broker: what its replies do to the upload.

#include <string.h>

#include "backoff.h"
#include "clock.h"
#include "key.h"
#include "parts.h"
#include "pass.h"
#include "reply.h"
#include "upload.h"
#include "url.h"

enum { grant_max_s = 7 * 86400 };

static bool is_response_topic(const struct thingpass *tp, struct thingpass_span topic) {
    char text[THINGPASS_TOPIC_MAX + 1];
    return thingpass_response_topic(tp, text, sizeof text) >= 0 && thingpass_span_is(topic, text);
}

// Whether "id" with its quotes stands anywhere in a payload that cannot be
// parsed for lack of memory. Ids need no escapes.
static bool mentions_id(const struct thingpass *tp, struct thingpass_span payload) {
    struct thingpass_span id = thingpass_span_of(thingpass_awaited_id(tp));
    for (size_t i = 0; i + id.n + 2 <= payload.n; i++) {
        if (payload.p[i] == '"' && payload.p[i + 1 + id.n] == '"' &&
            memcmp(payload.p + i + 1, id.p, id.n) == 0) {
            return true;
        }
    }
    return false;
}

static int end_with(struct thingpass *tp, int err) {
    thingpass_finish(tp, err);
    return err;
}

// Two parts' URLs with session tokens may be too much, where one is not.
static int on_large_reply(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (thingpass_wants_parts(tp) && u->phase == THINGPASS_PHASE_ASK && u->window > 1) {
        u->window = 1;
        thingpass_plan_ask(tp, 0);
        return 1;
    }
    return end_with(tp, THINGPASS_ESPACE);
}

// Waits as long as a refusal says, then the phase's message is sent again.
static void wait_as_told(struct thingpass *tp, const struct thingpass_reply *reply) {
    uint32_t wait_ms = reply->retry_after_s * 1000;
    uint32_t least_ms = tp->config.timing.retry_wait_ms;
    tp->upload.wake_ms =
        thingpass_clock_ms(tp) +
        thingpass_jitter_ms(tp->config.random, wait_ms > least_ms ? wait_ms : least_ms);
    tp->upload.unanswered = 0;
}

static int on_refusal(struct thingpass *tp, const struct thingpass_reply *reply) {
    thingpass_copy_cut(tp->result.code, sizeof tp->result.code, reply->code);
    if (thingpass_span_is(reply->code, "no-such-upload") && tp->upload.upload_id_len > 0) {
        thingpass_parts_lost(tp);
        return 1;
    }
    if (reply->may_retry) {
        wait_as_told(tp, reply);
        return 1;
    }
    thingpass_finish(tp, THINGPASS_EREFUSED);
    return 1;
}

static int take_grant(struct thingpass *tp, struct thingpass_json *json, int64_t time,
                      size_t reply_len) {
    struct thingpass_grant *g = &tp->upload.grant;
    struct thingpass_grant_fields fields;
    struct thingpass_url url;
    int err = thingpass_grant_read(json, 0, &fields);
    if (err < 0) {
        return err;
    }
    if (fields.expires_at <= time) {
        return THINGPASS_EREPLY;
    }
    err = thingpass_url_parse(&url, fields.url, tp->config.allow_plain_http);
    if (err < 0) {
        return err;
    }
    int64_t valid_s = fields.expires_at - time;
    valid_s = valid_s < grant_max_s ? valid_s : grant_max_s;
    g->valid_until_ms = thingpass_clock_ms(tp) + (uint64_t)valid_s * 1000;
    g->tls = url.tls;
    g->port = url.port;
    g->host = url.host;
    g->target = url.target;
    g->headers = fields.headers;
    return thingpass_key_keep(tp, fields.object_key, reply_len);
}

// Asked for an upload in parts without its id, the broker looks for the object
// first [P-12.3].
static bool is_other_object(struct thingpass *tp, const struct thingpass_reply *reply) {
    if (!thingpass_wants_parts(tp) || tp->upload.upload_id_len > 0 ||
        !thingpass_span_is(reply->code, "mismatch")) {
        return false;
    }
    thingpass_copy_cut(tp->result.code, sizeof tp->result.code, reply->code);
    return true;
}

// A reply while a grant is awaited. Late answers to a report come under the
// same id; they are told by their code or their fields.
static int on_grant_reply(struct thingpass *tp, struct thingpass_json *json,
                          const struct thingpass_reply *reply, size_t reply_len) {
    struct thingpass_upload *u = &tp->upload;
    if (!reply->success) {
        if (is_other_object(tp, reply)) {
            thingpass_finish(tp, THINGPASS_EMISMATCH);
            return 1;
        }
        bool late = thingpass_json_find(json, 0, "objectKey") != 0 ||
                    thingpass_span_is(reply->code, "not-found") ||
                    thingpass_span_is(reply->code, "mismatch") ||
                    thingpass_span_is(reply->code, "parts-missing");
        return late ? 0 : on_refusal(tp, reply);
    }
    if (u->key_len > 0 &&
        thingpass_confirms(json, 0, thingpass_span_of(thingpass_key(tp)), u->object.source->size)) {
        return 0;
    }
    int err = thingpass_wants_parts(tp) ? thingpass_parts_take(tp, json, reply->time, reply_len)
                                        : take_grant(tp, json, reply->time, reply_len);
    if (err < 0) {
        return err == THINGPASS_ESPACE ? on_large_reply(tp) : end_with(tp, err);
    }
    thingpass_count(&u->grants);
    tp->result.code[0] = '\0';
    if (thingpass_wants_parts(tp)) {
        thingpass_parts_next(tp);
    } else {
        thingpass_plan_connect(tp, 0);
    }
    return 1;
}

// A reply while a pass is awaited; nothing else comes under its id.
static int on_pass_reply(struct thingpass *tp, struct thingpass_json *json,
                         const struct thingpass_reply *reply, size_t reply_len) {
    if (!reply->success) {
        return on_refusal(tp, reply);
    }
    int err = thingpass_pass_take(tp, json, reply->time, reply_len);
    if (err < 0) {
        return end_with(tp, err);
    }
    thingpass_count(&tp->upload.grants);
    tp->result.code[0] = '\0';
    err = thingpass_pass_use(tp);
    if (err == THINGPASS_EREFUSED) { // by its size: the reply is sound
        thingpass_finish(tp, err);
        return 1;
    }
    if (err < 0) {
        thingpass_pass_forget(tp);
        return end_with(tp, err);
    }
    thingpass_plan_connect(tp, 0);
    return 1;
}

static int on_failed_report(struct thingpass *tp, const struct thingpass_json *json,
                            const struct thingpass_reply *reply) {
    struct thingpass_span key;
    if (thingpass_json_string(json, 0, "objectKey", &key) == THINGPASS_OK &&
        !thingpass_span_equal(key, thingpass_span_of(thingpass_key(tp)))) {
        return 0;
    }
    if (thingpass_span_is(reply->code, "not-found") ||
        thingpass_span_is(reply->code, "parts-missing")) {
        thingpass_copy_cut(tp->result.code, sizeof tp->result.code, reply->code);
        thingpass_ask_anew(tp);
        return 1;
    }
    if (thingpass_span_is(reply->code, "mismatch")) {
        thingpass_copy_cut(tp->result.code, sizeof tp->result.code, reply->code);
        thingpass_finish(tp, THINGPASS_EMISMATCH);
        return 1;
    }
    return on_refusal(tp, reply);
}

// A reply while a report is to be confirmed; a late grant is told by its URL.
static int on_report_reply(struct thingpass *tp, const struct thingpass_json *json,
                           const struct thingpass_reply *reply) {
    if (!reply->success) {
        return on_failed_report(tp, json, reply);
    }
    if (thingpass_json_find(json, 0, "uploadUrl") != 0 ||
        thingpass_json_find(json, 0, "parts") != 0) {
        return 0;
    }
    if (!thingpass_confirms(json, 0, thingpass_span_of(thingpass_key(tp)),
                            tp->upload.object.source->size)) {
        return end_with(tp, THINGPASS_EREPLY);
    }
    tp->result.code[0] = '\0';
    thingpass_finish(tp, THINGPASS_OK);
    return 1;
}

static int take_reply(struct thingpass *tp, struct thingpass_json *json, size_t len) {
    struct thingpass_reply reply;
    if (!thingpass_span_is(thingpass_reply_id(json), thingpass_awaited_id(tp))) {
        return 0;
    }
    int err = thingpass_reply_read(json, 0, &reply);
    if (err < 0) {
        return end_with(tp, err);
    }
    thingpass_clock_set(&tp->clock, reply.time, thingpass_clock_ms(tp));
    if (tp->upload.phase == THINGPASS_PHASE_REPORT) {
        return on_report_reply(tp, json, &reply);
    }
    return thingpass_wants_pass(tp) ? on_pass_reply(tp, json, &reply, len)
                                    : on_grant_reply(tp, json, &reply, len);
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
