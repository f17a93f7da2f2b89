// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_CAMERA_H
#define THINGPASS_POSIX_CAMERA_H

#include <stdbool.h>
#include <stdint.h>

#include "thingpass/port.h"
#include "why.h"

// One photo, as the core reads it. Valid until the next capture.
struct thingpass_photo {
    struct thingpass_source source;
    struct thingpass_why why; // why source.read or rewind failed; "" if it did not
    const char *name;         // for messages: a file's name, or "scene"
    int64_t captured_at;      // seconds since 1970, if it was not taken just now; else 0
};

enum thingpass_capture {
    THINGPASS_CAPTURED = 1,
    THINGPASS_CAMERA_EMPTY = 0,    // there will be no more photos
    THINGPASS_CAPTURE_FAILED = -1, // this one cannot be had; the next may be
};

// Something that takes photos, one at a time. number counts from 1.
struct thingpass_camera {
    void *ctx;
    enum thingpass_capture (*capture)(void *ctx, uint64_t number, struct thingpass_photo *photo);
    void (*close)(void *ctx);
};

// Tells whether head and tail, the first and last bytes of a file of that many
// bytes, are those of a whole JPEG: FFD8 … FFD9. Returns NULL, or what is
// wrong in a few words.
const char *thingpass_jpeg_flaw(uint64_t size, const uint8_t head[2], const uint8_t tail[2]);

#endif
