// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "http_fields.h"

#include <string.h>

static int on_length(struct thingpass_http_response *r, struct thingpass_span value) {
    if (r->has_length || !thingpass_span_u64(value, &r->length)) {
        return THINGPASS_EHTTP;
    }
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

static struct thingpass_span trim(struct thingpass_span s) {
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) {
        s.n--;
    }
    while (s.n > 0 && (*s.p == ' ' || *s.p == '\t')) {
        s.p++;
        s.n--;
    }
    return s;
}

static void on_connection(struct thingpass_http_response *r, struct thingpass_span value) {
    while (value.n > 0) {
        const char *comma = memchr(value.p, ',', value.n);
        size_t n = comma == NULL ? value.n : (size_t)(comma - value.p);
        struct thingpass_span option = {value.p, n};
        r->close = r->close || thingpass_span_is_nocase(trim(option), "close");
        n += comma == NULL ? 0 : 1;
        value.p += n;
        value.n -= n;
    }
}

static void on_retry_after(struct thingpass_http_response *r, struct thingpass_span value) {
    uint64_t s;
    if (thingpass_span_u64(value, &s)) { // a date is ignored
        r->retry_s = s < 86400 ? (uint32_t)s : 86400;
    }
}

int thingpass_http_field(struct thingpass_http_response *r) {
    bool cut = r->line_len > sizeof r->line;
    struct thingpass_span name = {r->line, r->name_len};
    struct thingpass_span value = {r->line, 0};
    if (!cut) {
        value.p += r->name_len + 1;
        value.n = r->line_len - r->name_len - 1U;
        value = trim(value);
    }
    if (thingpass_span_is_nocase(name, "content-length")) {
        return on_length(r, value); // a cut one is empty, and refused
    }
    if (thingpass_span_is_nocase(name, "transfer-encoding")) {
        return on_encoding(r, value);
    }
    if (thingpass_span_is_nocase(name, "connection")) {
        r->close = r->close || cut;
        on_connection(r, value);
    }
    if (thingpass_span_is_nocase(name, "retry-after")) {
        on_retry_after(r, value);
    }
    if (r->field != NULL) {
        r->field(r, name, value); // a cut one is empty
    }
    return THINGPASS_OK;
}
