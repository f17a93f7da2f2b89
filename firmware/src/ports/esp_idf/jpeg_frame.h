// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_ESP_IDF_JPEG_FRAME_H
#define THINGPASS_ESP_IDF_JPEG_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Finds the width and height that a JPEG says of itself, in the first frame header
// (SOF). Returns false where there is none. The decoder writes as many pixels as it
// is told there, whatever room it has.
bool thingpass_jpeg_frame_size(const void *data, size_t len, uint16_t *width, uint16_t *height);

// Turns n pixels of RGB565, low byte first, into n bytes of luma in the same place.
void thingpass_luma_of_rgb565(uint8_t *pixels, size_t n);

#endif
