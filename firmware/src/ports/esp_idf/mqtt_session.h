// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_ESP_IDF_MQTT_SESSION_H
#define THINGPASS_ESP_IDF_MQTT_SESSION_H

#include <stdbool.h>
#include <stdint.h>

// From "the MQTT client has a connection" to "requests will be answered": the
// response topic is subscribed to first and alone, so that the first SUBACK of a
// connection is its own; only then anything else happens. The MQTT client's task
// tells what it sees; ours asks what to do. Both under one lock.
struct thingpass_mqtt_session {
    // Written by the MQTT client's task.
    uint32_t connection; // counts them
    bool connected;
    bool suback; // the first of this connection has come
    bool denied; // and said no

    // Ours.
    uint32_t subscribed_for; // the connection that a SUBSCRIBE was sent for
    bool ready;
    bool was_ready;    // since LOST was told
    uint64_t again_ms; // when to subscribe again after a denial
};

enum thingpass_mqtt_session_action {
    THINGPASS_MQTT_SESSION_NOTHING,
    THINGPASS_MQTT_SESSION_SUBSCRIBE, // to the response topic; tell whether it was sent
    THINGPASS_MQTT_SESSION_READY,  // told once for each connection: ask again, subscribe the rest
    THINGPASS_MQTT_SESSION_DENIED, // the server does not let us subscribe
    THINGPASS_MQTT_SESSION_LOST    // told once after READY
};

enum { THINGPASS_MQTT_SESSION_AGAIN_MS = 60000 };

void thingpass_mqtt_session_on_connected(struct thingpass_mqtt_session *session);
void thingpass_mqtt_session_on_suback(struct thingpass_mqtt_session *session, bool denied);
void thingpass_mqtt_session_on_disconnected(struct thingpass_mqtt_session *session);

// What to do now; call it until it says NOTHING.
enum thingpass_mqtt_session_action
thingpass_mqtt_session_next(struct thingpass_mqtt_session *session, uint64_t now_ms);

// The SUBSCRIBE that was wanted is not sent: try it again in a second.
void thingpass_mqtt_session_not_sent(struct thingpass_mqtt_session *session, uint64_t now_ms);

#endif
