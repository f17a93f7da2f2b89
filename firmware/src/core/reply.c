// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "reply.h"

#include <string.h>

#include "clock.h"
#include "header.h"

enum { root = 0, headers_max = 40 };

struct thingpass_span thingpass_reply_id(const struct thingpass_json *json) {
    struct thingpass_span id;
    if (thingpass_json_string(json, root, "id", &id) == THINGPASS_OK &&
        thingpass_span_all(id, THINGPASS_ID_MAX, THINGPASS_ID)) {
        return id;
    }
    id.p = NULL;
    id.n = 0;
    return id;
}

int thingpass_reply_time(const struct thingpass_json *json, int entry, const char *name,
                         int64_t *time) {
    uint64_t value;
    *time = 0;
    if (thingpass_json_u64(json, entry, name, &value) < 0 || value > INT64_MAX ||
        !thingpass_time_is_sane((int64_t)value)) {
        return THINGPASS_EREPLY;
    }
    *time = (int64_t)value;
    return THINGPASS_OK;
}

static int read_refusal(const struct thingpass_json *json, int entry,
                        struct thingpass_reply *reply) {
    enum { day_s = 86400 };
    if (thingpass_json_string(json, entry, "code", &reply->code) < 0 ||
        !thingpass_span_all(reply->code, sizeof((struct thingpass_result *)0)->code - 1,
                            THINGPASS_KIND)) {
        return THINGPASS_EREPLY;
    }
    if (thingpass_json_find(json, entry, "retryAfter") == 0) {
        return THINGPASS_OK;
    }
    uint64_t after_s;
    if (thingpass_json_u64(json, entry, "retryAfter", &after_s) < 0) {
        return THINGPASS_EREPLY;
    }
    reply->may_retry = true;
    reply->retry_after_s = after_s < day_s ? (uint32_t)after_s : day_s;
    return THINGPASS_OK;
}

static int read_reply(const struct thingpass_json *json, int entry, struct thingpass_reply *reply) {
    struct thingpass_span status;
    reply->id = thingpass_reply_id(json);
    if (reply->id.n == 0 || thingpass_reply_time(json, root, "time", &reply->time) < 0 ||
        thingpass_json_string(json, entry, "status", &status) < 0) {
        return THINGPASS_EREPLY;
    }
    reply->success = thingpass_span_is(status, "success");
    if (reply->success) {
        return THINGPASS_OK;
    }
    return thingpass_span_is(status, "error") ? read_refusal(json, entry, reply) : THINGPASS_EREPLY;
}

int thingpass_reply_read(const struct thingpass_json *json, int entry,
                         struct thingpass_reply *reply) {
    memset(reply, 0, sizeof *reply);
    int err = read_reply(json, entry, reply);
    if (err < 0) {
        memset(reply, 0, sizeof *reply);
    }
    return err;
}

// Rewrites {"a":"b","c":"d"} into "a: b\r\nc: d\r\n" where it stands. A pair
// takes six characters of punctuation there and four here, so that writing
// never overtakes reading.
int thingpass_headers_pack(struct thingpass_json *json, int node, struct thingpass_span *packed) {
    if (thingpass_json_type(json, node) != THINGPASS_JSON_OBJECT) {
        return THINGPASS_EREPLY;
    }
    char *begin = json->text + (thingpass_json_text(json, node).p - json->text);
    struct thingpass_writer w = {begin, 0, 0};
    int n = 0;
    for (int i = thingpass_json_first(json, node); i > 0; i = thingpass_json_next(json, i)) {
        if (thingpass_json_type(json, i) != THINGPASS_JSON_STRING ||
            thingpass_json_type(json, i + 1) != THINGPASS_JSON_STRING) {
            return THINGPASS_EREPLY;
        }
        struct thingpass_span name = thingpass_json_text(json, i);
        struct thingpass_span value = thingpass_json_text(json, i + 1);
        struct thingpass_span before = {begin, w.len};
        if (++n > headers_max || !thingpass_header_may_send(name, value) ||
            thingpass_header_is_in(before, name)) {
            return THINGPASS_EHEADER;
        }
        memmove(begin + w.len, name.p, name.n);
        w.len += name.n;
        memcpy(begin + w.len, ": ", 2);
        memmove(begin + w.len + 2, value.p, value.n);
        w.len += 2 + value.n;
        memcpy(begin + w.len, "\r\n", 2);
        w.len += 2;
    }
    packed->p = begin;
    packed->n = w.len;
    return THINGPASS_OK;
}

bool thingpass_key_ok(struct thingpass_span key) {
    if (key.n == 0 || key.n > THINGPASS_KEY_MAX) {
        return false;
    }
    for (size_t i = 0; i < key.n; i++) {
        if ((unsigned char)key.p[i] < 0x20 || key.p[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool mode_is_put(const struct thingpass_json *json) {
    if (thingpass_json_find(json, root, "mode") == 0) {
        return true;
    }
    struct thingpass_span mode;
    return thingpass_json_string(json, root, "mode", &mode) == THINGPASS_OK &&
           thingpass_span_is(mode, "put");
}

static int read_grant(struct thingpass_json *json, int entry,
                      struct thingpass_grant_fields *grant) {
    int headers = thingpass_json_find(json, entry, "headers");
    if (!mode_is_put(json) || headers <= 0 ||
        thingpass_json_string(json, entry, "objectKey", &grant->object_key) < 0 ||
        !thingpass_key_ok(grant->object_key) ||
        thingpass_json_string(json, entry, "uploadUrl", &grant->url) < 0 ||
        thingpass_reply_time(json, entry, "expiresAt", &grant->expires_at) < 0) {
        return THINGPASS_EREPLY;
    }
    return thingpass_headers_pack(json, headers, &grant->headers);
}

int thingpass_grant_read(struct thingpass_json *json, int entry,
                         struct thingpass_grant_fields *grant) {
    memset(grant, 0, sizeof *grant);
    int err = read_grant(json, entry, grant);
    if (err < 0) {
        memset(grant, 0, sizeof *grant);
    }
    return err;
}

bool thingpass_confirms(const struct thingpass_json *json, int entry,
                        struct thingpass_span object_key, uint64_t size) {
    struct thingpass_span key;
    uint64_t stored;
    return thingpass_json_find(json, entry, "uploadUrl") == 0 &&
           thingpass_json_string(json, entry, "objectKey", &key) == THINGPASS_OK &&
           thingpass_span_equal(key, object_key) &&
           thingpass_json_u64(json, entry, "size", &stored) == THINGPASS_OK && stored == size;
}
