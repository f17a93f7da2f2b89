// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Nothing of ESP-IDF here: tests/esp runs it on a PC.

#include "jpeg_frame.h"

static bool is_frame_header(uint8_t marker) {
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

static uint16_t be16(const uint8_t *p) {
    return (uint16_t)(p[0] << 8 | p[1]);
}

bool thingpass_jpeg_frame_size(const void *data, size_t len, uint16_t *width, uint16_t *height) {
    const uint8_t *p = data;
    if (len < 2 || p[0] != 0xFF || p[1] != 0xD8) {
        return false;
    }
    size_t at = 2;
    while (len - at >= 9 && p[at] == 0xFF) {
        uint8_t marker = p[at + 1];
        size_t segment = be16(p + at + 2);
        if (is_frame_header(marker)) {
            *height = be16(p + at + 5);
            *width = be16(p + at + 7);
            return *width > 0 && *height > 0;
        }
        if (marker == 0xDA || segment < 2 || segment > len - at - 2) {
            return false;
        }
        at += 2 + segment;
    }
    return false;
}

void thingpass_luma_of_rgb565(uint8_t *pixels, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint32_t c = pixels[2 * i] | (uint32_t)pixels[2 * i + 1] << 8;
        uint32_t r = c >> 8 & 0xF8;
        uint32_t g = c >> 3 & 0xFC;
        uint32_t b = c << 3 & 0xF8;
        pixels[i] = (uint8_t)((77 * r + 150 * g + 29 * b) >> 8); // ITU-R BT.601
    }
}
