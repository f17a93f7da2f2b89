// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The mode `credentials`: requests that the thing signs itself [P-14]. The transfer
// goes to a credential provider first where one is used and there are no
// credentials at hand; that request has no body, and its answer is collected
// behind what is kept in the reply buffer.

#include "thingpass/credentials.h"

#include <string.h>

#include "clock.h"
#include "date.h"
#include "http_response.h"
#include "key.h"
#include "mode.h"
#include "reader.h"
#include "session.h"
#include "upload.h"

enum { report_reply_max = 512 }; // of the answer to a report, without the key

static bool header_value_ok(const char *text) {
    size_t n = strlen(text);
    return n > 0 && text[0] != ' ' && text[n - 1] != ' ' && strstr(text, "  ") == NULL;
}

static bool object_ok(const struct thingpass_object *object) {
    const char *type = object->source->content_type;
    const char *suffix = object->suffix != NULL ? object->suffix : "";
    return object->pass_metadata_count == 0 && (type == NULL || header_value_ok(type)) &&
           (suffix[0] == '\0' || thingpass_key_ok(thingpass_span_of(suffix))) &&
           (object->object_key == NULL || thingpass_key_ok(thingpass_span_of(object->object_key)));
}

static bool asks_broker(const struct thingpass *tp) {
    const struct thingpass_provider *provider = tp->config.provider;
    return provider == NULL || provider->endpoint == NULL;
}

static void ask(const struct thingpass *tp, struct thingpass_writer *w,
                const struct thingpass_request *request) {
    thingpass_put_text(w, "{\"id\":");
    thingpass_put_json(w, thingpass_span_of(request->id));
    thingpass_put_text(w, tp->config.provider != NULL ? ",\"mode\":\"provider\"}"
                                                      : ",\"mode\":\"session\"}");
}

// The object's own time is known by now, if the clock is.
static void settle_captured_at(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (u->captured_at == 0) {
        u->captured_at = thingpass_clock_at(&tp->clock, u->object.captured_ms);
    }
    tp->result.captured_at = u->captured_at;
}

static int make_key(struct thingpass *tp) {
    const struct thingpass_upload *u = &tp->upload;
    const struct thingpass_object *o = &u->object;
    char text[THINGPASS_KIND_MAX + sizeof "/2026/11/23/" + THINGPASS_ID_MAX];
    struct thingpass_writer w = {text, sizeof text, 0};
    struct thingpass_span parts[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    if (o->object_key != NULL) {
        parts[0] = thingpass_span_of(o->object_key);
    } else {
        uint32_t day = thingpass_date_seconds(u->captured_at);
        if (day == 0) {
            return THINGPASS_ENOCLOCK;
        }
        thingpass_put_text(&w, o->kind);
        thingpass_put_text(&w, "/");
        thingpass_put_date_path(&w, day);
        thingpass_put_text(&w, "/");
        thingpass_put_text(&w, u->id);
        parts[0] = tp->kept.u.session.prefix;
        parts[1].p = text;
        parts[1].n = w.len;
        parts[2] = thingpass_span_of(o->suffix != NULL ? o->suffix : "");
    }
    size_t n = parts[0].n + parts[1].n + parts[2].n;
    if (n > THINGPASS_KEY_MAX) {
        return THINGPASS_EINVAL;
    }
    int err = thingpass_key_make(tp, parts, tp->kept.len);
    return err < 0 || thingpass_reply_room(tp) >= report_reply_max + n ? err : THINGPASS_ESPACE;
}

// Makes the upload's key and grant from the credentials at hand.
static int use(struct thingpass *tp) {
    settle_captured_at(tp);
    int err = make_key(tp);
    if (err == THINGPASS_OK) {
        thingpass_session_use(tp);
    }
    return err;
}

static int leave(struct thingpass *tp) {
    int err = thingpass_session_is_valid(tp) ? use(tp) : 0;
    return err < 0 ? err : thingpass_session_is_valid(tp);
}

static int renew(struct thingpass *tp) {
    if (tp->kept.mode == tp->upload.mode && tp->kept.u.session.provider_host.n > 0) {
        thingpass_session_forget(tp);
    } else if (!asks_broker(tp)) {
        thingpass_kept_forget(tp);
        int err = thingpass_session_config(tp, tp->config.provider);
        if (err < 0) {
            thingpass_kept_forget(tp);
            return err;
        }
    } else {
        return 0;
    }
    thingpass_session_fetch(tp);
    return 1;
}

static int read_reply(struct thingpass *tp, struct thingpass_json *json) {
    struct thingpass_place_fields place;
    struct thingpass_credentials_fields session;
    struct thingpass_pointer_fields pointer;
    int err = thingpass_place_read(json, &place);
    if (err == THINGPASS_OK) {
        err = thingpass_session_place(tp, &place);
    }
    if (err < 0) {
        return err;
    }
    if (tp->config.provider != NULL) {
        err = thingpass_pointer_read(json, &pointer);
        return err < 0 ? err : thingpass_session_provider(tp, &pointer);
    }
    err = thingpass_session_read(json, &session);
    return err < 0 ? err : thingpass_session_take(tp, &session);
}

static int take(struct thingpass *tp, struct thingpass_json *json,
                const struct thingpass_reply *reply, size_t len) {
    (void)reply; // its time has set the clock
    thingpass_session_begin(tp, len);
    int err = read_reply(tp, json);
    if (err == THINGPASS_OK && tp->config.provider != NULL) {
        thingpass_session_fetch(tp);
    } else if (err == THINGPASS_OK) {
        err = use(tp);
    }
    if (err < 0) {
        thingpass_kept_forget(tp);
    }
    return err;
}

// A request to a provider has nothing to read, and leaves the object's bytes alone.
static int seek(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (!u->fetching) {
        return thingpass_reader_begin(&u->reader, u->object.source);
    }
    u->reader.pos = 0;
    u->reader.left = 0;
    u->reader.probed = true;
    return THINGPASS_OK;
}

// The least of the object's metadata names behind last, captured-at among them.
static const struct thingpass_pair *next_pair(const struct thingpass_object *object,
                                              const struct thingpass_pair *captured_at,
                                              const char *last) {
    const struct thingpass_pair *least = NULL;
    for (size_t i = 0; i <= object->metadata_count; i++) {
        const struct thingpass_pair *p = i > 0 ? &object->metadata[i - 1] : captured_at;
        if (strcmp(p->name, last) > 0 && (least == NULL || strcmp(p->name, least->name) < 0)) {
            least = p;
        }
    }
    return least;
}

static void put_metadata(const struct thingpass *tp, struct thingpass_sigv4_walk *walk) {
    const struct thingpass_upload *u = &tp->upload;
    char seconds[21];
    struct thingpass_writer w = {seconds, sizeof seconds - 1, 0};
    thingpass_put_u64(&w, (uint64_t)u->captured_at);
    seconds[w.len] = '\0';
    const struct thingpass_pair captured_at = {"captured-at", seconds};
    const struct thingpass_pair *p = next_pair(&u->object, &captured_at, "");
    for (; p != NULL; p = next_pair(&u->object, &captured_at, p->name)) {
        if (p != &captured_at || u->captured_at != 0) {
            thingpass_sigv4_name(walk, "x-amz-meta-", p->name);
            thingpass_sigv4_value(walk, thingpass_span_of(p->value));
        }
    }
}

static void put_headers(const void *ctx, struct thingpass_sigv4_walk *walk) {
    const struct thingpass *tp = ctx;
    const struct thingpass_upload *u = &tp->upload;
    char text[44];
    struct thingpass_writer base64 = {text, sizeof text, 0};
    if (u->object.source->content_type != NULL) {
        thingpass_sigv4_name(walk, "content-type", "");
        thingpass_sigv4_value(walk, thingpass_span_of(u->object.source->content_type));
    }
    thingpass_session_host(tp, walk);
    thingpass_sigv4_name(walk, "if-none-match", "");
    thingpass_sigv4_value(walk, thingpass_span_of("*"));
    if (u->have_sum) {
        thingpass_put_base64(&base64, u->sum, sizeof u->sum);
        const struct thingpass_span sum = {text, base64.len};
        thingpass_sigv4_name(walk, "x-amz-checksum-sha256", "");
        thingpass_sigv4_value(walk, sum);
    }
    thingpass_session_date(tp, walk);
    put_metadata(tp, walk);
    thingpass_session_token(tp, walk);
}

static struct thingpass_sigv4_request request_of(const struct thingpass *tp) {
    const struct thingpass_sigv4_request request = {
        .method = "PUT",
        .bucket = tp->kept.u.session.bucket,
        .key = thingpass_span_of(thingpass_key(tp)),
        .payload = thingpass_span_of(THINGPASS_SESSION_PAYLOAD),
        .length = (int64_t)tp->upload.object.source->size,
        .headers = put_headers,
        .ctx = tp};
    return request;
}

static void on_field(struct thingpass_http_response *r, struct thingpass_span name,
                     struct thingpass_span value) {
    if (thingpass_span_is_nocase(name, "date")) {
        r->date = thingpass_date_http(value);
    }
}

// The signature is made before the object is hashed while it is sent: the port has
// one hash.
static int send(struct thingpass *tp) {
    const struct thingpass_sha256 *sha = tp->config.sha256;
    struct thingpass_upload *u = &tp->upload;
    tp->response.field = on_field;
    if (u->fetching) {
        u->hashing = false;
        return THINGPASS_OK;
    }
    const struct thingpass_sigv4_request request = request_of(tp);
    int err = thingpass_session_sign(tp, &request);
    if (err == THINGPASS_OK && u->hashing && sha->init(sha->ctx) < 0) {
        err = THINGPASS_EIO;
    }
    return err;
}

static size_t head(struct thingpass *tp, char *buf, size_t cap) {
    if (tp->upload.fetching) {
        return thingpass_grant_head(tp, "GET", -1, buf, cap);
    }
    const struct thingpass_sigv4_request request = request_of(tp);
    return thingpass_session_head(tp, &request, buf, cap);
}

// Collects a provider's answer.
static int body(struct thingpass *tp, struct thingpass_span bytes) {
    uint64_t end = tp->response.body_len;
    if (!tp->upload.fetching) {
        return THINGPASS_OK;
    }
    if (end > thingpass_reply_room(tp)) {
        return THINGPASS_ESPACE;
    }
    memcpy(thingpass_reply_begin(tp) + (end - bytes.n), bytes.p, bytes.n);
    return THINGPASS_OK;
}

static bool set_clock(struct thingpass *tp) {
    if (!thingpass_time_is_sane(tp->response.date)) {
        return false;
    }
    thingpass_clock_set(&tp->clock, tp->response.date, thingpass_clock_ms(tp));
    return true;
}

// Takes the credentials that a provider has answered with. The chunk buffer held
// the secret as well.
static int take_answer(struct thingpass *tp) {
    struct thingpass_credentials_fields fields;
    struct thingpass_json json;
    char *text = thingpass_reply_begin(tp);
    size_t len = (size_t)tp->response.body_len;
    (void)set_clock(tp);
    memset(tp->config.chunk, 0, tp->config.chunk_size);
    int err = thingpass_json_parse(&json, text, len, tp->config.chunk, tp->config.chunk_size);
    if (err == THINGPASS_OK) {
        err = thingpass_provider_read(&json, &fields);
    }
    if (err == THINGPASS_OK) {
        err = thingpass_session_take(tp, &fields);
    }
    tp->kept.len += len; // so that it is wiped with the rest
    return err < 0 ? err : use(tp);
}

static void stored(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (!u->fetching) {
        thingpass_object_stored(tp);
        return;
    }
    thingpass_count(&u->grants);
    int err = take_answer(tp);
    if (err < 0) {
        thingpass_session_forget(tp);
        thingpass_finish(tp, err);
        return;
    }
    u->puts = 0; // those of the object begin now
    u->failures = 0;
    thingpass_plan_connect(tp, 0);
}

static void judge_provider(struct thingpass *tp, unsigned status) {
    char text[20];
    struct thingpass_writer w = {text, sizeof text, 0};
    thingpass_put_text(&w, "provider-");
    thingpass_put_u64(&w, status);
    const struct thingpass_span code = {text, w.len};
    thingpass_copy_cut(tp->result.code, sizeof tp->result.code, code);
    if (status == 408 || status == 429 || status >= 500) {
        thingpass_transfer_failed(tp);
    } else {
        thingpass_kept_forget(tp); // the broker may know another one
        thingpass_finish(tp, THINGPASS_EREFUSED);
    }
}

static bool code_is(const struct thingpass *tp, const char *code) {
    return strcmp(tp->s3_error.code, code) == 0;
}

static bool judge(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    unsigned status = tp->response.status;
    if (u->fetching && status >= 300) {
        judge_provider(tp, status);
        return true;
    }
    if (u->fetching && !thingpass_http_is_complete(&tp->response)) {
        thingpass_transfer_failed(tp);
        return true;
    }
    if (code_is(tp, "RequestTimeTooSkewed") && !u->skewed && set_clock(tp)) {
        u->skewed = true;
        thingpass_transfer_failed(tp);
        return true;
    }
    if (code_is(tp, "RequestTimeTooSkewed") || code_is(tp, "AccessDenied")) {
        thingpass_session_forget(tp); // may have been revoked
        thingpass_finish(tp, THINGPASS_EREJECTED);
        return true;
    }
    if (code_is(tp, "InvalidToken") || code_is(tp, "TokenRefreshRequired")) {
        thingpass_ask_anew(tp);
        return true;
    }
    return false;
}

int thingpass_credentials_forget(struct thingpass *tp) {
    if (tp->upload.phase != THINGPASS_PHASE_IDLE) {
        return THINGPASS_EBUSY;
    }
    if (tp->kept.mode == &thingpass_mode_credentials) {
        thingpass_kept_forget(tp);
    }
    return THINGPASS_OK;
}

const struct thingpass_mode thingpass_mode_credentials = {
    .object_ok = object_ok,
    .leave = leave,
    .standing = true,
    .renew = renew,
    .topic = "/credentials-request",
    .ask = ask,
    .take = take,
    .seek = seek,
    .head = head,
    .send = send,
    .body = body,
    .judge = judge,
    .stored = stored,
    .report = thingpass_put_plain_report,
};
