// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "session.h"

#include <string.h>

#include "clock.h"
#include "date.h"
#include "key.h"
#include "mode.h"
#include "thingpass/credentials.h"
#include "upload.h"
#include "url.h"

// Credentials are not used in their last minute: S3 looks when a request begins,
// and our clock is good to a few seconds.
enum { last_s = 60, day_s = 86400 };

static struct thingpass_session *session_of(struct thingpass *tp) {
    return &tp->kept.u.session;
}

void thingpass_session_begin(struct thingpass *tp, size_t len) {
    memset(&tp->kept, 0, sizeof tp->kept);
    tp->kept.len = len;
    tp->kept.mode = tp->upload.mode;
    session_of(tp)->place_len = len;
}

// Puts texts behind what is kept, so that they become a part of it.
static int append(struct thingpass *tp, const struct thingpass_span *texts, size_t n,
                  struct thingpass_span *whole) {
    struct thingpass_writer w = {thingpass_reply_begin(tp), thingpass_reply_room(tp), 0};
    for (size_t i = 0; i < n; i++) {
        thingpass_put(&w, texts[i]);
    }
    if (w.len == SIZE_MAX) {
        return THINGPASS_ESPACE;
    }
    whole->p = w.buf;
    whole->n = w.len;
    tp->kept.len += w.len;
    session_of(tp)->place_len = tp->kept.len;
    return THINGPASS_OK;
}

int thingpass_session_place(struct thingpass *tp, const struct thingpass_place_fields *place) {
    struct thingpass_session *s = session_of(tp);
    struct thingpass_url url;
    int err = thingpass_url_origin(&url, place->endpoint, tp->config.allow_plain_http);
    s->tls = url.tls;
    s->port = url.port;
    s->host = url.host;
    s->region = place->region;
    s->prefix = place->prefix;
    if (err < 0 || place->path_style) {
        s->bucket = place->bucket;
        return err;
    }
    const struct thingpass_span host[] = {place->bucket, thingpass_span_of("."), url.host};
    err = append(tp, host, 3, &s->host);
    return err < 0 || s->host.n <= 253 ? err : THINGPASS_EURL;
}

int thingpass_session_provider(struct thingpass *tp,
                               const struct thingpass_pointer_fields *pointer) {
    struct thingpass_session *s = session_of(tp);
    struct thingpass_url url;
    int err = thingpass_url_origin(&url, pointer->endpoint, tp->config.allow_plain_http);
    const struct thingpass_span target[] = {thingpass_span_of("/role-aliases/"),
                                            pointer->role_alias, thingpass_span_of("/credentials")};
    s->provider_tls = url.tls;
    s->provider_port = url.port;
    s->provider_host = url.host;
    s->headers = pointer->headers;
    return err < 0 ? err : append(tp, target, 3, &s->target);
}

static struct thingpass_span or_empty(const char *text) {
    return thingpass_span_of(text != NULL ? text : "");
}

int thingpass_session_config(struct thingpass *tp, const struct thingpass_provider *provider) {
    const struct thingpass_span thing = thingpass_span_of(tp->config.thing);
    const struct thingpass_span header[] = {thingpass_span_of("x-amzn-iot-thingname: "), thing,
                                            thingpass_span_of("\r\n")};
    const struct thingpass_span prefix[] = {thing, thingpass_span_of("/")};
    const struct thingpass_place_fields fields = {
        or_empty(provider->s3_endpoint), or_empty(provider->region), or_empty(provider->bucket),
        or_empty(provider->prefix), provider->path_style};
    struct thingpass_pointer_fields pointer = {
        thingpass_span_of(provider->endpoint), or_empty(provider->role_alias), {NULL, 0}};
    struct thingpass_place_fields place = fields;
    thingpass_session_begin(tp, 0);
    int err = append(tp, header, 3, &pointer.headers);
    if (err == THINGPASS_OK && provider->prefix == NULL) {
        err = append(tp, prefix, 2, &place.prefix);
    }
    if (err == THINGPASS_OK) {
        err = thingpass_session_place(tp, &place);
    }
    return err < 0 ? err : thingpass_session_provider(tp, &pointer);
}

int thingpass_session_take(struct thingpass *tp,
                           const struct thingpass_credentials_fields *fields) {
    struct thingpass_session *s = session_of(tp);
    int64_t now = thingpass_clock_at(&tp->clock, thingpass_clock_ms(tp));
    if (now == 0) {
        return THINGPASS_ENOCLOCK;
    }
    if (fields->expires_at - last_s <= now) {
        return THINGPASS_EREPLY;
    }
    s->access_key_id = fields->access_key_id;
    s->secret = fields->secret;
    s->token = fields->token;
    s->valid_until_ms = thingpass_grant_until_ms(tp, fields->expires_at - last_s, now);
    s->key_day = 0;
    return THINGPASS_OK;
}

void thingpass_session_forget(struct thingpass *tp) {
    struct thingpass_session *s = session_of(tp);
    if (s->provider_host.n == 0) { // the broker tells the place anew, too
        thingpass_kept_forget(tp);
        return;
    }
    memset((char *)tp->config.reply + s->place_len, 0, tp->kept.len - s->place_len);
    tp->kept.len = s->place_len;
    s->access_key_id.n = 0;
    s->key_day = 0;
    memset(s->key, 0, sizeof s->key);
}

bool thingpass_session_is_valid(const struct thingpass *tp) {
    const struct thingpass_session *s = &tp->kept.u.session;
    return tp->kept.mode == tp->upload.mode && s->access_key_id.n > 0 &&
           thingpass_clock_ms(tp) < s->valid_until_ms;
}

void thingpass_session_use(struct thingpass *tp) {
    const struct thingpass_session *s = session_of(tp);
    const struct thingpass_grant grant = {
        .tls = s->tls, .port = s->port, .host = s->host, .valid_until_ms = s->valid_until_ms};
    tp->upload.grant = grant;
    tp->upload.fetching = false;
}

void thingpass_session_fetch(struct thingpass *tp) {
    const struct thingpass_session *s = session_of(tp);
    const struct thingpass_grant grant = {.tls = s->provider_tls,
                                          .port = s->provider_port,
                                          .stream = tp->config.provider->stream,
                                          .host = s->provider_host,
                                          .target = s->target,
                                          .headers = s->headers,
                                          .valid_until_ms = UINT64_MAX};
    tp->upload.grant = grant;
    tp->upload.fetching = true;
}

static struct thingpass_sigv4_signer signer_of(const struct thingpass *tp) {
    const struct thingpass_session *s = &tp->kept.u.session;
    const struct thingpass_sigv4_signer signer = {s->access_key_id, s->secret, s->region};
    return signer;
}

int thingpass_session_sign(struct thingpass *tp, const struct thingpass_sigv4_request *request) {
    struct thingpass_session *s = session_of(tp);
    const struct thingpass_sigv4_signer signer = signer_of(tp);
    struct thingpass_upload *u = &tp->upload;
    int err = THINGPASS_OK;
    u->signed_at = thingpass_date_seconds(thingpass_clock_at(&tp->clock, thingpass_clock_ms(tp)));
    if (u->signed_at == 0) {
        return THINGPASS_ENOCLOCK;
    }
    if (s->key_day != u->signed_at / day_s) {
        err = thingpass_sigv4_day_key(tp->config.sha256, &signer, u->signed_at, s->key);
        s->key_day = err < 0 ? 0 : u->signed_at / day_s;
    }
    return err < 0 ? err
                   : thingpass_sigv4_sign(tp->config.sha256, s->key, &signer, request, u->signed_at,
                                          u->signature);
}

size_t thingpass_session_head(struct thingpass *tp, const struct thingpass_sigv4_request *request,
                              char *buf, size_t cap) {
    struct thingpass_upload *u = &tp->upload;
    const struct thingpass_sigv4_signer signer = signer_of(tp);
    size_t n =
        thingpass_sigv4_head(&signer, request, u->signed_at, u->signature, u->head_sent, buf, cap);
    u->head_sent += n;
    return n;
}

void thingpass_session_host(const struct thingpass *tp, struct thingpass_sigv4_walk *walk) {
    const struct thingpass_session *s = &tp->kept.u.session;
    char port[8];
    struct thingpass_writer w = {port, sizeof port, 0};
    thingpass_sigv4_name(walk, "host", "");
    thingpass_sigv4_value(walk, s->host);
    if (s->port != (s->tls ? 443 : 80)) {
        thingpass_put_text(&w, ":");
        thingpass_put_u64(&w, s->port);
    }
    const struct thingpass_span value = {port, w.len};
    thingpass_sigv4_value(walk, value);
}

void thingpass_session_date(const struct thingpass *tp, struct thingpass_sigv4_walk *walk) {
    char text[THINGPASS_DATE_TIME];
    struct thingpass_writer w = {text, sizeof text, 0};
    thingpass_put_date_time(&w, tp->upload.signed_at);
    const struct thingpass_span date = {text, w.len};
    thingpass_sigv4_name(walk, "x-amz-content-sha256", "");
    thingpass_sigv4_value(walk, thingpass_span_of(THINGPASS_SESSION_PAYLOAD));
    thingpass_sigv4_name(walk, "x-amz-date", "");
    thingpass_sigv4_value(walk, date);
}

void thingpass_session_token(const struct thingpass *tp, struct thingpass_sigv4_walk *walk) {
    thingpass_sigv4_name(walk, "x-amz-security-token", "");
    thingpass_sigv4_value(walk, tp->kept.u.session.token);
}
