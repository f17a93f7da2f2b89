// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_ESP_IDF_LWIP_TCP_H
#define THINGPASS_ESP_IDF_LWIP_TCP_H

#include <stdbool.h>
#include <stdint.h>

struct addrinfo;

// A TCP connection that never blocks, apart from looking the name up, which may
// take lwIP some seconds; it keeps what it found for as long as DNS allows.
struct thingpass_lwip_tcp {
    int fd;                     // -1 while closed
    struct addrinfo *addresses; // NULL when connected
    struct addrinfo *trying;
    int error; // errno of the last THINGPASS_EIO; 0: the name was not found
};

void thingpass_lwip_tcp_init(struct thingpass_lwip_tcp *tcp);

// Connects to host:port, one address after the other. Returns THINGPASS_OK,
// THINGPASS_EAGAIN (call it again when fd is writable) or THINGPASS_EIO. After
// either of the last two, close frees what is held.
int thingpass_lwip_tcp_open(struct thingpass_lwip_tcp *tcp, const char *host, uint16_t port);

void thingpass_lwip_tcp_close(struct thingpass_lwip_tcp *tcp);

// Closes with a reset where lwIP can (CONFIG_LWIP_SO_LINGER), so that the other
// end sees the link break.
void thingpass_lwip_tcp_cut(struct thingpass_lwip_tcp *tcp);

// Waits until the socket can be read from (or written to), for timeout_ms.
void thingpass_lwip_tcp_wait(const struct thingpass_lwip_tcp *tcp, bool read, bool write,
                             uint32_t timeout_ms);

#endif
