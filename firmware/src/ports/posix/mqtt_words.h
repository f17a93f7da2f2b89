// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_MQTT_WORDS_H
#define THINGPASS_POSIX_MQTT_WORDS_H

#include <stdbool.h>

#include "mqtt_mosquitto.h"

// Puts a failed TLS connection to the MQTT server into link->why, given what
// OpenSSL logged. Where OpenSSL only says that verification failed, it looks at
// the server's certificate itself, for up to five seconds. Returns whether
// trying again is of no use.
bool thingpass_mqtt_tls_words(struct thingpass_mqtt_link *link);

// The same for a refused CONNECT, by the server's code.
bool thingpass_mqtt_connack_words(struct thingpass_mqtt_link *link);

#endif
