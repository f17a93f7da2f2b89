// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What comes after a failure, and when.

#include "backoff.h"
#include "upload.h"

static bool is_spent(const struct thingpass_upload *u) {
    return !u->object.source->rewindable && u->reader.touched;
}

static uint32_t retry_delay_ms(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    const struct thingpass_timing *t = &tp->config.timing;
    uint32_t delay_ms =
        thingpass_backoff_ms(tp->config.random, t->retry_wait_ms, t->wait_max_ms, u->failures);
    uint32_t told_ms = tp->response.retry_s * 1000;
    thingpass_count(&u->failures);
    return delay_ms > told_ms ? delay_ms : told_ms;
}

void thingpass_ask_anew(struct thingpass *tp) {
    if (is_spent(&tp->upload)) {
        thingpass_finish(tp, THINGPASS_ESPENT);
    } else {
        thingpass_plan_ask(tp, retry_delay_ms(tp));
    }
}

// An idle connection that the server has closed meanwhile says nothing about
// this upload, so the first failure on one is free.
static bool is_stale_connection(const struct thingpass_upload *u) {
    return u->reused && !u->answered && u->object.source->rewindable;
}

void thingpass_upload_lost(struct thingpass *tp) {
    tp->upload.upload_id_len = 0;
    thingpass_count(&tp->upload.grants);
    thingpass_ask_anew(tp);
}

void thingpass_transfer_failed(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (is_stale_connection(u)) {
        u->puts = u->puts > 0 ? (uint8_t)(u->puts - 1) : 0;
        thingpass_plan_connect(tp, 0);
    } else if (!is_spent(u)) {
        // Should the URL not be valid any more by then, it asks for another.
        thingpass_plan_connect(tp, retry_delay_ms(tp));
    } else if (u->body_sent) {
        thingpass_plan_report(tp); // it may be stored: the broker can look
    } else {
        thingpass_finish(tp, THINGPASS_ESPENT);
    }
}
