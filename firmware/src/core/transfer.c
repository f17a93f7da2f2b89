// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Sending the object to S3.

#include <string.h>

#include "http_response.h"
#include "mode.h"
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
    tp->upload.hashing = !tp->upload.have_sum && tp->upload.mode->scan == NULL;
    if (!tp->upload.hashing) {
        return THINGPASS_OK;
    }
    return sha->init(sha->ctx) < 0 ? THINGPASS_EIO : THINGPASS_OK;
}

static void begin_transfer(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    u->connecting = true;
    u->sought = false;
    u->answered = false;
    u->write_failed = false;
    u->body_sent = false;
    u->head_sent = 0;
    u->head_done = false;
    u->chunk_len = 0;
    u->chunk_sent = 0;
    u->put_started_ms = thingpass_clock_ms(tp);
    u->progress_ms = u->put_started_ms;
    thingpass_http_init(&tp->response);
    memset(&tp->s3_error, 0, sizeof tp->s3_error);
}

static int begin_send(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    // What seeks is at its place already.
    int err =
        u->mode->seek != NULL ? THINGPASS_OK : thingpass_reader_begin(&u->reader, u->object.source);
    if (err == THINGPASS_OK) {
        err = hash_init(tp);
    }
    if (err == THINGPASS_OK && u->mode->send != NULL) {
        err = u->mode->send(tp);
    }
    if (err < 0) {
        return thingpass_finish(tp, err);
    }
    thingpass_count(&u->puts);
    tp->result.puts++;
    u->progress_ms = thingpass_clock_ms(tp);
    u->phase = THINGPASS_PHASE_SEND;
    return THINGPASS_STEP_RUN;
}

// The source is on its way to the part, or it failed.
static int wait_for_source(struct thingpass *tp, int r) {
    if (r == THINGPASS_EAGAIN) {
        return thingpass_pause(tp, source_poll_ms);
    }
    return r < 0 ? thingpass_finish(tp, r) : THINGPASS_STEP_RUN;
}

int thingpass_step_connect(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (!u->connecting) {
        if (thingpass_clock_ms(tp) >= u->grant.valid_until_ms) {
            thingpass_plan_ask(tp, 0);
            return THINGPASS_STEP_RUN;
        }
        int r = u->mode->seek != NULL ? u->mode->seek(tp) : THINGPASS_OK;
        if (r != THINGPASS_OK) {
            return wait_for_source(tp, r);
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

static int body_sent(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (!u->hashing || thingpass_sum_final(tp)) {
        u->hashing = false;
        u->body_sent = true;
        u->phase = THINGPASS_PHASE_RECEIVE;
    }
    return THINGPASS_STEP_RUN;
}

static int write_chunk(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    const struct thingpass_stream *s = tp->connection.stream;
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
    if (u->object.progress != NULL && u->chunk_sent == u->chunk_len) {
        u->object.progress(u->object.progress_ctx, u->reader.pos, u->object.source->size);
    }
    return THINGPASS_STEP_RUN;
}

int thingpass_step_send(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (u->chunk_sent == u->chunk_len) {
        int r = thingpass_fill(tp);
        u->progress_ms = thingpass_clock_ms(tp); // a slow source is no stalled stream
        if (r == THINGPASS_EAGAIN) {
            return thingpass_pause(tp, source_poll_ms);
        }
        if (r <= 0) {
            return r < 0 ? thingpass_finish(tp, r) : body_sent(tp);
        }
    }
    return write_chunk(tp);
}
