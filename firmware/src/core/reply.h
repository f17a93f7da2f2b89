// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What the broker answers: a grant [P-4], a confirmed report [P-6] or a refusal
// [P-8]. Every span points into the parsed text.

#ifndef THINGPASS_CORE_REPLY_H
#define THINGPASS_CORE_REPLY_H

#include "header.h"
#include "json.h"

// What every reply has. entry is where the grant's or refusal's own fields
// stand: the root, or one of `objects` [P-4.4].
struct thingpass_reply {
    struct thingpass_span id;
    int64_t time;
    bool success;
    struct thingpass_span code; // of a refusal
    bool may_retry;             // the refusal has retryAfter
    uint32_t retry_after_s;     // at most a day
};

// The fields of one grant.
struct thingpass_grant_fields {
    struct thingpass_span object_key;
    struct thingpass_span url;
    struct thingpass_span headers; // "Name: value\r\n" for each, ready to send
    int64_t expires_at;
};

// The id of a reply, to be compared with one that is awaited; empty if it has none.
struct thingpass_span thingpass_reply_id(const struct thingpass_json *json);

// Reads id, time and what entry says of success or refusal. Returns
// THINGPASS_OK or THINGPASS_EREPLY, and then *reply is zero.
int thingpass_reply_read(const struct thingpass_json *json, int entry,
                         struct thingpass_reply *reply);

// Whether it can be an object's key: not empty, not too long, and no control
// characters.
bool thingpass_key_ok(struct thingpass_span key);

// Reads a grant of mode `put`. Packs the headers where they stand, so it can be
// called once only. Returns THINGPASS_OK, THINGPASS_EREPLY or THINGPASS_EHEADER
// (a header that would break the request or is ours to set), and then *grant is
// zero.
int thingpass_grant_read(struct thingpass_json *json, int entry,
                         struct thingpass_grant_fields *grant);

// Whether a successful reply confirms the report of this object: it names the
// key and the size, and is no grant, which might come late under the same id.
bool thingpass_confirms(const struct thingpass_json *json, int entry,
                        struct thingpass_span object_key, uint64_t size);

#endif
