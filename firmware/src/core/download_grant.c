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

void thingpass_put_download_request(struct thingpass_writer *w, const char *id,
                                    const struct thingpass_download *d) {
    const struct {
        const char *name, *value;
    } fields[] = {
        {"{\"id\":", id},
        {",\"kind\":", d->kind},
        {",\"group\":", d->group},
        {",\"name\":", d->name},
        {",\"objectKey\":", d->object_key},
        {is_etag(d->have_version) ? ",\"etag\":" : ",\"versionId\":", d->have_version},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].value != NULL) {
            thingpass_put_text(w, fields[i].name);
            thingpass_put_json(w, thingpass_span_of(fields[i].value));
        }
    }
    if (d->have_sha256 != NULL) {
        thingpass_put_text(w, ",\"sha256\":\"");
        thingpass_put_hex(w, d->have_sha256, 32);
        thingpass_put_text(w, "\"");
    }
    thingpass_put_text(w, "}");
}

// Reads a string that may be absent, and then is empty.
static bool read_optional(const struct thingpass_json *json, const char *name,
                          struct thingpass_span *value) {
    return thingpass_json_string(json, root, name, value) == THINGPASS_OK ||
           thingpass_json_find(json, root, name) == 0;
}

static bool is_sum(struct thingpass_span s) {
    for (size_t i = 0; i < s.n; i++) {
        if (!thingpass_is_digit(s.p[i]) && (s.p[i] < 'a' || s.p[i] > 'f')) {
            return false;
        }
    }
    return s.n == 0 || s.n == sum_digits;
}

// What the object is: the same in every successful answer.
static bool read_object(const struct thingpass_json *json, struct thingpass_span *key,
                        struct thingpass_span *version, struct thingpass_span *sum) {
    struct thingpass_span mode;
    struct thingpass_span etag;
    bool ok = thingpass_json_string(json, root, "mode", &mode) == THINGPASS_OK &&
              thingpass_span_is(mode, "get") &&
              thingpass_json_string(json, root, "objectKey", key) == THINGPASS_OK &&
              thingpass_key_ok(*key) && read_optional(json, "versionId", version) &&
              read_optional(json, "etag", &etag) && read_optional(json, "sha256", sum);
    *version = version->n > 0 ? *version : etag;
    return ok && thingpass_key_ok(*version) && is_sum(*sum);
}

// Where it is, and until when.
static int read_leave(struct thingpass *tp, struct thingpass_json *json,
                      const struct thingpass_reply *reply) {
    struct thingpass_grant *g = &tp->upload.grant;
    struct thingpass_span url;
    int64_t expires_at;
    int headers = thingpass_json_find(json, root, "headers");
    if (thingpass_json_string(json, root, "downloadUrl", &url) < 0 ||
        thingpass_reply_time(json, root, "expiresAt", &expires_at) < 0 ||
        expires_at <= reply->time) {
        return THINGPASS_EREPLY;
    }
    g->valid_until_ms = thingpass_grant_until_ms(tp, expires_at, reply->time);
    g->headers.n = 0;
    int err = headers == 0 ? THINGPASS_OK : thingpass_headers_pack(json, headers, &g->headers);
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
    struct thingpass_span key;
    struct thingpass_span version;
    uint64_t size;
    if (!read_object(json, &key, &version, &tp->upload.fetch.sum) ||
        thingpass_json_u64(json, root, "size", &size) < 0) {
        return THINGPASS_EREPLY;
    }
    tp->result.size = size;
    bool unchanged = is_unchanged(json);
    bool same = thingpass_span_is(version, thingpass_upload_id(tp));
    int err = unchanged ? take_unchanged(tp) : read_leave(tp, json, reply);
    err = err < 0 || unchanged ? err : check_size(tp, size);
    err = err < 0 ? err : thingpass_key_keep(tp, key, len);
    err = err < 0 ? err : thingpass_upload_id_keep(tp, version, len);
    if (err == THINGPASS_OK && !unchanged) {
        set_start(tp, (uint32_t)size, same);
    }
    return err;
}
