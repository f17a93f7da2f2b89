// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What is asked for, and what is granted [P-13].

#include <string.h>

#include "download.h"
#include "header.h"
#include "key.h"
#include "mode.h"
#include "upload.h"

enum { root = 0, sum_digits = 64 };

// A version is S3's versionId, or else the ETag with its quotes; no versionId has any.
static bool is_etag(const char *version) {
    return version != NULL && *version == '"';
}

static void put_field(struct thingpass_writer *w, const char *field, const char *value) {
    if (value != NULL) {
        thingpass_put_text(w, field);
        thingpass_put_json(w, thingpass_span_of(value));
    }
}

void thingpass_put_download_request(struct thingpass_writer *w, const char *id,
                                    const struct thingpass_download *d) {
    put_field(w, "{\"id\":", id);
    put_field(w, ",\"kind\":", d->kind);
    put_field(w, ",\"group\":", d->group);
    put_field(w, ",\"name\":", d->name);
    put_field(w, ",\"objectKey\":", d->object_key);
    put_field(w, is_etag(d->have_version) ? ",\"etag\":" : ",\"versionId\":", d->have_version);
    if (d->have_sha256 != NULL) {
        thingpass_put_text(w, ",\"sha256\":\"");
        thingpass_put_hex(w, d->have_sha256, 32);
        thingpass_put_text(w, "\"");
    }
    thingpass_put_text(w, "}");
}

// The texts of an answer. None has to be there as long as nothing is made of it, but
// none may be anything else than a text.
enum { MODE, KEY, VERSION, ETAG, SUM, URL, TEXTS };

static bool read_texts(const struct thingpass_json *json, struct thingpass_span texts[TEXTS]) {
    static const char names[TEXTS][12] = {"mode", "objectKey", "versionId",
                                          "etag", "sha256",    "downloadUrl"};
    bool ok = true;
    for (size_t i = 0; i < TEXTS; i++) {
        ok = ok && (thingpass_json_string(json, root, names[i], &texts[i]) == THINGPASS_OK ||
                    thingpass_json_find(json, root, names[i]) == 0);
    }
    return ok;
}

static bool is_sum(struct thingpass_span s) {
    bool ok = s.n == 0 || s.n == sum_digits;
    for (size_t i = 0; ok && i < s.n; i++) {
        ok = thingpass_is_digit(s.p[i]) || (s.p[i] >= 'a' && s.p[i] <= 'f');
    }
    return ok;
}

// What every successful answer says of the object.
static bool is_object(struct thingpass_span texts[TEXTS]) {
    if (texts[VERSION].n == 0) {
        texts[VERSION] = texts[ETAG];
    }
    return thingpass_span_is(texts[MODE], "get") && thingpass_key_ok(texts[KEY]) &&
           thingpass_key_ok(texts[VERSION]) && is_sum(texts[SUM]);
}

// Where it is, and until when.
static int read_leave(struct thingpass *tp, struct thingpass_json *json,
                      const struct thingpass_reply *reply, struct thingpass_span url) {
    struct thingpass_grant *g = &tp->upload.grant;
    int64_t expires_at;
    int headers = thingpass_json_find(json, root, "headers");
    if (url.n == 0 || thingpass_json_time(json, root, "expiresAt", &expires_at) < 0 ||
        expires_at <= reply->time) {
        return THINGPASS_EREPLY;
    }
    g->valid_until_ms = thingpass_grant_until_ms(tp, expires_at, reply->time);
    g->headers.n = 0;
    int err = headers == 0
                  ? THINGPASS_OK
                  : thingpass_headers_pack(json, headers, thingpass_framing_headers, &g->headers);
    if (err == THINGPASS_OK && thingpass_header_is_in(g->headers, thingpass_span_of("Range"))) {
        err = THINGPASS_EHEADER; // it is ours
    }
    return err < 0 ? err : thingpass_grant_url(tp, url);
}

static bool is_unchanged(const struct thingpass_json *json) {
    int node = thingpass_json_find(json, root, "unchanged");
    return node > 0 && thingpass_json_type(json, node) == THINGPASS_JSON_PRIMITIVE &&
           thingpass_span_is(thingpass_json_text(json, node), "true");
}

static int take_unchanged(struct thingpass *tp) {
    const struct thingpass_download *d = tp->upload.fetch.job;
    if (d->have_version == NULL && d->have_sha256 == NULL) {
        return THINGPASS_EREPLY; // unlike what?
    }
    tp->result.verified = THINGPASS_VERIFIED_UNCHANGED;
    return THINGPASS_OK;
}

static int check_size(struct thingpass *tp, uint64_t size) {
    uint32_t most = tp->upload.fetch.job->max_size;
    if (size <= (most != 0 ? most : UINT32_MAX)) {
        return THINGPASS_OK;
    }
    const struct thingpass_span code = thingpass_span_of("size-not-allowed");
    thingpass_copy_cut(tp->result.code, sizeof tp->result.code, code);
    return THINGPASS_EREFUSED;
}

// Goes on where it was if it is the same object still, or where the caller says.
static void set_start(struct thingpass *tp, uint32_t size, bool same) {
    struct thingpass_fetch *f = &tp->upload.fetch;
    const struct thingpass_download *d = f->job;
    if (same && f->size == size && f->sink == THINGPASS_SINK_BEGUN) {
        return;
    }
    f->size = size;
    f->at = 0;
    if (f->sink != THINGPASS_SINK_UNTOUCHED) {
        f->sink = THINGPASS_SINK_STALE;
    } else if (d->from > 0 && d->from <= size &&
               strcmp(thingpass_upload_id(tp), d->from_version) == 0) {
        f->at = d->from;
    }
}

int thingpass_download_take(struct thingpass *tp, struct thingpass_json *json,
                            const struct thingpass_reply *reply, size_t len) {
    struct thingpass_span texts[TEXTS];
    uint64_t size;
    if (!read_texts(json, texts) || !is_object(texts) ||
        thingpass_json_u64(json, root, "size", &size) < 0) {
        return THINGPASS_EREPLY;
    }
    tp->result.size = size;
    tp->upload.fetch.sum = texts[SUM];
    bool unchanged = is_unchanged(json);
    bool same = thingpass_span_is(texts[VERSION], thingpass_upload_id(tp));
    int err = unchanged ? take_unchanged(tp) : read_leave(tp, json, reply, texts[URL]);
    err = err < 0 || unchanged ? err : check_size(tp, size);
    err = err < 0 ? err : thingpass_key_keep(tp, texts[KEY], len);
    err = err < 0 ? err : thingpass_upload_id_keep(tp, texts[VERSION], len);
    if (err == THINGPASS_OK && !unchanged) {
        set_start(tp, (uint32_t)size, same);
    }
    return err;
}
