// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "pass.h"

#include <string.h>

#include "clock.h"
#include "key.h"
#include "pass_reply.h"
#include "upload.h"
#include "url.h"

enum {
    day_s = 86400,
    pass_max_s = 7 * day_s,
    report_reply_max = 512 // of the answer to a report, without the key
};

bool thingpass_wants_pass(const struct thingpass *tp) {
    return tp->upload.object.mode == THINGPASS_MODE_PASS;
}

void thingpass_pass_forget(struct thingpass *tp) {
    memset(&tp->pass, 0, sizeof tp->pass);
}

bool thingpass_pass_suits(const struct thingpass *tp) {
    const struct thingpass_pass *p = &tp->pass;
    const struct thingpass_upload *u = &tp->upload;
    return thingpass_wants_pass(tp) && p->len > 0 && p->terms == u->terms &&
           thingpass_clock_ms(tp) < p->valid_until_ms && u->captured_at / day_s == p->day;
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
    if (thingpass_field_is_in(fields, thingpass_span_of("x-amz-checksum-sha256")) &&
        tp->upload.have_sum) {
        return true;
    }
    for (size_t i = 0; i <= o->metadata_count; i++) {
        struct thingpass_writer w = {name, sizeof name, 0};
        thingpass_put_text(&w, "x-amz-meta-");
        thingpass_put_text(&w, i == 0 ? "captured-at" : o->metadata[i - 1].name);
        struct thingpass_span whole = {name, w.len};
        if (thingpass_field_is_in(fields, whole)) {
            return true;
        }
    }
    return false;
}

static int read(struct thingpass *tp, struct thingpass_json *json, int64_t time,
                struct thingpass_pass_fields *fields, struct thingpass_url *url) {
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
    return thingpass_url_parse(url, fields->url, tp->config.allow_plain_http);
}

int thingpass_pass_take(struct thingpass *tp, struct thingpass_json *json, int64_t time,
                        size_t reply_len) {
    struct thingpass_pass_fields fields;
    struct thingpass_url url;
    thingpass_pass_forget(tp);
    int err = read(tp, json, time, &fields, &url);
    if (err < 0) {
        return err;
    }
    settle_captured_at(tp, time);
    int64_t valid_s = fields.expires_at - time;
    valid_s = valid_s < pass_max_s ? valid_s : pass_max_s;
    struct thingpass_pass *p = &tp->pass;
    p->len = reply_len;
    p->tls = url.tls;
    p->port = url.port;
    p->host = url.host;
    p->target = url.target;
    p->key_prefix = fields.key_prefix;
    p->key_suffix = fields.key_suffix;
    p->fields = fields.fields;
    p->min_size = fields.min_size;
    p->max_size = fields.max_size;
    p->valid_until_ms = thingpass_clock_ms(tp) + (uint64_t)valid_s * 1000;
    p->terms = tp->upload.terms;
    p->day = tp->upload.captured_at / day_s;
    return THINGPASS_OK;
}

static int make_key(struct thingpass *tp) {
    const struct thingpass_pass *p = &tp->pass;
    const struct thingpass_span parts[3] = {p->key_prefix, thingpass_span_of(tp->upload.id),
                                            p->key_suffix};
    size_t n = parts[0].n + parts[1].n + parts[2].n;
    if (n > THINGPASS_KEY_MAX) {
        return THINGPASS_EREPLY;
    }
    int err = thingpass_key_make(tp, parts, p->len);
    return err < 0 || thingpass_reply_room(tp) >= report_reply_max + n ? err : THINGPASS_ESPACE;
}

int thingpass_pass_use(struct thingpass *tp) {
    const struct thingpass_pass *p = &tp->pass;
    struct thingpass_grant *g = &tp->upload.grant;
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
    g->tls = p->tls;
    g->port = p->port;
    g->host = p->host;
    g->target = p->target;
    g->valid_until_ms = p->valid_until_ms;
    return THINGPASS_OK;
}

struct thingpass_form thingpass_pass_form(const struct thingpass *tp) {
    const struct thingpass_upload *u = &tp->upload;
    const struct thingpass_form form = {
        u->boundary,
        thingpass_span_of(thingpass_key(tp)),
        tp->pass.fields,
        u->object.metadata,
        u->object.metadata_count,
        u->captured_at,
        u->have_sum ? u->sum : NULL,
    };
    return form;
}
