// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Text that is longer than the buffer at hand: it is made anew for each piece, from
// its beginning, and only what falls into the window stays.

#ifndef THINGPASS_CORE_WINDOW_H
#define THINGPASS_CORE_WINDOW_H

#include "text.h"

struct thingpass_window {
    size_t skip; // bytes still to come before the window
    char *buf;
    size_t cap;
    size_t len;   // bytes in buf
    size_t total; // bytes put in all
};

void thingpass_window_put(struct thingpass_window *w, struct thingpass_span s);
void thingpass_window_text(struct thingpass_window *w, const char *text);
void thingpass_window_u64(struct thingpass_window *w, uint64_t value);

#endif
