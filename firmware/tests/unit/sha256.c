// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "sha256.h"

#include <string.h>

static uint32_t rotate(uint32_t x, unsigned n) {
    return x >> n | x << (32 - n);
}

// FIPS 180-4, section 6.2.2.
static void hash_block(struct sha256_state *s) {
    static const uint32_t k[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2};
    static uint32_t w[64]; // not on the stack: that of the core is measured with it
    static uint32_t v[8];
    for (unsigned i = 0; i < 16; i++) {
        w[i] = (uint32_t)s->block[i * 4] << 24 | (uint32_t)s->block[i * 4 + 1] << 16 |
               (uint32_t)s->block[i * 4 + 2] << 8 | s->block[i * 4 + 3];
    }
    for (unsigned i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    memcpy(v, s->h, sizeof v);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
        uint32_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
        uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
        uint32_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (unsigned i = 0; i < 8; i++) {
        s->h[i] += v[i];
    }
    s->blocks++;
}

static bool fails(struct sha256_state *s) {
    s->calls++;
    return s->fails_after != 0 && s->calls > s->fails_after;
}

static int init(void *ctx) {
    static const uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    struct sha256_state *s = ctx;
    memcpy(s->h, h, sizeof h);
    s->len = 0;
    s->inits++;
    s->begun = true;
    return fails(s) ? -77 : THINGPASS_OK;
}

static int update(void *ctx, const void *data, size_t len) {
    struct sha256_state *s = ctx;
    const uint8_t *p = data;
    s->updates++;
    if (fails(s) || !s->begun) {
        return -78;
    }
    for (size_t i = 0; i < len; i++) {
        s->block[s->len++ % sizeof s->block] = p[i];
        if (s->len % sizeof s->block == 0) {
            hash_block(s);
        }
    }
    return THINGPASS_OK;
}

static int final(void *ctx, uint8_t sum[32]) {
    struct sha256_state *s = ctx;
    uint64_t bits = s->len * 8;
    if (fails(s) || !s->begun) {
        return -79;
    }
    s->begun = false;
    size_t at = s->len % sizeof s->block;
    s->block[at++] = 0x80;
    if (at > 56) {
        memset(s->block + at, 0, sizeof s->block - at);
        hash_block(s);
        at = 0;
    }
    memset(s->block + at, 0, 56 - at);
    for (unsigned i = 0; i < 8; i++) {
        s->block[63 - i] = (uint8_t)(bits >> (8 * i));
    }
    hash_block(s);
    for (unsigned i = 0; i < 32; i++) {
        sum[i] = (uint8_t)(s->h[i / 4] >> (24 - i % 4 * 8));
    }
    return THINGPASS_OK;
}

struct thingpass_sha256 sha256_port(struct sha256_state *state) {
    const struct thingpass_sha256 port = {state, init, update, final};
    return port;
}
