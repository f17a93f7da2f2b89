// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "posix_world.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

uint64_t thingpass_posix_now_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t now_ms(void *ctx) {
    (void)ctx;
    return thingpass_posix_now_ms();
}

static int fill(void *ctx, void *buffer, size_t length) {
    (void)ctx;
    uint8_t *at = buffer;
    while (length > 0) {
        ssize_t n = getrandom(at, length, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return THINGPASS_EIO;
        }
        at += n;
        length -= (size_t)n;
    }
    return THINGPASS_OK;
}

const struct thingpass_clock thingpass_posix_clock = {.now_ms = now_ms};
const struct thingpass_random thingpass_posix_random = {.fill = fill};

#endif
