// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "http_response.h"

#include <string.h>

#include "header.h"
#include "http_fields.h"

enum { head_max = 8192 }; // bytes of lines: status, headers, chunk sizes

enum state {
    // Lines.
    STATUS,
    HEADER,
    CHUNK_SIZE, // from here on the head is complete
    CHUNK_END,
    LAST,
    // Bytes of body.
    CHUNK_DATA,
    BODY_BY_LENGTH,
    BODY_UNTIL_END,
    COMPLETE,
    BROKEN
};

static const char protocol[] = "HTTP/1.";

void thingpass_http_init(struct thingpass_http_response *r) {
    memset(r, 0, sizeof *r);
}

// Whether c may come next in the line at hand. What ends a header's name is noted.
static bool may_come(struct thingpass_http_response *r, char c) {
    switch (r->state) {
    case STATUS: // anything else is no HTTP, and may never end its line
        if (r->line_len < sizeof protocol - 1) {
            return c == protocol[r->line_len];
        }
        break;
    case HEADER:
        if (r->name_len == 0) { // a space here would be a folded header
            r->name_len = c == ':' ? r->line_len : (uint8_t)0;
            return r->name_len > 0 || thingpass_is(c, THINGPASS_TOKEN);
        }
        break;
    case CHUNK_SIZE:
        break;
    default: // No trailers: nobody sends them in an answer to a PUT, and they are
             // one more place where parsers differ.
        return false;
    }
    return (unsigned char)c >= 0x20 ? c != 0x7f : c == '\t';
}

static int go_if(struct thingpass_http_response *r, bool ok, enum state next) {
    r->state = (uint8_t)next;
    return ok ? THINGPASS_OK : THINGPASS_EHTTP;
}

// "HTTP/1.x nnn", then a reason, or nothing.
static int on_status(struct thingpass_http_response *r) {
    enum { minor = sizeof protocol - 1, code = minor + 2, end = code + 3 };
    const char *s = r->line;
    unsigned status = 0;
    bool ok = r->line_len >= end && (s[minor] == '0' || s[minor] == '1') && s[minor + 1] == ' ' &&
              (r->line_len == end || s[end] == ' ');
    for (size_t i = code; ok && i < end; i++) {
        status = status * 10 + (unsigned)(s[i] - '0');
        ok = thingpass_is_digit(s[i]);
    }
    r->http_1_0 = s[minor] == '0';
    r->status = (uint16_t)status;
    return go_if(r, ok && status >= 100 && status <= 599, HEADER);
}

// A 1xx is followed by another head; only the count of bytes goes on, so that
// no server can keep us busy with them. One that speaks of a body, which it must
// not have (RFC 9112, section 6.1), is where parsers differ.
static int skip_informational(struct thingpass_http_response *r) {
    struct thingpass_http_response before = *r;
    thingpass_http_init(r);
    r->head_len = before.head_len;
    r->field = before.field;
    return go_if(r, before.status != 101 && !before.chunked && !before.has_length, STATUS);
}

// RFC 9112, section 6.3, for the answer to a PUT; but chunks together with a
// length, or from HTTP/1.0, are refused rather than interpreted.
static int on_head_end(struct thingpass_http_response *r) {
    if (r->chunked && (r->has_length || r->http_1_0)) {
        return THINGPASS_EHTTP;
    }
    if (r->status < 200) {
        return skip_informational(r);
    }
    r->close = r->close || r->http_1_0;
    if (r->status == 204 || r->status == 304) {
        return go_if(r, true, COMPLETE);
    }
    if (r->chunked) {
        return go_if(r, true, CHUNK_SIZE);
    }
    r->close = r->close || !r->has_length;
    return go_if(r, true,
                 !r->has_length   ? BODY_UNTIL_END
                 : r->length == 0 ? COMPLETE
                                  : BODY_BY_LENGTH);
}

static int on_header(struct thingpass_http_response *r) {
    if (r->line_len == 0) {
        return on_head_end(r);
    }
    return r->name_len > 0 ? thingpass_http_field(r) : THINGPASS_EHTTP;
}

// Hexadecimal digits, then ";" and whatever, or nothing.
static int on_chunk_size(struct thingpass_http_response *r) {
    size_t n = r->line_len <= sizeof r->line ? r->line_len : sizeof r->line;
    uint32_t size = 0;
    size_t i = 0;
    bool ok = true;
    for (; ok && i < n && r->line[i] != ';'; i++) {
        int digit = thingpass_hex_value(r->line[i]);
        ok = digit >= 0 && size >> 28 == 0;
        size = size << 4 | (uint32_t)digit;
    }
    ok = ok && i > 0 && (i < n || n == r->line_len); // a cut one has its ';'
    r->length = size;
    return go_if(r, ok, size == 0 ? LAST : CHUNK_DATA);
}

static int on_line(struct thingpass_http_response *r) {
    switch (r->state) {
    case STATUS:
        return on_status(r);
    case HEADER:
        return on_header(r);
    case CHUNK_SIZE:
        return on_chunk_size(r);
    default:
        return go_if(r, true, r->state == LAST ? COMPLETE : CHUNK_SIZE);
    }
}

static int on_line_byte(struct thingpass_http_response *r, char c) {
    if (++r->head_len > head_max) {
        return THINGPASS_EHTTP;
    }
    if (r->line_ends) {
        int err = c == '\n' ? on_line(r) : THINGPASS_EHTTP;
        r->line_ends = false;
        r->line_len = 0;
        r->name_len = 0;
        return err;
    }
    if (c == '\r') {
        r->line_ends = true;
        return THINGPASS_OK;
    }
    if (!may_come(r, c)) {
        return THINGPASS_EHTTP;
    }
    if (r->line_len < sizeof r->line) {
        r->line[r->line_len] = c;
    }
    if (r->line_len <= sizeof r->line) {
        r->line_len++; // one more than fits says that it was cut
    }
    return THINGPASS_OK;
}

static size_t take_body(struct thingpass_http_response *r, size_t len) {
    if (r->state == BODY_UNTIL_END) {
        return len;
    }
    size_t n = r->length < len ? r->length : len;
    r->length -= (uint32_t)n;
    if (r->length == 0) {
        r->state = r->state == CHUNK_DATA ? CHUNK_END : COMPLETE;
    }
    return n;
}

int thingpass_http_feed(struct thingpass_http_response *r, const char *data, size_t len,
                        struct thingpass_span *body) {
    size_t used = 0;
    body->p = data;
    body->n = 0;
    while (used < len && r->state < CHUNK_DATA) {
        if (on_line_byte(r, data[used++]) < 0) {
            r->state = BROKEN;
        }
    }
    if (r->state == BROKEN) {
        return THINGPASS_EHTTP;
    }
    if (used < len && r->state != COMPLETE) {
        body->p = data + used;
        body->n = take_body(r, len - used);
        r->body_len += body->n;
        used += body->n;
    }
    return (int)used;
}

void thingpass_http_feed_end(struct thingpass_http_response *r) {
    if (r->state == BODY_UNTIL_END) {
        r->state = COMPLETE;
    }
}

bool thingpass_http_has_head(const struct thingpass_http_response *r) {
    return r->state >= CHUNK_SIZE && r->state != BROKEN;
}

bool thingpass_http_is_complete(const struct thingpass_http_response *r) {
    return r->state == COMPLETE;
}

bool thingpass_http_may_reuse(const struct thingpass_http_response *r) {
    return r->state == COMPLETE && !r->close;
}
