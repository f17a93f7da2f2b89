// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_LINK_DELAY_H
#define THINGPASS_POSIX_LINK_DELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "thingpass/port.h"

// What a server sent is on its way for a while before it can be read: a whole
// round trip, for what we send passes at once. As much as a TCP window is under
// way at a time.
struct thingpass_link_delay {
    uint64_t ms;
    size_t begin; // of what is under way
    size_t end;
    struct {
        size_t end; // of what arrives then
        uint64_t due_ms;
    } arrivals[64];
    size_t arrival_count;
    bool ended; // the server will send no more: a close, or a fault
    int verdict;
    uint64_t ended_due_ms;
    uint8_t bytes[65536];
};

// Forgets what is under way: there is a new connection.
void thingpass_link_delay_reset(struct thingpass_link_delay *delay);

// Reads from stream as port.h says. After THINGPASS_EAGAIN *wake_ms is when
// something arrives, or unchanged if nothing is under way.
int thingpass_link_delay_read(struct thingpass_link_delay *delay,
                              const struct thingpass_stream *stream, void *buffer, size_t cap,
                              uint64_t now_ms, uint64_t *wake_ms);

#endif
