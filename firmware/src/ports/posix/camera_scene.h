// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_CAMERA_SCENE_H
#define THINGPASS_POSIX_CAMERA_SCENE_H

#include "camera.h"

// A generated scene. The same seed gives the same photos, byte for byte with the
// same libjpeg; then the clock in the picture starts at midnight and advances by
// interval_ms a photo. Without a seed it shows the time of day.
struct thingpass_scene {
    int width;      // 16 to 4096
    int height;     // 16 to 4096
    uint32_t noise; // 0 to 64
    bool seeded;
    uint32_t seed;
    uint32_t interval_ms;
    uint64_t moving_first; // the photos between which the ball moves,
    uint64_t moving_count; // if this is not 0
    const char *thing;     // written into the picture
};

// Opens camera, which must be closed. Returns THINGPASS_OK or < 0.
int thingpass_camera_scene(struct thingpass_camera *camera, const struct thingpass_scene *scene,
                           struct thingpass_why *why);

// Reads "QVGA", "uxga" or "640x480". Returns THINGPASS_OK or THINGPASS_EINVAL.
int thingpass_scene_size(const char *text, int *width, int *height, struct thingpass_why *why);

#endif
