// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

// libmosquitto in somebody else's poll loop. What it needs beyond its manual
// (read in 2.0.11 and 2.0.18):
//
//  - mosquitto_connect() blocks for as long as TCP does, so it is the
//    asynchronous one; whether TCP came about is for us to ask the socket. Its
//    first write may have eaten the socket's error: errno still has it.
//  - That one tries the first address of a name only, and "localhost" may be ::1
//    where the server listens on 127.0.0.1. Binding to 0.0.0.0 makes it skip IPv6.
//  - While TLS shakes hands, mosquitto_want_write() may stay true for no reason;
//    polling for that would spin. Then only reading is waited for.
//  - A TCP end in mid-handshake may go unnoticed by it (SSL_ERROR_SYSCALL is
//    taken for "later"), so the socket is peeked at.
//  - A client that lost its connection keeps messages and flags of it. A new
//    client for each connection has none of either.
#include "mqtt_mosquitto.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <mqtt_protocol.h>

#include "mqtt_client.h"
#include "mqtt_words.h"
#include "posix_world.h"
#include "tls_name.h"

enum {
    KEEP_ALIVE_S = 30, // the least that AWS IoT Core takes
    TCP_PATIENCE_MS = 10000,
    HANDSHAKE_PATIENCE_MS = 15000,
    SUBSCRIBE_PATIENCE_MS = 5000,
    WAIT_FIRST_MS = 500,
    WAIT_MOST_MS = 30000,
    STEADY_MS = 10000, // a connection that lasted so long was a good one
    TICK_MS = 1000,    // libmosquitto counts its keep-alive in seconds
};

static void enter(struct thingpass_mqtt_link *link, int phase, uint64_t until_ms) {
    link->phase = phase;
    link->wake_ms = until_ms;
}

// Doubles from half a second to half a minute; the random half keeps a fleet
// from coming back at the same moment.
static uint64_t wait_ms(const struct thingpass_mqtt_link *link) {
    unsigned doublings = link->failures > 7 ? 7 : link->failures - 1;
    uint64_t longest = (uint64_t)WAIT_FIRST_MS << doublings;
    longest = longest < WAIT_MOST_MS ? longest : WAIT_MOST_MS;
    uint32_t random = 0;
    (void)thingpass_posix_random.fill(NULL, &random, sizeof random);
    return longest / 2 + random % (longest / 2 + 1);
}

// Ends the connection for the reason in link->why. Returns what step returns.
static int trouble(struct thingpass_mqtt_link *link, uint64_t now_ms) {
    link->ipv4_only = false;
    bool steady = link->phase == THINGPASS_MQTT_READY && now_ms - link->ready_since_ms >= STEADY_MS;
    mosquitto_destroy(link->client);
    link->client = NULL;
    if (link->fatal && link->connections == 0) {
        enter(link, THINGPASS_MQTT_DOWN, UINT64_MAX);
        return THINGPASS_EIO;
    }
    link->fatal = false;
    link->failures = steady ? 1 : link->failures + 1;
    uint64_t wait = wait_ms(link);
    thingpass_say(link->settings.say, THINGPASS_SAY_NOTICE, "%s; trying again in %u.%u s",
                  link->why.text, (unsigned)(wait / 1000), (unsigned)(wait % 1000 / 100));
    enter(link, THINGPASS_MQTT_DOWN, now_ms + wait);
    return THINGPASS_OK;
}

static int cannot_reach(struct thingpass_mqtt_link *link, const char *text, uint64_t now_ms) {
    const struct thingpass_mqtt_settings *s = &link->settings;
    struct thingpass_ip address;
    if (!link->ipv4_only) { // the second failure has nothing to add to the first
        (void)thingpass_fail(&link->why, 0,
                             "cannot reach the MQTT server %s:%u: %s; is it running?", s->host,
                             (unsigned)s->port, text);
    }
    if (!link->fatal && !link->ipv4_only && !thingpass_ip_parse(s->host, &address)) {
        mosquitto_destroy(link->client);
        link->client = NULL;
        link->ipv4_only = true;
        enter(link, THINGPASS_MQTT_DOWN, now_ms);
        return THINGPASS_OK;
    }
    return trouble(link, now_ms);
}

static int lost(struct thingpass_mqtt_link *link, const char *text, uint64_t now_ms) {
    (void)thingpass_fail(&link->why, 0, "lost the MQTT server %s:%u: %s", link->settings.host,
                         (unsigned)link->settings.port, text);
    return trouble(link, now_ms);
}

// Connects, to the name's first address or to its first IPv4 address. Returns
// a MOSQ_ERR_ code, and in tcp_error what the system said.
static int connect_client(struct thingpass_mqtt_link *link) {
    const struct thingpass_mqtt_settings *s = &link->settings;
    link->connack = -1;
    link->subscribed = false;
    link->told_why = false;
    link->tls_error[0] = '\0';
    link->asked[0] = '\0';
    int rc = thingpass_mqtt_client_new(link);
    if (rc == MOSQ_ERR_SUCCESS && link->ipv4_only) {
        rc = mosquitto_string_option(link->client, MOSQ_OPT_BIND_ADDRESS, "0.0.0.0");
    }
    if (rc != MOSQ_ERR_SUCCESS) {
        link->fatal = true;
        return rc;
    }
    errno = 0;
    rc = mosquitto_connect_async(link->client, s->host, s->port, KEEP_ALIVE_S);
    link->tcp_error = errno == EAGAIN || errno == EINPROGRESS ? 0 : errno;
    return rc;
}

static int start(struct thingpass_mqtt_link *link, uint64_t now_ms) {
    int rc = connect_client(link);
    if (rc == MOSQ_ERR_SUCCESS || rc == MOSQ_ERR_CONN_PENDING) {
        enter(link, THINGPASS_MQTT_CONNECTING, now_ms + TCP_PATIENCE_MS);
        return THINGPASS_OK;
    }
    if (rc == MOSQ_ERR_TLS && link->tls_error[0] != '\0') {
        link->fatal = thingpass_mqtt_tls_words(link);
        return trouble(link, now_ms);
    }
    if (rc == MOSQ_ERR_EAI) {
        return cannot_reach(link, "its name cannot be looked up", now_ms);
    }
    return cannot_reach(
        link, rc == MOSQ_ERR_ERRNO ? strerror(link->tcp_error) : mosquitto_strerror(rc), now_ms);
}

// Asks the socket how TCP is doing. Returns 0 when it is connected, EINPROGRESS,
// or what went wrong.
static int tcp_state(const struct thingpass_mqtt_link *link) {
    struct pollfd p = {.fd = mosquitto_socket(link->client), .events = POLLOUT};
    struct sockaddr_storage peer;
    int error = 0;
    socklen_t size = sizeof error;
    if (poll(&p, 1, 0) == 0) {
        return EINPROGRESS;
    }
    if (getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        return error != 0 ? error : errno;
    }
    size = sizeof peer;
    if (getpeername(p.fd, (struct sockaddr *)&peer, &size) == 0) {
        return 0;
    }
    return link->tcp_error != 0 ? link->tcp_error : ENOTCONN;
}

static int await_tcp(struct thingpass_mqtt_link *link, uint64_t now_ms) {
    int error = tcp_state(link);
    if (error == EINPROGRESS && now_ms < link->wake_ms) {
        return THINGPASS_OK;
    }
    if (error != 0) {
        return cannot_reach(link, error == EINPROGRESS ? "no answer" : strerror(error), now_ms);
    }
    enter(link, THINGPASS_MQTT_HANDSHAKING, now_ms + HANDSHAKE_PATIENCE_MS);
    return THINGPASS_OK;
}

static bool hung_up(const struct thingpass_mqtt_link *link) {
    char byte;
    ssize_t n = recv(mosquitto_socket(link->client), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

// Says why libmosquitto gave the connection up, or that it lives.
static int judge(struct thingpass_mqtt_link *link, int rc, int error, uint64_t now_ms) {
    bool gone = mosquitto_socket(link->client) < 0;
    if (link->connack > 0) {
        link->fatal = thingpass_mqtt_connack_words(link);
        return trouble(link, now_ms);
    }
    if (link->fatal) {
        return trouble(link, now_ms);
    }
    if (rc == MOSQ_ERR_SUCCESS && !gone) {
        return THINGPASS_OK;
    }
    if (rc == MOSQ_ERR_TLS || link->tls_error[0] != '\0') {
        link->fatal = thingpass_mqtt_tls_words(link);
        return trouble(link, now_ms);
    }
    if (link->told_why) {
        return trouble(link, now_ms);
    }
    return lost(link, rc == MOSQ_ERR_ERRNO && error != 0 ? strerror(error) : mosquitto_strerror(rc),
                now_ms);
}

static int pump(struct thingpass_mqtt_link *link, uint64_t now_ms) {
    errno = 0;
    int rc = mosquitto_loop(link->client, 0, 1);
    if (rc == MOSQ_ERR_SUCCESS && link->phase == THINGPASS_MQTT_HANDSHAKING) {
        rc = mosquitto_loop(link->client, 0, 1); // TLS is done: now CONNECT
    }
    return judge(link, rc, errno, now_ms);
}

static int shake_hands(struct thingpass_mqtt_link *link, uint64_t now_ms) {
    if (hung_up(link)) {
        return lost(
            link, "it closed the connection before it let us in; does it accept this certificate?",
            now_ms);
    }
    int rc = pump(link, now_ms);
    if (rc != THINGPASS_OK || link->client == NULL) {
        return rc;
    }
    if (link->connack == 0) {
        enter(link, THINGPASS_MQTT_SUBSCRIBING, now_ms + SUBSCRIBE_PATIENCE_MS);
    } else if (now_ms >= link->wake_ms) {
        return lost(link, "no answer to TLS or CONNECT", now_ms);
    }
    return THINGPASS_OK;
}

static int await_suback(struct thingpass_mqtt_link *link, uint64_t now_ms) {
    int rc = link->subscribed ? THINGPASS_OK : pump(link, now_ms);
    if (rc != THINGPASS_OK || link->client == NULL) {
        return rc;
    }
    if (link->subscribed) {
        link->phase = THINGPASS_MQTT_READY;
        link->connections++;
        link->ready_since_ms = now_ms;
        link->why.text[0] = '\0';
        thingpass_say(link->settings.say, THINGPASS_SAY_DETAIL,
                      "connected to the MQTT server %s:%u as %s", link->settings.host,
                      (unsigned)link->settings.port, link->settings.client_id);
    } else if (now_ms >= link->wake_ms) {
        return lost(link, "no answer to SUBSCRIBE", now_ms);
    }
    return THINGPASS_OK;
}

int thingpass_mqtt_link_step(struct thingpass_mqtt_link *link, uint64_t now_ms) {
    int before;
    int rc = THINGPASS_OK;
    do {
        before = link->phase;
        switch (link->phase) {
        case THINGPASS_MQTT_DOWN:
            rc = now_ms >= link->wake_ms ? start(link, now_ms) : THINGPASS_OK;
            break;
        case THINGPASS_MQTT_CONNECTING:
            rc = await_tcp(link, now_ms);
            break;
        case THINGPASS_MQTT_HANDSHAKING:
            rc = shake_hands(link, now_ms);
            break;
        case THINGPASS_MQTT_SUBSCRIBING:
            rc = await_suback(link, now_ms);
            break;
        default:
            rc = pump(link, now_ms);
        }
    } while (rc == THINGPASS_OK && link->phase != before && link->phase != THINGPASS_MQTT_DOWN);
    return rc;
}

// With MQTT 5 nobody is to be bothered with a message that came too late [P-9.6].
static int publish_until(struct thingpass_mqtt_link *link, const char *topic, const void *payload,
                         size_t length, uint32_t expiry_s) {
    mosquitto_property *properties = NULL;
    int rc = MOSQ_ERR_SUCCESS;
    if (link->settings.version == 5 && expiry_s > 0) {
        rc = mosquitto_property_add_int32(&properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, expiry_s);
    }
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = mosquitto_publish_v5(link->client, NULL, topic, (int)length, payload, 1, false,
                                  properties);
    }
    mosquitto_property_free_all(&properties);
    return rc;
}

static int publish(void *ctx, const char *topic, const void *payload, size_t length,
                   uint32_t expiry_s) {
    struct thingpass_mqtt_link *link = ctx;
    if (link->phase != THINGPASS_MQTT_READY) {
        return THINGPASS_EAGAIN;
    }
    int rc = publish_until(link, topic, payload, length, expiry_s);
    if (rc == MOSQ_ERR_OVERSIZE_PACKET || rc == MOSQ_ERR_PAYLOAD_SIZE || rc == MOSQ_ERR_INVAL) {
        return thingpass_fail(&link->why, THINGPASS_EIO, "publish %zu bytes to the MQTT server: %s",
                              length, mosquitto_strerror(rc));
    }
    return rc == MOSQ_ERR_SUCCESS ? THINGPASS_OK : THINGPASS_EAGAIN; // the next step finds out
}

int thingpass_mqtt_link_subscribe(struct thingpass_mqtt_link *link, const char *topic) {
    const struct thingpass_mqtt_settings *s = &link->settings;
    if (link->phase != THINGPASS_MQTT_READY) {
        return THINGPASS_EAGAIN;
    }
    if (strcmp(link->asked, topic) != 0) {
        (void)snprintf(link->asked, sizeof link->asked, "%s", topic);
        link->asked_code = -1;
        if (mosquitto_subscribe(link->client, &link->asked_mid, topic, 1) != MOSQ_ERR_SUCCESS) {
            link->asked[0] = '\0'; // the next step finds out
        }
        return THINGPASS_EAGAIN;
    }
    if (link->asked_code >= MQTT_RC_UNSPECIFIED) {
        return thingpass_fail(
            &link->why, THINGPASS_EREFUSED,
            "the MQTT server %s:%u does not let %s subscribe to %s; does its policy allow that?",
            s->host, (unsigned)s->port, s->client_id, topic);
    }
    return link->asked_code < 0 ? THINGPASS_EAGAIN : THINGPASS_OK;
}

void thingpass_mqtt_link_init(struct thingpass_mqtt_link *link,
                              const struct thingpass_mqtt_settings *settings) {
    memset(link, 0, sizeof *link);
    link->port = (struct thingpass_mqtt){link, publish};
    link->settings = *settings;
    link->phase = THINGPASS_MQTT_DOWN;
    link->connack = -1;
}

struct pollfd thingpass_mqtt_link_poll(const struct thingpass_mqtt_link *link) {
    struct pollfd p = {.fd = -1, .events = POLLIN};
    if (link->client == NULL) {
        return p;
    }
    p.fd = mosquitto_socket(link->client);
    if (link->phase == THINGPASS_MQTT_CONNECTING) {
        p.events = POLLOUT;
    } else if (link->phase != THINGPASS_MQTT_HANDSHAKING && mosquitto_want_write(link->client)) {
        p.events |= POLLOUT;
    }
    return p;
}

uint64_t thingpass_mqtt_link_wake_ms(const struct thingpass_mqtt_link *link) {
    if (link->phase == THINGPASS_MQTT_DOWN) {
        return link->wake_ms;
    }
    uint64_t tick = thingpass_posix_now_ms() + TICK_MS;
    return link->phase == THINGPASS_MQTT_READY || tick < link->wake_ms ? tick : link->wake_ms;
}

bool thingpass_mqtt_link_ready(const struct thingpass_mqtt_link *link) {
    return link->phase == THINGPASS_MQTT_READY;
}

void thingpass_mqtt_link_close(struct thingpass_mqtt_link *link) {
    if (link->client != NULL) {
        if (link->phase == THINGPASS_MQTT_READY) {
            (void)mosquitto_loop(link->client, 0, 1); // what is queued goes out first
            (void)mosquitto_disconnect(link->client);
        }
        mosquitto_destroy(link->client);
    }
    link->client = NULL;
    enter(link, THINGPASS_MQTT_DOWN, UINT64_MAX);
}

#endif
