// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Sending the object to S3.

#include <string.h>

#include "http_request.h"
#include "http_response.h"
#include "pass.h"
#include "reader.h"
#include "upload.h"

enum { source_poll_ms = 20 };

static void connection_lost(struct thingpass *tp) {
    thingpass_connection_close(tp);
    thingpass_transfer_failed(tp);
}

// Nothing moved: waits on, or takes the connection for lost.
int thingpass_wait_for_stream(struct thingpass *tp, uint32_t patience_ms) {
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
    u->form_sent = 0;
    u->tail_sent = 0;
    u->chunk_len = 0;
    u->chunk_sent = 0;
    u->put_started_ms = thingpass_clock_ms(tp);
    u->progress_ms = u->put_started_ms;
    thingpass_http_init(&tp->response);
    memset(&tp->s3_error, 0, sizeof tp->s3_error);
}

static int form_init(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (!thingpass_wants_pass(tp)) {
        return THINGPASS_OK;
    }
    int err = thingpass_form_boundary(tp->config.random, u->boundary, sizeof u->boundary);
    const struct thingpass_form form = thingpass_pass_form(tp);
    u->form_len = err < 0 ? 0 : thingpass_form_length(&form);
    return err;
}

static int begin_send(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    int err = thingpass_reader_begin(&u->reader, u->object.source);
    if (err == THINGPASS_OK) {
        err = hash_init(tp);
    }
    if (err == THINGPASS_OK) {
        err = form_init(tp);
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
        return thingpass_wait_for_stream(tp, tp->config.timing.io_timeout_ms);
    }
    connection_lost(tp);
    return THINGPASS_STEP_RUN;
}

static size_t fill_head(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    const struct thingpass_grant *g = &u->grant;
    const struct thingpass_http_request request = {
        "PUT", g->target, g->host, g->port, g->tls, g->headers, u->object.source->size};
    size_t n =
        thingpass_http_put_head(&request, u->head_sent, tp->config.chunk, tp->config.chunk_size);
    u->head_sent += n;
    return n;
}

static size_t fill_post_head(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    const struct thingpass_grant *g = &u->grant;
    char line[80];
    struct thingpass_writer w = {line, sizeof line, 0};
    thingpass_put_text(&w, "Content-Type: multipart/form-data; boundary=");
    thingpass_put_text(&w, u->boundary);
    thingpass_put_text(&w, "\r\n");
    const struct thingpass_span headers = {line, w.len};
    const struct thingpass_http_request request = {
        "POST", g->target, g->host, g->port, g->tls, headers, u->object.source->size + u->form_len};
    size_t n =
        thingpass_http_put_head(&request, u->head_sent, tp->config.chunk, tp->config.chunk_size);
    u->head_sent += n;
    return n;
}

// What comes before the object, and what behind it.
static size_t fill_before(struct thingpass *tp) {
    if (!thingpass_wants_pass(tp)) {
        return fill_head(tp);
    }
    const struct thingpass_form form = thingpass_pass_form(tp);
    size_t n = fill_post_head(tp);
    return n + thingpass_form_before(&form, &tp->upload.form_sent, (char *)tp->config.chunk + n,
                                     tp->config.chunk_size - n);
}

static size_t fill_after(struct thingpass *tp, size_t n) {
    if (!thingpass_wants_pass(tp)) {
        return 0;
    }
    const struct thingpass_form form = thingpass_pass_form(tp);
    return thingpass_form_after(&form, &tp->upload.tail_sent, (char *)tp->config.chunk + n,
                                tp->config.chunk_size - n);
}

static int hash_more(struct thingpass *tp, const char *p, size_t n) {
    const struct thingpass_sha256 *sha = tp->config.sha256;
    if (!tp->upload.hashing || n == 0) {
        return THINGPASS_OK;
    }
    return sha->update(sha->ctx, p, n) < 0 ? THINGPASS_EIO : THINGPASS_OK;
}

// Puts the next bytes of the request into the chunk buffer. Returns how many
// there are now, 0 at the end, or < 0.
static int fill(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    char *chunk = tp->config.chunk;
    size_t n = fill_before(tp);
    if (n < tp->config.chunk_size) {
        int r = thingpass_reader_next(&u->reader, chunk + n, tp->config.chunk_size - n);
        if (r < 0 && !(r == THINGPASS_EAGAIN && n > 0)) {
            return r;
        }
        if (r > 0 && hash_more(tp, chunk + n, (size_t)r) < 0) {
            return THINGPASS_EIO;
        }
        n += r > 0 ? (size_t)r : r == 0 ? fill_after(tp, n) : 0;
    }
    u->chunk_len = n;
    u->chunk_sent = 0;
    return n > 0;
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
        return thingpass_wait_for_stream(tp, tp->config.timing.io_timeout_ms);
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
        u->progress_ms = thingpass_clock_ms(tp); // a slow source is no stalled stream
        if (r == THINGPASS_EAGAIN) {
            u->wake_ms = u->progress_ms + source_poll_ms;
            return THINGPASS_STEP_WAIT;
        }
        if (r <= 0) {
            r < 0 ? thingpass_finish(tp, r) : body_sent(tp);
            return THINGPASS_STEP_RUN;
        }
    }
    return write_chunk(tp);
}
