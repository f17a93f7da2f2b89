// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What the mode `credentials` sends: a provider's GET, or the object's PUT.

#include <string.h>

#include "credentials_steps.h"
#include "date.h"
#include "key.h"
#include "mode.h"
#include "session.h"
#include "upload.h"

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
int thingpass_credentials_send(struct thingpass *tp) {
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

size_t thingpass_credentials_head(struct thingpass *tp, char *buf, size_t cap) {
    if (tp->upload.fetching) {
        return thingpass_grant_head(tp, "GET", -1, buf, cap);
    }
    const struct thingpass_sigv4_request request = request_of(tp);
    return thingpass_session_head(tp, &request, buf, cap);
}
