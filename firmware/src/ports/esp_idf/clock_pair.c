// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Nothing of ESP-IDF here: tests/esp runs it on a PC.

#include "clock_pair.h"

enum { mark = 0x74705443, longest_s = 24 * 3600 };

// Not against anybody: against what was never written.
static uint32_t check(const struct thingpass_clock_pair *p) {
    uint64_t sum = (uint64_t)p->unix_s * 0x9E3779B97F4A7C15u ^ p->counter_us * 0xC2B2AE3D27D4EB4Fu;
    return (uint32_t)(sum >> 32) ^ (uint32_t)sum ^ p->mark;
}

void thingpass_clock_pair_set(struct thingpass_clock_pair *pair, int64_t unix_s,
                              uint64_t counter_us) {
    pair->mark = mark;
    pair->unix_s = unix_s;
    pair->counter_us = counter_us;
    pair->check = check(pair);
}

int64_t thingpass_clock_pair_get(const struct thingpass_clock_pair *pair, uint64_t counter_us) {
    if (pair->mark != mark || pair->check != check(pair) || counter_us < pair->counter_us) {
        return 0;
    }
    uint64_t passed_s = (counter_us - pair->counter_us) / 1000000;
    return passed_s <= longest_s ? pair->unix_s + (int64_t)passed_s : 0;
}
