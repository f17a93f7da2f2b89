// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "mqtt_words.h"

#include <stdio.h>
#include <string.h>

#include <mqtt_protocol.h>

#include "tls_diagnose.h"

enum { DIAGNOSIS_MS = 5000 };

// What the server's TLS alerts mean to us. It speaks of our certificate.
static const struct {
    const char *needle;
    const char *words;
} alerts[] = {
    {"alert unknown ca",
     "it does not trust the CA that signed %s; issue the certificate with the server's CA"},
    {"alert certificate expired", "it says that %s has expired; issue a new certificate"},
    {"alert certificate revoked", "it says that %s is revoked; issue a new certificate"},
    {"alert certificate unknown", "it does not accept %s"},
    {"alert bad certificate",
     "it does not accept %s; is it signed by the server's CA, and not expired?"},
    {"alert unsupported certificate", "it does not accept %s as a client's certificate"},
    {"alert certificate required",
     "it did not get a certificate that it accepts; is %s signed by the server's CA?"},
    {"alert handshake failure", "it found nothing in common with us, or does not accept %s"},
};

static bool own_certificate_words(struct thingpass_mqtt_link *link) {
    const struct thingpass_mqtt_settings *s = &link->settings;
    for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++) {
        if (strstr(link->tls_error, alerts[i].needle) == NULL) {
            continue;
        }
        const char *gap = strstr(alerts[i].words, "%s");
        (void)thingpass_fail(&link->why, 0, "the MQTT server %s:%u refuses us: %.*s%s%s", s->host,
                             (unsigned)s->port, (int)(gap - alerts[i].words), alerts[i].words,
                             s->cert_file, gap + 2);
        return true;
    }
    return false;
}

bool thingpass_mqtt_tls_words(struct thingpass_mqtt_link *link) {
    const struct thingpass_mqtt_settings *s = &link->settings;
    if (own_certificate_words(link)) {
        return true;
    }
    if (strstr(link->tls_error, "certificate verify failed") != NULL) {
        if (!thingpass_tls_diagnose(s->trust, s->host, s->port, DIAGNOSIS_MS, &link->why)) {
            (void)thingpass_fail(
                &link->why, 0,
                "the certificate of the MQTT server %s:%u does not pass; check it with %s", s->host,
                (unsigned)s->port, s->ca_file);
        }
        return true;
    }
    if (strstr(link->tls_error, "wrong version number") != NULL ||
        strstr(link->tls_error, "packet length too long") != NULL) {
        (void)thingpass_fail(
            &link->why, 0,
            "the MQTT server %s:%u does not speak TLS on this port; is it the right one?", s->host,
            (unsigned)s->port);
        return true;
    }
    const char *text = link->tls_error[0] != '\0' ? link->tls_error : "no reason given";
    (void)thingpass_fail(&link->why, 0, "TLS with the MQTT server %s:%u: %s", s->host,
                         (unsigned)s->port, text);
    return false;
}

bool thingpass_mqtt_connack_words(struct thingpass_mqtt_link *link) {
    const struct thingpass_mqtt_settings *s = &link->settings;
    bool five = s->version == 5;
    const char *code =
        five ? mosquitto_reason_string(link->connack) : mosquitto_connack_string(link->connack);
    const char *hint = "";
    bool passing = false;
    switch (link->connack) {
    case 1: // 3.1.1
    case MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION:
        hint = "; try the other --mqtt version";
        break;
    case 2: // 3.1.1
    case MQTT_RC_CLIENTID_NOT_VALID:
        hint = "; may this certificate connect as this --name?";
        break;
    case 4: // 3.1.1, and the next
    case 5:
    case MQTT_RC_BAD_USERNAME_OR_PASSWORD:
    case MQTT_RC_NOT_AUTHORIZED:
    case MQTT_RC_BANNED:
        hint = "; does the server's policy let this certificate connect as this --name?";
        break;
    default:
        passing = true;
    }
    (void)thingpass_fail(&link->why, 0, "the MQTT server %s:%u refused %s: %s%s", s->host,
                         (unsigned)s->port, s->client_id, code, hint);
    return !passing;
}

#endif
