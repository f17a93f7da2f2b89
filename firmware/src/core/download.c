// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A download, as the state machine sees it: a request without a body, whose answer
// matters. Nothing of the object is in memory but the piece at hand.

#include "download.h"

#include "http_range.h"
#include "http_response.h"
#include "key.h"
#include "mode.h"
#include "upload.h"

static void put_ask(const struct thingpass *tp, struct thingpass_writer *w,
                    const struct thingpass_request *request) {
    thingpass_put_download_request(w, request->id, tp->upload.fetch.job);
}

static void plan_next(struct thingpass *tp) {
    if (tp->result.verified == THINGPASS_VERIFIED_UNCHANGED) {
        thingpass_finish(tp, THINGPASS_OK);
    } else {
        thingpass_plan_connect(tp, 0);
    }
}

static int hash(struct thingpass *tp, const void *data, size_t n) {
    const struct thingpass_sha256 *sha = tp->config.sha256;
    tp->upload.fetch.hashed += (uint32_t)n;
    return sha->update(sha->ctx, data, n) < 0 ? THINGPASS_EIO : THINGPASS_OK;
}

// Compares what the sink has with what was promised.
static int verify(struct thingpass *tp) {
    const struct thingpass_sha256 *sha = tp->config.sha256;
    const struct thingpass_fetch *f = &tp->upload.fetch;
    uint8_t sum[32];
    char digits[2 * sizeof sum];
    struct thingpass_writer w = {digits, sizeof digits, 0};
    if (sha->final(sha->ctx, sum) < 0) {
        return THINGPASS_EIO;
    }
    thingpass_put_hex(&w, sum, sizeof sum);
    const struct thingpass_span text = {digits, sizeof digits};
    if (f->sum.n > 0 && !thingpass_span_equal(f->sum, text)) {
        return THINGPASS_ECORRUPT;
    }
    tp->result.verified = f->sum.n > 0 ? THINGPASS_VERIFIED_SHA256 : THINGPASS_VERIFIED_SIZE;
    tp->result.code[0] = '\0';
    return THINGPASS_OK;
}

static int begin_sink(struct thingpass *tp) {
    struct thingpass_fetch *f = &tp->upload.fetch;
    const struct thingpass_sink *sink = f->job->sink;
    const struct thingpass_sha256 *sha = tp->config.sha256;
    int err = sink->begin(sink->ctx, thingpass_upload_id(tp), f->size, f->at);
    if (err < 0) {
        return err;
    }
    f->sink = THINGPASS_SINK_BEGUN;
    f->hashed = 0;
    return sha->init(sha->ctx) < 0 ? THINGPASS_EIO : THINGPASS_OK;
}

static int hash_again(struct thingpass *tp) {
    struct thingpass_fetch *f = &tp->upload.fetch;
    const struct thingpass_sink *sink = f->job->sink;
    size_t left = f->at - f->hashed;
    size_t cap = left < tp->config.chunk_size ? left : tp->config.chunk_size;
    int n = sink->read(sink->ctx, f->hashed, tp->config.chunk, cap);
    if (n < 0) {
        return n;
    }
    return n == 0 || (size_t)n > cap ? THINGPASS_ECORRUPT : hash(tp, tp->config.chunk, (size_t)n);
}

// Before each transfer: prepares the sink, and hashes what an earlier download left
// there. Where nothing is missing, there is no transfer.
static int seek(struct thingpass *tp) {
    struct thingpass_fetch *f = &tp->upload.fetch;
    int err;
    if (f->sink != THINGPASS_SINK_BEGUN) {
        err = begin_sink(tp);
    } else if (f->hashed < f->at) {
        err = hash_again(tp);
    } else if (f->at < f->size) {
        return THINGPASS_OK;
    } else {
        err = verify(tp);
        thingpass_finish(tp, err);
        return 1;
    }
    if (err < 0) {
        thingpass_finish(tp, err); // whatever it is: a sink does not say "again"
    }
    return 1;
}

static size_t head(struct thingpass *tp, char *buf, size_t cap) {
    uint32_t at = tp->upload.fetch.at;
    return thingpass_grant_head(tp, "GET", at > 0 ? (int64_t)at : -1, buf, cap);
}

static int send(struct thingpass *tp) {
    tp->response.field = thingpass_http_range;
    return THINGPASS_OK;
}

// The first bytes of an answer are there: do they belong where they would go?
static int check_place(struct thingpass *tp) {
    struct thingpass_fetch *f = &tp->upload.fetch;
    const struct thingpass_http_response *r = &tp->response;
    if (r->status == 200) { // all of it, whatever was asked for
        bool anew = f->at > 0;
        f->at = 0;
        return anew ? begin_sink(tp) : THINGPASS_OK;
    }
    if (r->status != 206 || r->ranges != 1 || r->range_first != f->at) {
        return THINGPASS_EHTTP;
    }
    return r->range_size == f->size ? THINGPASS_OK : THINGPASS_ECORRUPT;
}

// Attempts are for what brings nothing. Only what is more than ever before counts, or
// a server that begins anew each time would be asked for ever.
static void count_progress(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    struct thingpass_fetch *f = &u->fetch;
    if (f->at > f->best) {
        f->best = f->at;
        u->puts = 0;
        u->grants = 0;
        u->failures = 0;
    }
    if (f->job->progress != NULL) {
        f->job->progress(f->job->progress_ctx, f->at, f->size);
    }
}

static int body(struct thingpass *tp, struct thingpass_span bytes) {
    struct thingpass_fetch *f = &tp->upload.fetch;
    const struct thingpass_sink *sink = f->job->sink;
    bool first = tp->response.body_len == bytes.n;
    int err = first ? check_place(tp) : THINGPASS_OK;
    if (err == THINGPASS_OK && bytes.n > f->size - f->at) {
        err = THINGPASS_ECORRUPT;
    }
    if (err == THINGPASS_OK) {
        err = sink->write(sink->ctx, bytes.p, bytes.n);
    }
    if (err < 0) {
        return err;
    }
    f->at += (uint32_t)bytes.n;
    count_progress(tp);
    return hash(tp, bytes.p, bytes.n);
}

// [P-13.5]: there is another object, or a shorter one. Everything else is as ever.
static bool judge(struct thingpass *tp) {
    struct thingpass_fetch *f = &tp->upload.fetch;
    unsigned status = tp->response.status;
    if (status != 404 && status != 412 && status != 416) {
        return false;
    }
    if (status == 416) {
        f->sink = THINGPASS_SINK_STALE;
    }
    thingpass_ask_anew(tp);
    return true;
}

// An answer of 2xx is over, or broke off.
static void on_answer(struct thingpass *tp) {
    const struct thingpass_fetch *f = &tp->upload.fetch;
    const struct thingpass_http_response *r = &tp->response;
    bool whole = thingpass_http_is_complete(r) && (r->has_length || r->chunked);
    if (r->status != 200 && r->status != 206) {
        thingpass_finish(tp, THINGPASS_EHTTP);
    } else if (f->at == f->size) {
        thingpass_finish(tp, verify(tp));
    } else if (r->status == 200 && whole) {
        thingpass_finish(tp, THINGPASS_ECORRUPT);
    } else {
        thingpass_transfer_failed(tp);
    }
}

// What is unchanged was not fetched, whatever the sink has begun with.
static void ended(struct thingpass *tp) {
    struct thingpass_result *result = &tp->result;
    const struct thingpass_sink *sink = tp->upload.fetch.job->sink;
    if (tp->upload.fetch.sink == THINGPASS_SINK_UNTOUCHED) {
        return;
    }
    bool all = result->err == THINGPASS_OK && result->verified != THINGPASS_VERIFIED_UNCHANGED;
    int err = sink->end(sink->ctx, all || result->err < 0 ? result->err : THINGPASS_ECANCELLED);
    if (all && err < 0) {
        result->err = err;
    }
}

static const struct thingpass_mode mode_download = {
    .standing = true,
    .topic = "/download-request",
    .ask = put_ask,
    .take = thingpass_download_take,
    .next = plan_next,
    .seek = seek,
    .head = head,
    .send = send,
    .body = body,
    .judge = judge,
    .stored = on_answer,
    .ended = ended,
};

static bool is_sound(const struct thingpass_download *d) {
    if (d == NULL || d->kind == NULL || d->sink == NULL) {
        return false;
    }
    const struct thingpass_sink *s = d->sink;
    return s->begin != NULL && s->write != NULL && s->end != NULL &&
           (d->from == 0 || (d->from_version != NULL && s->read != NULL));
}

int thingpass_download_start(struct thingpass *tp, const struct thingpass_download *download) {
    static const struct thingpass_source nothing = {.known_len = true, .rewindable = true};
    struct thingpass_upload *u = &tp->upload;
    if (u->phase != THINGPASS_PHASE_IDLE) {
        return THINGPASS_EBUSY;
    }
    if (!is_sound(download)) {
        return THINGPASS_EINVAL;
    }
    const struct thingpass_object object = {
        .kind = download->kind,
        .mode = &mode_download,
        .source = &nothing,
        .deadline_ms = download->deadline_ms,
    };
    thingpass_begin(tp, &object);
    u->fetch.job = download;
    u->have_sum = true;      // nothing is hashed on its way to S3,
    u->reader.probed = true; // and the source is never read
    tp->result.id = u->ask_id;
    if (!thingpass_request_fits(tp)) {
        return THINGPASS_ESPACE;
    }
    thingpass_plan_ask(tp, 0);
    return THINGPASS_OK;
}

const char *thingpass_download_version(const struct thingpass *tp) {
    return thingpass_upload_id(tp);
}
