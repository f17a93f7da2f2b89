// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What is pasted into ESP32 sketches to get a photo into S3, as a program for
// Linux, for a rig to compare with: wait for the time by NTP, because TLS or the
// signature wants it; ask a web service for a signed URL, with a POST on a new
// connection; PUT the photo, on another new connection. It blocks, it keeps
// nothing, and it gives up at the first trouble. Where sketches differ it does
// what is faster: it polls the clock every 100 ms and not every 500, it looks no
// name up, and it sends the photo in as large writes as TLS takes.
//
//     naive_sketch NTP_PORT POST_HOST POST_PORT THING CA_FILE PHOTO COUNT
//
// It prints the milliseconds of each photo, one in a line, the wait for the time
// included.
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>

static mbedtls_ssl_config config;
static mbedtls_x509_crt ca;
static mbedtls_ctr_drbg_context drbg;
static mbedtls_entropy_context entropy;

static void give_up(const char *format, ...) {
    va_list list;
    va_start(list, format);
    (void)vfprintf(stderr, format, list);
    va_end(list);
    (void)fputc('\n', stderr);
    exit(1);
}

static double now_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

// configTime(0, 0, server), and the loop that every sketch has after it. lwIP's
// client asks, and takes the answer when it comes; the sketch looks at the clock.
static void wait_for_time(const char *port) {
    mbedtls_net_context udp;
    uint8_t packet[48] = {0x1b};
    uint64_t unix_s = 0;
    if (mbedtls_net_connect(&udp, "127.0.0.1", port, MBEDTLS_NET_PROTO_UDP) != 0 ||
        send(udp.fd, packet, sizeof packet, 0) != (ssize_t)sizeof packet) {
        give_up("NTP: %s", strerror(errno));
    }
    while (unix_s < 1577836800) { // 2020
        struct timespec pause = {.tv_nsec = 100000000};
        if (recv(udp.fd, packet, sizeof packet, MSG_DONTWAIT) == (ssize_t)sizeof packet) {
            uint32_t ntp = (uint32_t)packet[40] << 24 | (uint32_t)packet[41] << 16 |
                           (uint32_t)packet[42] << 8 | packet[43];
            unix_s = ntp - 2208988800U;
        }
        (void)nanosleep(&pause, NULL);
    }
    mbedtls_net_free(&udp);
}

struct https {
    mbedtls_net_context tcp;
    mbedtls_ssl_context ssl;
};

// WiFiClientSecure client; client.connect(host, port).
static void https_open(struct https *c, const char *host, const char *port) {
    mbedtls_net_init(&c->tcp);
    mbedtls_ssl_init(&c->ssl);
    if (mbedtls_net_connect(&c->tcp, host, port, MBEDTLS_NET_PROTO_TCP) != 0) {
        give_up("connect to %s:%s: %s", host, port, strerror(errno));
    }
    int rc = mbedtls_ssl_setup(&c->ssl, &config);
    // mbedTLS 2.28 cannot check an IP address in a certificate; the chain is checked.
    mbedtls_ssl_set_bio(&c->ssl, &c->tcp, mbedtls_net_send, mbedtls_net_recv, NULL);
    rc = rc == 0 ? mbedtls_ssl_handshake(&c->ssl) : rc;
    if (rc != 0) {
        give_up("TLS with %s:%s: -0x%x", host, port, (unsigned)-rc);
    }
}

static void https_send(struct https *c, const void *data, size_t length) {
    const uint8_t *at = data;
    while (length > 0) {
        int n = mbedtls_ssl_write(&c->ssl, at, length);
        if (n <= 0) {
            give_up("send: -0x%x", (unsigned)-n);
        }
        at += n;
        length -= (size_t)n;
    }
}

// Reads a whole answer into text. Returns its status.
static int https_answer(struct https *c, char *text, size_t cap) {
    size_t used = 0;
    char *body = NULL;
    const char *length = NULL;
    while (body == NULL || used < (size_t)(body - text) + strtoul(length, NULL, 10)) {
        int n =
            used + 1 < cap ? mbedtls_ssl_read(&c->ssl, (uint8_t *)text + used, cap - used - 1) : -1;
        if (n <= 0) {
            give_up("receive: -0x%x after %zu bytes", (unsigned)-n, used);
        }
        used += (size_t)n;
        text[used] = '\0';
        body = strstr(text, "\r\n\r\n");
        length = strcasestr(text, "\r\nContent-Length: ");
        if (body != NULL && length == NULL) {
            give_up("an answer without a length");
        }
        body = body != NULL ? body + 4 : NULL;
        length = length != NULL ? length + 18 : NULL;
    }
    return atoi(text + 9);
}

static void https_close(struct https *c) {
    (void)mbedtls_ssl_close_notify(&c->ssl);
    mbedtls_net_free(&c->tcp);
    mbedtls_ssl_free(&c->ssl);
}

// Copies the string behind "name": " out of JSON that has no escapes.
static void json_string(const char *json, const char *name, char *value, size_t cap) {
    char key[64];
    (void)snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(json, key);
    if (at == NULL) {
        give_up("no %s in: %s", name, json);
    }
    at += strlen(key);
    (void)snprintf(value, cap, "%.*s", (int)strcspn(at, "\""), at);
}

struct target {
    const char *host, *port, *thing;
};

// Asks the web service for leave.
static void post(const struct target *to, size_t size, char *url, size_t cap) {
    static char text[8192];
    char body[256];
    struct https c;
    int n =
        snprintf(body, sizeof body,
                 "{\"thing\":\"%s\",\"contentType\":\"image/jpeg\",\"size\":%zu}", to->thing, size);
    https_open(&c, to->host, to->port);
    (void)snprintf(text, sizeof text,
                   "POST /upload-url HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\n"
                   "Content-Length: %d\r\nConnection: close\r\n\r\n%s",
                   to->host, to->port, n, body);
    https_send(&c, text, strlen(text));
    int status = https_answer(&c, text, sizeof text);
    if (status != 200) {
        give_up("POST: status %d: %s", status, text);
    }
    json_string(text, "uploadUrl", url, cap);
    https_close(&c);
}

// HTTPClient http; http.begin(url); http.PUT(fb->buf, fb->len).
static void put(const char *url, const uint8_t *photo, size_t size) {
    static char text[8192];
    char host[128];
    char port[8];
    int path = 0;
    struct https c;
    if (sscanf(url, "https://%127[^:]:%7[0-9]%n", host, port, &path) != 2) {
        give_up("an odd URL");
    }
    https_open(&c, host, port);
    (void)snprintf(text, sizeof text,
                   "PUT %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: image/jpeg\r\n"
                   "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                   url + path, host, port, size);
    https_send(&c, text, strlen(text));
    https_send(&c, photo, size);
    int status = https_answer(&c, text, sizeof text);
    if (status != 200) {
        give_up("PUT: status %d: %s", status, text);
    }
    https_close(&c);
}

static void set_up_tls(const char *ca_file) {
    mbedtls_ssl_config_init(&config);
    mbedtls_x509_crt_init(&ca);
    mbedtls_ctr_drbg_init(&drbg);
    mbedtls_entropy_init(&entropy);
    if (mbedtls_x509_crt_parse_file(&ca, ca_file) != 0 ||
        mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0) != 0 ||
        mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0) {
        give_up("set TLS up");
    }
    mbedtls_ssl_conf_ca_chain(&config, &ca, NULL);
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &drbg);
    mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
}

int main(int argc, char **argv) {
    static uint8_t photo[1 << 20];
    static char url[4096];
    if (argc != 8) {
        give_up("usage: naive_sketch NTP_PORT POST_HOST POST_PORT THING CA_FILE PHOTO COUNT");
    }
    struct target to = {argv[2], argv[3], argv[4]};
    set_up_tls(argv[5]);
    FILE *f = fopen(argv[6], "rbe");
    size_t size = f != NULL ? fread(photo, 1, sizeof photo, f) : 0;
    if (size == 0) {
        give_up("read %s", argv[6]);
    }
    (void)fclose(f);
    for (int i = 0; i < atoi(argv[7]); i++) {
        double start = now_ms();
        if (i == 0) {
            wait_for_time(argv[1]);
        }
        post(&to, size, url, sizeof url);
        put(url, photo, size);
        (void)printf("%.0f\n", now_ms() - start);
        (void)fflush(stdout);
    }
    return 0;
}
