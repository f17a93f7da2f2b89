// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "url.h"

#include <string.h>

static void drop(struct thingpass_span *s, size_t n) {
    s->p += n;
    s->n -= n;
}

static bool take(struct thingpass_span *s, const char *prefix) {
    size_t n = strlen(prefix);
    if (s->n < n || memcmp(s->p, prefix, n) != 0) {
        return false;
    }
    drop(s, n);
    return true;
}

static bool take_scheme(struct thingpass_url *url, struct thingpass_span *rest, bool allow_plain) {
    url->tls = take(rest, "https://");
    url->port = url->tls ? 443 : 80;
    return url->tls || (allow_plain && take(rest, "http://"));
}

static bool take_host(struct thingpass_url *url, struct thingpass_span *rest) {
    url->host.p = rest->p;
    while (rest->n > 0 && thingpass_is(*rest->p, THINGPASS_HOST)) {
        drop(rest, 1);
    }
    url->host.n = (size_t)(rest->p - url->host.p);
    return url->host.n > 0 && url->host.n <= 253;
}

static bool take_port(struct thingpass_url *url, struct thingpass_span *rest) {
    uint32_t port = 0;
    if (!take(rest, ":")) {
        return true;
    }
    bool ok = rest->n > 0 && *rest->p != '0';
    while (rest->n > 0 && thingpass_is_digit(*rest->p)) {
        port = port * 10 + (uint32_t)(*rest->p - '0');
        ok = ok && port <= UINT16_MAX;
        drop(rest, 1);
    }
    url->port = (uint16_t)port;
    return ok && port > 0;
}

// Scheme, host and port; the rest is the target.
static bool parse(struct thingpass_url *url, struct thingpass_span text, bool allow_plain) {
    url->target = text;
    return take_scheme(url, &url->target, allow_plain) && take_host(url, &url->target) &&
           take_port(url, &url->target);
}

static int parsed(struct thingpass_url *url, bool ok) {
    if (ok) {
        return THINGPASS_OK;
    }
    memset(url, 0, sizeof *url);
    return THINGPASS_EURL;
}

int thingpass_url_parse(struct thingpass_url *url, struct thingpass_span text, bool allow_plain) {
    // A control character or a space here would let a reply forge a second request
    // line or header.
    bool ok = parse(url, text, allow_plain) &&
              thingpass_span_all(url->target, SIZE_MAX, THINGPASS_TARGET) && *url->target.p == '/';
    return parsed(url, ok);
}

int thingpass_url_origin(struct thingpass_url *url, struct thingpass_span text, bool allow_plain) {
    return parsed(url, parse(url, text, allow_plain) && url->target.n == 0);
}
