// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_WORLD_H
#define THINGPASS_POSIX_WORLD_H

#include <mbedtls/sha256.h>

#include "thingpass/port.h"

// The parts of port.h that need no network.

// CLOCK_MONOTONIC.
extern const struct thingpass_clock thingpass_posix_clock;

// The kernel's random generator.
extern const struct thingpass_random thingpass_posix_random;

// Milliseconds on thingpass_posix_clock.
uint64_t thingpass_posix_now_ms(void);

// SHA-256 by mbedTLS. It keeps the last sum that was finished.
struct thingpass_posix_sha256 {
    struct thingpass_sha256 port; // hand &port to the core
    mbedtls_sha256_context state;
    uint8_t sum[32];
    bool finished; // sum is one; the caller clears it
};

// The struct must not move in memory until it is freed.
void thingpass_posix_sha256_init(struct thingpass_posix_sha256 *sha256);
void thingpass_posix_sha256_free(struct thingpass_posix_sha256 *sha256);

#endif
