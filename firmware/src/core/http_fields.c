// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "http_fields.h"

static int on_length(struct thingpass_http_response *r, struct thingpass_span value) {
    uint64_t length;
    if (r->has_length || !thingpass_span_u64(value, &length) || length > UINT32_MAX) {
        return THINGPASS_EHTTP; // nothing that we ask for is so long
    }
    r->length = (uint32_t)length;
    r->has_length = true;
    return THINGPASS_OK;
}

static int on_encoding(struct thingpass_http_response *r, struct thingpass_span value) {
    if (r->chunked || !thingpass_span_is_nocase(value, "chunked")) {
        return THINGPASS_EHTTP;
    }
    r->chunked = true;
    return THINGPASS_OK;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

// What stands behind the name, without blanks at its ends; empty if it was cut.
static struct thingpass_span value_of(const struct thingpass_http_response *r) {
    size_t begin = r->name_len + 1U;
    size_t end = r->line_len <= sizeof r->line ? r->line_len : 0;
    while (begin < end && is_blank(r->line[end - 1])) {
        end--;
    }
    while (begin < end && is_blank(r->line[begin])) {
        begin++;
    }
    struct thingpass_span value = {r->line, 0};
    if (begin < end) {
        value.p += begin;
        value.n = end - begin;
    }
    return value;
}

static void on_retry_after(struct thingpass_http_response *r, struct thingpass_span value) {
    uint64_t s;
    if (thingpass_span_u64(value, &s)) { // a date is ignored
        r->retry_s = s < 86400 ? (uint32_t)s : 86400;
    }
}

int thingpass_http_field(struct thingpass_http_response *r) {
    const struct thingpass_span name = {r->line, r->name_len};
    const struct thingpass_span value = value_of(r);
    if (thingpass_span_is_nocase(name, "content-length")) {
        return on_length(r, value); // a cut one is empty, and refused
    }
    if (thingpass_span_is_nocase(name, "transfer-encoding")) {
        return on_encoding(r, value);
    }
    if (thingpass_span_is_nocase(name, "connection")) {
        // Whatever else it says is no promise.
        r->close = r->close || !thingpass_span_is_nocase(value, "keep-alive");
    }
    if (thingpass_span_is_nocase(name, "retry-after")) {
        on_retry_after(r, value);
    }
    if (r->field != NULL) {
        r->field(r, name, value); // a cut one is empty
    }
    return THINGPASS_OK;
}
