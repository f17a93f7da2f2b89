// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "clock.h"

#include "text.h"

bool thingpass_time_is_sane(int64_t s) {
    return s >= 1577836800 && s <= 253402300799;
}

void thingpass_clock_set(struct thingpass_clock_state *clock, int64_t unix_s, uint64_t now_ms) {
    clock->known = true;
    clock->offset_ms = unix_s * 1000 - (int64_t)now_ms;
}

int64_t thingpass_clock_at(const struct thingpass_clock_state *clock, uint64_t at_ms) {
    if (!clock->known || at_ms > INT64_MAX / 2) {
        return 0;
    }
    int64_t ms = clock->offset_ms + (int64_t)at_ms;
    uint64_t s = ms > 0 ? (uint64_t)ms : 0;
    (void)thingpass_divide(&s, 1000);
    return thingpass_time_is_sane((int64_t)s) ? (int64_t)s : 0;
}
