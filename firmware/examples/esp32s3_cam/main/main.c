// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A camera that stores a photo when something moves, now and then, and when an operator
// wants one: broker/PROTOCOL.md, section 15.

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "esp_app_desc.h"
#include "esp_littlefs.h"
#include "esp_log.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sdkconfig.h"
#include "station.h"
#include "thingpass/command.h"
#include "thingpass/esp.h"
#include "thingpass/esp_camera_source.h"
#include "thingpass/metadata.h"
#include "watch.h"

static const char tag[] = "camera";

enum { upload_timeout_ms = 60000 };

static const char by_command[] = "command";

static atomic_bool asked; // a command came, and was not answered yet
static char asked_id[THINGPASS_ID_MAX + 1];

static void on_event(void *ctx, const struct thingpass_esp_event *event) {
    (void)ctx;
    ESP_LOGI(tag, "%s%s%s", event->text, event->result != NULL ? ": " : "",
             event->result != NULL ? event->result->object_key : "");
}

static void on_command(void *ctx, const struct thingpass_command *command) {
    if (atomic_load(&asked)) {
        (void)thingpass_esp_answer(ctx, command->id, NULL, "busy");
        return;
    }
    (void)snprintf(asked_id, sizeof asked_id, "%s", command->id);
    atomic_store(&asked, true);
}

// Where photos wait while there is no network. Without it they are only tried at once.
static const char *spool_directory(void) {
    const esp_vfs_littlefs_conf_t config = {
        .base_path = "/spool",
        .partition_label = "spool",
        .format_if_mount_failed = true,
    };
    esp_err_t err = esp_vfs_littlefs_register(&config);
    if (err != ESP_OK) {
        ESP_LOGE(tag, "no spool: %s", esp_err_to_name(err));
        return NULL;
    }
    return config.base_path;
}

static struct thingpass_esp *start(void) {
    const struct thingpass_esp_config config = {
        .nvs_namespace = "thingpass",
        .spool = {.directory = spool_directory()},
        .on_event = on_event,
        .ota_proof_by_connecting = true,
    };
    struct thingpass_esp *esp = NULL;
    int err = thingpass_esp_start(&config, &esp);
    if (err < 0) {
        ESP_LOGE(tag, "thingpass does not start: %s", thingpass_strerror(err));
        return NULL;
    }
#ifdef CONFIG_CAM_COMMANDS
    (void)thingpass_esp_on_command(esp, THINGPASS_CAPTURE, on_command, esp);
#else
    (void)on_command;
#endif
    return esp;
}

// Stores a picture that was taken already, and says how that went.
static void store(struct thingpass_esp *esp, const struct thingpass_esp_picture *picture,
                  const char *why) {
    struct thingpass_metadata about;
    char text[96];
    thingpass_metadata_begin(&about, text, sizeof text);
    (void)thingpass_metadata_text(&about, THINGPASS_METADATA_FW,
                                  esp_app_get_description()->version);
    (void)thingpass_metadata_int(&about, THINGPASS_METADATA_RSSI, station_rssi());
    (void)thingpass_metadata_text(&about, "why", why);
    struct thingpass_object photo = {
        .kind = "photo",
        .source = &picture->source,
        .captured_ms = picture->captured_ms,
        .metadata = about.pairs,
        .metadata_count = about.count,
    };
#ifdef CONFIG_CAM_PASS
    photo.mode = &thingpass_mode_pass;
#endif
    struct thingpass_result result;
    bool spooled = false;
    int err = thingpass_esp_store(esp, &photo, upload_timeout_ms, &result, &spooled);
    if (err == THINGPASS_OK) {
        ESP_LOGI(tag, "%s: %u bytes in %u ms, %u of them sending", result.object_key,
                 (unsigned)result.size, (unsigned)result.elapsed_ms, (unsigned)result.put_ms);
    } else if (spooled) {
        ESP_LOGW(tag, "it waits in the spool: %s", thingpass_strerror(err));
    } else {
        ESP_LOGE(tag, "lost: %s %s", thingpass_strerror(err), result.code);
    }
    if (atomic_load(&asked) && strcmp(why, by_command) == 0) {
        (void)thingpass_esp_answer(esp, asked_id, &result, spooled ? "spooled" : NULL);
        atomic_store(&asked, false);
    }
}

// Why a picture that is taken now is worth an upload; NULL if it is not.
static const char *reason(const struct thingpass_esp_picture *picture, uint64_t *last_ms) {
    static const uint64_t period_ms = CONFIG_CAM_PERIOD_S * 1000ULL;
    const char *why = CONFIG_CAM_LOOK_MS > 0 ? watch_look(picture) : NULL;
    if (atomic_load(&asked)) {
        why = by_command;
    }
    if (why == NULL && period_ms > 0 && picture->captured_ms - *last_ms >= period_ms) {
        why = "period";
    }
    if (why != NULL) {
        *last_ms = picture->captured_ms;
    }
    return why;
}

static void look_once(struct thingpass_esp *esp, uint64_t *last_ms) {
    static struct thingpass_esp_picture picture;
    int err = thingpass_esp_picture_take(&picture, 0);
    if (err < 0) {
        ESP_LOGW(tag, "no picture: %s", thingpass_strerror(err));
        return;
    }
    const char *why = reason(&picture, last_ms);
    if (why != NULL) {
        store(esp, &picture, why); // gives the frame back
    } else {
        thingpass_esp_picture_close(&picture);
    }
}

void app_main(void) {
    if (station_start() != ESP_OK) {
        return;
    }
    esp_err_t err = board_camera_start();
    if (err != ESP_OK) {
        ESP_LOGE(tag, "no camera: %s. Pins (board.c), cable, PSRAM?", esp_err_to_name(err));
        return;
    }
    struct thingpass_esp *esp = start();
    if (esp == NULL || watch_start(CONFIG_CAM_HEARTBEAT_S) < 0) {
        return;
    }
    uint64_t last_ms = 0;
    for (;;) {
        look_once(esp, &last_ms);
        vTaskDelay(pdMS_TO_TICKS(CONFIG_CAM_LOOK_MS > 0 ? CONFIG_CAM_LOOK_MS : 200));
    }
}
