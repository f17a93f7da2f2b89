// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_ESP_IDF_MQTT_LINK_H
#define THINGPASS_ESP_IDF_MQTT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <freertos/FreeRTOS.h>
#include <freertos/semphr.h>
#include <mqtt_client.h>

#include "compat.h"
#include "inbox.h"
#include "mqtt_session.h"
#include "thingpass/esp.h"
#include "thingpass/port.h"

#if THINGPASS_HAS_MQTT5
#include <mqtt5_client.h>
#endif
#if THINGPASS_HAS_PSA_KEYS
#include <esp_key_config.h>
#endif

// MQTT over esp-mqtt, which has a task of its own. What that task sees it only
// notes, in session and inbox, and wakes ours: it never waits for anything of ours,
// because it holds the client's lock while it tells us.
struct thingpass_mqtt_link {
    struct thingpass_mqtt port; // hand &port to the core

    esp_mqtt_client_handle_t client;
    int version; // 4 or 5

    // Guards session and inbox. Held for a memcpy at the most, never while
    // anything of esp-mqtt is called.
    SemaphoreHandle_t lock;
    struct thingpass_mqtt_session session;
    struct thingpass_inbox inbox;

    void (*wake)(void *ctx); // from any task
    void *ctx;

#if THINGPASS_HAS_MQTT5
    // esp-mqtt keeps a pointer to it until the next message is made, whoever makes
    // it: so it lives here, and setting it and making a message are one step.
    esp_mqtt5_publish_property_config_t property;
    SemaphoreHandle_t publishing;
#endif
#if THINGPASS_HAS_PSA_KEYS
    esp_key_config_t psa_key;
#endif
};

// Makes the client, which connects when it is started, and starts it. config has
// no defaults left to fill in. inbox_bytes must outlive the link. Returns
// THINGPASS_OK, THINGPASS_EINVAL, THINGPASS_ESPACE or THINGPASS_EIO; free it in
// any case.
int thingpass_mqtt_link_start(struct thingpass_mqtt_link *link,
                              const struct thingpass_esp_config *config, void *inbox_bytes,
                              void (*wake)(void *ctx), void *ctx);

// Disconnects and frees. Not from the client's task.
void thingpass_mqtt_link_free(struct thingpass_mqtt_link *link);

// Subscribes with QoS 1. Returns whether the request is sent or queued.
bool thingpass_mqtt_link_subscribe(struct thingpass_mqtt_link *link, const char *filter);

// Publishes; expiry_s 0: none.
int thingpass_mqtt_link_publish(struct thingpass_mqtt_link *link, const char *topic,
                                const void *payload, size_t len, int qos, uint32_t expiry_s);

// There is a network again: connects at once, if it was waiting.
void thingpass_mqtt_link_hurry(struct thingpass_mqtt_link *link);

bool thingpass_mqtt_link_connected(struct thingpass_mqtt_link *link);

// mqtt_config.c: what esp-mqtt is to be told.
int thingpass_mqtt_link_configure(struct thingpass_mqtt_link *link,
                                  const struct thingpass_esp_config *config,
                                  esp_mqtt_client_config_t *mqtt);

#endif
