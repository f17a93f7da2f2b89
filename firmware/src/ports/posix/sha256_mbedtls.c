// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include <string.h>

#include <mbedtls/version.h>

#include "posix_world.h"

// mbedTLS 2.28 calls the functions with a result ..._ret; 3.0 dropped the suffix.
#if MBEDTLS_VERSION_MAJOR >= 3
#define mbedtls_sha256_starts_ret mbedtls_sha256_starts
#define mbedtls_sha256_update_ret mbedtls_sha256_update
#define mbedtls_sha256_finish_ret mbedtls_sha256_finish
#endif

static int init(void *ctx) {
    struct thingpass_posix_sha256 *h = ctx;
    return mbedtls_sha256_starts_ret(&h->state, 0) == 0 ? THINGPASS_OK : THINGPASS_EIO;
}

static int update(void *ctx, const void *data, size_t length) {
    struct thingpass_posix_sha256 *h = ctx;
    return mbedtls_sha256_update_ret(&h->state, data, length) == 0 ? THINGPASS_OK : THINGPASS_EIO;
}

static int final(void *ctx, uint8_t sum[32]) {
    struct thingpass_posix_sha256 *h = ctx;
    if (mbedtls_sha256_finish_ret(&h->state, sum) != 0) {
        return THINGPASS_EIO;
    }
    memcpy(h->sum, sum, sizeof h->sum);
    h->finished = true;
    return THINGPASS_OK;
}

void thingpass_posix_sha256_init(struct thingpass_posix_sha256 *sha256) {
    memset(sha256, 0, sizeof *sha256);
    sha256->port = (struct thingpass_sha256){sha256, init, update, final};
    mbedtls_sha256_init(&sha256->state);
}

void thingpass_posix_sha256_free(struct thingpass_posix_sha256 *sha256) {
    mbedtls_sha256_free(&sha256->state);
}

#endif
