// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A real SHA-256 behind the port's interface, in plain C, for tests: slow, without
// libraries, and strict about the order of calls.

#ifndef THINGPASS_TESTS_SHA256_H
#define THINGPASS_TESTS_SHA256_H

#include "thingpass/port.h"

struct sha256_state {
    uint32_t h[8];
    uint8_t block[64];
    uint64_t len;
    bool begun;           // update and final without it are refused
    unsigned inits;       // messages begun
    unsigned updates;     // calls
    unsigned blocks;      // hashed
    unsigned fails_after; // so many calls succeed, the next ones fail; 0: all succeed
    unsigned calls;
};

// The port's struct over that state, which must be zero at first.
struct thingpass_sha256 sha256_port(struct sha256_state *state);

#endif
