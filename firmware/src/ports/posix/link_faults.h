// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_LINK_FAULTS_H
#define THINGPASS_POSIX_LINK_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "thingpass/port.h"
#include "tls_stream.h"

// A bad link in front of a TLS stream: slow, or cut in the middle. Only what is
// sent counts, without TLS's own bytes.
struct thingpass_link_faults {
    struct thingpass_stream port; // hand &port to the core
    struct thingpass_tls_stream *stream;
    uint64_t rate;      // bytes per second; 0: as fast as it goes
    uint64_t cut_after; // bytes on one connection; 0: never
    unsigned cuts;      // connections still to cut

    uint64_t sent;     // on this connection
    uint64_t since_ms; // when the allowance was last counted
    double allowance;  // bytes that may go out now
    uint64_t wake_ms;  // when there is allowance again; 0: not waiting for it
    size_t promised;   // length of a write that has to be repeated as it was
};

// The faults must not move in memory; stream must outlive them.
void thingpass_link_faults_init(struct thingpass_link_faults *faults,
                                struct thingpass_tls_stream *stream, uint64_t rate,
                                uint64_t cut_after, unsigned cuts);

#endif
