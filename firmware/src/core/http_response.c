// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "http_response.h"

#include <string.h>

#include "header.h"
#include "http_fields.h"

enum { head_max = 8192 }; // bytes of lines: status, headers, chunk sizes

enum state {
    STATUS_LINE,
    REASON,
    STATUS_LF,
    HEADER_START,
    HEADER_NAME,
    VALUE_START,
    VALUE,
    HEADER_LF,
    HEAD_LF,
    CHUNK_START,
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_LF,
    CHUNK_CR,
    CHUNK_END_LF,
    LAST_CR,
    LAST_LF,
    // From here on bytes are body.
    CHUNK_DATA,
    BODY_BY_LENGTH,
    BODY_UNTIL_END,
    COMPLETE,
    BROKEN
};

void thingpass_http_init(struct thingpass_http_response *r) {
    memset(r, 0, sizeof *r);
    r->state = STATUS_LINE;
}

static int go(struct thingpass_http_response *r, enum state next) {
    r->state = (uint8_t)next;
    return THINGPASS_OK;
}

static int go_if(struct thingpass_http_response *r, bool ok, enum state next) {
    return ok ? go(r, next) : THINGPASS_EHTTP;
}

// "HTTP/1.x nnn", then a reason, or nothing.
static int on_status_line(struct thingpass_http_response *r, char c) {
    static const char pattern[] = "HTTP/1.x nnn ";
    char want = pattern[r->name_len++];
    if (want == 'x') {
        r->minor = (uint8_t)(c - '0');
        return c == '0' || c == '1' ? THINGPASS_OK : THINGPASS_EHTTP;
    }
    if (want == 'n') {
        r->status = (uint16_t)(r->status * 10 + (c - '0'));
        return thingpass_is_digit(c) ? THINGPASS_OK : THINGPASS_EHTTP;
    }
    if (r->name_len < sizeof pattern - 1) {
        return c == want ? THINGPASS_OK : THINGPASS_EHTTP;
    }
    if (r->status < 100 || r->status > 599) {
        return THINGPASS_EHTTP;
    }
    return c == '\r' ? go(r, STATUS_LF) : go_if(r, c == ' ', REASON);
}

// What may stand in a reason, a header's value or a chunk's extension.
static bool is_text(char c) {
    return (unsigned char)c >= 0x20 ? c != 0x7f : c == '\t';
}

static int on_reason(struct thingpass_http_response *r, char c) {
    return c == '\r' ? go(r, STATUS_LF) : go_if(r, is_text(c), REASON);
}

static int on_status_lf(struct thingpass_http_response *r, char c) {
    return go_if(r, c == '\n', HEADER_START);
}

static int on_header_name(struct thingpass_http_response *r, char c) {
    if (c == ':') {
        r->value_len = 0;
        return go(r, VALUE_START);
    }
    if (r->name_len < sizeof r->name) {
        r->name[r->name_len++] = c;
    } else {
        r->name[0] = '\0'; // too long for any that we read, so match none
    }
    return thingpass_is(c, THINGPASS_TOKEN) ? THINGPASS_OK : THINGPASS_EHTTP;
}

// A space here would be a folded header, which the token check refuses.
static int on_header_start(struct thingpass_http_response *r, char c) {
    if (c == '\r') {
        return go(r, HEAD_LF);
    }
    r->name_len = 0;
    r->state = HEADER_NAME;
    return c == ':' ? THINGPASS_EHTTP : on_header_name(r, c);
}

static int on_value(struct thingpass_http_response *r, char c) {
    if (c == '\r') {
        return go(r, HEADER_LF);
    }
    if (r->value_len < sizeof r->value) {
        r->value[r->value_len] = c;
    }
    if (r->value_len <= sizeof r->value) {
        r->value_len++; // one more than fits says that it was cut
    }
    return go_if(r, is_text(c), VALUE);
}

static int on_value_start(struct thingpass_http_response *r, char c) {
    return c == ' ' || c == '\t' ? THINGPASS_OK : on_value(r, c);
}

static int on_header_lf(struct thingpass_http_response *r, char c) {
    int err = c == '\n' ? thingpass_http_field(r) : THINGPASS_EHTTP;
    return err < 0 ? err : go(r, HEADER_START);
}

// A 1xx is followed by another head; only the count of bytes goes on, so that
// no server can keep us busy with them. One that speaks of a body, which it must
// not have (RFC 9112, section 6.1), is where parsers differ.
static int skip_informational(struct thingpass_http_response *r) {
    uint16_t head_len = r->head_len;
    void (*field)(struct thingpass_http_response *, struct thingpass_span, struct thingpass_span) =
        r->field;
    if (r->status == 101 || r->chunked || r->has_length) {
        return THINGPASS_EHTTP;
    }
    thingpass_http_init(r);
    r->head_len = head_len;
    r->field = field;
    return THINGPASS_OK;
}

// RFC 9112, section 6.3, for the answer to a PUT; but chunks together with a
// length, or from HTTP/1.0, are refused rather than interpreted.
static int on_head_lf(struct thingpass_http_response *r, char c) {
    if (c != '\n' || (r->chunked && (r->has_length || r->minor == 0))) {
        return THINGPASS_EHTTP;
    }
    if (r->status < 200) {
        return skip_informational(r);
    }
    r->close = r->close || r->minor == 0;
    if (r->status == 204 || r->status == 304) {
        return go(r, COMPLETE);
    }
    if (r->chunked) {
        return go(r, CHUNK_START);
    }
    if (!r->has_length) {
        r->close = true;
        return go(r, BODY_UNTIL_END);
    }
    return go(r, r->length == 0 ? COMPLETE : BODY_BY_LENGTH);
}

static int hex_value(char c) {
    char l = thingpass_lower(c);
    if (thingpass_is_digit(l)) {
        return l - '0';
    }
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

static int on_chunk_size(struct thingpass_http_response *r, char c) {
    int digit = hex_value(c);
    if (digit >= 0) {
        r->length = r->length * 16 + (uint64_t)digit;
        return r->length <= UINT32_MAX ? THINGPASS_OK : THINGPASS_EHTTP;
    }
    return c == '\r' ? go(r, CHUNK_LF) : go_if(r, c == ';', CHUNK_EXTENSION);
}

static int on_chunk_start(struct thingpass_http_response *r, char c) {
    r->length = 0;
    r->state = CHUNK_SIZE;
    return hex_value(c) < 0 ? THINGPASS_EHTTP : on_chunk_size(r, c);
}

static int on_chunk_extension(struct thingpass_http_response *r, char c) {
    return c == '\r' ? go(r, CHUNK_LF) : go_if(r, is_text(c), CHUNK_EXTENSION);
}

static int on_chunk_lf(struct thingpass_http_response *r, char c) {
    return go_if(r, c == '\n', r->length == 0 ? LAST_CR : CHUNK_DATA);
}

static int on_chunk_cr(struct thingpass_http_response *r, char c) {
    return go_if(r, c == '\r', CHUNK_END_LF);
}

static int on_chunk_end_lf(struct thingpass_http_response *r, char c) {
    return go_if(r, c == '\n', CHUNK_START);
}

// No trailers: nobody sends them in an answer to a PUT, and they are one more
// place where parsers differ.
static int on_last_cr(struct thingpass_http_response *r, char c) {
    return go_if(r, c == '\r', LAST_LF);
}

static int on_last_lf(struct thingpass_http_response *r, char c) {
    return go_if(r, c == '\n', COMPLETE);
}

static int on_line_byte(struct thingpass_http_response *r, char c) {
    static int (*const handlers[])(struct thingpass_http_response *, char) = {
        [STATUS_LINE] = on_status_line,
        [REASON] = on_reason,
        [STATUS_LF] = on_status_lf,
        [HEADER_START] = on_header_start,
        [HEADER_NAME] = on_header_name,
        [VALUE_START] = on_value_start,
        [VALUE] = on_value,
        [HEADER_LF] = on_header_lf,
        [HEAD_LF] = on_head_lf,
        [CHUNK_START] = on_chunk_start,
        [CHUNK_SIZE] = on_chunk_size,
        [CHUNK_EXTENSION] = on_chunk_extension,
        [CHUNK_LF] = on_chunk_lf,
        [CHUNK_CR] = on_chunk_cr,
        [CHUNK_END_LF] = on_chunk_end_lf,
        [LAST_CR] = on_last_cr,
        [LAST_LF] = on_last_lf,
    };
    if (++r->head_len > head_max) {
        return THINGPASS_EHTTP;
    }
    return handlers[r->state](r, c);
}

static size_t take_body(struct thingpass_http_response *r, size_t len) {
    if (r->state == BODY_UNTIL_END) {
        return len;
    }
    size_t n = r->length < len ? (size_t)r->length : len;
    r->length -= n;
    if (r->length == 0) {
        r->state = r->state == CHUNK_DATA ? CHUNK_CR : COMPLETE;
    }
    return n;
}

int thingpass_http_feed(struct thingpass_http_response *r, const char *data, size_t len,
                        struct thingpass_span *body) {
    size_t used = 0;
    body->p = data;
    body->n = 0;
    while (used < len && r->state < CHUNK_DATA) {
        int err = on_line_byte(r, data[used++]);
        if (err < 0) {
            r->state = BROKEN;
            return err;
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
    return r->state >= CHUNK_START && r->state != BROKEN;
}

bool thingpass_http_is_complete(const struct thingpass_http_response *r) {
    return r->state == COMPLETE;
}

bool thingpass_http_may_reuse(const struct thingpass_http_response *r) {
    return r->state == COMPLETE && !r->close;
}
