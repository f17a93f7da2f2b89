// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "http_range.h"

#include <string.h>

// Reads a number, and behind it the character end, or nothing at all if that is NUL.
static bool take_number(struct thingpass_span *s, char end, uint32_t *number) {
    struct thingpass_span digits = {s->p, 0};
    while (digits.n < s->n && thingpass_is_digit(s->p[digits.n])) {
        digits.n++;
    }
    uint64_t n;
    bool ok = thingpass_span_u64(digits, &n) && n <= UINT32_MAX &&
              (end == '\0' ? digits.n == s->n : digits.n < s->n && s->p[digits.n] == end);
    if (ok) {
        *number = (uint32_t)n;
        s->p += digits.n + 1; // at the end nobody looks any more
        s->n -= digits.n + 1;
    }
    return ok;
}

static bool read_range(struct thingpass_http_response *r, struct thingpass_span s) {
    static const char unit[] = "bytes ";
    enum { unit_len = sizeof unit - 1 };
    uint32_t last;
    if (s.n < unit_len || memcmp(s.p, unit, unit_len) != 0) {
        return false;
    }
    s.p += unit_len;
    s.n -= unit_len;
    return take_number(&s, '-', &r->range_first) && take_number(&s, '/', &last) &&
           take_number(&s, '\0', &r->range_size) && r->range_first <= last && last < r->range_size;
}

void thingpass_http_range(struct thingpass_http_response *r, struct thingpass_span name,
                          struct thingpass_span value) {
    if (thingpass_span_is_nocase(name, "content-range")) {
        r->ranges = r->ranges == 0 && read_range(r, value) ? 1 : 2;
    }
}
