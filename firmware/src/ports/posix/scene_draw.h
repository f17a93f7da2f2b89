// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_SCENE_DRAW_H
#define THINGPASS_POSIX_SCENE_DRAW_H

#include <stdint.h>

// What the scene looks like at one moment. The same values always give the
// same pixels, on every machine: there is no floating point in it.
struct thingpass_scene_moment {
    int width;
    int height;
    int noise; // amplitude of the sensor noise, 0 to 64
    uint32_t seed;
    uint32_t frame;   // changes the noise
    uint32_t ball;    // moves the ball
    char counter[16]; // burned in, large, upper left
    char caption[64]; // burned in, smaller, lower left; cut at the right edge
};

// Draws row y into rgb, width pixels of 3 bytes.
void thingpass_scene_draw_row(const struct thingpass_scene_moment *moment, int y, uint8_t *rgb);

#endif
