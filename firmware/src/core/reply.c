// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "reply.h"

#include <stddef.h>
#include <string.h>

#include "header.h"

enum { root = 0 };

struct thingpass_span thingpass_reply_id(const struct thingpass_json *json) {
    struct thingpass_span id; // empty if there is none, and only ever compared
    (void)thingpass_json_string(json, root, "id", &id);
    return id;
}

static int read_refusal(const struct thingpass_json *json, int entry,
                        struct thingpass_reply *reply) {
    enum { day_s = 86400, code_max = sizeof((struct thingpass_result *)0)->code - 1 };
    static const struct thingpass_json_field after = {"retryAfter", THINGPASS_JSON_PRIMITIVE, true,
                                                      0};
    uint64_t after_s = UINT64_MAX;
    if (thingpass_json_string(json, entry, "code", &reply->code) < 0 ||
        !thingpass_span_all(reply->code, code_max, THINGPASS_KIND) ||
        thingpass_json_read(json, entry, &after, 1, &after_s) < 0) {
        return THINGPASS_EREPLY;
    }
    reply->may_retry = after_s != UINT64_MAX; // no number that is read is so large
    reply->retry_after_s = after_s < day_s ? (uint32_t)after_s : day_s;
    return THINGPASS_OK;
}

static int read_reply(const struct thingpass_json *json, int entry, struct thingpass_reply *reply) {
    struct thingpass_span status;
    reply->id = thingpass_reply_id(json);
    if (reply->id.n == 0 || thingpass_json_time(json, root, "time", &reply->time) < 0 ||
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
    static const struct thingpass_json_field field = {"mode", THINGPASS_JSON_STRING, true, 0};
    struct thingpass_span mode = thingpass_span_of("put");
    return thingpass_json_read(json, root, &field, 1, &mode) == THINGPASS_OK &&
           thingpass_span_is(mode, "put");
}

static int read_grant(const struct thingpass_json *json, int entry,
                      struct thingpass_grant_fields *grant) {
    static const struct thingpass_json_field fields[] = {
        {"objectKey", THINGPASS_JSON_STRING, false,
         offsetof(struct thingpass_grant_fields, object_key)},
        {"uploadUrl", THINGPASS_JSON_STRING, false, offsetof(struct thingpass_grant_fields, url)},
        {"expiresAt", THINGPASS_JSON_TIME, false,
         offsetof(struct thingpass_grant_fields, expires_at)},
    };
    int err = thingpass_json_read(json, entry, fields, sizeof fields / sizeof *fields, grant);
    if (err < 0 || !mode_is_put(json) || !thingpass_key_ok(grant->object_key)) {
        return THINGPASS_EREPLY;
    }
    return thingpass_headers_pack(json, thingpass_json_find(json, entry, "headers"),
                                  thingpass_framing_headers, &grant->headers);
}

int thingpass_grant_read(struct thingpass_json *json, int entry,
                         struct thingpass_grant_fields *grant) {
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
