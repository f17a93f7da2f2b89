// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The time of day, told by the broker: each reply carries its clock [P-4.1].
// The last reply wins, in either direction. That is good to a few seconds,
// which suffices for dates in keys; how long a grant lasts is never read off
// this clock, but counted from the moment it arrived.

#ifndef THINGPASS_CORE_CLOCK_H
#define THINGPASS_CORE_CLOCK_H

#include "thingpass/state.h"

// Whether s is a moment that a broker could mean: 2020 to 9999.
bool thingpass_time_is_sane(int64_t s);

// Takes it that at now_ms (port's clock) it was unix_s.
void thingpass_clock_set(struct thingpass_clock_state *clock, int64_t unix_s, uint64_t now_ms);

// What time it was at at_ms, which may lie before the clock was set.
// 0 when that is not known, or is not a sane moment.
int64_t thingpass_clock_at(const struct thingpass_clock_state *clock, uint64_t at_ms);

#endif
