// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

#include <string.h>

#include <esp_log.h>

#include "thing.h"
#include "topic_filter.h"

static const char tag[] = "thingpass";

// The time, for other tasks and for after deep sleep.
static void note_time(struct thingpass_esp *esp) {
    int64_t now_s;
    if (thingpass_now(&esp->core, &now_s) != THINGPASS_OK) {
        return;
    }
    thingpass_esp_lock(esp);
    esp->told_s = now_s;
    esp->told_ms = thingpass_esp_clock_ms();
    thingpass_esp_unlock(esp);
    if (esp->config.clock_in_rtc_memory) {
        thingpass_esp_rtc_save(now_s);
    }
}

static void give_to_core(struct thingpass_esp *esp, const struct thingpass_inbox_message *message) {
    int rc = thingpass_receive(&esp->core, message->topic, message->topic_len, message->payload,
                               message->len);
    if (rc < 0) {
        ESP_LOGW(tag, "a reply is not understood: %s", thingpass_strerror(rc));
    }
    note_time(esp);
}

static void give_to_program(struct thingpass_esp *esp,
                            const struct thingpass_inbox_message *message) {
    for (uint32_t i = 0; i < CONFIG_THINGPASS_SUBSCRIPTIONS; i++) {
        thingpass_esp_lock(esp);
        struct thingpass_esp_subscription s = esp->subscriptions[i];
        bool used = i < esp->subscription_count;
        thingpass_esp_unlock(esp);
        if (used && thingpass_topic_filter_matches(s.filter, message->topic)) {
            esp->retained = message->retained;
            s.on_message(s.ctx, message->topic, message->payload, message->len);
        }
    }
}

void thingpass_esp_take_messages(struct thingpass_esp *esp) {
    for (;;) {
        struct thingpass_inbox_message message;
        thingpass_esp_lock(esp);
        bool there = thingpass_inbox_peek(&esp->mqtt.inbox, &message);
        thingpass_esp_unlock(esp);
        if (!there) {
            return;
        }
        if (strcmp(message.topic, esp->topic) == 0) {
            give_to_core(esp, &message);
        } else {
            give_to_program(esp, &message);
        }
        thingpass_esp_lock(esp);
        thingpass_inbox_pop(&esp->mqtt.inbox);
        thingpass_esp_unlock(esp);
    }
}

// Whatever the program has subscribed to and this connection does not know yet.
static void subscribe_rest(struct thingpass_esp *esp) {
    thingpass_esp_lock(esp);
    uint32_t count = esp->subscription_count;
    thingpass_esp_unlock(esp);
    while (esp->ready && esp->subscribed < count &&
           thingpass_mqtt_link_subscribe(&esp->mqtt, esp->subscriptions[esp->subscribed].filter)) {
        esp->subscribed++;
    }
}

static void set_ready(struct thingpass_esp *esp, bool ready) {
    thingpass_esp_lock(esp);
    esp->ready = ready;
    esp->stats.connects += ready;
    thingpass_esp_unlock(esp);
    esp->subscribed = 0;
    esp->link_down = esp->link_down && !ready; // what reaches one server may reach another
}

// Once for each boot: it writes nothing if it was noted before.
static void prove_identity(struct thingpass_esp *esp) {
    const struct thingpass_esp_config *c = &esp->config;
    if (c->provisioned == NULL || esp->proven) {
        return;
    }
    int rc = c->provisioned->prove(c->nvs_namespace);
    esp->proven = rc == THINGPASS_OK || rc == THINGPASS_ENOENT;
    if (rc < 0 && rc != THINGPASS_ENOENT) {
        ESP_LOGW(tag, "cannot note that the identity is good: %s", thingpass_strerror(rc));
    }
}

static void act(struct thingpass_esp *esp, enum thingpass_mqtt_session_action action) {
    switch (action) {
    case THINGPASS_MQTT_SESSION_SUBSCRIBE:
        if (!thingpass_mqtt_link_subscribe(&esp->mqtt, esp->topic)) {
            thingpass_esp_lock(esp);
            thingpass_mqtt_session_not_sent(&esp->mqtt.session, thingpass_esp_clock_ms());
            thingpass_esp_unlock(esp);
        }
        break;
    case THINGPASS_MQTT_SESSION_READY:
        set_ready(esp, true);
        prove_identity(esp);
        if (esp->outbox != NULL) {
            thingpass_esp_outbox_link(esp, true);
        } else {
            thingpass_ask_again(&esp->core);
        }
        thingpass_esp_tell(esp, THINGPASS_ESP_CONNECTED, THINGPASS_OK, "connected", NULL);
        break;
    case THINGPASS_MQTT_SESSION_DENIED:
        ESP_LOGE(tag, "the server does not let us subscribe to %s; does its policy allow that?",
                 esp->topic);
        thingpass_esp_tell(esp, THINGPASS_ESP_DISCONNECTED, THINGPASS_EREFUSED,
                           "the server does not let us subscribe", NULL);
        break;
    case THINGPASS_MQTT_SESSION_LOST:
        set_ready(esp, false);
        if (esp->outbox != NULL) {
            thingpass_esp_outbox_link(esp, false);
        }
        thingpass_esp_tell(esp, THINGPASS_ESP_DISCONNECTED, THINGPASS_EIO, "connection lost", NULL);
        break;
    default:
        break;
    }
}

void thingpass_esp_tend_session(struct thingpass_esp *esp) {
    enum thingpass_mqtt_session_action action;
    do {
        thingpass_esp_lock(esp);
        action = thingpass_mqtt_session_next(&esp->mqtt.session, thingpass_esp_clock_ms());
        thingpass_esp_unlock(esp);
        act(esp, action);
    } while (action != THINGPASS_MQTT_SESSION_NOTHING);
    subscribe_rest(esp);
}

#endif
