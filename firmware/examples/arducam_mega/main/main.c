// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// An Arducam Mega on SPI: its pictures go from the camera's memory to S3 without
// ever standing in the ESP32's.

#include "esp_app_desc.h"
#include "esp_littlefs.h"
#include "esp_log.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "mega.h"
#include "sdkconfig.h"
#include "station.h"
#include "thingpass/esp.h"
#include "thingpass/metadata.h"

static const char tag[] = "mega";

enum { capture_timeout_ms = 2000, upload_timeout_ms = 120000 };

static void on_event(void *ctx, const struct thingpass_esp_event *event) {
    (void)ctx;
    ESP_LOGI(tag, "%s", event->text);
}

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

// Takes a picture, which then waits in the camera. The SDK's loop has no end when
// the sensor has lost its settings; this one has.
static int take(struct thingpass_arducam *camera) {
    int err = thingpass_arducam_capture(camera, &mega_spi, mega_burst);
    if (err < 0) {
        return err;
    }
    for (int waited_ms = 0; waited_ms < capture_timeout_ms; waited_ms += 10) {
        err = thingpass_arducam_ready(camera);
        if (err != THINGPASS_EAGAIN) {
            return err;
        }
        vTaskDelay(pdMS_TO_TICKS(10));
    }
    return THINGPASS_EDEADLINE;
}

static void store(struct thingpass_esp *esp, struct thingpass_arducam *camera,
                  uint64_t captured_ms) {
    struct thingpass_metadata about;
    char text[64];
    thingpass_metadata_begin(&about, text, sizeof text);
    (void)thingpass_metadata_text(&about, THINGPASS_METADATA_FW,
                                  esp_app_get_description()->version);
    (void)thingpass_metadata_int(&about, THINGPASS_METADATA_RSSI, station_rssi());
    const struct thingpass_object photo = {
        .kind = "photo",
        .source = &camera->fifo.source,
        .captured_ms = captured_ms,
        .metadata = about.pairs,
        .metadata_count = about.count,
    };
    struct thingpass_result result;
    bool spooled = false;
    int err = thingpass_esp_store(esp, &photo, upload_timeout_ms, &result, &spooled);
    if (err == THINGPASS_OK) {
        ESP_LOGI(tag, "%s: %u bytes in %u ms", result.object_key, (unsigned)result.size,
                 (unsigned)result.elapsed_ms);
    } else if (err == THINGPASS_ESPENT) {
        ESP_LOGW(tag, "the connection broke, and the camera cannot be read twice: next picture");
    } else {
        ESP_LOGW(tag, "%s: %s %s", spooled ? "it waits in the spool" : "lost",
                 thingpass_strerror(err), result.code);
    }
}

void app_main(void) {
    static struct thingpass_arducam camera;
    if (station_start() != ESP_OK) {
        return;
    }
    esp_err_t err = mega_start();
    if (err != ESP_OK) {
        ESP_LOGE(tag, "no camera: %s. Wires, 3.3 or 5 V, SPI clock?", esp_err_to_name(err));
        return;
    }
    const struct thingpass_esp_config config = {
        .nvs_namespace = "thingpass",
        .spool = {.directory = spool_directory()},
        .on_event = on_event,
    };
    struct thingpass_esp *esp = NULL;
    int started = thingpass_esp_start(&config, &esp);
    if (started < 0) {
        ESP_LOGE(tag, "thingpass does not start: %s", thingpass_strerror(started));
        return;
    }
    for (;;) {
        uint64_t now_ms = thingpass_esp_clock_ms();
        int taken = take(&camera);
        if (taken == THINGPASS_OK) {
            store(esp, &camera, now_ms);
        } else {
            ESP_LOGW(tag, "no picture: %s; setting the camera up anew", thingpass_strerror(taken));
            (void)mega_set_up();
        }
        vTaskDelay(pdMS_TO_TICKS(CONFIG_MEGA_PERIOD_S * 1000U));
    }
}
