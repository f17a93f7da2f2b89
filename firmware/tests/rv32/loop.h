// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The core with a port of memory alone: a broker that answers at once from the
// wire vectors, an S3 that takes everything. Each call into the core is measured,
// without what the port's functions take.

#ifndef THINGPASS_TESTS_RV32_LOOP_H
#define THINGPASS_TESTS_RV32_LOOP_H

#include "sha256.h"
#include "thingpass/thingpass.h"

enum { loop_tallies = 16, loop_head = 4096, loop_message = 6000 };

// All calls of one kind: "init", "start", "reply" (thingpass_receive, to a question),
// "confirm" (the same, to a report), or the phase that a step was made in.
struct loop_tally {
    const char *call;
    uint32_t insns; // of all
    uint32_t stack; // of the deepest, the port's functions included
};

struct loop {
    struct thingpass tp;
    struct thingpass_config config;
    struct thingpass_object object;
    struct thingpass_source source;
    struct thingpass_stream stream;
    struct thingpass_mqtt mqtt;
    struct thingpass_clock clock;
    struct thingpass_random random;
    struct thingpass_sha256 sha256;
    uint8_t reply[THINGPASS_REPLY_SIZE_PASS];
    uint8_t chunk[THINGPASS_CHUNK_SIZE];

    const char *grant;  // the reply to the first question; its id is replaced
    const char *later;  // to all that follow; NULL: the same
    const char *answer; // S3's to each request

    struct loop_tally tally[loop_tallies];
    uint64_t inside; // instructions that the port took
    uint32_t insns;  // that the last call took
    int said;        // by the last call

    // Under way.
    struct sha256_state hash;
    struct thingpass_sha256 hasher; // without the counting
    size_t read;
    char head[loop_head];
    size_t head_len, body_left, answer_sent;
    bool whole; // the request is
    bool asked, reported;
    char published[loop_message];
    char message[loop_message];
};

// Prepares a port; the fields above `tally` may be changed before loop_run.
void loop_init(struct loop *loop, size_t object_size);

// thingpass_init, as a call that is measured.
void loop_begin(struct loop *loop);

// Sends the object. Returns the result's err.
int loop_run(struct loop *loop);

const struct loop_tally *loop_tally_of(const struct loop *loop, const char *call);

#endif
