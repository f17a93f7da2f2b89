// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "tls_stream.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <mbedtls/net_sockets.h>

#include "tls_words.h"

enum { CLOSED, CONNECTING, HANDSHAKING, UP, BROKEN };

static int broken(struct thingpass_tls_stream *s) {
    s->phase = BROKEN;
    return THINGPASS_EIO;
}

static int bio_send(void *ctx, const unsigned char *data, size_t length) {
    const struct thingpass_tls_stream *s = ctx;
    ssize_t n = send(s->tcp.fd, data, length, MSG_NOSIGNAL);
    if (n >= 0) {
        return (int)n;
    }
    if (errno == EAGAIN || errno == EINTR) {
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    }
    return errno == EPIPE || errno == ECONNRESET ? MBEDTLS_ERR_NET_CONN_RESET
                                                 : MBEDTLS_ERR_NET_SEND_FAILED;
}

static int bio_recv(void *ctx, unsigned char *data, size_t cap) {
    const struct thingpass_tls_stream *s = ctx;
    ssize_t n = recv(s->tcp.fd, data, cap, 0);
    if (n >= 0) {
        return (int)n;
    }
    if (errno == EAGAIN || errno == EINTR) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    return errno == EPIPE || errno == ECONNRESET ? MBEDTLS_ERR_NET_CONN_RESET
                                                 : MBEDTLS_ERR_NET_RECV_FAILED;
}

// Turns mbedTLS's "call me again" into poll events. Returns whether it was one.
static bool again(struct thingpass_tls_stream *s, int rc) {
    if (rc == MBEDTLS_ERR_SSL_WANT_READ) {
        s->wants |= POLLIN;
    } else if (rc == MBEDTLS_ERR_SSL_WANT_WRITE) {
        s->wants |= POLLOUT;
    }
    return rc == MBEDTLS_ERR_SSL_WANT_READ || rc == MBEDTLS_ERR_SSL_WANT_WRITE;
}

static void write_date(char *text, size_t cap, const mbedtls_x509_time *t) {
    (void)snprintf(text, cap, "%04d-%02d-%02d", t->year, t->mon, t->day);
}

// Called by mbedTLS for each certificate of the chain, the server's own last.
static int verify(void *ctx, mbedtls_x509_crt *certificate, int depth, uint32_t *flags) {
    struct thingpass_tls_stream *s = ctx;
    s->resumed = false; // a resumed session shows no certificate
    if (depth == 0) {
        if (s->ip.length != 0 && !thingpass_certificate_has_ip(certificate, &s->ip)) {
            *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
        }
        thingpass_certificate_names(certificate, s->peer.names, sizeof s->peer.names);
        write_date(s->peer.not_before, sizeof s->peer.not_before, &certificate->valid_from);
        write_date(s->peer.not_after, sizeof s->peer.not_after, &certificate->valid_to);
    }
    return 0;
}

static void forget_session(struct thingpass_tls_stream *s) {
    mbedtls_ssl_session_free(&s->session);
    mbedtls_ssl_session_init(&s->session);
    s->has_session = false;
}

// Sessions are resumed with the very host and port that showed the certificate:
// the name check of the first handshake speaks for no other.
static void offer_session(struct thingpass_tls_stream *s) {
    if (s->has_session && s->session_port == s->host_port &&
        strcasecmp(s->session_host, s->host) == 0) {
        (void)mbedtls_ssl_set_session(&s->ssl, &s->session);
    }
}

static void keep_session(struct thingpass_tls_stream *s) {
    forget_session(s);
    if (mbedtls_ssl_get_session(&s->ssl, &s->session) != 0) {
        forget_session(s);
        return;
    }
    s->has_session = true;
    s->session_port = s->host_port;
    memcpy(s->session_host, s->host, sizeof s->session_host);
}

static int prepare_handshake(struct thingpass_tls_stream *s) {
    int rc = mbedtls_ssl_setup(&s->ssl, &s->trust->config);
    if (rc == 0) {
        // An address goes neither into SNI nor to mbedTLS's name check: verify()
        // checks it.
        rc = mbedtls_ssl_set_hostname(&s->ssl, s->ip.length == 0 ? s->host : NULL);
    }
    if (rc != 0) {
        return thingpass_tls_handshake_words(s, rc);
    }
    mbedtls_ssl_set_verify(&s->ssl, verify, s);
    mbedtls_ssl_set_bio(&s->ssl, s, bio_send, bio_recv, NULL);
    offer_session(s);
    s->resumed = true;
    s->phase = HANDSHAKING;
    return THINGPASS_OK;
}

static int handshake(struct thingpass_tls_stream *s) {
    int rc = mbedtls_ssl_handshake(&s->ssl);
    if (again(s, rc)) {
        return THINGPASS_EAGAIN;
    }
    if (rc != 0) {
        if (rc == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
            s->peer.flaws = mbedtls_ssl_get_verify_result(&s->ssl);
        }
        forget_session(s);
        return thingpass_tls_handshake_words(s, rc);
    }
    keep_session(s);
    s->phase = UP;
    return THINGPASS_OK;
}

static int start(struct thingpass_tls_stream *s, const char *host, uint16_t port, bool tls) {
    if (!tls) {
        return thingpass_fail(&s->why, THINGPASS_EINVAL, "open %s:%u: only https is supported",
                              host, (unsigned)port);
    }
    if (strlen(host) >= sizeof s->host) {
        return thingpass_fail(&s->why, THINGPASS_EINVAL,
                              "open a connection: the host name is too long");
    }
    memset(s->host, 0, sizeof s->host);
    memcpy(s->host, host, strlen(host));
    s->host_port = port;
    s->peer = (struct thingpass_tls_peer){0};
    s->unfinished = 0;
    s->unanswered = false;
    (void)thingpass_ip_parse(host, &s->ip);
    s->phase = CONNECTING;
    return THINGPASS_OK;
}

static int connect_tcp(struct thingpass_tls_stream *s) {
    int rc = thingpass_tcp_open(&s->tcp, s->host, s->host_port, &s->why);
    if (rc == THINGPASS_EAGAIN) {
        s->wants |= POLLOUT;
    }
    return rc == THINGPASS_OK ? prepare_handshake(s) : rc;
}

static int stream_open(void *ctx, const char *host, uint16_t port, bool tls) {
    struct thingpass_tls_stream *s = ctx;
    int rc = s->phase == CLOSED ? start(s, host, port, tls) : THINGPASS_OK;
    if (rc == THINGPASS_OK && s->phase == CONNECTING) {
        rc = connect_tcp(s);
    }
    if (rc == THINGPASS_OK && s->phase == HANDSHAKING) {
        rc = handshake(s);
    }
    if (rc == THINGPASS_OK) {
        return s->phase == UP ? THINGPASS_OK : THINGPASS_EIO;
    }
    return rc == THINGPASS_EAGAIN ? rc : broken(s);
}

static int stream_write(void *ctx, const void *data, size_t length) {
    struct thingpass_tls_stream *s = ctx;
    if (s->phase != UP) {
        return THINGPASS_EIO;
    }
    if (s->unfinished != 0 && s->unfinished < length) {
        length = s->unfinished; // mbedTLS wants the same call again
    }
    int rc = mbedtls_ssl_write(&s->ssl, data, length);
    if (again(s, rc)) {
        s->unfinished = length;
        return THINGPASS_EAGAIN;
    }
    s->unfinished = 0;
    if (rc < 0) {
        // The stream stays readable: what the server said before it hung up is
        // wanted.
        return thingpass_tls_broken_words(s, "send to", rc);
    }
    s->unanswered = true;
    return rc;
}

static int stream_read(void *ctx, void *buffer, size_t cap) {
    struct thingpass_tls_stream *s = ctx;
    if (s->phase != UP) {
        return THINGPASS_EIO;
    }
    int rc = mbedtls_ssl_read(&s->ssl, buffer, cap);
    if (rc > 0) {
        s->unanswered = false;
        return rc;
    }
    if (again(s, rc)) {
        return THINGPASS_EAGAIN;
    }
    if (rc == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        return 0;
    }
    // mbedTLS says 0 when TCP ended without a close_notify: a cut, for us.
    (void)thingpass_tls_broken_words(s, "receive from", rc);
    return broken(s);
}

// A close_notify says "that was all". Where an upload breaks off that would be a
// lie, and there are S3 servers that store a short object for it: such a
// connection ends with a reset.
static void stream_close(void *ctx) {
    struct thingpass_tls_stream *s = ctx;
    if (s->unanswered) {
        thingpass_tcp_cut(&s->tcp);
    } else if (s->phase == UP) {
        (void)mbedtls_ssl_close_notify(&s->ssl);
    }
    thingpass_tcp_close(&s->tcp);
    mbedtls_ssl_free(&s->ssl);
    mbedtls_ssl_init(&s->ssl);
    s->phase = CLOSED;
}

void thingpass_tls_stream_init(struct thingpass_tls_stream *stream,
                               const struct thingpass_tls_trust *trust) {
    memset(stream, 0, sizeof *stream);
    stream->trust = trust;
    stream->port =
        (struct thingpass_stream){stream, stream_open, stream_write, stream_read, stream_close};
    stream->phase = CLOSED;
    thingpass_tcp_init(&stream->tcp);
    mbedtls_ssl_init(&stream->ssl);
    mbedtls_ssl_session_init(&stream->session);
}

int thingpass_tls_stream_fd(const struct thingpass_tls_stream *stream) {
    return stream->tcp.fd;
}

void thingpass_tls_stream_cut(struct thingpass_tls_stream *stream) {
    thingpass_tcp_cut(&stream->tcp);
    (void)broken(stream);
}

void thingpass_tls_stream_free(struct thingpass_tls_stream *stream) {
    stream_close(stream);
    mbedtls_ssl_session_free(&stream->session);
}

#endif
