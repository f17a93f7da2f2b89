// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Firmware from the private bucket: looks for a newer image now and then, and when
// an operator says so (broker/PROTOCOL.md, section 15); fetches it, checks it, boots it,
// and goes back if the new one cannot reach the MQTT server.

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "esp_app_desc.h"
#include "esp_log.h"
#include "esp_ota_ops.h"
#include "esp_system.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sdkconfig.h"
#include "station.h"
#include "thingpass/command.h"
#include "thingpass/download.h"
#include "thingpass/esp.h"

static const char tag[] = "ota";

static atomic_bool look_now;
static atomic_bool looking;
static atomic_bool reboot;

static atomic_bool asked; // a command came, and was not answered yet
static struct thingpass_command command;

static void on_event(void *ctx, const struct thingpass_esp_event *event) {
    (void)ctx;
    ESP_LOGI(tag, "%s", event->text);
}

static void on_command(void *ctx, const struct thingpass_command *told) {
    if (strcmp(told->kind, CONFIG_UPDATE_KIND) != 0) {
        (void)thingpass_esp_answer(ctx, told->id, NULL, "unknown-kind");
    } else if (atomic_load(&looking) || atomic_load(&asked)) {
        (void)thingpass_esp_answer(ctx, told->id, NULL, "busy");
    } else {
        command = *told;
        atomic_store(&asked, true);
        atomic_store(&look_now, true);
    }
}

static void answer(struct thingpass_esp *esp, const struct thingpass_result *result,
                   const char *code) {
    if (atomic_load(&asked)) {
        (void)thingpass_esp_answer(esp, command.id, result, code);
        atomic_store(&asked, false);
    }
}

static void on_progress(void *ctx, uint64_t done, uint64_t total) {
    unsigned *last = ctx;
    unsigned percent = total == 0 ? 100 : (unsigned)(done * 100 / total);
    if (percent / 10 != *last / 10) {
        ESP_LOGI(tag, "%u %%", percent);
    }
    *last = percent;
}

static void on_fetched(void *ctx, const struct thingpass_result *result, bool spooled) {
    (void)spooled;
    answer(ctx, result, NULL);
    atomic_store(&looking, false);
    if (result->err < 0) {
        // What has arrived stays in its partition: the next look goes on there.
        ESP_LOGW(tag, "no update: %s %s", thingpass_strerror(result->err), result->code);
    } else if (result->verified == THINGPASS_VERIFIED_UNCHANGED) {
        ESP_LOGI(tag, "this is the newest image");
    } else {
        ESP_LOGI(tag, "a new image is there and is what it should be");
        atomic_store(&reboot, true);
    }
}

static void look(struct thingpass_esp *esp) {
    static unsigned percent;
    static struct thingpass_download update = {
        .kind = CONFIG_UPDATE_KIND,
        .progress = on_progress,
        .progress_ctx = &percent,
    };
    if (atomic_exchange(&looking, true)) {
        return;
    }
    bool named = atomic_load(&asked) && command.name[0] != '\0';
    update.name = named ? command.name : NULL;
    update.group = CONFIG_UPDATE_GROUP[0] != '\0' ? CONFIG_UPDATE_GROUP : NULL;
    int err = thingpass_esp_ota(esp, &update, on_fetched, esp);
    if (err < 0) {
        atomic_store(&looking, false);
        ESP_LOGW(tag, "not now: %s", thingpass_strerror(err));
        answer(esp, NULL, "failed");
    }
}

void app_main(void) {
    ESP_LOGI(tag, "version %s%s", esp_app_get_description()->version,
             thingpass_esp_ota_is_on_trial() ? ", on trial" : "");
    if (station_start() != ESP_OK) {
        return;
    }
    const struct thingpass_esp_config config = {
        .nvs_namespace = "thingpass",
        .on_event = on_event,
        .ota_proof_by_connecting = true,
    };
    struct thingpass_esp *esp = NULL;
    int err = thingpass_esp_start(&config, &esp);
    if (err < 0) {
        ESP_LOGE(tag, "thingpass does not start: %s", thingpass_strerror(err));
        return;
    }
#ifdef CONFIG_UPDATE_COMMANDS
    (void)thingpass_esp_on_command(esp, THINGPASS_DOWNLOAD, on_command, esp);
#else
    (void)on_command;
#endif
    for (uint32_t s = 0;; s++) {
        if (s % CONFIG_UPDATE_PERIOD_S == 0 || atomic_exchange(&look_now, false)) {
            look(esp);
        }
        if (atomic_load(&reboot)) {
            // Whatever must be brought to an end before the restart goes here.
            esp_restart();
        }
        vTaskDelay(pdMS_TO_TICKS(1000));
    }
}
