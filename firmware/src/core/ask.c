// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Talking to the broker: the two messages that are published, and the replies.

#include <string.h>

#include "backoff.h"
#include "clock.h"
#include "reply.h"
#include "request.h"
#include "upload.h"
#include "url.h"

enum { mqtt_poll_ms = 500, grant_max_s = 7 * 86400 };

// The key that was granted, kept behind everything else in the reply buffer so
// that the next reply leaves it alone.
static char *kept_key(const struct thingpass *tp) {
    const struct thingpass_config *c = &tp->config;
    return (char *)c->reply + c->reply_size - tp->upload.key_len - 1;
}

static struct thingpass_span granted_key(const struct thingpass *tp) {
    struct thingpass_span key = {"", 0};
    if (tp->upload.key_len > 0) {
        key.p = kept_key(tp);
        key.n = tp->upload.key_len;
    }
    return key;
}

// The same id must give the same key again [P-3.2]: by the same capturedAt, or
// else by the key itself.
static struct thingpass_request request_of(const struct thingpass *tp) {
    const struct thingpass_upload *u = &tp->upload;
    struct thingpass_request r = {&u->object, u->id, NULL, NULL, u->captured_at};
    if (u->have_sum) {
        r.sum = u->sum;
    }
    if (u->object.object_key != NULL) {
        r.object_key = u->object.object_key;
    } else if (u->key_len > 0 && u->captured_at == 0) {
        r.object_key = kept_key(tp);
    }
    return r;
}

static struct thingpass_request report_of(const struct thingpass *tp) {
    struct thingpass_request r = request_of(tp);
    r.object_key = kept_key(tp);
    return r;
}

// Writes the topic and its NUL into the chunk buffer; the payload goes behind.
static size_t put_topic(const struct thingpass *tp, const char *suffix) {
    const struct thingpass_config *c = &tp->config;
    struct thingpass_writer w = {c->chunk, c->chunk_size, 0};
    const struct thingpass_span nul = {"", 1};
    thingpass_put_text(&w, c->root);
    thingpass_put_text(&w, "/");
    thingpass_put_text(&w, c->thing);
    thingpass_put_text(&w, suffix);
    thingpass_put(&w, nul);
    return w.len; // init made sure that a topic fits the smallest chunk
}

static struct thingpass_writer payload_writer(const struct thingpass *tp, size_t topic_size) {
    const struct thingpass_config *c = &tp->config;
    struct thingpass_writer w = {(char *)c->chunk + topic_size, c->chunk_size - topic_size, 0};
    return w;
}

bool thingpass_request_fits(const struct thingpass *tp) {
    struct thingpass_request r = request_of(tp);
    r.sum = tp->upload.sum; // as long as any
    r.captured_at = r.captured_at != 0 ? r.captured_at : INT32_MAX;
    struct thingpass_writer w = payload_writer(tp, put_topic(tp, "/upload-request"));
    thingpass_put_request(&w, &r);
    return w.len != SIZE_MAX;
}

// Publishes w under the topic that begins the chunk buffer.
static int publish(struct thingpass *tp, const struct thingpass_writer *w, unsigned *count) {
    struct thingpass_upload *u = &tp->upload;
    const struct thingpass_timing *t = &tp->config.timing;
    if (w->len == SIZE_MAX) {
        thingpass_finish(tp, THINGPASS_ESPACE);
        return THINGPASS_STEP_RUN;
    }
    const struct thingpass_mqtt *mqtt = tp->config.mqtt;
    if (mqtt->publish(mqtt->ctx, tp->config.chunk, w->buf, w->len) < 0) {
        u->wake_ms = thingpass_clock_ms(tp) + mqtt_poll_ms;
        u->unsent = true;
        return THINGPASS_STEP_WAIT;
    }
    u->asked = true;
    u->unsent = false;
    ++*count;
    u->wake_ms = thingpass_clock_ms(tp) + thingpass_backoff_ms(tp->config.random, t->ask_wait_ms,
                                                               t->wait_max_ms, u->unanswered);
    thingpass_count(&u->unanswered);
    return THINGPASS_STEP_WAIT;
}

// capturedAt is settled by the first request that leaves, because every later
// one must repeat it.
static void settle_captured_at(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (tp->result.asks == 0 && u->captured_at == 0 && u->object.object_key == NULL) {
        u->captured_at = thingpass_clock_at(&tp->clock, u->object.captured_ms);
        tp->result.captured_at = u->captured_at;
    }
}

int thingpass_step_ask(struct thingpass *tp) {
    settle_captured_at(tp);
    struct thingpass_request r = request_of(tp);
    struct thingpass_writer w = payload_writer(tp, put_topic(tp, "/upload-request"));
    thingpass_put_request(&w, &r);
    return publish(tp, &w, &tp->result.asks);
}

int thingpass_step_report(struct thingpass *tp) {
    struct thingpass_request r = report_of(tp);
    struct thingpass_writer w = payload_writer(tp, put_topic(tp, "/upload-complete"));
    thingpass_put_report(&w, &r);
    return publish(tp, &w, &tp->result.reports);
}

static bool is_response_topic(const struct thingpass *tp, struct thingpass_span topic) {
    char text[THINGPASS_TOPIC_MAX + 1];
    return thingpass_response_topic(tp, text, sizeof text) >= 0 && thingpass_span_is(topic, text);
}

// Whether "id" with its quotes stands anywhere in a payload that cannot be
// parsed for lack of memory. Ids need no escapes.
static bool mentions_id(const struct thingpass *tp, struct thingpass_span payload) {
    struct thingpass_span id = thingpass_span_of(tp->upload.id);
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
    if (reply->may_retry) {
        wait_as_told(tp, reply);
        return 1;
    }
    thingpass_finish(tp, THINGPASS_EREFUSED);
    return 1;
}

static int keep_key(struct thingpass *tp, struct thingpass_span key, size_t reply_len) {
    const struct thingpass_config *c = &tp->config;
    if (c->reply_size - reply_len < key.n + 1) {
        return THINGPASS_ESPACE;
    }
    tp->upload.key_len = key.n;
    memcpy(kept_key(tp), key.p, key.n); // behind the reply, so they do not overlap
    kept_key(tp)[key.n] = '\0';
    tp->result.object_key = kept_key(tp);
    return THINGPASS_OK;
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
    return keep_key(tp, fields.object_key, reply_len);
}

// A reply while a grant is awaited. Late answers to a report come under the
// same id; they are told by their code or their fields.
static int on_grant_reply(struct thingpass *tp, struct thingpass_json *json,
                          const struct thingpass_reply *reply, size_t reply_len) {
    struct thingpass_upload *u = &tp->upload;
    if (!reply->success) {
        bool late = thingpass_json_find(json, 0, "objectKey") != 0 ||
                    thingpass_span_is(reply->code, "not-found") ||
                    thingpass_span_is(reply->code, "mismatch");
        return late ? 0 : on_refusal(tp, reply);
    }
    if (u->key_len > 0 && thingpass_confirms(json, 0, granted_key(tp), u->object.source->size)) {
        return 0;
    }
    int err = take_grant(tp, json, reply->time, reply_len);
    if (err < 0) {
        return end_with(tp, err);
    }
    thingpass_count(&u->grants);
    tp->result.code[0] = '\0';
    thingpass_plan_connect(tp, 0);
    return 1;
}

static int on_failed_report(struct thingpass *tp, const struct thingpass_json *json,
                            const struct thingpass_reply *reply) {
    struct thingpass_span key;
    if (thingpass_json_string(json, 0, "objectKey", &key) == THINGPASS_OK &&
        !thingpass_span_equal(key, granted_key(tp))) {
        return 0;
    }
    if (thingpass_span_is(reply->code, "not-found")) {
        thingpass_copy_cut(tp->result.code, sizeof tp->result.code, reply->code);
        thingpass_not_stored(tp);
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
    if (thingpass_json_find(json, 0, "uploadUrl") != 0) {
        return 0;
    }
    if (!thingpass_confirms(json, 0, granted_key(tp), tp->upload.object.source->size)) {
        return end_with(tp, THINGPASS_EREPLY);
    }
    tp->result.code[0] = '\0';
    thingpass_finish(tp, THINGPASS_OK);
    return 1;
}

static int take_reply(struct thingpass *tp, struct thingpass_json *json, size_t len) {
    struct thingpass_reply reply;
    if (!thingpass_span_is(thingpass_reply_id(json), tp->upload.id)) {
        return 0;
    }
    int err = thingpass_reply_read(json, 0, &reply);
    if (err < 0) {
        return end_with(tp, err);
    }
    thingpass_clock_set(&tp->clock, reply.time, thingpass_clock_ms(tp));
    return tp->upload.phase == THINGPASS_PHASE_ASK ? on_grant_reply(tp, json, &reply, len)
                                                   : on_report_reply(tp, json, &reply);
}

static bool awaits_reply(const struct thingpass_upload *u) {
    return u->asked && (u->phase == THINGPASS_PHASE_ASK || u->phase == THINGPASS_PHASE_REPORT);
}

void thingpass_ask_again(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    bool lost = awaits_reply(u) && u->unanswered > 0; // 0: told to wait by a refusal
    if (u->unsent || lost) {
        u->wake_ms = thingpass_clock_ms(tp);
    }
}

// Only while a reply is awaited is the reply buffer free to take one.
int thingpass_receive(struct thingpass *tp, const char *topic, size_t topic_len,
                      const void *payload, size_t len) {
    const struct thingpass_config *c = &tp->config;
    struct thingpass_span name = {topic, topic_len};
    struct thingpass_span text = {payload, len};
    if (!awaits_reply(&tp->upload) || !is_response_topic(tp, name)) {
        return 0;
    }
    size_t kept = tp->upload.key_len > 0 ? tp->upload.key_len + 1 : 0;
    struct thingpass_json json;
    int err = THINGPASS_ESPACE;
    if (len > 0 && len <= c->reply_size - kept) {
        memcpy(c->reply, payload, len);
        err = thingpass_json_parse(&json, c->reply, len, c->chunk, c->chunk_size);
    }
    if (err == THINGPASS_ESPACE) {
        return mentions_id(tp, text) ? end_with(tp, err) : 0;
    }
    return err < 0 ? err : take_reply(tp, &json, len);
}
