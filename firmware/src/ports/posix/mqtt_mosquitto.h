// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_MQTT_MOSQUITTO_H
#define THINGPASS_POSIX_MQTT_MOSQUITTO_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mosquitto.h>

#include "say.h"
#include "thingpass/port.h"
#include "tls_trust.h"
#include "why.h"

struct thingpass_mqtt_settings {
    const char *host;
    uint16_t port;
    const char *client_id;
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    const char *topic; // subscribed to with QoS 1 whenever there is a connection; may be NULL
    int version;       // 5, or 4 for MQTT 3.1.1
    const struct thingpass_tls_trust *trust; // of ca_file, to find out what is wrong
    const struct thingpass_say *say;

    // Takes each message. Must not call the link.
    void *ctx;
    void (*receive)(void *ctx, const char *topic, const void *payload, size_t length);
};

// A connection to an MQTT server over mutual TLS, in the caller's own loop:
//
//     pollfd = thingpass_mqtt_link_poll(&link);
//     poll(&pollfd, 1, until thingpass_mqtt_link_wake_ms(&link));
//     thingpass_mqtt_link_step(&link, now_ms);
//
// It connects again by itself, with jittered waits. Sessions are clean: what a
// lost connection swallowed, the core asks again with the same id [P-9.1].
struct thingpass_mqtt_link {
    struct thingpass_mqtt port; // hand &port to the core
    struct thingpass_why why;   // the last trouble, also while it is being retried
    unsigned connections;       // times that the link became ready

    struct thingpass_mqtt_settings settings;
    struct mosquitto *client; // a new one for each connection
    int phase;
    bool fatal;              // the trouble will not pass by trying again
    uint64_t wake_ms;        // end of the wait, or of the phase's patience
    uint64_t ready_since_ms; // when the last connection became ready
    unsigned failures;       // in a row, for the waits
    bool ipv4_only;          // the name's first address did not answer
    int tcp_error;           // errno after connecting; 0 if it said nothing
    int connack;             // the server's answer to CONNECT; -1 before it
    bool subscribed;         // the server has said so on this connection
    bool told_why;           // the server said why it disconnects
    char tls_error[320];     // what OpenSSL logged on this connection
    char asked[257];         // the topic of thingpass_mqtt_link_subscribe; "" for none
    int asked_mid;
    bool retained;  // the message at hand came with the RETAIN flag
    int asked_code; // what the server said to it; -1 before it did
};

// settings are copied; what they point to must outlive the link, and the link
// must not move in memory. Connects at the first step.
void thingpass_mqtt_link_init(struct thingpass_mqtt_link *link,
                              const struct thingpass_mqtt_settings *settings);

// What to poll for. The fd is -1 while there is nothing.
struct pollfd thingpass_mqtt_link_poll(const struct thingpass_mqtt_link *link);

// When to call step at the latest, on the clock of now_ms.
uint64_t thingpass_mqtt_link_wake_ms(const struct thingpass_mqtt_link *link);

// Does what can be done without waiting. Returns THINGPASS_OK; or THINGPASS_EIO
// when the very first connection cannot succeed until somebody changes
// something, such as a certificate: why says what.
int thingpass_mqtt_link_step(struct thingpass_mqtt_link *link, uint64_t now_ms);

// Whether requests can be published and replies would arrive.
bool thingpass_mqtt_link_ready(const struct thingpass_mqtt_link *link);

// Subscribes to one more topic on this connection, with QoS 1, one after the other.
// Returns THINGPASS_OK when the server has agreed, THINGPASS_EAGAIN while it has not,
// or there is no connection (call it again with the same topic), or THINGPASS_EREFUSED
// with why.
int thingpass_mqtt_link_subscribe(struct thingpass_mqtt_link *link, const char *topic);

// Disconnects in good order, if there is a connection.
void thingpass_mqtt_link_close(struct thingpass_mqtt_link *link);

#endif
