// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_ESP_IDF_TLS_STREAM_H
#define THINGPASS_ESP_IDF_TLS_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "compat.h"
#include "lwip_tcp.h"
#include "thingpass/esp.h"
#include "thingpass/port.h"

// The byte stream of port.h: mbedTLS over lwIP. It never blocks, apart from looking
// a name up: wait with thingpass_esp_tls_wait() when a function returned
// THINGPASS_EAGAIN. It remembers the last TLS session and offers it when the same
// host is opened again, which saves the second that a handshake takes.
//
// Why not esp_tls: see lwip_tcp.c; it offers a session anew at each step of a
// handshake, which mbedTLS refuses; it tells the end of TCP from an orderly end
// of TLS no more; and Arduino's libraries are built without its sessions.

// Whom the stream trusts, and who it is. Texts are PEM and must stay valid.
struct thingpass_esp_tls_trust {
    const char *ca; // NULL: the certificate bundle
    // What port_with_identity shows. It cannot with ds_data: THINGPASS_EIO at open.
    const struct thingpass_esp_identity *identity;
};

struct thingpass_esp_tls {
    struct thingpass_stream port; // hand &port to the core

    // The same, but it shows the thing's certificate: for a credential provider.
    // Never are both open at once.
    struct thingpass_stream port_with_identity;
    struct thingpass_esp_tls_trust trust;

    bool *link_down;   // no network: opening waits; set by the program
    uint32_t connects; // handshakes that ended well
    uint32_t offered;  // of these, with an earlier session offered
    bool wants_read;   // after THINGPASS_EAGAIN
    bool wants_write;
    bool plain; // http://
    bool shows_identity;

    struct thingpass_lwip_tcp tcp;
    int phase;
    size_t unfinished; // length of a write that mbedTLS wants to see again
    bool unanswered;   // something was sent since something was received
    bool offers;
    char host[254];
    uint16_t host_port;

    // Made anew for each connection: it costs memory only while it is open, and
    // mbedTLS's "dynamic buffers" free parts of it after the handshake.
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_x509_crt ca;
    mbedtls_x509_crt own;
    mbedtls_pk_context key;

    mbedtls_ssl_session session;
    bool has_session;
    char session_host[254];
    uint16_t session_port;
    bool session_identity; // it was made with the certificate shown
};

// The stream must not move in memory.
void thingpass_esp_tls_init(struct thingpass_esp_tls *stream,
                            const struct thingpass_esp_tls_trust *trust, bool *link_down);

// Waits until the stream may have moved, for timeout_ms at the most. Returns whether
// there was a socket to wait for.
bool thingpass_esp_tls_wait(struct thingpass_esp_tls *stream, uint32_t timeout_ms);

// The connection is known to be dead: the port's functions fail until it is closed.
void thingpass_esp_tls_break(struct thingpass_esp_tls *stream);

// Closes the stream and forgets the TLS session.
void thingpass_esp_tls_free(struct thingpass_esp_tls *stream);

// tls_setup.c: makes ssl and config for a connection to stream->host, up to the
// first byte of the handshake. Returns 0 or an error of mbedTLS; free either way.
int thingpass_esp_tls_setup(struct thingpass_esp_tls *stream);
void thingpass_esp_tls_setup_free(struct thingpass_esp_tls *stream);

// tls_setup.c: logs why a handshake or a connection failed.
void thingpass_esp_tls_log(const struct thingpass_esp_tls *stream, const char *what, int rc);

#endif
