// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

#include "mqtt_link.h"

#include <string.h>

#include <esp_log.h>

#include "settings.h"

static const char tag[] = "thingpass";

static void lock(struct thingpass_mqtt_link *link) {
    (void)xSemaphoreTake(link->lock, portMAX_DELAY);
}

static void unlock(struct thingpass_mqtt_link *link) {
    (void)xSemaphoreGive(link->lock);
}

static bool take_piece(struct thingpass_mqtt_link *link, const esp_mqtt_event_t *event) {
    if (event->data_len < 0 || event->total_data_len < 0 || event->current_data_offset < 0 ||
        event->topic_len < 0) {
        return false;
    }
    struct thingpass_inbox_piece piece = {.topic = event->topic,
                                          .topic_len = (size_t)event->topic_len,
                                          .data = event->data,
                                          .len = (size_t)event->data_len,
                                          .offset = (size_t)event->current_data_offset,
                                          .total = (size_t)event->total_data_len,
                                          .retained = event->retain};
    return thingpass_inbox_put(&link->inbox, &piece);
}

static void tell_error(const esp_mqtt_error_codes_t *error) {
    if (error == NULL) {
        return;
    }
    if (error->error_type == MQTT_ERROR_TYPE_TCP_TRANSPORT) {
        ESP_LOGW(tag, "MQTT: TLS error -0x%04x, certificate flags 0x%x, errno %d",
                 (unsigned)error->esp_tls_stack_err, (unsigned)error->esp_tls_cert_verify_flags,
                 error->esp_transport_sock_errno);
    } else if (error->error_type == MQTT_ERROR_TYPE_CONNECTION_REFUSED) {
        ESP_LOGW(tag,
                 "MQTT: the server refused the connection, code %d; does its policy let this "
                 "certificate connect as this thing?",
                 (int)error->connect_return_code);
    }
}

// In the client's task, with the client's lock held.
static void on_event(void *ctx, esp_event_base_t base, int32_t id, void *data) {
    struct thingpass_mqtt_link *link = ctx;
    const esp_mqtt_event_t *event = data;
    bool wake = true;
    (void)base;
    lock(link);
    switch ((esp_mqtt_event_id_t)id) {
    case MQTT_EVENT_CONNECTED:
        thingpass_mqtt_session_on_connected(&link->session);
        break;
    case MQTT_EVENT_DISCONNECTED:
        thingpass_mqtt_session_on_disconnected(&link->session);
        thingpass_inbox_forget(&link->inbox);
        break;
    case MQTT_EVENT_SUBSCRIBED:
        thingpass_mqtt_session_on_suback(&link->session, event->error_handle != NULL &&
                                                             event->error_handle->error_type ==
                                                                 MQTT_ERROR_TYPE_SUBSCRIBE_FAILED);
        break;
    case MQTT_EVENT_DATA:
        wake = take_piece(link, event);
        break;
    default:
        wake = false;
    }
    unlock(link);
    if (id == MQTT_EVENT_ERROR) {
        tell_error(event->error_handle);
    }
    if (wake) {
        link->wake(link->ctx);
    }
}

bool thingpass_mqtt_link_connected(struct thingpass_mqtt_link *link) {
    lock(link);
    bool connected = link->session.connected;
    unlock(link);
    return connected;
}

// Makes the message; a lock keeps the property and the message together.
static int enqueue(struct thingpass_mqtt_link *link, const char *topic, const void *payload,
                   size_t len, int qos, uint32_t expiry_s) {
#if THINGPASS_HAS_MQTT5
    (void)xSemaphoreTake(link->publishing, portMAX_DELAY);
    if (link->version == 5) {
        link->property.message_expiry_interval = expiry_s;
        (void)esp_mqtt5_client_set_publish_property(link->client, &link->property);
    }
#endif
    int id = esp_mqtt_client_enqueue(link->client, topic, payload, (int)len, qos, 0, true);
#if THINGPASS_HAS_MQTT5
    (void)xSemaphoreGive(link->publishing);
#else
    (void)expiry_s;
#endif
    return id;
}

int thingpass_mqtt_link_publish(struct thingpass_mqtt_link *link, const char *topic,
                                const void *payload, size_t len, int qos, uint32_t expiry_s) {
    // Without a connection esp-mqtt would keep it and send it much later, when
    // nobody waits for the answer any more.
    if (!thingpass_mqtt_link_connected(link)) {
        return THINGPASS_EAGAIN;
    }
    int id = enqueue(link, topic, payload, len, qos, expiry_s);
    if (id >= 0) {
        return THINGPASS_OK;
    }
    return id == -2 ? THINGPASS_EAGAIN : THINGPASS_EIO; // -2: the outbox is full
}

static int publish(void *ctx, const char *topic, const void *payload, size_t len,
                   uint32_t expiry_s) {
    return thingpass_mqtt_link_publish(ctx, topic, payload, len, 1, expiry_s);
}

bool thingpass_mqtt_link_subscribe(struct thingpass_mqtt_link *link, const char *filter) {
    return esp_mqtt_client_subscribe_single(link->client, filter, 1) >= 0;
}

void thingpass_mqtt_link_hurry(struct thingpass_mqtt_link *link) {
    (void)esp_mqtt_client_reconnect(link->client); // an error: it was not waiting
}

static int make_locks(struct thingpass_mqtt_link *link) {
    link->lock = xSemaphoreCreateMutex();
    bool made = link->lock != NULL;
#if THINGPASS_HAS_MQTT5
    link->publishing = xSemaphoreCreateMutex();
    made = made && link->publishing != NULL;
#endif
    return made ? THINGPASS_OK : THINGPASS_ESPACE;
}

static int choose_version(struct thingpass_mqtt_link *link, uint8_t wanted) {
    link->version = wanted != 0 ? wanted : THINGPASS_HAS_MQTT5 ? 5 : 4;
    if (link->version == 4 || (link->version == 5 && THINGPASS_HAS_MQTT5)) {
        return THINGPASS_OK;
    }
    ESP_LOGE(tag, "mqtt_version %d needs CONFIG_MQTT_PROTOCOL_5", link->version);
    return THINGPASS_EINVAL;
}

int thingpass_mqtt_link_start(struct thingpass_mqtt_link *link,
                              const struct thingpass_esp_config *config, void *inbox_bytes,
                              void (*wake)(void *ctx), void *ctx) {
    memset(link, 0, sizeof *link);
    link->port = (struct thingpass_mqtt){link, publish};
    link->wake = wake;
    link->ctx = ctx;
    thingpass_inbox_init(&link->inbox, inbox_bytes, config->message_size);
    esp_mqtt_client_config_t mqtt;
    int rc = make_locks(link);
    if (rc == THINGPASS_OK) {
        rc = choose_version(link, config->mqtt_version);
    }
    if (rc == THINGPASS_OK) {
        rc = thingpass_mqtt_link_configure(link, config, &mqtt);
    }
    if (rc != THINGPASS_OK) {
        return rc;
    }
    link->client = esp_mqtt_client_init(&mqtt);
    if (link->client == NULL) {
        return THINGPASS_ESPACE;
    }
    if (esp_mqtt_client_register_event(link->client, MQTT_EVENT_ANY, on_event, link) != ESP_OK ||
        esp_mqtt_client_start(link->client) != ESP_OK) {
        return THINGPASS_EIO;
    }
    return THINGPASS_OK;
}

void thingpass_mqtt_link_free(struct thingpass_mqtt_link *link) {
    if (link->client != NULL) {
        (void)esp_mqtt_client_stop(link->client);
        (void)esp_mqtt_client_destroy(link->client);
        link->client = NULL;
    }
    if (link->lock != NULL) {
        vSemaphoreDelete(link->lock);
        link->lock = NULL;
    }
#if THINGPASS_HAS_MQTT5
    if (link->publishing != NULL) {
        vSemaphoreDelete(link->publishing);
        link->publishing = NULL;
    }
#endif
}

#endif
