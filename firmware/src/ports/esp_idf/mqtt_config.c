// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

#include <string.h>

#include <esp_log.h>
#include <esp_random.h>
#if defined(CONFIG_MBEDTLS_CERTIFICATE_BUNDLE)
#include <esp_crt_bundle.h>
#endif

#include "mqtt_link.h"
#include "settings.h"

#if THINGPASS_HAS_PSA_KEYS
#include <esp_transport.h>
#include <esp_transport_ssl.h>
#endif

static void set_server(const struct thingpass_esp_config *config, esp_mqtt_client_config_t *mqtt) {
    mqtt->broker.address.uri = config->server;
    if (config->server_ca != NULL) {
        mqtt->broker.verification.certificate = config->server_ca;
        return;
    }
#if THINGPASS_HAS_BUNDLE
    mqtt->broker.verification.crt_bundle_attach = esp_crt_bundle_attach;
#endif
}

#if THINGPASS_HAS_PSA_KEYS
enum { MQTTS_PORT = 8883 };

// esp-mqtt has no words for a key of PSA's; the transport that it is given has.
static int set_transport(struct thingpass_mqtt_link *link,
                         const struct thingpass_esp_config *config,
                         esp_mqtt_client_config_t *mqtt) {
    esp_transport_handle_t t = esp_transport_ssl_init();
    if (t == NULL) {
        return THINGPASS_ESPACE;
    }
    link->psa_key = (esp_key_config_t){.source = ESP_KEY_SOURCE_PSA,
                                       .psa = {.key_id = config->identity.psa_key_id}};
    (void)esp_transport_set_default_port(t, MQTTS_PORT);
    esp_transport_ssl_set_client_key_config(t, &link->psa_key);
    const char *cert = config->identity.cert;
    esp_transport_ssl_set_client_cert_data(t, cert, (int)strlen(cert));
    if (config->server_ca != NULL) {
        esp_transport_ssl_set_cert_data(t, config->server_ca, (int)strlen(config->server_ca));
    } else {
#if THINGPASS_HAS_BUNDLE
        esp_transport_ssl_crt_bundle_attach(t, esp_crt_bundle_attach);
#endif
    }
    mqtt->network.transport = t; // the client frees it
    return THINGPASS_OK;
}
#endif

static int set_identity(struct thingpass_mqtt_link *link, const struct thingpass_esp_config *config,
                        esp_mqtt_client_config_t *mqtt) {
    const struct thingpass_esp_identity *identity = &config->identity;
    (void)link;
    mqtt->credentials.client_id = config->thing;
    if (identity->psa_key_id != 0) {
#if THINGPASS_HAS_PSA_KEYS
        return set_transport(link, config, mqtt);
#else
        ESP_LOGE("thingpass", "psa_key_id needs ESP-IDF 6.2 or later");
        return THINGPASS_EINVAL;
#endif
    }
    mqtt->credentials.authentication.certificate = identity->cert;
    mqtt->credentials.authentication.key = identity->key;
    mqtt->credentials.authentication.ds_data = identity->ds_data;
    return THINGPASS_OK;
}

int thingpass_mqtt_link_configure(struct thingpass_mqtt_link *link,
                                  const struct thingpass_esp_config *config,
                                  esp_mqtt_client_config_t *mqtt) {
    memset(mqtt, 0, sizeof *mqtt);
    set_server(config, mqtt);
    mqtt->session.keepalive = config->mqtt_keep_alive_s;
    mqtt->session.protocol_ver = link->version == 5 ? MQTT_PROTOCOL_V_5 : MQTT_PROTOCOL_V_3_1_1;
    mqtt->network.timeout_ms = CONFIG_THINGPASS_MQTT_TIMEOUT_MS;
    // The client waits equally long each time: at least let no two things do so.
    mqtt->network.reconnect_timeout_ms =
        CONFIG_THINGPASS_MQTT_RECONNECT_MS +
        (int)(esp_random() % (CONFIG_THINGPASS_MQTT_RECONNECT_MS + 1));
    mqtt->buffer.size = CONFIG_THINGPASS_MQTT_BUFFER;
    mqtt->outbox.limit = CONFIG_THINGPASS_MQTT_OUTBOX;
    return set_identity(link, config, mqtt);
}

#endif
