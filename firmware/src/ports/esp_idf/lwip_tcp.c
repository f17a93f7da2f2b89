// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

// Why not esp_tls_conn_new_async(): its sets for select() are empty after the
// first wait that timed out, so that it waits for ever (5.1 to 6.2).

#include "lwip_tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <lwip/netdb.h>
#include <lwip/sockets.h>
#include <sys/select.h>
#include <unistd.h>

#include "thingpass/error.h"

void thingpass_lwip_tcp_init(struct thingpass_lwip_tcp *tcp) {
    *tcp = (struct thingpass_lwip_tcp){.fd = -1};
}

static void forget_addresses(struct thingpass_lwip_tcp *tcp) {
    if (tcp->addresses != NULL) {
        freeaddrinfo(tcp->addresses);
    }
    tcp->addresses = NULL;
    tcp->trying = NULL;
}

static void close_socket(struct thingpass_lwip_tcp *tcp) {
    if (tcp->fd >= 0) {
        (void)close(tcp->fd);
    }
    tcp->fd = -1;
}

void thingpass_lwip_tcp_close(struct thingpass_lwip_tcp *tcp) {
    close_socket(tcp);
    forget_addresses(tcp);
}

void thingpass_lwip_tcp_cut(struct thingpass_lwip_tcp *tcp) {
    if (tcp->fd >= 0) {
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(tcp->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    thingpass_lwip_tcp_close(tcp);
}

static int resolve(struct thingpass_lwip_tcp *tcp, const char *host, uint16_t port) {
    char service[8];
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    if (getaddrinfo(host, service, &hints, &tcp->addresses) != 0 || tcp->addresses == NULL) {
        tcp->addresses = NULL;
        tcp->error = 0;
        return THINGPASS_EIO;
    }
    tcp->trying = tcp->addresses;
    return THINGPASS_OK;
}

// Starts connecting to the address that is being tried. Returns 0 when it is
// connected, EINPROGRESS, or what errno says.
static int start(struct thingpass_lwip_tcp *tcp) {
    const struct addrinfo *a = tcp->trying;
    tcp->fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
    if (tcp->fd < 0) {
        return errno;
    }
    int on = 1;
    (void)setsockopt(tcp->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int flags = fcntl(tcp->fd, F_GETFL, 0);
    if (flags < 0 || fcntl(tcp->fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        return errno;
    }
    return connect(tcp->fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
}

static int wait_for(int fd, bool read, bool write, uint32_t timeout_ms) {
    fd_set reading;
    fd_set writing;
    FD_ZERO(&reading);
    FD_ZERO(&writing);
    if (read) {
        FD_SET(fd, &reading);
    }
    if (write) {
        FD_SET(fd, &writing);
    }
    struct timeval t = {.tv_sec = (time_t)(timeout_ms / 1000),
                        .tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000)};
    return select(fd + 1, &reading, &writing, NULL, &t);
}

void thingpass_lwip_tcp_wait(const struct thingpass_lwip_tcp *tcp, bool read, bool write,
                             uint32_t timeout_ms) {
    (void)wait_for(tcp->fd, read, write, timeout_ms);
}

// Asks how the connection that is under way is doing, in the terms of start().
static int progress(const struct thingpass_lwip_tcp *tcp) {
    if (wait_for(tcp->fd, false, true, 0) == 0) {
        return EINPROGRESS;
    }
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(tcp->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

int thingpass_lwip_tcp_open(struct thingpass_lwip_tcp *tcp, const char *host, uint16_t port) {
    if (tcp->fd >= 0 && tcp->addresses == NULL) {
        return THINGPASS_OK;
    }
    if (tcp->addresses == NULL && resolve(tcp, host, port) != THINGPASS_OK) {
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
            tcp->error = error;
            return THINGPASS_EIO;
        }
        error = start(tcp);
    }
    forget_addresses(tcp);
    return THINGPASS_OK;
}

#endif
