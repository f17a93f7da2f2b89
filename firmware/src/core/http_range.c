// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "http_range.h"

// Reads what has this form, where # is a number.
static bool scan(struct thingpass_span s, const char *form, uint64_t *number) {
    for (; *form != '\0'; form++) {
        size_t used = 0;
        bool ok = s.n > 0 && *s.p == *form;
        if (*form == '#') {
            while (used < s.n && thingpass_is_digit(s.p[used])) {
                used++;
            }
            const struct thingpass_span digits = {s.p, used};
            ok = thingpass_span_u64(digits, number++);
        }
        if (!ok) {
            return false;
        }
        used = used > 0 ? used : 1;
        s.p += used;
        s.n -= used;
    }
    return s.n == 0;
}

void thingpass_http_range(struct thingpass_http_response *r, struct thingpass_span name,
                          struct thingpass_span value) {
    uint64_t n[3]; // first, last, size
    if (!thingpass_span_is_nocase(name, "content-range")) {
        return;
    }
    bool ok = r->ranges == 0 && scan(value, "bytes #-#/#", n) && n[0] <= n[1] && n[1] < n[2] &&
              n[2] <= UINT32_MAX;
    r->ranges = ok ? 1 : 2;
    if (ok) {
        r->range_first = (uint32_t)n[0];
        r->range_size = (uint32_t)n[2];
    }
}
