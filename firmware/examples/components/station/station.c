// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "station.h"

#include <string.h>

#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_wifi.h"
#include "nvs.h"
#include "nvs_flash.h"
#include "sdkconfig.h"

#ifndef CONFIG_STATION_SSID
#define CONFIG_STATION_SSID     ""
#define CONFIG_STATION_PASSWORD ""
#endif

static const char tag[] = "station";

// Reads one text of the namespace "wifi"; out keeps its content if there is none.
static void read_text(const char *key, char *out, size_t cap) {
    nvs_handle_t handle;
    if (nvs_open("wifi", NVS_READONLY, &handle) != ESP_OK) {
        return;
    }
    size_t len = cap;
    char text[65];
    if (cap <= sizeof text && nvs_get_str(handle, key, text, &len) == ESP_OK) {
        memcpy(out, text, len);
    }
    nvs_close(handle);
}

// There is no last attempt: a camera on a pole has nobody who presses reset.
static void on_wifi(void *ctx, esp_event_base_t base, int32_t id, void *data) {
    (void)ctx;
    (void)base;
    if (id == WIFI_EVENT_STA_DISCONNECTED) {
        const wifi_event_sta_disconnected_t *lost = data;
        ESP_LOGW(tag, "no network (reason %d), trying again", lost->reason);
    }
    if (id == WIFI_EVENT_STA_START || id == WIFI_EVENT_STA_DISCONNECTED) {
        (void)esp_wifi_connect();
    }
}

static void on_address(void *ctx, esp_event_base_t base, int32_t id, void *data) {
    (void)ctx;
    (void)base;
    (void)id;
    const ip_event_got_ip_t *got = data;
    ESP_LOGI(tag, "address " IPSTR ", signal %d dBm", IP2STR(&got->ip_info.ip), station_rssi());
}

static esp_err_t start_nvs(void) {
    esp_err_t err = nvs_flash_init();
    if (err == ESP_ERR_NVS_NO_FREE_PAGES || err == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        // Erasing would take the thing's identity with it: that is for a person
        // to decide (idf.py erase-flash, then provision again).
        ESP_LOGE(tag, "NVS cannot be read: %s", esp_err_to_name(err));
    }
    return err;
}

static esp_err_t configure(const char *ssid, const char *password) {
    wifi_config_t config = {0};
    memcpy(config.sta.ssid, ssid, strnlen(ssid, sizeof config.sta.ssid));
    memcpy(config.sta.password, password, strnlen(password, sizeof config.sta.password));
    config.sta.threshold.authmode = password[0] == '\0' ? WIFI_AUTH_OPEN : WIFI_AUTH_WPA2_PSK;
    esp_err_t err = esp_wifi_set_mode(WIFI_MODE_STA);
    return err == ESP_OK ? esp_wifi_set_config(WIFI_IF_STA, &config) : err;
}

static esp_err_t start_wifi(const char *ssid, const char *password) {
    const wifi_init_config_t config = WIFI_INIT_CONFIG_DEFAULT();
    esp_err_t err = esp_wifi_init(&config);
    if (err == ESP_OK) {
        err = esp_event_handler_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_wifi, NULL);
    }
    if (err == ESP_OK) {
        err = esp_event_handler_register(IP_EVENT, IP_EVENT_STA_GOT_IP, on_address, NULL);
    }
    if (err == ESP_OK) {
        err = configure(ssid, password);
    }
    return err == ESP_OK ? esp_wifi_start() : err;
}

esp_err_t station_start(void) {
    char ssid[33] = CONFIG_STATION_SSID;
    char password[65] = CONFIG_STATION_PASSWORD;
    esp_err_t err = start_nvs();
    if (err != ESP_OK) {
        return err;
    }
    read_text("ssid", ssid, sizeof ssid);
    read_text("password", password, sizeof password);
    if (ssid[0] == '\0') {
        ESP_LOGE(tag, "no network name, neither in NVS (namespace \"wifi\") nor in menuconfig");
        return ESP_ERR_NOT_FOUND;
    }
    err = esp_netif_init();
    if (err == ESP_OK) {
        err = esp_event_loop_create_default();
    }
    if (err != ESP_OK) {
        return err;
    }
    (void)esp_netif_create_default_wifi_sta();
    return start_wifi(ssid, password);
}

int station_rssi(void) {
    int rssi = 0;
    return esp_wifi_sta_get_rssi(&rssi) == ESP_OK ? rssi : 0;
}
