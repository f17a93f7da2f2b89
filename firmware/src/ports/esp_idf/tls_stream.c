// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

#include "tls_stream.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <esp_log.h>
#include <lwip/sockets.h>
#include <mbedtls/net_sockets.h>

enum { CLOSED, WAITING, CONNECTING, HANDSHAKING, UP, BROKEN };

enum { TICKETS_AT_ONCE = 4 };

static const char tag[] = "thingpass";

static int broken(struct thingpass_esp_tls *s) {
    s->phase = BROKEN;
    return THINGPASS_EIO;
}

static bool not_now(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static int bio_send(void *ctx, const unsigned char *data, size_t length) {
    const struct thingpass_esp_tls *s = ctx;
    int n = (int)send(s->tcp.fd, data, length, 0);
    if (n >= 0) {
        return n;
    }
    return not_now(errno) ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_NET_SEND_FAILED;
}

static int bio_recv(void *ctx, unsigned char *data, size_t cap) {
    const struct thingpass_esp_tls *s = ctx;
    int n = (int)recv(s->tcp.fd, data, cap, 0);
    if (n >= 0) {
        return n;
    }
    return not_now(errno) ? MBEDTLS_ERR_SSL_WANT_READ : MBEDTLS_ERR_NET_RECV_FAILED;
}

// Notes what mbedTLS waits for. Returns whether it waits.
static bool again(struct thingpass_esp_tls *s, int rc) {
    s->wants_read = rc == MBEDTLS_ERR_SSL_WANT_READ;
    s->wants_write = rc == MBEDTLS_ERR_SSL_WANT_WRITE;
    return s->wants_read || s->wants_write;
}

static void forget_session(struct thingpass_esp_tls *s) {
    mbedtls_ssl_session_free(&s->session);
    mbedtls_ssl_session_init(&s->session);
    s->has_session = false;
}

// Sessions are resumed with the very host and port that showed the certificate:
// the name check of the first handshake speaks for no other.
static void offer_session(struct thingpass_esp_tls *s) {
    s->offers = s->has_session && s->session_port == s->host_port &&
                s->session_identity == s->shows_identity &&
                strcasecmp(s->session_host, s->host) == 0 &&
                mbedtls_ssl_set_session(&s->ssl, &s->session) == 0;
}

static void keep_session(struct thingpass_esp_tls *s) {
    forget_session(s);
    if (mbedtls_ssl_get_session(&s->ssl, &s->session) != 0) {
        forget_session(s);
        return;
    }
    s->has_session = true;
    s->session_port = s->host_port;
    s->session_identity = s->shows_identity;
    memcpy(s->session_host, s->host, sizeof s->session_host);
}

static int start(struct thingpass_esp_tls *s, const char *host, uint16_t port, bool tls) {
    size_t n = strlen(host);
    if (n >= sizeof s->host) {
        return THINGPASS_EINVAL;
    }
    memset(s->host, 0, sizeof s->host);
    memcpy(s->host, host, n);
    s->host_port = port;
    s->plain = !tls;
    s->unfinished = 0;
    s->unanswered = false;
    s->phase = WAITING;
    return THINGPASS_OK;
}

static int connect_tcp(struct thingpass_esp_tls *s) {
    int rc = thingpass_lwip_tcp_open(&s->tcp, s->host, s->host_port);
    s->wants_read = false;
    s->wants_write = rc == THINGPASS_EAGAIN;
    if (rc == THINGPASS_EIO) {
        ESP_LOGW(tag, "cannot reach %s:%u: %s", s->host, (unsigned)s->host_port,
                 s->tcp.error == 0 ? "the name is not found" : strerror(s->tcp.error));
    }
    if (rc != THINGPASS_OK || s->plain) {
        s->phase = rc == THINGPASS_OK ? UP : s->phase;
        return rc;
    }
    int error = thingpass_esp_tls_setup(s);
    if (error != 0) {
        thingpass_esp_tls_log(s, "prepare for", error);
        return THINGPASS_EIO;
    }
    mbedtls_ssl_set_bio(&s->ssl, s, bio_send, bio_recv, NULL);
    offer_session(s);
    s->phase = HANDSHAKING;
    return THINGPASS_OK;
}

static int handshake(struct thingpass_esp_tls *s) {
    int rc = mbedtls_ssl_handshake(&s->ssl);
    if (again(s, rc)) {
        return THINGPASS_EAGAIN;
    }
    if (rc == 0 && mbedtls_ssl_get_verify_result(&s->ssl) != 0) {
        rc = MBEDTLS_ERR_X509_CERT_VERIFY_FAILED; // it would have failed by itself
    }
    if (rc != 0) {
        thingpass_esp_tls_log(s, "shake hands with", rc);
        forget_session(s);
        return THINGPASS_EIO;
    }
    if (mbedtls_ssl_get_version_number(&s->ssl) == MBEDTLS_SSL_VERSION_TLS1_2) {
        keep_session(s); // of TLS 1.3 it comes later: read
    }
    s->connects++;
    s->offered += s->offers;
    s->phase = UP;
    return THINGPASS_OK;
}

static int open_any(void *ctx, const char *host, uint16_t port, bool tls) {
    struct thingpass_esp_tls *s = ctx;
    int rc = s->phase == CLOSED ? start(s, host, port, tls) : THINGPASS_OK;
    if (rc == THINGPASS_OK && s->phase == WAITING) {
        if (*s->link_down) { // so that no attempt is used up by it
            s->wants_read = s->wants_write = false;
            return THINGPASS_EAGAIN;
        }
        s->phase = CONNECTING;
    }
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

static int stream_open(void *ctx, const char *host, uint16_t port, bool tls) {
    ((struct thingpass_esp_tls *)ctx)->shows_identity = false;
    return open_any(ctx, host, port, tls);
}

static int stream_open_with_identity(void *ctx, const char *host, uint16_t port, bool tls) {
    ((struct thingpass_esp_tls *)ctx)->shows_identity = true;
    return open_any(ctx, host, port, tls);
}

static int send_bytes(struct thingpass_esp_tls *s, const void *data, size_t length) {
    return s->plain ? bio_send(s, data, length) : mbedtls_ssl_write(&s->ssl, data, length);
}

static int stream_write(void *ctx, const void *data, size_t length) {
    struct thingpass_esp_tls *s = ctx;
    if (s->phase != UP) {
        return THINGPASS_EIO;
    }
    if (s->unfinished != 0 && s->unfinished < length) {
        length = s->unfinished; // mbedTLS wants the same call again
    }
    int rc = send_bytes(s, data, length);
    if (again(s, rc)) {
        s->unfinished = length;
        return THINGPASS_EAGAIN;
    }
    s->unfinished = 0;
    if (rc < 0) {
        // The stream stays readable: what the server said before it hung up is
        // wanted.
        thingpass_esp_tls_log(s, "send to", rc);
        return THINGPASS_EIO;
    }
    s->unanswered = true;
    return rc;
}

// TLS 1.3 brings its session between the data.
static int receive_bytes(struct thingpass_esp_tls *s, void *buffer, size_t cap) {
    if (s->plain) {
        int n = bio_recv(s, buffer, cap);
        return n == 0 ? MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY : n;
    }
    int rc = mbedtls_ssl_read(&s->ssl, buffer, cap);
    for (int i = 0; i < TICKETS_AT_ONCE && THINGPASS_IS_TICKET(rc); i++) {
        keep_session(s);
        rc = mbedtls_ssl_read(&s->ssl, buffer, cap);
    }
    return THINGPASS_IS_TICKET(rc) ? MBEDTLS_ERR_SSL_WANT_READ : rc;
}

static int stream_read(void *ctx, void *buffer, size_t cap) {
    struct thingpass_esp_tls *s = ctx;
    if (s->phase != UP) {
        return THINGPASS_EIO;
    }
    int rc = receive_bytes(s, buffer, cap);
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
    thingpass_esp_tls_log(s, "receive from", rc);
    return broken(s);
}

// A close_notify says "that was all". Where an upload breaks off that would be a
// lie, and there are S3 servers that store a short object for it: such a
// connection ends with a reset.
static void stream_close(void *ctx) {
    struct thingpass_esp_tls *s = ctx;
    if (s->unanswered) {
        thingpass_lwip_tcp_cut(&s->tcp);
    } else if (s->phase == UP && !s->plain) {
        (void)mbedtls_ssl_close_notify(&s->ssl);
    }
    thingpass_lwip_tcp_close(&s->tcp);
    thingpass_esp_tls_setup_free(s);
    s->wants_read = s->wants_write = false;
    s->phase = CLOSED;
}

void thingpass_esp_tls_init(struct thingpass_esp_tls *stream,
                            const struct thingpass_esp_tls_trust *trust, bool *link_down) {
    memset(stream, 0, sizeof *stream);
    stream->trust = *trust;
    stream->link_down = link_down;
    stream->port =
        (struct thingpass_stream){stream, stream_open, stream_write, stream_read, stream_close};
    stream->port_with_identity = stream->port;
    stream->port_with_identity.open = stream_open_with_identity;
    stream->phase = CLOSED;
    thingpass_lwip_tcp_init(&stream->tcp);
    mbedtls_ssl_init(&stream->ssl);
    mbedtls_ssl_config_init(&stream->config);
    mbedtls_x509_crt_init(&stream->ca);
    mbedtls_x509_crt_init(&stream->own);
    mbedtls_pk_init(&stream->key);
    mbedtls_ssl_session_init(&stream->session);
}

bool thingpass_esp_tls_wait(struct thingpass_esp_tls *stream, uint32_t timeout_ms) {
    if (stream->tcp.fd < 0 || (!stream->wants_read && !stream->wants_write)) {
        return false;
    }
    thingpass_lwip_tcp_wait(&stream->tcp, stream->wants_read, stream->wants_write, timeout_ms);
    return true;
}

void thingpass_esp_tls_break(struct thingpass_esp_tls *stream) {
    if (stream->phase != CLOSED) {
        (void)broken(stream);
    }
}

void thingpass_esp_tls_free(struct thingpass_esp_tls *stream) {
    stream_close(stream);
    forget_session(stream);
}

#endif
