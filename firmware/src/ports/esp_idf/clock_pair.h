// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_ESP_IDF_CLOCK_PAIR_H
#define THINGPASS_ESP_IDF_CLOCK_PAIR_H

#include <stdint.h>

// What the time was, and what a counter said then that deep sleep does not stop.
// It lies in memory that deep sleep keeps and anything else wipes or garbles.
struct thingpass_clock_pair {
    uint32_t mark; // what makes it a pair
    int64_t unix_s;
    uint64_t counter_us;
    uint32_t check;
};

void thingpass_clock_pair_set(struct thingpass_clock_pair *pair, int64_t unix_s,
                              uint64_t counter_us);

// What the time is now that the counter says counter_us. 0 if the pair is none, or
// if the counter has begun anew, or has run for more than a day: it may be an RC
// oscillator, which is off by some per cent.
int64_t thingpass_clock_pair_get(const struct thingpass_clock_pair *pair, uint64_t counter_us);

#endif
