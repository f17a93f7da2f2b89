// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "mqtt_client.h"

#include <stdio.h>
#include <string.h>

#include <mqtt_protocol.h>

// OpenSSL's errors come one by one, and the telling one is not always the first:
// they are all kept, as far as there is room.
static void on_log(struct mosquitto *client, void *ctx, int level, const char *text) {
    struct thingpass_mqtt_link *link = ctx;
    size_t used = strlen(link->tls_error);
    (void)client;
    if (level == MOSQ_LOG_ERR && strncmp(text, "OpenSSL Error", 13) == 0) {
        const char *colon = strstr(text, ": ");
        (void)snprintf(link->tls_error + used, sizeof link->tls_error - used, "%s%s",
                       used > 0 ? "; " : "", colon != NULL ? colon + 2 : text);
    }
}

static void on_connect(struct mosquitto *client, void *ctx, int code, int flags,
                       const mosquitto_property *properties) {
    struct thingpass_mqtt_link *link = ctx;
    (void)flags;
    (void)properties;
    link->connack = code;
    link->subscribed = code == 0 && link->settings.topic == NULL;
    if (code == 0 && link->settings.topic != NULL) {
        (void)mosquitto_subscribe(client, NULL, link->settings.topic, 1);
    }
}

static void on_subscribe(struct mosquitto *client, void *ctx, int mid, int count,
                         const int *granted) {
    struct thingpass_mqtt_link *link = ctx;
    const struct thingpass_mqtt_settings *s = &link->settings;
    (void)client;
    if (count < 1) {
        return;
    }
    if (link->subscribed) {
        if (mid == link->asked_mid && link->asked[0] != '\0') {
            link->asked_code = granted[0];
        }
        return;
    }
    if (granted[0] >= MQTT_RC_UNSPECIFIED) {
        link->fatal = true;
        (void)thingpass_fail(
            &link->why, 0,
            "the MQTT server %s:%u does not let %s subscribe to %s; does its policy allow that?",
            s->host, (unsigned)s->port, s->client_id, s->topic);
        return;
    }
    link->subscribed = true; // maybe in the very call that brought CONNACK
}

static void on_publish(struct mosquitto *client, void *ctx, int mid, int code,
                       const mosquitto_property *properties) {
    struct thingpass_mqtt_link *link = ctx;
    const struct thingpass_mqtt_settings *s = &link->settings;
    (void)client;
    (void)mid;
    (void)properties;
    if (code >= MQTT_RC_UNSPECIFIED) { // MQTT 5 only: 3.1.1 cannot say no
        (void)thingpass_fail(&link->why, 0,
                             "the MQTT server %s:%u refused a request of %s: %s; does its policy "
                             "let this certificate "
                             "publish there?",
                             s->host, (unsigned)s->port, s->client_id,
                             mosquitto_reason_string(code));
        thingpass_say(s->say, THINGPASS_SAY_NOTICE, "%s", link->why.text);
    }
}

static void on_disconnect(struct mosquitto *client, void *ctx, int code,
                          const mosquitto_property *properties) {
    struct thingpass_mqtt_link *link = ctx;
    (void)client;
    (void)properties;
    if (code >= MQTT_RC_UNSPECIFIED) { // MQTT 5: the server said why
        link->told_why = true;
        (void)thingpass_fail(
            &link->why, 0, "the MQTT server closed the connection: %s%s",
            mosquitto_reason_string(code),
            code == MQTT_RC_SESSION_TAKEN_OVER ? "; does another thing use this --name?" : "");
        link->failures += code == MQTT_RC_SESSION_TAKEN_OVER ? 8 : 0; // do not fight over it
    }
}

static void on_message(struct mosquitto *client, void *ctx,
                       const struct mosquitto_message *message) {
    struct thingpass_mqtt_link *link = ctx;
    (void)client;
    link->retained = message->retain;
    if (message->payloadlen >= 0) {
        link->settings.receive(link->settings.ctx, message->topic, message->payload,
                               (size_t)message->payloadlen);
    }
}

int thingpass_mqtt_client_new(struct thingpass_mqtt_link *link) {
    const struct thingpass_mqtt_settings *s = &link->settings;
    struct mosquitto *c = mosquitto_new(s->client_id, true, link);
    if (c == NULL) {
        return MOSQ_ERR_NOMEM;
    }
    link->client = c;
    mosquitto_log_callback_set(c, on_log);
    mosquitto_connect_v5_callback_set(c, on_connect);
    mosquitto_subscribe_callback_set(c, on_subscribe);
    mosquitto_publish_v5_callback_set(c, on_publish);
    mosquitto_disconnect_v5_callback_set(c, on_disconnect);
    mosquitto_message_callback_set(c, on_message);
    (void)mosquitto_int_option(c, MOSQ_OPT_PROTOCOL_VERSION,
                               s->version == 5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
    (void)mosquitto_int_option(c, MOSQ_OPT_TCP_NODELAY, 1);
    int rc = mosquitto_tls_opts_set(c, 1, "tlsv1.2", NULL); // or better
    return rc != MOSQ_ERR_SUCCESS
               ? rc
               : mosquitto_tls_set(c, s->ca_file, NULL, s->cert_file, s->key_file, NULL);
}

#endif
