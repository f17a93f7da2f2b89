// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

#include <stdlib.h>
#include <string.h>

#include <esp_log.h>

#include "provision_rules.h"
#include "thing.h"

static const char tag[] = "thingpass";

static int wrong(const char *what) {
    ESP_LOGE(tag, "start: %s", what);
    return THINGPASS_EINVAL;
}

// The identity that the thing got by itself goes before what else NVS has.
static int find_own(struct thingpass_esp *esp) {
    struct thingpass_esp_config *c = &esp->config;
    bool given = c->thing != NULL || c->identity.cert != NULL || c->identity.key != NULL ||
                 c->identity.ds_data != NULL || c->identity.psa_key_id != 0;
    if (c->provisioned == NULL || given) {
        return THINGPASS_OK;
    }
    int rc = c->provisioned->find(c->nvs_namespace, &esp->owned[1], &esp->owned[2], &esp->owned[3]);
    if (rc == THINGPASS_OK) {
        c->thing = esp->owned[1];
        c->identity.cert = esp->owned[2];
        c->identity.key = esp->owned[3];
    }
    return rc == THINGPASS_ENOENT ? THINGPASS_OK : rc;
}

// Reads what is NULL from NVS. What is not there stays NULL.
static int from_nvs(struct thingpass_esp *esp) {
    struct thingpass_esp_config *c = &esp->config;
    struct {
        const char *name;
        const char **text;
    } const texts[] = {
        {"server", &c->server},    {"thing", &c->thing},  {"cert", &c->identity.cert},
        {"key", &c->identity.key}, {"ca", &c->server_ca}, {"s3_ca", &c->s3_ca},
    };
    _Static_assert(sizeof texts / sizeof texts[0] == sizeof esp->owned / sizeof esp->owned[0],
                   "each text has a place");
    bool in_hardware = c->identity.ds_data != NULL || c->identity.psa_key_id != 0;
    int own = find_own(esp);
    if (own < 0) {
        return own;
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int rc;
        if (*texts[i].text != NULL || (texts[i].text == &c->identity.key && in_hardware)) {
            continue;
        }
        esp->owned[i] = thingpass_nvs_text(c->nvs_namespace, texts[i].name, &rc);
        if (rc == THINGPASS_ESPACE) {
            return rc;
        }
        *texts[i].text = esp->owned[i];
    }
    return THINGPASS_OK;
}

static void set_defaults(struct thingpass_esp_config *c) {
    c->root = c->root != NULL ? c->root : "thingpass";
    c->mqtt_keep_alive_s =
        c->mqtt_keep_alive_s != 0 ? c->mqtt_keep_alive_s : CONFIG_THINGPASS_MQTT_KEEP_ALIVE;
    c->stack_size = c->stack_size != 0 ? c->stack_size : CONFIG_THINGPASS_TASK_STACK;
    c->reply_size = c->reply_size != 0 ? c->reply_size : CONFIG_THINGPASS_REPLY_SIZE;
    c->chunk_size = c->chunk_size != 0 ? c->chunk_size : CONFIG_THINGPASS_CHUNK_SIZE;
    c->message_size = c->message_size != 0 ? c->message_size : CONFIG_THINGPASS_MESSAGE_SIZE;
    c->priority = c->priority != 0 ? c->priority : CONFIG_THINGPASS_TASK_PRIORITY;
    struct thingpass_esp_spool *s = &c->spool;
    s->max_bytes = s->max_bytes != 0 ? s->max_bytes : CONFIG_THINGPASS_SPOOL_KBYTES * 1024u;
    s->max_objects = s->max_objects != 0 ? s->max_objects : CONFIG_THINGPASS_SPOOL_OBJECTS;
}

static int check_identity(const struct thingpass_esp_identity *identity) {
    int keys = (identity->key != NULL) + (identity->ds_data != NULL) + (identity->psa_key_id != 0);
    if (identity->cert == NULL) {
        return wrong("there is no certificate; has the thing been provisioned?");
    }
    if (keys != 1) {
        return wrong("the identity needs one of key, ds_data and psa_key_id");
    }
    if (identity->psa_key_id != 0 && !THINGPASS_HAS_PSA_KEYS) {
        return wrong("psa_key_id needs ESP-IDF 6.2 or later");
    }
    return THINGPASS_OK;
}

static int check(const struct thingpass_esp_config *c) {
    struct thingpass_esp_provision texts = {.server = c->server,
                                            .thing = c->thing,
                                            .cert = c->identity.cert,
                                            .key = c->identity.key,
                                            .ca = c->server_ca,
                                            .s3_ca = c->s3_ca};
    const struct thingpass_provision_field *field;
    if (c->server == NULL || c->thing == NULL) {
        return wrong("server and thing are needed; has the thing been provisioned?");
    }
    int rc = thingpass_provision_check(&texts, SIZE_MAX, &field);
    if (rc != THINGPASS_OK) {
        ESP_LOGE(tag, "start: %s is not as it should be", field->name);
        return rc;
    }
    if ((c->server_ca == NULL || c->s3_ca == NULL) && !THINGPASS_HAS_BUNDLE) {
        return wrong("without a certificate bundle in the build, server_ca and s3_ca are needed");
    }
    return check_identity(&c->identity);
}

int thingpass_esp_configure(struct thingpass_esp *esp, const struct thingpass_esp_config *config) {
    esp->config = *config;
    int rc = config->nvs_namespace != NULL ? from_nvs(esp) : THINGPASS_OK;
    set_defaults(&esp->config);
    return rc == THINGPASS_OK ? check(&esp->config) : rc;
}

// The key leaves no trace in memory that others get.
void thingpass_esp_forget_config(struct thingpass_esp *esp) {
    for (size_t i = 0; i < sizeof esp->owned / sizeof esp->owned[0]; i++) {
        volatile char *text = esp->owned[i];
        while (text != NULL && *text != '\0') {
            *text++ = '\0';
        }
        free(esp->owned[i]);
        esp->owned[i] = NULL;
    }
}

#endif
