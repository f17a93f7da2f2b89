// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The pass at hand: leave to store many objects [P-11]. The reply that it came
// with stays at the beginning of the reply buffer, so a pass takes no memory of
// its own; what the next reply may have lies behind it (key.h).

#include "clock.h"
#include "form.h"
#include "id.h"
#include "key.h"
#include "mode.h"
#include "pass_reply.h"
#include "upload.h"

// Days since 1970, of a moment that is not before.
static int64_t day_of(int64_t s) {
    uint64_t days = (uint64_t)s;
    (void)thingpass_divide(&days, 3600);
    (void)thingpass_divide(&days, 24);
    return (int64_t)days;
}

// Whether the pass at hand is for an object like this one: asked for in the same
// terms, not ended, and for the day on which this object was taken.
static bool suits(const struct thingpass *tp) {
    const struct thingpass_pass *p = &tp->kept.u.pass;
    const struct thingpass_upload *u = &tp->upload;
    return tp->kept.len > 0 && tp->kept.mode == u->mode && p->terms == u->terms &&
           thingpass_clock_ms(tp) < p->valid_until_ms && day_of(u->captured_at) == p->day;
}

// The reply has told the time, so the object's own time is known now at last.
static void settle_captured_at(struct thingpass *tp, int64_t time) {
    struct thingpass_upload *u = &tp->upload;
    if (u->captured_at == 0) {
        u->captured_at = thingpass_clock_at(&tp->clock, u->object.captured_ms);
        u->captured_at = u->captured_at != 0 ? u->captured_at : time;
    }
    tp->result.captured_at = u->captured_at;
}

// S3 judges a form with two fields of one name by one of them, and which is not
// ours to guess.
static bool has_our_fields(const struct thingpass *tp, struct thingpass_span fields) {
    const struct thingpass_object *o = &tp->upload.object;
    char name[sizeof "x-amz-meta-" + 32];
    if (thingpass_header_is_in(fields, thingpass_span_of("x-amz-checksum-sha256")) &&
        tp->upload.have_sum) {
        return true;
    }
    for (size_t i = 0; i <= o->metadata_count; i++) {
        struct thingpass_writer w = {name, sizeof name, 0};
        thingpass_put_text(&w, "x-amz-meta-");
        thingpass_put_text(&w, i == 0 ? "captured-at" : o->metadata[i - 1].name);
        struct thingpass_span whole = {name, w.len};
        if (thingpass_header_is_in(fields, whole)) {
            return true;
        }
    }
    return false;
}

static int read(struct thingpass *tp, struct thingpass_json *json, int64_t time,
                struct thingpass_pass_fields *fields) {
    int err = thingpass_pass_read(json, fields);
    if (err < 0) {
        return err;
    }
    if (fields->expires_at <= time) {
        return THINGPASS_EREPLY;
    }
    if (has_our_fields(tp, fields->fields)) {
        return THINGPASS_EHEADER;
    }
    return thingpass_grant_url(tp, fields->url);
}

static int make_key(struct thingpass *tp) {
    const struct thingpass_pass *p = &tp->kept.u.pass;
    const struct thingpass_span parts[3] = {p->key_prefix, thingpass_span_of(tp->upload.id),
                                            p->key_suffix};
    return thingpass_key_make(tp, parts);
}

// Makes the upload's key and grant from the pass at hand.
static int use(struct thingpass *tp) {
    const struct thingpass_pass *p = &tp->kept.u.pass;
    uint64_t size = tp->upload.object.source->size;
    int err = make_key(tp);
    if (err < 0) {
        return err;
    }
    if (size < p->min_size || size > p->max_size) {
        thingpass_copy_cut(tp->result.code, sizeof tp->result.code,
                           thingpass_span_of("size-not-allowed"));
        return THINGPASS_EREFUSED;
    }
    tp->upload.grant.valid_until_ms = p->valid_until_ms;
    return thingpass_grant_url(tp, p->url);
}

static int leave(struct thingpass *tp) {
    int err = suits(tp) ? use(tp) : 0;
    return err < 0 ? err : suits(tp);
}

// Its keys have the date that was asked for, or else that of the broker's clock.
static void keep(struct thingpass *tp, const struct thingpass_pass_fields *fields, int64_t time,
                 size_t len) {
    int64_t asked_for = tp->upload.captured_at;
    struct thingpass_pass *p = &tp->kept.u.pass;
    tp->kept.len = len;
    tp->kept.mode = tp->upload.mode;
    p->url = fields->url;
    p->key_prefix = fields->key_prefix;
    p->key_suffix = fields->key_suffix;
    p->fields = fields->fields;
    p->min_size = fields->min_size;
    p->max_size = fields->max_size;
    p->valid_until_ms = thingpass_grant_until_ms(tp, fields->expires_at, time);
    p->terms = tp->upload.terms;
    p->day = day_of(asked_for != 0 ? asked_for : time);
}

static int take(struct thingpass *tp, struct thingpass_json *json,
                const struct thingpass_reply *reply, size_t len) {
    struct thingpass_pass_fields fields;
    int err = read(tp, json, reply->time, &fields);
    if (err < 0) {
        return err;
    }
    keep(tp, &fields, reply->time, len);
    settle_captured_at(tp, reply->time);
    err = use(tp);
    if (err < 0 && err != THINGPASS_EREFUSED) {
        tp->kept.len = 0;
    }
    return err;
}

// The object may be of another day than was asked for when there was no clock: asked
// for again, it would have another key.
static void plan_next(struct thingpass *tp) {
    if (suits(tp)) {
        thingpass_plan_connect(tp, 0);
    } else {
        thingpass_plan_ask(tp, 0);
    }
}

static struct thingpass_form form_of(const struct thingpass *tp) {
    const struct thingpass_upload *u = &tp->upload;
    const struct thingpass_form form = {
        u->boundary,
        thingpass_span_of(thingpass_key(tp)),
        tp->kept.u.pass.fields,
        u->object.metadata,
        u->object.metadata_count,
        u->captured_at,
        u->have_sum ? u->sum : NULL,
    };
    return form;
}

static void begin(struct thingpass *tp) {
    tp->upload.terms = thingpass_terms(tp);
}

static void put_ask(const struct thingpass *tp, struct thingpass_writer *w,
                    const struct thingpass_request *request) {
    struct thingpass_request r = *request;
    // A one-pass object's checksum comes too late for the form.
    r.sum = tp->upload.object.source->rewindable ? tp->upload.sum : r.sum;
    thingpass_put_pass_request(w, &r);
}

static int send(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    int err = thingpass_draw_letters(tp->config.random, u->boundary, sizeof u->boundary);
    const struct thingpass_form form = form_of(tp);
    u->form_sent = 0;
    u->tail_sent = 0;
    u->form_len = err < 0 ? 0 : thingpass_form_length(&form);
    return err;
}

static size_t head(struct thingpass *tp, char *buf, size_t cap) {
    struct thingpass_upload *u = &tp->upload;
    char line[80];
    struct thingpass_writer w = {line, sizeof line, 0};
    thingpass_put_text(&w, "Content-Type: multipart/form-data; boundary=");
    thingpass_put_text(&w, u->boundary);
    thingpass_put_text(&w, "\r\n");
    u->grant.headers.p = line;
    u->grant.headers.n = w.len;
    int64_t length = (int64_t)(u->object.source->size + u->form_len);
    size_t n = thingpass_grant_head(tp, "POST", length, buf, cap);
    u->grant.headers.n = 0;
    const struct thingpass_form form = form_of(tp);
    return n + thingpass_form_before(&form, &u->form_sent, buf + n, cap - n);
}

static size_t tail(struct thingpass *tp, char *buf, size_t cap) {
    const struct thingpass_form form = form_of(tp);
    return thingpass_form_after(&form, &tp->upload.tail_sent, buf, cap);
}

// Forms are stored whatever the key holds already: S3 does not take 412's
// condition for a form, so it says something else here.
static bool judge(struct thingpass *tp) {
    if (tp->response.status != 412) {
        return false;
    }
    thingpass_finish(tp, THINGPASS_EREJECTED);
    return true;
}

const struct thingpass_mode thingpass_mode_pass = {
    .object_ok = thingpass_object_suits_pass,
    .begin = begin,
    .leave = leave,
    .standing = true,
    .ask = put_ask,
    .take = take,
    .next = plan_next,
    .head = head,
    .tail = tail,
    .send = send,
    .judge = judge,
    .stored = thingpass_object_stored,
    .report = thingpass_put_plain_report,
};
