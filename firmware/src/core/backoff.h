// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#ifndef THINGPASS_CORE_BACKOFF_H
#define THINGPASS_CORE_BACKOFF_H

#include <stdint.h>

#include "thingpass/port.h"

// The wait before attempt n + 1 (n from 0): first_ms, doubled n times up to
// max_ms, plus up to half of it at random, so that things that failed together
// do not come back together [P-9.1].
uint32_t thingpass_backoff_ms(const struct thingpass_random *random, uint32_t first_ms,
                              uint32_t max_ms, unsigned n);

// least_ms plus up to half of it at random [P-9.4].
uint32_t thingpass_jitter_ms(const struct thingpass_random *random, uint32_t least_ms);

#endif
