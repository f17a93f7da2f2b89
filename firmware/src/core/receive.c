// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// S3's answer, and what it does to the upload.

#include <string.h>

#include "http_response.h"
#include "mode.h"
#include "s3.h"
#include "upload.h"

enum {
    last_words_ms = 2000, // how long to wait for an answer after a failed write
    drain_max = 16384     // bytes of body that are read to keep the connection
};

static void act_on(struct thingpass *tp) {
    const struct thingpass_mode *mode = tp->upload.mode;
    if (mode->judge != NULL && mode->judge(tp)) {
        return;
    }
    switch (thingpass_s3_judge(tp->response.status, tp->s3_error.code)) {
    case THINGPASS_S3_STORED:
        mode->stored(tp);
        break;
    case THINGPASS_S3_ASK_AGAIN:
        thingpass_ask_anew(tp);
        break;
    case THINGPASS_S3_SEND_AGAIN:
        thingpass_transfer_failed(tp);
        break;
    default:
        thingpass_finish(tp, THINGPASS_EREJECTED);
        break;
    }
}

// Whether what was received of the answer is enough to act on: the head, and
// for a 400 also the code in the body. Success before the last byte is nonsense.
static bool is_telling(const struct thingpass *tp) {
    const struct thingpass_http_response *r = &tp->response;
    if (!thingpass_http_has_head(r) || (r->status < 300 && !tp->upload.body_sent)) {
        return false;
    }
    return thingpass_http_is_complete(r) || r->status != 400 ||
           thingpass_s3_error_is_whole(&tp->s3_error);
}

// There will be no more of the answer. clean: nothing came behind it.
static int conclude(struct thingpass *tp, bool clean) {
    struct thingpass_upload *u = &tp->upload;
    bool keep = clean && u->body_sent && thingpass_http_may_reuse(&tp->response) &&
                !tp->config.no_keep_alive;
    if (keep) {
        tp->connection.idle = true;
        tp->connection.idle_since_ms = thingpass_clock_ms(tp);
    } else {
        thingpass_connection_close(tp);
    }
    if (!is_telling(tp)) {
        thingpass_transfer_failed(tp);
        return THINGPASS_STEP_RUN;
    }
    tp->result.status = tp->response.status;
    tp->result.put_ms = thingpass_clock_ms(tp) - u->put_started_ms;
    memcpy(tp->result.code, tp->s3_error.code, sizeof tp->result.code);
    act_on(tp);
    return THINGPASS_STEP_RUN;
}

// Passes on some of the answer's body. Returns THINGPASS_OK or < 0.
static int take_body(struct thingpass *tp, struct thingpass_span body) {
    const struct thingpass_mode *mode = tp->upload.mode;
    if (tp->response.status >= 300) {
        thingpass_s3_error_feed(&tp->s3_error, body);
    } else if (mode->body != NULL && body.n > 0) {
        return mode->body(tp, body);
    }
    return THINGPASS_OK;
}

// Whether more of the answer is wanted than has come.
static bool wants_more(const struct thingpass *tp) {
    const struct thingpass_http_response *r = &tp->response;
    bool wanted = tp->upload.mode->body != NULL && r->status < 300;
    return !thingpass_http_is_complete(r) && (wanted || r->body_len <= drain_max);
}

// Feeds n bytes of the chunk buffer to the response. Returns > 0 when all were
// used and more are wanted, 0 when there is nothing more to wait for, or < 0 for
// an answer that is no HTTP, or when the upload has ended over it.
static int feed(struct thingpass *tp, size_t n, bool *clean) {
    const char *p = tp->config.chunk;
    while (n > 0 && !thingpass_http_is_complete(&tp->response)) {
        struct thingpass_span body;
        int used = thingpass_http_feed(&tp->response, p, n, &body);
        if (used < 0) {
            return used;
        }
        int err = take_body(tp, body);
        if (err < 0) {
            thingpass_finish(tp, err);
            return err;
        }
        p += used;
        n -= (size_t)used;
    }
    *clean = n == 0;
    return wants_more(tp);
}

int thingpass_step_receive(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    const struct thingpass_stream *s = tp->connection.stream;
    size_t cap = tp->config.chunk_size;
    int n = s->read(s->ctx, tp->config.chunk, cap);
    if (n == THINGPASS_EAGAIN) {
        return thingpass_wait_for_stream(tp, u->write_failed ? last_words_ms
                                                             : tp->config.timing.io_timeout_ms);
    }
    if (n <= 0 || (size_t)n > cap) {
        if (n == 0) {
            thingpass_http_feed_end(&tp->response);
        }
        return conclude(tp, false);
    }
    u->answered = true;
    bool clean = false;
    int more = feed(tp, (size_t)n, &clean);
    u->progress_ms = thingpass_clock_ms(tp); // a slow sink is no stalled stream
    if (more > 0 || u->phase != THINGPASS_PHASE_RECEIVE) {
        return THINGPASS_STEP_RUN;
    }
    return conclude(tp, clean);
}
