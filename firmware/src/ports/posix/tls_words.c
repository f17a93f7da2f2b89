// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "tls_words.h"

#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509.h>
#include <mbedtls/x509_crt.h>

static int certificate_words(struct thingpass_tls_stream *s) {
    const struct thingpass_tls_peer *p = &s->peer;
    unsigned port = s->host_port;
    // The chain comes first: what an untrusted certificate says about its
    // name or dates is worth nothing.
    if ((p->flaws & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0) {
        return thingpass_fail(
            &s->why, THINGPASS_EIO,
            "%s:%u has a certificate (for %s) that is not signed by a CA in %s; is this the right "
            "server and the right CA file?",
            s->host, port, p->names, s->trust->ca_name);
    }
    if ((p->flaws & MBEDTLS_X509_BADCERT_EXPIRED) != 0) {
        return thingpass_fail(&s->why, THINGPASS_EIO,
                              "the certificate of %s:%u expired on %s; renew it", s->host, port,
                              p->not_after);
    }
    if ((p->flaws & MBEDTLS_X509_BADCERT_FUTURE) != 0) {
        return thingpass_fail(
            &s->why, THINGPASS_EIO,
            "the certificate of %s:%u is not valid before %s; is the clock of this machine right?",
            s->host, port, p->not_before);
    }
    if ((p->flaws & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0) {
        return thingpass_fail(
            &s->why, THINGPASS_EIO,
            "the certificate of %s:%u is for %s, not for %s; use one of its names or issue it anew",
            s->host, port, p->names, s->host);
    }
    char text[160] = "";
    (void)mbedtls_x509_crt_verify_info(text, sizeof text, "", p->flaws);
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '\n' ? ' ' : *c;
    }
    return thingpass_fail(&s->why, THINGPASS_EIO, "the certificate of %s:%u is refused: %s",
                          s->host, port, text);
}

static const char *reason(int rc, char *text, size_t cap) {
    switch (rc) {
    case 0:
    case MBEDTLS_ERR_SSL_CONN_EOF:
        return "the server closed the connection";
    case MBEDTLS_ERR_NET_CONN_RESET:
        return "the connection was reset";
    default:
        mbedtls_strerror(rc, text, cap);
        return text;
    }
}

int thingpass_tls_handshake_words(struct thingpass_tls_stream *stream, int rc) {
    char text[128];
    unsigned port = stream->host_port;
    if (rc == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
        return certificate_words(stream);
    }
    if (rc == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        return thingpass_fail(
            &stream->why, THINGPASS_EIO,
            "TLS with %s:%u: the server refused the handshake; does it offer TLS 1.2 and a "
            "certificate for this name?",
            stream->host, port);
    }
    return thingpass_fail(&stream->why, THINGPASS_EIO,
                          "TLS with %s:%u: %s; does it speak TLS on this port?", stream->host, port,
                          reason(rc, text, sizeof text));
}

int thingpass_tls_broken_words(struct thingpass_tls_stream *stream, const char *what, int rc) {
    char text[128];
    return thingpass_fail(&stream->why, THINGPASS_EIO, "%s %s:%u: %s", what, stream->host,
                          (unsigned)stream->host_port, reason(rc, text, sizeof text));
}

#endif
