// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_TCP_H
#define THINGPASS_POSIX_TCP_H

#include <netdb.h>
#include <stdint.h>

#include "thingpass/error.h"
#include "why.h"

// A TCP connection that never blocks, apart from looking the name up.
struct thingpass_tcp {
    int fd;                     // -1 while closed
    struct addrinfo *addresses; // what is left to try; NULL when connected
    struct addrinfo *trying;
};

void thingpass_tcp_init(struct thingpass_tcp *tcp);

// Connects to host:port, one address after the other. Returns THINGPASS_OK,
// THINGPASS_EAGAIN (call it again when fd is writable) or THINGPASS_EIO. After
// either of the last two, thingpass_tcp_close frees what is held.
int thingpass_tcp_open(struct thingpass_tcp *tcp, const char *host, uint16_t port,
                       struct thingpass_why *why);

void thingpass_tcp_close(struct thingpass_tcp *tcp);

// Closes with a reset, so that the other end sees the link break.
void thingpass_tcp_cut(struct thingpass_tcp *tcp);

#endif
