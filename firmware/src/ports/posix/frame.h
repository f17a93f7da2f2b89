// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_FRAME_H
#define THINGPASS_POSIX_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "camera.h"
#include "sensors.h"
#include "thingpass/types.h"

// A photo in memory that its camera does not wait for, like a frame buffer of
// esp_camera with more than one: the next photo can be taken meanwhile.
struct thingpass_frame {
    struct thingpass_source source;
    bool busy; // source.close was not called yet
    char id[THINGPASS_ID_MAX + 1];
    struct thingpass_sensors sensors;
    uint8_t *bytes;
    size_t size;
    size_t at;
};

// Copies a photo into a frame that is not busy, which is busy then. rewindable
// false makes it a camera that is read once. Returns THINGPASS_OK or < 0 with the
// reason.
int thingpass_frame_fill(struct thingpass_frame *frame, const struct thingpass_photo *photo,
                         bool rewindable, struct thingpass_why *why);

void thingpass_frame_free(struct thingpass_frame *frame);

#endif
