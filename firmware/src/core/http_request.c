// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "http_request.h"

#include "window.h"

// The port is left out where it is the scheme's own, as it was signed [P-4.2].
static void put_host(struct thingpass_window *w, const struct thingpass_http_request *r) {
    thingpass_window_text(w, " HTTP/1.1\r\nHost: ");
    thingpass_window_put(w, r->host);
    if (r->port != (r->tls ? 443 : 80)) {
        thingpass_window_text(w, ":");
        thingpass_window_u64(w, r->port);
    }
    thingpass_window_text(w, "\r\n");
}

// The body's length, or the range that is wanted.
static void put_length(struct thingpass_window *w, const struct thingpass_http_request *r) {
    if (r->length >= 0) {
        bool get = *r->method == 'G';
        thingpass_window_text(w, get ? "Range: bytes=" : "Content-Length: ");
        thingpass_window_u64(w, (uint64_t)r->length);
        thingpass_window_text(w, get ? "-\r\n" : "\r\n");
    }
}

size_t thingpass_http_put_head(const struct thingpass_http_request *request, size_t offset,
                               char *buf, size_t cap) {
    struct thingpass_window w = {offset, buf, cap, 0, 0};
    thingpass_window_text(&w, request->method);
    thingpass_window_text(&w, " ");
    thingpass_window_put(&w, request->target);
    put_host(&w, request);
    thingpass_window_put(&w, request->headers);
    put_length(&w, request);
    thingpass_window_text(&w, "\r\n");
    return w.len;
}
