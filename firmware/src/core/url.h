// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#ifndef THINGPASS_CORE_URL_H
#define THINGPASS_CORE_URL_H

#include "text.h"

// The parts of "https://host:port/path?query", as spans of the same text.
struct thingpass_url {
    bool tls;
    uint16_t port;                // the scheme's default where there is none
    struct thingpass_span host;   // a name or an IPv4 address
    struct thingpass_span target; // path and query; begins with '/'
};

// Splits text and refuses what could do harm on the wire or what we do not
// need: other schemes, user info, fragments, IPv6 literals, and any byte that
// RFC 3986 does not allow in a URL. http only with allow_plain.
// Returns THINGPASS_OK or THINGPASS_EURL, and then *url is zero.
int thingpass_url_parse(struct thingpass_url *url, struct thingpass_span text, bool allow_plain);

// The same for "https://host:port" alone; the target is empty.
int thingpass_url_origin(struct thingpass_url *url, struct thingpass_span text, bool allow_plain);

#endif
