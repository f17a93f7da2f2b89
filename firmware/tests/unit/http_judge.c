// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "http_judge.h"

#include <string.h>

#include "http_range.h"

static void keep_body(struct http_reading *r, struct thingpass_span body) {
    size_t room = sizeof r->body - r->body_len;
    size_t n = body.n < room ? body.n : room;
    if (n > 0) {
        memcpy(r->body + r->body_len, body.p, n);
    }
    r->body_len += n;
}

void http_read(struct http_reading *reading, const char *data, size_t len, size_t piece, bool end) {
    memset(reading, 0, sizeof *reading);
    thingpass_http_init(&reading->state);
    reading->state.field = thingpass_http_range;
    while (reading->used < len && !thingpass_http_is_complete(&reading->state)) {
        size_t left = len - reading->used;
        struct thingpass_span body;
        int n = thingpass_http_feed(&reading->state, data + reading->used,
                                    left < piece ? left : piece, &body);
        if (n < 0) {
            reading->err = n;
            return;
        }
        keep_body(reading, body);
        reading->used += (size_t)n;
    }
    if (end) {
        thingpass_http_feed_end(&reading->state);
    }
}

#ifdef THINGPASS_TESTS_NO_HTTP_PARSER

// Where there is no such library the judge has no objection; the tests of our
// parser alone are run all the same.
const char *http_judge(const struct http_reading *ours, const char *data, size_t len) {
    (void)ours;
    (void)data;
    (void)len;
    return NULL;
}

#else

#include <http_parser.h>

// What http_parser tells.
struct hearing {
    bool complete;
    bool keep_alive;
    unsigned status;
    struct http_reading body; // only its body is used
};

static int on_body(http_parser *p, const char *at, size_t n) {
    struct hearing *h = p->data;
    struct thingpass_span body = {at, n};
    keep_body(&h->body, body);
    return 0;
}

static int on_headers_complete(http_parser *p) {
    struct hearing *h = p->data;
    h->keep_alive = http_should_keep_alive(p) != 0;
    // It leaves it to us to say that these have no body, whatever their length.
    return p->status_code == 204 || p->status_code == 304;
}

static int on_message_complete(http_parser *p) {
    struct hearing *h = p->data;
    if (p->status_code < 200) {
        return 0;
    }
    h->complete = true;
    h->status = p->status_code;
    http_parser_pause(p, 1);
    return 0;
}

// http_parser 2.9.4 takes "Transfer-Encoding!" for the header that it only begins
// with, and is no judge then.
static bool is_misread(const char *data, size_t len) {
    static const char name[] = "transfer-encoding";
    for (size_t i = 0; i + sizeof name <= len; i++) {
        struct thingpass_span at = {data + i, sizeof name - 1};
        if (thingpass_span_is_nocase(at, name) && data[i + sizeof name - 1] != ':') {
            return true;
        }
    }
    return false;
}

const char *http_judge(const struct http_reading *ours, const char *data, size_t len) {
    static struct hearing h;
    memset(&h, 0, sizeof h);
    if (ours->err < 0 || !thingpass_http_is_complete(&ours->state) || is_misread(data, len)) {
        return NULL;
    }
    http_parser parser;
    http_parser_settings settings;
    http_parser_init(&parser, HTTP_RESPONSE);
    http_parser_settings_init(&settings);
    parser.data = &h;
    settings.on_body = on_body;
    settings.on_headers_complete = on_headers_complete;
    settings.on_message_complete = on_message_complete;
    size_t used = http_parser_execute(&parser, &settings, data, len);
    if (!h.complete && used == len) {
        (void)http_parser_execute(&parser, &settings, data, 0); // the connection ended
    }
    if (!h.complete) {
        return http_errno_description(HTTP_PARSER_ERRNO(&parser));
    }
    if (h.status != ours->state.status) {
        return "another status";
    }
    if (h.body.body_len != ours->body_len || memcmp(h.body.body, ours->body, ours->body_len) != 0) {
        return "another body";
    }
    return thingpass_http_may_reuse(&ours->state) && !h.keep_alive ? "no keep-alive" : NULL;
}

#endif
