// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#include "tls_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mbedtls/net_sockets.h>
#include <mbedtls/version.h>

static void must(bool ok, const char *what) {
    if (!ok) {
        perror(what);
        abort();
    }
}

struct connection {
    struct tls_server *server;
    int fd;
};

static int bio_send(void *ctx, const unsigned char *data, size_t length) {
    const struct connection *c = ctx;
    ssize_t n = send(c->fd, data, length, MSG_NOSIGNAL);
    return n >= 0 ? (int)n : MBEDTLS_ERR_NET_SEND_FAILED;
}

static int bio_recv(void *ctx, unsigned char *data, size_t cap) {
    const struct connection *c = ctx;
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    while (poll(&p, 1, 20) == 0) {
        if (atomic_load(&c->server->stop)) {
            return MBEDTLS_ERR_NET_RECV_FAILED;
        }
    }
    ssize_t n = recv(c->fd, data, cap, 0);
    if (n < 0 && errno == ECONNRESET) {
        atomic_store(&c->server->saw_reset, true);
    }
    return n >= 0 ? (int)n : MBEDTLS_ERR_NET_RECV_FAILED;
}

static void count(struct tls_server *s, const unsigned char *data, int n) {
    int at = atomic_load(&s->application);
    unsigned sum = atomic_load(&s->checksum);
    for (int i = 0; i < n; i++) {
        sum += data[i] * (unsigned)((at + i) % 251 + 1);
    }
    atomic_store(&s->checksum, sum);
    atomic_store(&s->application, at + n);
}

// Answers a CONNECT of MQTT 3.1.1, and the SUBSCRIBE that is to follow, in two
// records of one segment. Then it waits for the end.
static void hurry(struct tls_server *s, mbedtls_ssl_context *ssl, int fd) {
    int cork = 1;
    static const unsigned char connack[] = {0x20, 2, 0, 0};
    static const unsigned char suback[] = {0x90, 3, 0, 1, 1};
    unsigned char data[256];
    (void)setsockopt(fd, IPPROTO_TCP, TCP_CORK, &cork, sizeof cork);
    (void)mbedtls_ssl_write(ssl, connack, sizeof connack);
    (void)mbedtls_ssl_write(ssl, suback, sizeof suback);
    cork = 0;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_CORK, &cork, sizeof cork);
    while (!atomic_load(&s->stop) && mbedtls_ssl_read(ssl, data, sizeof data) > 0) {
    }
}

static void converse(struct tls_server *s, mbedtls_ssl_context *ssl, int fd) {
    unsigned char data[1024];
    while (s->manners == TLS_SERVER_SINK_SLOWLY && !atomic_load(&s->go) && !atomic_load(&s->stop)) {
        (void)poll(NULL, 0, 5);
    }
    for (;;) {
        int n = mbedtls_ssl_read(ssl, data, sizeof data);
        if (n <= 0) {
            atomic_store(&s->saw_close, n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY);
            return;
        }
        count(s, data, n);
        if (s->manners == TLS_SERVER_HASTY_MQTT) {
            hurry(s, ssl, fd);
            return;
        }
        if (s->manners != TLS_SERVER_SINK_SLOWLY) {
            (void)mbedtls_ssl_write(ssl, data, (size_t)n);
            if (s->manners == TLS_SERVER_ECHO) {
                (void)mbedtls_ssl_close_notify(ssl);
            }
            if (s->manners != TLS_SERVER_ANSWER) {
                return;
            }
        }
    }
}

static void speak_plainly(int fd) {
    static const char text[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    (void)send(fd, text, sizeof text - 1, MSG_NOSIGNAL);
}

static void serve(struct tls_server *s, int fd) {
    if (s->manners == TLS_SERVER_NO_TLS) {
        speak_plainly(fd);
        return;
    }
    struct connection c = {s, fd};
    mbedtls_ssl_context ssl;
    mbedtls_ssl_init(&ssl);
    must(mbedtls_ssl_setup(&ssl, &s->config) == 0, "setup");
    mbedtls_ssl_set_bio(&ssl, &c, bio_send, bio_recv, NULL);
    if (mbedtls_ssl_handshake(&ssl) == 0) {
        atomic_fetch_add(&s->handshakes, 1);
        converse(s, &ssl, fd);
    }
    mbedtls_ssl_free(&ssl);
}

static void *run(void *ctx) {
    struct tls_server *s = ctx;
    struct pollfd p = {.fd = s->listener, .events = POLLIN};
    while (!atomic_load(&s->stop)) {
        if (poll(&p, 1, 20) <= 0) {
            continue;
        }
        int fd = accept(s->listener, NULL, NULL);
        if (fd >= 0) {
            serve(s, fd);
            (void)close(fd);
        }
    }
    return NULL;
}

static void listen_anywhere(struct tls_server *s) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int little = 4096; // so that a test can fill the socket
    (void)setsockopt(s->listener, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    must(bind(s->listener, (struct sockaddr *)&address, size) == 0 && listen(s->listener, 8) == 0,
         "listen");
    must(getsockname(s->listener, (struct sockaddr *)&address, &size) == 0, "getsockname");
    s->port = ntohs(address.sin_port);
}

static void configure(struct tls_server *s) {
    mbedtls_ssl_config_init(&s->config);
    mbedtls_ssl_ticket_init(&s->tickets);
    must(mbedtls_ssl_config_defaults(&s->config, MBEDTLS_SSL_IS_SERVER,
                                     MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) == 0,
         "config");
    mbedtls_ssl_conf_rng(&s->config, mint_random, NULL);
    must(mbedtls_ssl_conf_own_cert(&s->config, &s->leaf->crt, &s->leaf->key) == 0, "certificate");
    must(mbedtls_ssl_ticket_setup(&s->tickets, mint_random, NULL, MBEDTLS_CIPHER_AES_256_GCM,
                                  3600) == 0,
         "tickets");
    mbedtls_ssl_conf_session_tickets_cb(&s->config, mbedtls_ssl_ticket_write,
                                        mbedtls_ssl_ticket_parse, &s->tickets);
}

void tls_server_start(struct tls_server *server) {
    if (server->manners != TLS_SERVER_NO_TLS) {
        configure(server);
    }
    listen_anywhere(server);
    must(pthread_create(&server->thread, NULL, run, server) == 0, "thread");
}

void tls_server_stop(struct tls_server *server) {
    atomic_store(&server->stop, true);
    must(pthread_join(server->thread, NULL) == 0, "join");
    (void)close(server->listener);
    if (server->manners != TLS_SERVER_NO_TLS) {
        mbedtls_ssl_config_free(&server->config);
        mbedtls_ssl_ticket_free(&server->tickets);
    }
}
