// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "backoff.h"

uint32_t thingpass_backoff_ms(const struct thingpass_random *random, uint32_t first_ms,
                              uint32_t max_ms, unsigned n) {
    uint32_t wait = first_ms < max_ms ? first_ms : max_ms;
    for (; n > 0 && wait < max_ms; n--) {
        wait = wait > max_ms / 2 ? max_ms : wait * 2;
    }
    return thingpass_jitter_ms(random, wait);
}

uint32_t thingpass_jitter_ms(const struct thingpass_random *random, uint32_t least_ms) {
    uint32_t r = 0;
    if (random->fill(random->ctx, &r, sizeof r) < 0) {
        r = 0; // no jitter is no reason to stop
    }
    uint32_t extra = r % (least_ms / 2 + 1);
    return least_ms > UINT32_MAX - extra ? UINT32_MAX : least_ms + extra;
}
