// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The mode `put`: a grant for each object [P-4].

#include "key.h"
#include "mode.h"
#include "upload.h"

static bool object_ok(const struct thingpass_object *object) {
    return object->pass_metadata_count == 0;
}

static void put_ask(const struct thingpass *tp, struct thingpass_writer *w,
                    const struct thingpass_request *request) {
    (void)tp;
    thingpass_put_request(w, request);
}

static int take(struct thingpass *tp, struct thingpass_json *json,
                const struct thingpass_reply *reply, size_t len) {
    struct thingpass_grant *g = &tp->upload.grant;
    struct thingpass_grant_fields fields;
    int err = thingpass_grant_read(json, 0, &fields);
    if (err < 0) {
        return err;
    }
    if (fields.expires_at <= reply->time) {
        return THINGPASS_EREPLY;
    }
    g->headers = fields.headers;
    g->valid_until_ms = thingpass_grant_until_ms(tp, fields.expires_at, reply->time);
    err = thingpass_grant_url(tp, fields.url);
    return err < 0 ? err : thingpass_key_keep(tp, fields.object_key, len);
}

static size_t put_head(struct thingpass *tp, char *buf, size_t cap) {
    return thingpass_grant_head(tp, "PUT", (int64_t)tp->upload.object.source->size, buf, cap);
}

const struct thingpass_mode *thingpass_mode_of(const struct thingpass_object *object) {
    return object->mode != NULL ? object->mode : &thingpass_mode_put;
}

void thingpass_put_plain_report(const struct thingpass *tp, struct thingpass_writer *w,
                                const struct thingpass_request *request) {
    (void)tp;
    thingpass_put_report(w, request);
}

const struct thingpass_mode thingpass_mode_put = {
    .object_ok = object_ok,
    .ask = put_ask,
    .take = take,
    .head = put_head,
    .stored = thingpass_object_stored,
    .report = thingpass_put_plain_report,
};
