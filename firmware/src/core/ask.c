// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Talking to the broker: the two messages that are published.

#include "backoff.h"
#include "clock.h"
#include "key.h"
#include "mode.h"
#include "upload.h"

enum { mqtt_poll_ms = 500 };

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
        r.object_key = thingpass_key(tp);
    }
    return r;
}

static struct thingpass_request report_of(const struct thingpass *tp) {
    struct thingpass_request r = request_of(tp);
    r.object_key = thingpass_key(tp);
    return r;
}

// Writes the topic and its NUL into the chunk buffer; the payload goes behind. init
// made sure that a topic fits the smallest chunk.
static struct thingpass_writer writer_behind(const struct thingpass *tp, const char *topic) {
    const struct thingpass_config *c = &tp->config;
    size_t n = thingpass_put_topic(tp, topic, c->chunk, c->chunk_size);
    struct thingpass_writer w = {(char *)c->chunk + n, c->chunk_size - n, 0};
    return w;
}

const char *thingpass_awaited_id(const struct thingpass *tp) {
    const struct thingpass_upload *u = &tp->upload;
    return u->phase == THINGPASS_PHASE_ASK && u->mode->standing ? u->ask_id : u->id;
}

// What asks for leave.
static struct thingpass_writer put_ask(const struct thingpass *tp,
                                       const struct thingpass_request *r) {
    const struct thingpass_mode *mode = tp->upload.mode;
    const char *topic = mode->topic != NULL ? mode->topic : "/upload-request";
    struct thingpass_writer w = writer_behind(tp, topic);
    mode->ask(tp, &w, r);
    return w;
}

bool thingpass_request_fits(const struct thingpass *tp) {
    struct thingpass_request r = request_of(tp);
    r.sum = tp->upload.sum; // as long as any
    r.captured_at = r.captured_at != 0 ? r.captured_at : INT32_MAX;
    r.id = tp->upload.mode->standing ? "aaaaaaaaaa-4294967295" : r.id; // the longest
    return put_ask(tp, &r).len != SIZE_MAX;
}

// FNV-1a of the request. That two objects get the same number by accident is as
// good as impossible; S3 would refuse the second one, and a new pass follow.
uint64_t thingpass_terms(const struct thingpass *tp) {
    struct thingpass_request r = request_of(tp);
    r.id = "-";
    r.captured_at = 0;
    struct thingpass_writer w = put_ask(tp, &r);
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; w.len != SIZE_MAX && i < w.len; i++) {
        hash = (hash ^ (uint8_t)w.buf[i]) * 1099511628211U;
    }
    return hash;
}

// How long an answer is waited for before the message is sent again.
static uint32_t next_wait_ms(const struct thingpass *tp) {
    const struct thingpass_timing *t = &tp->config.timing;
    return thingpass_backoff_ms(tp->config.random, t->ask_wait_ms, t->wait_max_ms,
                                tp->upload.unanswered);
}

// After so many seconds, of a wait or of what the deadline leaves, the broker need
// not answer any more [P-9.6].
static uint32_t expiry_s(const struct thingpass *tp, uint32_t wait_ms) {
    // No deadline is further away than 32 bits can say.
    uint32_t left_ms = (uint32_t)(tp->upload.deadline_ms - thingpass_clock_ms(tp));
    return (left_ms < wait_ms ? left_ms : wait_ms) / 1000 + 1;
}

// Publishes w under the topic that begins the chunk buffer.
static int publish(struct thingpass *tp, const struct thingpass_writer *w, unsigned *count) {
    struct thingpass_upload *u = &tp->upload;
    if (w->len == SIZE_MAX) {
        return thingpass_finish(tp, THINGPASS_ESPACE);
    }
    const struct thingpass_mqtt *mqtt = tp->config.mqtt;
    uint32_t wait_ms = next_wait_ms(tp);
    if (mqtt->publish(mqtt->ctx, tp->config.chunk, w->buf, w->len, expiry_s(tp, wait_ms)) < 0) {
        u->unsent = true;
        return thingpass_pause(tp, mqtt_poll_ms);
    }
    u->asked = true;
    u->unsent = false;
    ++*count;
    thingpass_count(&u->unanswered);
    return thingpass_pause(tp, wait_ms);
}

void thingpass_settle_captured_at(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (tp->result.asks == 0 && u->captured_at == 0 && u->object.object_key == NULL) {
        u->captured_at = thingpass_clock_at(&tp->clock, u->object.captured_ms);
        tp->result.captured_at = u->captured_at;
    }
}

int thingpass_step_ask(struct thingpass *tp) {
    thingpass_settle_captured_at(tp);
    struct thingpass_request r = request_of(tp);
    r.id = thingpass_awaited_id(tp);
    struct thingpass_writer w = put_ask(tp, &r);
    return publish(tp, &w, &tp->result.asks);
}

int thingpass_step_report(struct thingpass *tp) {
    struct thingpass_request r = report_of(tp);
    struct thingpass_writer w = writer_behind(tp, "/upload-complete");
    tp->upload.mode->report(tp, &w, &r);
    return publish(tp, &w, &tp->result.reports);
}

bool thingpass_awaits_reply(const struct thingpass *tp) {
    const struct thingpass_upload *u = &tp->upload;
    return u->asked && (u->phase == THINGPASS_PHASE_ASK || u->phase == THINGPASS_PHASE_REPORT);
}

void thingpass_ask_again(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    bool lost = thingpass_awaits_reply(tp) && u->unanswered > 0; // 0: told to wait by a refusal
    if (u->unsent || lost) {
        (void)thingpass_pause(tp, 0);
    }
}
