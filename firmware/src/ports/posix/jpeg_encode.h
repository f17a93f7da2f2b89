// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_JPEG_ENCODE_H
#define THINGPASS_POSIX_JPEG_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "why.h"

// Where the encoder gets its pixels: row y as 3 bytes a pixel.
struct thingpass_pixels {
    int width;
    int height;
    const void *ctx;
    void (*row)(const void *ctx, int y, uint8_t *rgb);
};

// Encodes a baseline JPEG with 4:2:2 chroma, as OV2640 and OV5640 sensors do.
// On success *jpeg is from malloc and the caller's to free.
int thingpass_jpeg_encode(const struct thingpass_pixels *pixels, int quality, uint8_t **jpeg,
                          size_t *size, struct thingpass_why *why);

#endif
