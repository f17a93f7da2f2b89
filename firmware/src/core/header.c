// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "header.h"

#include <string.h>

bool thingpass_header_may_send(struct thingpass_span name, struct thingpass_span value) {
    static const char *const ours[] = {"host",       "content-length", "transfer-encoding",
                                       "connection", "expect",         "keep-alive",
                                       "te",         "trailer",        "upgrade"};
    if (!thingpass_span_all(name, 128, THINGPASS_TOKEN) ||
        (value.n > 0 && !thingpass_span_all(value, 2048, THINGPASS_PRINT))) {
        return false;
    }
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        if (thingpass_span_is_nocase(name, ours[i])) {
            return false;
        }
    }
    return true;
}

static bool begins_with_name(struct thingpass_span line, struct thingpass_span name) {
    if (line.n <= name.n || line.p[name.n] != ':') {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        if (thingpass_lower(line.p[i]) != thingpass_lower(name.p[i])) {
            return false;
        }
    }
    return true;
}

bool thingpass_header_is_in(struct thingpass_span lines, struct thingpass_span name) {
    while (lines.n > 0) {
        if (begins_with_name(lines, name)) {
            return true;
        }
        const char *end = memchr(lines.p, '\n', lines.n);
        size_t used = end == NULL ? lines.n : (size_t)(end - lines.p) + 1;
        lines.p += used;
        lines.n -= used;
    }
    return false;
}
