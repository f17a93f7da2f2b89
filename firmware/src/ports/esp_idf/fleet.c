// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

// Fleet provisioning by claim, in the task that calls it: the thing itself is not
// running yet.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <esp_log.h>
#include <esp_random.h>

#include "identity_nvs.h"
#include "provision_rules.h"
#include "thing.h"

static const char tag[] = "thingpass";

enum { LOOK_EVERY_MS = 200, DEFAULT_TIMEOUT_MS = 120000 };

struct claimant {
    struct thingpass_esp_config config; // with the claim's identity
    char *owned[4];
    char client_id[40];
    struct thingpass_nvs_keeper keeper;
    struct thingpass_mqtt_link mqtt;
    struct thingpass_provision core;
    SemaphoreHandle_t wake;
    uint32_t connection; // that the core knows of
    bool asked;          // a SUBSCRIBE is out
    uint8_t buffer[THINGPASS_PROVISION_BUFFER];
    uint8_t messages[THINGPASS_PROVISION_BUFFER + 512];
};

static void lock(struct claimant *c) {
    (void)xSemaphoreTake(c->mqtt.lock, portMAX_DELAY);
}

static void unlock(struct claimant *c) {
    (void)xSemaphoreGive(c->mqtt.lock);
}

static void wake(void *ctx) {
    (void)xSemaphoreGive(((struct claimant *)ctx)->wake);
}

// One topic after the other: the session tells of one SUBACK at a time.
static int subscribe(void *ctx, const char *topic) {
    struct claimant *c = ctx;
    lock(c);
    const struct thingpass_mqtt_session session = c->mqtt.session;
    if (session.connected && !c->asked) {
        c->mqtt.session.suback = false;
    }
    unlock(c);
    if (!session.connected) {
        return THINGPASS_EAGAIN;
    }
    if (!c->asked) {
        c->asked = thingpass_mqtt_link_subscribe(&c->mqtt, topic);
        return THINGPASS_EAGAIN;
    }
    if (!session.suback) {
        return THINGPASS_EAGAIN;
    }
    c->asked = false;
    if (session.denied) {
        ESP_LOGE(tag, "the server does not let the claim subscribe to %s", topic);
        return THINGPASS_EREFUSED;
    }
    return THINGPASS_OK;
}

static void take_messages(struct claimant *c) {
    for (;;) {
        struct thingpass_inbox_message m;
        lock(c);
        uint32_t connection = c->mqtt.session.connection;
        bool there = thingpass_inbox_peek(&c->mqtt.inbox, &m);
        unlock(c);
        if (connection != c->connection) {
            c->connection = connection;
            c->asked = false;
            thingpass_provision_connected(&c->core);
        }
        if (!there) {
            return;
        }
        int rc = thingpass_provision_receive(&c->core, m.topic, m.topic_len, m.payload, m.len);
        if (rc < 0) {
            ESP_LOGW(tag, "provisioning: %s (%u %s)", thingpass_strerror(rc),
                     (unsigned)c->core.result.status, c->core.result.code);
        }
        lock(c);
        thingpass_inbox_pop(&c->mqtt.inbox);
        unlock(c);
    }
}

static int drive(struct claimant *c) {
    for (;;) {
        uint64_t wake_ms;
        take_messages(c);
        switch (thingpass_provision_step(&c->core, &wake_ms)) {
        case THINGPASS_STEP_DONE:
            return c->core.result.err;
        case THINGPASS_STEP_RUN:
            break;
        default:
            (void)xSemaphoreTake(c->wake, pdMS_TO_TICKS(LOOK_EVERY_MS));
        }
    }
}

static int missing(const char *what) {
    ESP_LOGE(tag, "provision: there is no %s, neither given nor in NVS", what);
    return THINGPASS_EINVAL;
}

// What the program did not give is the claim's in NVS.
static int complete(struct claimant *c, const struct thingpass_esp_claim *claim) {
    struct thingpass_esp_config *config = &c->config;
    const char **texts[] = {&config->server, &config->identity.cert, &config->identity.key,
                            &config->server_ca};
    static const char *const names[] = {"server", "cert", "key", "ca"};
    bool in_hardware = config->identity.ds_data != NULL || config->identity.psa_key_id != 0;
    int rc;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (*texts[i] == NULL && !(texts[i] == &config->identity.key && in_hardware)) {
            c->owned[i] = thingpass_nvs_text(config->nvs_namespace, names[i], &rc);
            *texts[i] = c->owned[i];
        }
    }
    (void)snprintf(c->client_id, sizeof c->client_id, "%.24s-%08x",
                   claim->name != NULL ? claim->name : "thingpass-claim", (unsigned)esp_random());
    config->thing = c->client_id;
    config->message_size = sizeof c->messages;
    config->mqtt_keep_alive_s = config->mqtt_keep_alive_s != 0 ? config->mqtt_keep_alive_s
                                                               : CONFIG_THINGPASS_MQTT_KEEP_ALIVE;
    if (!thingpass_server_uri_ok(config->server)) {
        return missing("server");
    }
    if (config->identity.cert == NULL || (config->identity.key == NULL && !in_hardware)) {
        return missing("claim");
    }
    return config->server_ca != NULL || THINGPASS_HAS_BUNDLE ? THINGPASS_OK : missing("ca");
}

static int run(struct claimant *c, const struct thingpass_esp_claim *claim) {
    uint32_t timeout_ms = claim->timeout_ms != 0 ? claim->timeout_ms : DEFAULT_TIMEOUT_MS;
    const struct thingpass_provision_config config = {.template_name = claim->template_name,
                                                      .parameters = claim->parameters,
                                                      .parameter_count = claim->parameter_count,
                                                      .thing = claim->thing,
                                                      .mqtt = &c->mqtt.port,
                                                      .subscribe = subscribe,
                                                      .subscribe_ctx = c,
                                                      .clock = &thingpass_esp_port_clock,
                                                      .random = &thingpass_esp_port_random,
                                                      .keeper = &c->keeper.keeper,
                                                      .buffer = c->buffer,
                                                      .buffer_size = sizeof c->buffer,
                                                      .timing = {.deadline_ms = timeout_ms},
                                                      .configure = claim->configure,
                                                      .configure_ctx = claim->configure_ctx};
    int rc = thingpass_provision_start(&c->core, &config);
    if (rc == THINGPASS_OK) {
        rc = thingpass_mqtt_link_start(&c->mqtt, &c->config, c->messages, wake, c);
    }
    if (rc == THINGPASS_OK) {
        rc = drive(c);
    }
    thingpass_mqtt_link_free(&c->mqtt);
    return rc;
}

static void forget(struct claimant *c) {
    if (c->wake != NULL) {
        vSemaphoreDelete(c->wake);
    }
    for (size_t i = 0; i < sizeof c->owned / sizeof *c->owned; i++) {
        thingpass_nvs_wipe(c->owned[i]);
    }
    free(c);
}

int thingpass_esp_provision_by_claim(const struct thingpass_esp_config *config,
                                     const struct thingpass_esp_claim *claim,
                                     struct thingpass_provision_result *result) {
    struct claimant *c = config->nvs_namespace != NULL ? calloc(1, sizeof *c) : NULL;
    if (c == NULL) {
        return config->nvs_namespace != NULL ? THINGPASS_ESPACE : missing("nvs_namespace");
    }
    c->config = *config;
    thingpass_nvs_keeper_init(&c->keeper, config->nvs_namespace);
    c->wake = xSemaphoreCreateBinary();
    int rc = c->wake != NULL ? complete(c, claim) : THINGPASS_ESPACE;
    if (rc == THINGPASS_OK) {
        rc = run(c, claim);
    }
    if (result != NULL) {
        *result = c->core.result;
        result->err = rc;
    }
    if (rc == THINGPASS_OK) {
        ESP_LOGI(tag, "this is %s from now on", c->core.result.thing);
    }
    forget(c);
    return rc;
}

// ── What is kept ────────────────────────────────────────────────────────────

enum { CERT_MAX = 4000 };

static int load(const char *name_space, struct thingpass_nvs_keeper *keeper,
                struct thingpass_identity *identity, char **cert) {
    thingpass_nvs_keeper_init(keeper, name_space);
    *cert = malloc(CERT_MAX);
    int rc = *cert != NULL ? thingpass_identity_load(&keeper->keeper, identity, *cert, CERT_MAX)
                           : THINGPASS_ESPACE;
    if (rc != THINGPASS_OK) {
        free(*cert);
        *cert = NULL;
    }
    return rc;
}

static int find(const char *name_space, char **thing, char **cert, char **key) {
    struct thingpass_nvs_keeper keeper;
    struct thingpass_identity identity;
    int rc = load(name_space, &keeper, &identity, cert);
    if (rc != THINGPASS_OK) {
        return rc;
    }
    size_t n = strlen(identity.thing) + 1;
    *key = thingpass_nvs_keeper_key(&keeper, identity.slot, &rc);
    *thing = malloc(n);
    if (*key == NULL || *thing == NULL) {
        return rc < 0 ? rc : THINGPASS_ESPACE; // the caller frees what there is
    }
    memcpy(*thing, identity.thing, n);
    return THINGPASS_OK;
}

static int prove(const char *name_space) {
    struct thingpass_nvs_keeper keeper;
    struct thingpass_identity identity;
    char *cert;
    int rc = load(name_space, &keeper, &identity, &cert);
    if (rc == THINGPASS_OK) {
        rc = thingpass_identity_prove(&keeper.keeper, &identity);
    }
    free(cert);
    return rc;
}

const struct thingpass_esp_provisioned thingpass_esp_provisioned = {find, prove};

int thingpass_esp_identity_state(const char *nvs_namespace) {
    struct thingpass_nvs_keeper keeper;
    struct thingpass_identity identity;
    char *cert;
    int rc = load(nvs_namespace, &keeper, &identity, &cert);
    free(cert);
    return rc == THINGPASS_OK ? identity.proven : rc;
}

int thingpass_esp_forget_identity(const char *nvs_namespace) {
    struct thingpass_nvs_keeper keeper;
    struct thingpass_identity identity;
    char *cert;
    int rc = load(nvs_namespace, &keeper, &identity, &cert);
    if (rc == THINGPASS_OK) {
        rc = thingpass_identity_forget(&keeper.keeper, &identity);
    }
    free(cert);
    return rc;
}

#endif
