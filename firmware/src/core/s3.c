// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "s3.h"

#include <string.h>

static enum thingpass_s3_verdict judge_400(const char *code) {
    if (strcmp(code, "ExpiredToken") == 0) {
        return THINGPASS_S3_ASK_AGAIN;
    }
    if (strcmp(code, "RequestTimeout") == 0 || strcmp(code, "BadDigest") == 0) {
        return THINGPASS_S3_SEND_AGAIN;
    }
    return THINGPASS_S3_REJECTED;
}

enum thingpass_s3_verdict thingpass_s3_judge(unsigned status, const char *code) {
    if (status < 300 || status == 412) {
        return THINGPASS_S3_STORED; // the broker will look for itself [P-6.1]
    }
    if (status < 400 || status == 403) {
        return THINGPASS_S3_ASK_AGAIN;
    }
    // S3 says 400 RequestTimeout and 503; a proxy before it says 408 and 429.
    if (status >= 500 || status == 408 || status == 409 || status == 429) {
        return THINGPASS_S3_SEND_AGAIN;
    }
    return status == 400 ? judge_400(code) : THINGPASS_S3_REJECTED;
}

enum { error_max = 1024, code_found = 255 };

static void feed_char(struct thingpass_s3_error *e, char c) {
    static const char tag[] = "<Code>";
    if (e->state < sizeof tag - 1) {
        // '<' stands in the tag only once, so a mismatch starts afresh.
        e->state = c == tag[e->state] ? (uint8_t)(e->state + 1) : c == '<' ? 1 : 0;
        return;
    }
    bool ok = thingpass_is(c, THINGPASS_HOST);
    if (!ok || e->len + 1U >= sizeof e->code) {
        e->state = code_found;
        return;
    }
    e->code[e->len++] = c;
}

void thingpass_s3_error_feed(struct thingpass_s3_error *e, struct thingpass_span body) {
    for (size_t i = 0; i < body.n && e->seen < error_max && e->state != code_found; i++) {
        feed_char(e, body.p[i]);
        e->seen++;
    }
}

bool thingpass_s3_error_is_whole(const struct thingpass_s3_error *e) {
    return e->state == code_found && e->len > 0;
}
