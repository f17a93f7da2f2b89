// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

#include <stdlib.h>
#include <string.h>

#include <esp_log.h>

#include "thing.h"

static const char tag[] = "thingpass";
static struct thingpass_esp *the_only; // MQTT's client id, NVS and RTC memory are one each

// The program's provider with our stream, which shows the certificate.
static const struct thingpass_provider *provider_of(struct thingpass_esp *esp) {
    if (esp->config.provider == NULL) {
        return NULL;
    }
    esp->provider = *esp->config.provider;
    esp->provider.stream = &esp->stream.port_with_identity;
    return &esp->provider;
}

static int start_core(struct thingpass_esp *esp) {
    const struct thingpass_esp_config *c = &esp->config;
    uint8_t *reply = esp->buffers;
    struct thingpass_config config = {.root = c->root,
                                      .thing = c->thing,
                                      .stream = &esp->stream.port,
                                      .mqtt = &esp->mqtt.port,
                                      .clock = &thingpass_esp_port_clock,
                                      .random = &thingpass_esp_port_random,
                                      .sha256 = &esp->sha256.port,
                                      .reply = reply,
                                      .reply_size = c->reply_size,
                                      .chunk = reply + c->reply_size,
                                      .chunk_size = c->chunk_size,
                                      .ledger = c->ledger,
                                      .provider = provider_of(esp),
                                      .allow_plain_http = c->allow_plain_http,
                                      .timing = c->timing};
    int rc = thingpass_init(&esp->core, &config);
    if (rc == THINGPASS_OK) {
        rc = thingpass_response_topic(&esp->core, esp->topic, sizeof esp->topic);
    }
    int64_t now_s = c->clock_in_rtc_memory && rc >= 0 ? thingpass_esp_rtc_load() : 0;
    if (now_s != 0 && thingpass_set_now(&esp->core, now_s) == THINGPASS_OK) {
        esp->told_s = now_s;
        esp->told_ms = thingpass_esp_clock_ms();
    }
    return rc < 0 ? rc : THINGPASS_OK;
}

static int allocate(struct thingpass_esp *esp) {
    const struct thingpass_esp_config *c = &esp->config;
    esp->buffers = malloc((size_t)c->reply_size + c->chunk_size + c->message_size);
    esp->ended = xSemaphoreCreateBinary();
    return esp->buffers != NULL && esp->ended != NULL ? THINGPASS_OK : THINGPASS_ESPACE;
}

static int start_mqtt(struct thingpass_esp *esp) {
    const struct thingpass_esp_config *c = &esp->config;
    uint8_t *messages = (uint8_t *)esp->buffers + c->reply_size + c->chunk_size;
    return thingpass_mqtt_link_start(&esp->mqtt, c, messages, thingpass_esp_wake, esp);
}

static int start_task(struct thingpass_esp *esp) {
    const struct thingpass_esp_config *c = &esp->config;
    return xTaskCreate(thingpass_esp_task, "thingpass", c->stack_size, esp, c->priority,
                       &esp->task) == pdPASS
               ? THINGPASS_OK
               : THINGPASS_ESPACE;
}

static int start(struct thingpass_esp *esp, const struct thingpass_esp_config *config) {
    int rc = thingpass_esp_configure(esp, config);
    if (rc == THINGPASS_OK) {
        rc = allocate(esp);
    }
    if (rc == THINGPASS_OK) {
        rc = thingpass_esp_sha256_init(&esp->sha256);
    }
    struct thingpass_esp_tls_trust trust = {.ca = esp->config.s3_ca,
                                            .identity = &esp->config.identity};
    thingpass_esp_tls_init(&esp->stream, &trust, &esp->link_down);
    if (rc == THINGPASS_OK) {
        rc = start_core(esp);
    }
    if (rc == THINGPASS_OK) {
        rc = start_mqtt(esp);
    }
    if (rc == THINGPASS_OK && esp->config.spool.directory != NULL) {
        rc = thingpass_esp_outbox_open(esp);
    }
    return rc == THINGPASS_OK ? start_task(esp) : rc;
}

// What start() has made, in whatever state it ended. The task is not, or no more.
static void release(struct thingpass_esp *esp) {
    thingpass_mqtt_link_free(&esp->mqtt);
    thingpass_esp_outbox_close(esp);
    thingpass_esp_tls_free(&esp->stream);
    thingpass_esp_sha256_free(&esp->sha256);
    if (esp->ended != NULL) {
        vSemaphoreDelete(esp->ended);
    }
    thingpass_esp_forget_config(esp);
    free(esp->commander);
    free(esp->buffers);
    free(esp);
}

int thingpass_esp_start(const struct thingpass_esp_config *config, struct thingpass_esp **esp) {
    *esp = NULL;
    if (the_only != NULL) {
        return THINGPASS_EBUSY;
    }
    struct thingpass_esp *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return THINGPASS_ESPACE;
    }
    thingpass_lwip_tcp_init(&made->stream.tcp);
    int rc = start(made, config);
    if (rc != THINGPASS_OK) {
        ESP_LOGE(tag, "start: %s", thingpass_strerror(rc));
        release(made);
        return rc;
    }
    the_only = made;
    *esp = made;
    return THINGPASS_OK;
}

void thingpass_esp_stop(struct thingpass_esp *esp) {
    if (esp == NULL || thingpass_esp_in_task(esp)) {
        return;
    }
    esp->stopping = true;
    thingpass_esp_wake(esp);
    (void)xSemaphoreTake(esp->ended, portMAX_DELAY);
    release(esp);
    the_only = NULL;
}

#endif
