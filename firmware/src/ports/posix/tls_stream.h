// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_TLS_STREAM_H
#define THINGPASS_POSIX_TLS_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "tcp.h"
#include "thingpass/port.h"
#include "tls_name.h"
#include "tls_trust.h"
#include "why.h"

// What the server's certificate says, kept for messages.
struct thingpass_tls_peer {
    uint32_t flaws; // MBEDTLS_X509_BADCERT_... of the chain; 0 if it is good
    char names[128];
    char not_before[24];
    char not_after[24];
};

// The byte stream of port.h over mbedTLS. It never blocks: poll fd for wants
// when a function returned THINGPASS_EAGAIN. It remembers the last TLS session
// and resumes it when the same host is opened again.
struct thingpass_tls_stream {
    struct thingpass_stream port; // hand &port to the core
    const struct thingpass_tls_trust *trust;

    struct thingpass_why why; // the reason of the last < 0
    short wants;              // poll events, gathered; the caller clears it
    bool resumed;             // the connection took up an earlier TLS session
    struct thingpass_tls_peer peer;

    struct thingpass_tcp tcp;
    mbedtls_ssl_context ssl;
    char host[256];
    uint16_t host_port;
    struct thingpass_ip ip;
    int phase;
    size_t unfinished; // length of a write that mbedTLS wants to see again
    bool unanswered;   // something was sent since something was received

    mbedtls_ssl_session session;
    bool has_session;
    char session_host[256];
    uint16_t session_port;
};

// trust must outlive the stream, and the stream must not move in memory.
void thingpass_tls_stream_init(struct thingpass_tls_stream *stream,
                               const struct thingpass_tls_trust *trust);

// The socket to poll, or -1.
int thingpass_tls_stream_fd(const struct thingpass_tls_stream *stream);

// Breaks the connection as a failing link would: a TCP reset, no close_notify.
// The port's functions fail until it is closed.
void thingpass_tls_stream_cut(struct thingpass_tls_stream *stream);

// Closes the stream and forgets the TLS session.
void thingpass_tls_stream_free(struct thingpass_tls_stream *stream);

#endif
