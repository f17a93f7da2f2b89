// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The head of a request, made piece by piece: with a session token it is longer
// than the chunk buffer, so it never stands in memory as a whole.

#ifndef THINGPASS_CORE_HTTP_REQUEST_H
#define THINGPASS_CORE_HTTP_REQUEST_H

#include "text.h"

struct thingpass_http_request {
    const char *method;
    struct thingpass_span target; // path and query
    struct thingpass_span host;
    uint16_t port; // named in Host where it is not the default
    bool tls;
    struct thingpass_span headers; // "Name: value\r\n" lines
    int64_t length;                // of the body; of a GET, the byte from which on it
                                   // is wanted; < 0: neither
};

// Writes up to cap bytes of the head from offset on. Returns how many; 0 when
// offset is its end.
size_t thingpass_http_put_head(const struct thingpass_http_request *request, size_t offset,
                               char *buf, size_t cap);

#endif
