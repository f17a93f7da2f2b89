// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void thingpass_tcp_init(struct thingpass_tcp *tcp) {
    *tcp = (struct thingpass_tcp){.fd = -1};
}

static void forget_addresses(struct thingpass_tcp *tcp) {
    if (tcp->addresses != NULL) {
        freeaddrinfo(tcp->addresses);
    }
    tcp->addresses = NULL;
    tcp->trying = NULL;
}

static void close_socket(struct thingpass_tcp *tcp) {
    if (tcp->fd >= 0) {
        (void)close(tcp->fd);
    }
    tcp->fd = -1;
}

void thingpass_tcp_close(struct thingpass_tcp *tcp) {
    close_socket(tcp);
    forget_addresses(tcp);
}

void thingpass_tcp_cut(struct thingpass_tcp *tcp) {
    if (tcp->fd >= 0) {
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(tcp->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    thingpass_tcp_close(tcp);
}

static int resolve(struct thingpass_tcp *tcp, const char *host, uint16_t port,
                   struct thingpass_why *why) {
    char service[8];
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    int rc = getaddrinfo(host, service, &hints, &tcp->addresses);
    if (rc != 0) {
        tcp->addresses = NULL;
        return thingpass_fail(why, THINGPASS_EIO, "look up %s: %s; check the name and the network",
                              host, gai_strerror(rc));
    }
    tcp->trying = tcp->addresses;
    return THINGPASS_OK;
}

// Starts connecting to the address that is being tried. Returns 0 when it is
// connected, EINPROGRESS, or what errno says.
static int start(struct thingpass_tcp *tcp) {
    const struct addrinfo *a = tcp->trying;
    tcp->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (tcp->fd < 0) {
        return errno;
    }
    int on = 1;
    (void)setsockopt(tcp->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connect(tcp->fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
}

// Asks how the connection that is under way is doing, in the same terms.
static int progress(const struct thingpass_tcp *tcp) {
    struct pollfd p = {.fd = tcp->fd, .events = POLLOUT};
    if (poll(&p, 1, 0) == 0) {
        return EINPROGRESS;
    }
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(tcp->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

int thingpass_tcp_open(struct thingpass_tcp *tcp, const char *host, uint16_t port,
                       struct thingpass_why *why) {
    if (tcp->fd >= 0 && tcp->addresses == NULL) {
        return THINGPASS_OK;
    }
    if (tcp->addresses == NULL && resolve(tcp, host, port, why) != THINGPASS_OK) {
        return THINGPASS_EIO;
    }
    int error = tcp->fd >= 0 ? progress(tcp) : start(tcp);
    while (error != 0) {
        if (error == EINPROGRESS) {
            return THINGPASS_EAGAIN;
        }
        close_socket(tcp);
        tcp->trying = tcp->trying->ai_next;
        if (tcp->trying == NULL) {
            return thingpass_fail(why, THINGPASS_EIO,
                                  "connect to %s:%u: %s; is the server running?", host,
                                  (unsigned)port, strerror(error));
        }
        error = start(tcp);
    }
    forget_addresses(tcp);
    return THINGPASS_OK;
}

#endif
