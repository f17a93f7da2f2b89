// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "http_request.h"

#include <string.h>

// Copies what of piece lies behind *skip and fits; returns how much that is.
static size_t copy_part(struct thingpass_span piece, size_t *skip, char *buf, size_t cap) {
    if (*skip >= piece.n) {
        *skip -= piece.n;
        return 0;
    }
    size_t n = piece.n - *skip < cap ? piece.n - *skip : cap;
    memcpy(buf, piece.p + *skip, n);
    *skip = 0;
    return n;
}

// What follows the host: ":port" unless it is the scheme's own, as it was
// signed [P-4.2], and the body's length or the range that is wanted.
static struct thingpass_span port_text(const struct thingpass_http_request *r, char *buf,
                                       size_t cap) {
    struct thingpass_writer w = {buf, cap, 0};
    if (r->port != (r->tls ? 443 : 80)) {
        thingpass_put_text(&w, ":");
        thingpass_put_u64(&w, r->port);
    }
    struct thingpass_span s = {buf, w.len};
    return s;
}

static struct thingpass_span length_text(const struct thingpass_http_request *r, char *buf,
                                         size_t cap) {
    struct thingpass_writer w = {buf, cap, 0};
    if (r->length >= 0) {
        bool get = *r->method == 'G';
        thingpass_put_text(&w, get ? "Range: bytes=" : "Content-Length: ");
        thingpass_put_u64(&w, (uint64_t)r->length);
        thingpass_put_text(&w, get ? "-\r\n" : "\r\n");
    }
    struct thingpass_span s = {buf, w.len};
    return s;
}

size_t thingpass_http_put_head(const struct thingpass_http_request *request, size_t offset,
                               char *buf, size_t cap) {
    char port[8];
    char length[40];
    const struct thingpass_span pieces[] = {
        thingpass_span_of(request->method),
        thingpass_span_of(" "),
        request->target,
        thingpass_span_of(" HTTP/1.1\r\nHost: "),
        request->host,
        port_text(request, port, sizeof port),
        thingpass_span_of("\r\n"),
        request->headers,
        length_text(request, length, sizeof length),
        thingpass_span_of("\r\n"),
    };
    size_t len = 0;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces && len < cap; i++) {
        len += copy_part(pieces[i], &offset, buf + len, cap - len);
    }
    return len;
}
