// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Sending the object to S3, and what the answer does to the upload.

#include <string.h>

#include "backoff.h"
#include "http_request.h"
#include "http_response.h"
#include "reader.h"
#include "s3.h"
#include "upload.h"

enum {
    source_poll_ms = 20,
    last_words_ms = 2000, // how long to wait for an answer after a failed write
    drain_max = 16384     // bytes of body that are read to keep the connection
};

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

// Sends again while the URL is valid, else asks for another.
static void send_again(struct thingpass *tp) {
    uint32_t delay_ms = retry_delay_ms(tp);
    if (thingpass_clock_ms(tp) + delay_ms >= tp->upload.grant.valid_until_ms) {
        thingpass_plan_ask(tp, delay_ms);
    } else {
        thingpass_plan_connect(tp, delay_ms);
    }
}

static void ask_again(struct thingpass *tp) {
    if (is_spent(&tp->upload)) {
        thingpass_finish(tp, THINGPASS_ESPENT);
    } else {
        thingpass_plan_ask(tp, retry_delay_ms(tp));
    }
}

void thingpass_not_stored(struct thingpass *tp) {
    ask_again(tp);
}

// An idle connection that the server has closed meanwhile says nothing about
// this upload, so the first failure on one is free.
static bool is_stale_connection(const struct thingpass_upload *u) {
    return u->reused && !u->answered && u->object.source->rewindable;
}

static void transfer_failed(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (is_stale_connection(u)) {
        u->puts = u->puts > 0 ? (uint8_t)(u->puts - 1) : 0;
        thingpass_plan_connect(tp, 0);
    } else if (!is_spent(u)) {
        send_again(tp);
    } else if (u->body_sent) {
        thingpass_plan_report(tp); // it may be stored: the broker can look
    } else {
        thingpass_finish(tp, THINGPASS_ESPENT);
    }
}

static void connection_lost(struct thingpass *tp) {
    thingpass_connection_close(tp);
    transfer_failed(tp);
}

// Nothing moved: waits on, or takes the connection for lost.
static int wait_for_stream(struct thingpass *tp, uint32_t patience_ms) {
    tp->upload.stall_ms = tp->upload.progress_ms + patience_ms;
    if (thingpass_clock_ms(tp) < tp->upload.stall_ms) {
        return THINGPASS_STEP_WAIT_STREAM;
    }
    connection_lost(tp);
    return THINGPASS_STEP_RUN;
}

static int hash_init(struct thingpass *tp) {
    const struct thingpass_sha256 *sha = tp->config.sha256;
    tp->upload.hashing = !tp->upload.have_sum;
    if (!tp->upload.hashing) {
        return THINGPASS_OK;
    }
    return sha->init(sha->ctx) < 0 ? THINGPASS_EIO : THINGPASS_OK;
}

static void begin_transfer(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    u->connecting = true;
    u->answered = false;
    u->write_failed = false;
    u->body_sent = false;
    u->head_sent = 0;
    u->chunk_len = 0;
    u->chunk_sent = 0;
    u->put_started_ms = thingpass_clock_ms(tp);
    u->progress_ms = u->put_started_ms;
    thingpass_http_init(&tp->response);
    memset(&tp->s3_error, 0, sizeof tp->s3_error);
}

static int begin_send(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    int err = thingpass_reader_begin(&u->reader, u->object.source);
    if (err == THINGPASS_OK) {
        err = hash_init(tp);
    }
    if (err < 0) {
        thingpass_finish(tp, err);
        return THINGPASS_STEP_RUN;
    }
    thingpass_count(&u->puts);
    tp->result.puts++;
    u->progress_ms = thingpass_clock_ms(tp);
    u->phase = THINGPASS_PHASE_SEND;
    return THINGPASS_STEP_RUN;
}

int thingpass_step_connect(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (!u->connecting) {
        if (thingpass_clock_ms(tp) >= u->grant.valid_until_ms) {
            thingpass_plan_ask(tp, 0);
            return THINGPASS_STEP_RUN;
        }
        begin_transfer(tp);
    }
    int err = thingpass_connection_open(tp);
    if (err == THINGPASS_OK) {
        return begin_send(tp);
    }
    if (err == THINGPASS_EAGAIN) {
        return wait_for_stream(tp, tp->config.timing.io_timeout_ms);
    }
    connection_lost(tp);
    return THINGPASS_STEP_RUN;
}

static size_t fill_head(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    const struct thingpass_grant *g = &u->grant;
    const struct thingpass_http_request request = {g->target, g->host,    g->port,
                                                   g->tls,    g->headers, u->object.source->size};
    size_t n =
        thingpass_http_put_head(&request, u->head_sent, tp->config.chunk, tp->config.chunk_size);
    u->head_sent += n;
    return n;
}

// Puts the next bytes of head and body into the chunk buffer. Returns how many
// there are now, 0 at the end, or < 0.
static int fill(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    char *chunk = tp->config.chunk;
    size_t n = fill_head(tp);
    int r = THINGPASS_OK;
    if (n < tp->config.chunk_size) {
        r = thingpass_reader_next(&u->reader, chunk + n, tp->config.chunk_size - n);
    }
    if (r > 0 && u->hashing) {
        const struct thingpass_sha256 *sha = tp->config.sha256;
        if (sha->update(sha->ctx, chunk + n, (size_t)r) < 0) {
            return THINGPASS_EIO;
        }
    }
    if (r < 0 && !(r == THINGPASS_EAGAIN && n > 0)) {
        return r;
    }
    u->chunk_len = n + (r > 0 ? (size_t)r : 0);
    u->chunk_sent = 0;
    return u->chunk_len > 0;
}

static void body_sent(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (u->hashing && !thingpass_sum_final(tp)) {
        return;
    }
    u->hashing = false;
    u->body_sent = true;
    u->phase = THINGPASS_PHASE_RECEIVE;
}

static int write_chunk(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    const struct thingpass_stream *s = tp->config.stream;
    size_t left = u->chunk_len - u->chunk_sent;
    int n = s->write(s->ctx, (const char *)tp->config.chunk + u->chunk_sent, left);
    if (n == 0 || n == THINGPASS_EAGAIN) {
        return wait_for_stream(tp, tp->config.timing.io_timeout_ms);
    }
    u->progress_ms = thingpass_clock_ms(tp);
    if (n < 0 || (size_t)n > left) {
        // S3 answers early when it refuses, and hangs up: its reason may be
        // waiting to be read.
        u->write_failed = true;
        u->phase = THINGPASS_PHASE_RECEIVE;
        return THINGPASS_STEP_RUN;
    }
    u->chunk_sent += (size_t)n;
    return THINGPASS_STEP_RUN;
}

int thingpass_step_send(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (u->chunk_sent == u->chunk_len) {
        int r = fill(tp);
        if (r == THINGPASS_EAGAIN) {
            u->progress_ms = thingpass_clock_ms(tp); // the stream is not to blame
            u->wake_ms = thingpass_clock_ms(tp) + source_poll_ms;
            return THINGPASS_STEP_WAIT;
        }
        if (r <= 0) {
            r < 0 ? thingpass_finish(tp, r) : body_sent(tp);
            return THINGPASS_STEP_RUN;
        }
    }
    return write_chunk(tp);
}

static void act_on(struct thingpass *tp) {
    switch (thingpass_s3_judge(tp->response.status, tp->s3_error.code)) {
    case THINGPASS_S3_STORED:
        thingpass_plan_report(tp);
        break;
    case THINGPASS_S3_ASK_AGAIN:
        ask_again(tp);
        break;
    case THINGPASS_S3_SEND_AGAIN:
        transfer_failed(tp);
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
        transfer_failed(tp);
        return THINGPASS_STEP_RUN;
    }
    tp->result.status = tp->response.status;
    tp->result.put_ms = thingpass_clock_ms(tp) - u->put_started_ms;
    memcpy(tp->result.code, tp->s3_error.code, sizeof tp->result.code);
    act_on(tp);
    return THINGPASS_STEP_RUN;
}

// Feeds n bytes of the chunk buffer to the response. Returns > 0 when all were
// used and more are wanted, 0 when there is nothing more to wait for.
static int feed(struct thingpass *tp, size_t n, bool *clean) {
    const char *p = tp->config.chunk;
    while (n > 0 && !thingpass_http_is_complete(&tp->response)) {
        struct thingpass_span body;
        int used = thingpass_http_feed(&tp->response, p, n, &body);
        if (used < 0) {
            return used;
        }
        if (tp->response.status >= 300) {
            thingpass_s3_error_feed(&tp->s3_error, body);
        }
        p += used;
        n -= (size_t)used;
    }
    *clean = n == 0;
    return !thingpass_http_is_complete(&tp->response) && tp->response.body_len <= drain_max;
}

int thingpass_step_receive(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    const struct thingpass_stream *s = tp->config.stream;
    size_t cap = tp->config.chunk_size;
    int n = s->read(s->ctx, tp->config.chunk, cap);
    if (n == THINGPASS_EAGAIN) {
        return wait_for_stream(tp,
                               u->write_failed ? last_words_ms : tp->config.timing.io_timeout_ms);
    }
    if (n <= 0 || (size_t)n > cap) {
        if (n == 0) {
            thingpass_http_feed_end(&tp->response);
        }
        return conclude(tp, false);
    }
    u->answered = true;
    u->progress_ms = thingpass_clock_ms(tp);
    bool clean = false;
    int more = feed(tp, (size_t)n, &clean);
    return more > 0 ? THINGPASS_STEP_RUN : conclude(tp, clean);
}
