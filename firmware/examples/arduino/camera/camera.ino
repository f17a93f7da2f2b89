// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A photo a minute, and one whenever an operator wants it.
// Board: an ESP32-S3 with camera and PSRAM ("ESP32S3 Dev Module", OPI PSRAM).

#include <LittleFS.h>
#include <Thingpass.h>
#include <WiFi.h>
#include <esp_camera.h>
#include <thingpass/command.h>

#include "secrets.h" // copy secrets.example.h

static Thingpass thing;
static volatile bool asked = false;
static char askedId[THINGPASS_ID_MAX + 1];

static bool startCamera() {
    camera_config_t board = {};
    // Pins of the ESP32-S3-EYE and its copies; for others see their schematics.
    board.pin_pwdn = -1;
    board.pin_reset = -1;
    board.pin_xclk = 15;
    board.pin_sccb_sda = 4;
    board.pin_sccb_scl = 5;
    board.pin_d7 = 16;
    board.pin_d6 = 17;
    board.pin_d5 = 18;
    board.pin_d4 = 12;
    board.pin_d3 = 10;
    board.pin_d2 = 8;
    board.pin_d1 = 9;
    board.pin_d0 = 11;
    board.pin_vsync = 6;
    board.pin_href = 7;
    board.pin_pclk = 13;
    board.xclk_freq_hz = 20000000;
    board.ledc_timer = LEDC_TIMER_0;
    board.ledc_channel = LEDC_CHANNEL_0;
    board.pixel_format = PIXFORMAT_JPEG;
    board.frame_size = FRAMESIZE_SVGA;
    board.jpeg_quality = 12;
    board.fb_count = 2;
    board.fb_location = CAMERA_FB_IN_PSRAM;
    board.grab_mode = CAMERA_GRAB_LATEST;
    return esp_camera_init(&board) == ESP_OK;
}

static void onCommand(void *, const thingpass_command *command) {
    if (asked) {
        thing.answer(command->id, "busy");
        return;
    }
    Serial.println("a photo is asked for");
    strlcpy(askedId, command->id, sizeof askedId);
    asked = true;
}

static void onEvent(void *, const thingpass_esp_event *event) {
    Serial.println(event->text);
}

void setup() {
    Serial.begin(115200);
    WiFi.begin(WIFI_SSID, WIFI_PASSWORD);
    if (!startCamera()) {
        Serial.println("no camera: pins, cable, PSRAM?");
        return;
    }
    if (LittleFS.begin(true) && (LittleFS.exists("/spool") || LittleFS.mkdir("/spool"))) {
        thing.spool("/littlefs/spool");
    }
    thing.onEvent(onEvent);
    if (!thing.begin(SERVER, THING, CERTIFICATE, PRIVATE_KEY, CA)) {
        Serial.println(thing.error());
        return;
    }
    thing.onCommand(THINGPASS_CAPTURE, onCommand);
}

// Whether there was one, and not what became of it.
static bool takePhoto() {
    camera_fb_t *fb = esp_camera_fb_get();
    if (fb == nullptr) {
        Serial.println("no picture");
        return false;
    }
    char rssi[8];
    snprintf(rssi, sizeof rssi, "%d", static_cast<int>(WiFi.RSSI()));
    const thingpass_pair about[] = {{"rssi", rssi}};
    if (thing.store("photo", fb->buf, fb->len, "image/jpeg", about, 1)) {
        Serial.println(thing.key());
    } else {
        Serial.printf("%s: %s %s\n", thing.spooled() ? "it waits in the spool" : "lost",
                      thing.error(), thing.code());
    }
    esp_camera_fb_return(fb);
    return true;
}

void loop() {
    static uint32_t next;
    if (asked) {
        thing.answer(askedId, takePhoto() ? nullptr : "failed");
        asked = false;
    } else if (static_cast<int32_t>(millis() - next) >= 0) {
        next = millis() + 60000;
        takePhoto();
    }
    delay(50);
}
