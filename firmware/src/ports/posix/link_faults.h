// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_LINK_FAULTS_H
#define THINGPASS_POSIX_LINK_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "link_delay.h"
#include "thingpass/port.h"
#include "tls_stream.h"

// What is wrong with a link. All zero: nothing is. Bytes are those of both ways,
// without TLS's own.
struct thingpass_link_settings {
    uint32_t rate;         // bytes per second; 0: as fast as it goes
    uint32_t latency_ms;   // added to each round trip, those of TCP and TLS too
    uint64_t cut_after;    // bytes on one connection; 0: never
    uint64_t cut_within;   // instead, a random number of bytes from 1 to this
    uint32_t cut_seed;     // of those numbers
    unsigned cuts;         // connections to cut so
    uint32_t cut_every_ms; // no connection lasts longer; 0: as long as it likes
};

// A bad link in front of a TLS stream: slow, far away, or cut in the middle.
struct thingpass_link_faults {
    struct thingpass_stream port; // hand &port to the core
    struct thingpass_tls_stream *stream;
    struct thingpass_link_settings settings;
    struct thingpass_link_delay delay;
    bool down;        // nothing gets through
    uint64_t wake_ms; // when to try again what returned THINGPASS_EAGAIN; 0: poll only

    bool opening;        // this connection's cut has been decided on
    uint64_t open_ms;    // when it has shaken hands, as far away as it is; 0: not yet
    uint64_t moved;      // bytes on this connection
    uint64_t cut_at;     // bytes; 0: it is not cut
    bool cut_the_answer; // not before the server answers
    uint64_t random;     // state of the generator
    uint64_t since_ms;   // when the allowance was last counted
    double allowance;    // bytes that may pass now
    size_t promised;     // length of a write that has to be repeated as it was
};

// The faults must not move in memory; stream must outlive them.
void thingpass_link_faults_init(struct thingpass_link_faults *faults,
                                struct thingpass_tls_stream *stream,
                                const struct thingpass_link_settings *settings);

#endif
