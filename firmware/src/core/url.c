// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "url.h"

#include <string.h>

static bool take(struct thingpass_span *s, const char *prefix) {
    size_t n = strlen(prefix);
    if (s->n < n || memcmp(s->p, prefix, n) != 0) {
        return false;
    }
    s->p += n;
    s->n -= n;
    return true;
}

static bool take_scheme(struct thingpass_url *url, struct thingpass_span *rest, bool allow_plain) {
    if (take(rest, "https://")) {
        url->tls = true;
        url->port = 443;
        return true;
    }
    url->tls = false;
    url->port = 80;
    return allow_plain && take(rest, "http://");
}

static struct thingpass_span take_host(struct thingpass_span *rest) {
    struct thingpass_span host = {rest->p, 0};
    while (rest->n > 0 && thingpass_is(*rest->p, THINGPASS_HOST)) {
        host.n++;
        rest->p++;
        rest->n--;
    }
    return host;
}

static bool take_port(struct thingpass_url *url, struct thingpass_span *rest) {
    if (!take(rest, ":")) {
        return true;
    }
    struct thingpass_span digits = {rest->p, 0};
    while (rest->n > 0 && thingpass_is_digit(*rest->p)) {
        digits.n++;
        rest->p++;
        rest->n--;
    }
    uint64_t port = 0;
    if (digits.n > 5 || !thingpass_span_u64(digits, &port) || *digits.p == '0' || port > 65535) {
        return false;
    }
    url->port = (uint16_t)port;
    return true;
}

// Scheme, host and port; the rest is the target.
static bool parse(struct thingpass_url *url, struct thingpass_span rest, bool allow_plain) {
    memset(url, 0, sizeof *url);
    if (!take_scheme(url, &rest, allow_plain)) {
        return false;
    }
    url->host = take_host(&rest);
    if (url->host.n == 0 || url->host.n > 253 || !take_port(url, &rest)) {
        return false;
    }
    url->target = rest;
    return true;
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
