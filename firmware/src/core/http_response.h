// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The answer to a request: HTTP/1.x, read as it comes, in no buffer but its
// own few bytes.
//
// Our own parser rather than http_parser, which ESP-IDF has: Debian has that
// for the host only, so the core could not be run on the ESP32's instruction
// set; its 2,500 lines are for servers as well; and it is kinder than we want
// to be. This one refuses what a good server never sends: bare line feeds,
// folded headers, two lengths, a length with chunks, trailers. http_parser judges it in
// the tests: whatever this one takes, that one must take and read alike.

#ifndef THINGPASS_CORE_HTTP_RESPONSE_H
#define THINGPASS_CORE_HTTP_RESPONSE_H

#include "text.h"

void thingpass_http_init(struct thingpass_http_response *r);

// Reads from data[0..len), len > 0, until something is worth returning for: body bytes, the
// end of the response, or the end of data. Returns how many bytes it used (> 0,
// unless the response is complete), or THINGPASS_EHTTP. *body is what of them
// is body, often nothing. Informational responses (1xx) are skipped.
int thingpass_http_feed(struct thingpass_http_response *r, const char *data, size_t len,
                        struct thingpass_span *body);

// Tells that the connection has ended, which completes a response without
// length.
void thingpass_http_feed_end(struct thingpass_http_response *r);

// Whether status and headers are all there.
bool thingpass_http_has_head(const struct thingpass_http_response *r);

// Whether nothing is missing.
bool thingpass_http_is_complete(const struct thingpass_http_response *r);

// Whether the connection can carry another request after this response.
bool thingpass_http_may_reuse(const struct thingpass_http_response *r);

#endif
