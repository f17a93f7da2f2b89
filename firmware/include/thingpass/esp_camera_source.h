// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Pictures of esp32-camera (esp_camera.h) as sources. Only where that component
// is there and the chip has a camera interface: ESP32, ESP32-S2, ESP32-S3.
// esp_camera_init() is yours, with PIXFORMAT_JPEG; fb_count = 2 and
// CAMERA_GRAB_LATEST, or give thingpass_esp_picture_take() a frame to discard.

#ifndef THINGPASS_ESP_CAMERA_SOURCE_H
#define THINGPASS_ESP_CAMERA_SOURCE_H

#include "thingpass/esp.h"

#ifdef __cplusplus
extern "C" {
#endif

// A picture. It holds one of the driver's frame buffers until the source's close
// is called, by the upload that it was given to or by you: with two buffers
// the camera stands still as long as two are held.
struct thingpass_esp_picture {
    struct thingpass_source source; // rewindable, of known length, image/jpeg
    uint64_t captured_ms;           // for thingpass_object.captured_ms
    uint16_t width, height;
    void *frame; // the driver's; NULL when it has been given back
    size_t at;
};

// Takes a picture: gives `discard` frames back unseen first (1 where the driver
// may hold an old one), then waits for one, at most 4 s each. Not a JPEG from SOI
// to EOI: THINGPASS_ESOURCE, and nothing is held. The picture must not move in
// memory until it is closed.
int thingpass_esp_picture_take(struct thingpass_esp_picture *picture, unsigned discard);

// Gives the frame back, if it is held. An upload does it by itself.
void thingpass_esp_picture_close(struct thingpass_esp_picture *picture);

// Writes the picture's luma, an eighth of its width and height, one byte for
// each pixel, for motion.h. buffer needs two bytes for each of these pixels
// (9,600 for VGA), because the decoder writes RGB565 first. *width and *height
// are the luma's. Returns THINGPASS_OK, THINGPASS_ESPACE or THINGPASS_ESOURCE.
int thingpass_esp_picture_luma(const struct thingpass_esp_picture *picture, uint8_t *buffer,
                               size_t cap, uint16_t *width, uint16_t *height);

// Takes a picture and stores it: thingpass_esp_store() with the object's source
// and captured_ms set. object.source is not used.
int thingpass_esp_capture(struct thingpass_esp *esp, const struct thingpass_object *object,
                          unsigned discard, uint32_t timeout_ms, struct thingpass_result *result,
                          bool *spooled);

#ifdef __cplusplus
}
#endif

#endif
