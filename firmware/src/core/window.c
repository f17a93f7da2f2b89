// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "window.h"

#include <string.h>

void thingpass_window_put(struct thingpass_window *w, struct thingpass_span s) {
    w->total += s.n;
    if (w->skip >= s.n) {
        w->skip -= s.n;
        return;
    }
    size_t left = s.n - w->skip;
    size_t room = w->cap - w->len;
    size_t n = left < room ? left : room;
    if (n > 0) {
        memcpy(w->buf + w->len, s.p + w->skip, n);
    }
    w->len += n;
    w->skip = 0;
}

void thingpass_window_text(struct thingpass_window *w, const char *text) {
    thingpass_window_put(w, thingpass_span_of(text));
}

void thingpass_window_u64(struct thingpass_window *w, uint64_t value) {
    char digits[20];
    struct thingpass_writer writer = {digits, sizeof digits, 0};
    thingpass_put_u64(&writer, value);
    const struct thingpass_span s = {digits, writer.len};
    thingpass_window_put(w, s);
}
