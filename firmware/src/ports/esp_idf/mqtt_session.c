// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Nothing of ESP-IDF here: tests/esp runs it on a PC.

#include "mqtt_session.h"

void thingpass_mqtt_session_on_connected(struct thingpass_mqtt_session *session) {
    session->connection++;
    session->connected = true;
    session->suback = false;
    session->denied = false;
}

void thingpass_mqtt_session_on_suback(struct thingpass_mqtt_session *session, bool denied) {
    if (!session->connected || session->suback) {
        return; // of a topic of the program's
    }
    session->suback = true;
    session->denied = denied;
}

void thingpass_mqtt_session_on_disconnected(struct thingpass_mqtt_session *session) {
    session->connected = false;
}

static enum thingpass_mqtt_session_action take_suback(struct thingpass_mqtt_session *session,
                                                      uint64_t now_ms) {
    if (session->denied) {
        session->suback = false;
        session->again_ms = now_ms + THINGPASS_MQTT_SESSION_AGAIN_MS;
        return THINGPASS_MQTT_SESSION_DENIED;
    }
    session->ready = true;
    session->was_ready = true;
    return THINGPASS_MQTT_SESSION_READY;
}

enum thingpass_mqtt_session_action
thingpass_mqtt_session_next(struct thingpass_mqtt_session *session, uint64_t now_ms) {
    bool ours = session->connected && session->subscribed_for == session->connection;
    if (session->ready && !ours) {
        session->ready = false; // also when it was lost and found between two looks
    }
    if (!session->ready && session->was_ready && !ours) {
        session->was_ready = false;
        return THINGPASS_MQTT_SESSION_LOST;
    }
    if (!session->connected || session->ready) {
        return THINGPASS_MQTT_SESSION_NOTHING;
    }
    if (!ours) {
        session->subscribed_for = session->connection;
        session->again_ms = UINT64_MAX;
        return THINGPASS_MQTT_SESSION_SUBSCRIBE;
    }
    if (session->suback) {
        return take_suback(session, now_ms);
    }
    if (now_ms >= session->again_ms) {
        session->again_ms = UINT64_MAX;
        return THINGPASS_MQTT_SESSION_SUBSCRIBE;
    }
    return THINGPASS_MQTT_SESSION_NOTHING;
}

void thingpass_mqtt_session_not_sent(struct thingpass_mqtt_session *session, uint64_t now_ms) {
    session->again_ms = now_ms + 1000;
}
