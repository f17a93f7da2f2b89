// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "watch.h"

#include "esp_log.h"
#include "thingpass/motion.h"

static const char tag[] = "watch";

enum { luma_size = 2 * (800 / 8) * (600 / 8) }; // of SVGA, see esp_camera_source.h

static struct thingpass_motion motion;
static uint8_t luma[luma_size];

int watch_start(unsigned heartbeat_s) {
    const struct thingpass_motion_config config = {.heartbeat_ms = heartbeat_s * 1000};
    return thingpass_motion_init(&motion, &config);
}

static int look(const struct thingpass_esp_picture *picture) {
    uint16_t width;
    uint16_t height;
    int err = thingpass_esp_picture_luma(picture, luma, sizeof luma, &width, &height);
    if (err == THINGPASS_OK) {
        err = thingpass_motion_begin(&motion, width, height);
    }
    for (unsigned row = 0; err == THINGPASS_OK && row < height; row++) {
        err = thingpass_motion_row(&motion, luma + (size_t)row * width);
    }
    return err < 0 ? err : thingpass_motion_end(&motion, picture->captured_ms);
}

const char *watch_look(const struct thingpass_esp_picture *picture) {
    int verdict = look(picture);
    if (verdict < 0) {
        ESP_LOGW(tag, "a picture could not be looked at: %s", thingpass_strerror(verdict));
        return NULL;
    }
    if (verdict == THINGPASS_MOTION_MOVED) {
        ESP_LOGI(tag, "something moved, in %u blocks", (unsigned)motion.area);
        return "motion";
    }
    return verdict == THINGPASS_MOTION_HEARTBEAT ? "heartbeat" : NULL;
}
