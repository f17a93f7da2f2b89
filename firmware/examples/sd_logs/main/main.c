// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A logger: writes lines to an SD card, uploads each log file of 10 MB in parts,
// and fetches a file of 1 MB (say, a table of set points) to the card.

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "card.h"
#include "esp_log.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "nvs.h"
#include "sdkconfig.h"
#include "station.h"
#include "thingpass/download.h"
#include "thingpass/esp.h"

static const char tag[] = "logger";
static const char log_path[] = CARD "/LOG.TXT";     // is written to
static const char closed_path[] = CARD "/SEND.TXT"; // waits for, or is in, an upload

enum {
    upload_deadline_ms = 30 * 60 * 1000,
    fetch_period_s = 24 * 3600,
    clock_period_s = 600,
    line_period_ms = 100
};

// What an interrupted upload needs to go on as the same object: its id, and the
// moment that dates its key. Both are kept until the file is stored.
struct closed_log {
    char id[THINGPASS_ID_MAX + 1];
    int64_t captured_at;
};

static bool load(struct closed_log *log) {
    nvs_handle_t handle;
    size_t len = sizeof *log;
    if (nvs_open("logger", NVS_READONLY, &handle) != ESP_OK) {
        return false;
    }
    bool found = nvs_get_blob(handle, "closed", log, &len) == ESP_OK && len == sizeof *log;
    nvs_close(handle);
    return found;
}

static void save(const struct closed_log *log) {
    nvs_handle_t handle;
    if (nvs_open("logger", NVS_READWRITE, &handle) != ESP_OK) {
        return;
    }
    if (log != NULL) {
        (void)nvs_set_blob(handle, "closed", log, sizeof *log);
    } else {
        (void)nvs_erase_key(handle, "closed");
    }
    (void)nvs_commit(handle);
    nvs_close(handle);
}

static bool exists(const char *path) {
    struct stat about;
    return stat(path, &about) == 0;
}

static void on_event(void *ctx, const struct thingpass_esp_event *event) {
    (void)ctx;
    ESP_LOGI(tag, "%s", event->text);
}

static void on_progress(void *ctx, uint64_t done, uint64_t size) {
    unsigned *last = ctx;
    unsigned percent = size == 0 ? 100 : (unsigned)(done * 100 / size);
    if (percent / 10 != *last / 10) {
        ESP_LOGI(tag, "%u %%", percent);
    }
    *last = percent;
}

// Names the closed file as an object, once; a name from before a reboot is kept.
static bool name_it(struct thingpass_esp *esp, struct closed_log *log) {
    if (load(log)) {
        return true;
    }
    memset(log, 0, sizeof *log);
    if (thingpass_esp_now(esp, &log->captured_at) < 0) {
        return false; // no reply has told the time yet: a little later
    }
    snprintf(log->id, sizeof log->id, "log-%" PRId64, log->captured_at);
    save(log);
    return true;
}

static void upload(struct thingpass_esp *esp) {
    static struct card_file file;
    static struct closed_log log;
    unsigned percent = 0;
    if (!name_it(esp, &log) || card_file_open(&file, closed_path, "text/plain") < 0) {
        return;
    }
    const struct thingpass_object object = {
        .kind = "log",
        .mode = &thingpass_mode_multipart,
        .id = log.id,
        .captured_at = log.captured_at,
        .deadline_ms = upload_deadline_ms,
        .progress = on_progress,
        .progress_ctx = &percent,
        .source = &file.source,
    };
    struct thingpass_result result;
    bool spooled;
    int err = thingpass_esp_store(esp, &object, upload_deadline_ms, &result, &spooled);
    if (err == THINGPASS_OK) {
        ESP_LOGI(tag, "%s is stored: %" PRIu64 " bytes in %" PRIu64 " s", result.object_key,
                 result.size, result.elapsed_ms / 1000);
        (void)unlink(closed_path);
        save(NULL);
    } else {
        ESP_LOGW(tag, "not yet: %s %s. What S3 has of it stays there", thingpass_strerror(err),
                 result.code);
    }
}

// One task writes, whatever the network does.
static void write_lines(void *ctx) {
    (void)ctx;
    for (uint32_t n = 0;; n++) {
        FILE *file = fopen(log_path, "a");
        if (file == NULL) {
            ESP_LOGE(tag, "no card? Lines are lost");
        } else {
            fprintf(file, "%" PRIu64 " line %" PRIu32 ", signal %d dBm\n", thingpass_esp_clock_ms(),
                    n, station_rssi());
            long size = ftell(file);
            (void)fclose(file);
            if (size > CONFIG_LOG_MAX_KBYTES * 1024L && !exists(closed_path)) {
                (void)rename(log_path, closed_path);
            }
        }
        vTaskDelay(pdMS_TO_TICKS(line_period_ms));
    }
}

static void on_fetched(void *ctx, const struct thingpass_result *result, bool spooled) {
    (void)spooled;
    thingpass_esp_file_close(ctx);
    if (result->err == THINGPASS_OK) {
        ESP_LOGI(tag, "the table is %s",
                 result->verified == THINGPASS_VERIFIED_UNCHANGED ? "as it was" : "on the card");
    } else {
        ESP_LOGW(tag, "no table: %s %s", thingpass_strerror(result->err), result->code);
    }
}

static void fetch_table(struct thingpass_esp *esp) {
    static struct thingpass_esp_file file;
    struct thingpass_download table = {.kind = "table", .max_size = 4 * 1024 * 1024};
    if (file.own != NULL || // the last one is still on its way
        thingpass_esp_file_open(&file, CARD "/TABLE.BIN", &table) != THINGPASS_OK) {
        return;
    }
    if (thingpass_esp_download(esp, &table, on_fetched, &file) != THINGPASS_OK) {
        thingpass_esp_file_close(&file);
    }
}

static bool knows_the_time(struct thingpass_esp *esp) {
    int64_t now_s;
    return thingpass_esp_now(esp, &now_s) == THINGPASS_OK;
}

void app_main(void) {
    if (station_start() != ESP_OK) {
        return;
    }
    esp_err_t mounted = card_mount();
    if (mounted != ESP_OK) {
        ESP_LOGE(tag, "no card: %s. Wires, FAT32, 3.3 V?", esp_err_to_name(mounted));
        return;
    }
    const struct thingpass_esp_config config = {.nvs_namespace = "thingpass", .on_event = on_event};
    struct thingpass_esp *esp = NULL;
    int err = thingpass_esp_start(&config, &esp);
    if (err < 0) {
        ESP_LOGE(tag, "thingpass does not start: %s", thingpass_strerror(err));
        return;
    }
    (void)xTaskCreate(write_lines, "lines", 4096, NULL, 5, NULL);
    // The first reply also tells the time, which names the logs. Without a network it
    // does not come, and is asked for again.
    for (uint32_t s = 0;; s++) {
        if (s % fetch_period_s == 0 || (s % clock_period_s == 0 && !knows_the_time(esp))) {
            fetch_table(esp);
        }
        if (exists(closed_path)) {
            upload(esp);
        }
        vTaskDelay(pdMS_TO_TICKS(1000));
    }
}
