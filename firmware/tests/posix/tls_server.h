// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_TESTS_TLS_SERVER_H
#define THINGPASS_TESTS_TLS_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>

#include "mint.h"

// How the server treats each connection after the handshake.
enum tls_server_manners {
    TLS_SERVER_ECHO,        // sends back what it gets, then close_notify
    TLS_SERVER_ANSWER,      // sends back what it gets until the client has enough
    TLS_SERVER_HANG_UP,     // sends back once, then closes TCP without a word
    TLS_SERVER_SINK_SLOWLY, // waits for `go`, then reads to the end
    TLS_SERVER_HASTY_MQTT,  // says CONNACK and SUBACK at once, then nothing
    TLS_SERVER_NO_TLS,      // answers the first bytes with plain text
};

// A TLS 1.2 server on 127.0.0.1 in a thread of its own.
struct tls_server {
    enum tls_server_manners manners;
    const struct mint *ca;
    struct mint *leaf;
    uint16_t port;

    atomic_int handshakes;  // that went well
    atomic_int application; // bytes of application data received
    atomic_uint checksum;   // of those bytes: sum of byte * (position % 251 + 1)
    atomic_bool saw_reset;  // a connection ended with a TCP reset
    atomic_bool saw_close;  // a connection ended with a close_notify
    atomic_bool go;         // see SINK_SLOWLY
    atomic_bool stop;

    int listener;
    pthread_t thread;
    mbedtls_ssl_config config;
    mbedtls_ssl_ticket_context tickets;
};

// Starts a server that shows leaf. Manners and certificate are set before.
void tls_server_start(struct tls_server *server);
void tls_server_stop(struct tls_server *server);

#endif
