// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_MQTT_CLIENT_H
#define THINGPASS_POSIX_MQTT_CLIENT_H

#include "mqtt_mosquitto.h"

enum thingpass_mqtt_phase {
    THINGPASS_MQTT_DOWN,
    THINGPASS_MQTT_CONNECTING,
    THINGPASS_MQTT_HANDSHAKING,
    THINGPASS_MQTT_SUBSCRIBING,
    THINGPASS_MQTT_READY,
};

// Makes libmosquitto's client for one connection of the link. Its callbacks note
// what the server says: connack, tls_error, why, fatal, and READY after the
// SUBACK. Returns a MOSQ_ERR_ code; link->client may be set in either case.
int thingpass_mqtt_client_new(struct thingpass_mqtt_link *link);

#endif
