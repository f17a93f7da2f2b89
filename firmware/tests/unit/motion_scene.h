// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What a still camera sees, as luma: a yard with sky, patches, poles and fine
// grain, under light that may change, and with something that moves through it.

#ifndef THINGPASS_TESTS_MOTION_SCENE_H
#define THINGPASS_TESTS_MOTION_SCENE_H

#include <stdint.h>

enum {
    SCENE_SIDE_MAX = 200,
    SCENE_MARGIN = 4 // what is drawn around it, for a camera that shakes
};

struct scene {
    int width; // both at most SCENE_SIDE_MAX
    int height;
    uint32_t seed; // which yard

    uint32_t frame;    // draws the noise
    int noise_tenths;  // standard deviation of a pixel, in 1/10 levels
    int gain_percent;  // of all light
    int offset;        // levels
    int lamp_percent;  // more gain, all of it upper left, none lower right
    int flicker;       // percent up and down, in bands across the picture
    int flicker_phase; // 0 to 255
    int shake_x;       // pixels, up to SCENE_MARGIN
    int shake_y;

    // A thing in the picture, in 1/16 pixels; none if thing_width is 0.
    int thing_x, thing_y, thing_width, thing_height;
    int thing_level;

    uint8_t yard[(SCENE_SIDE_MAX + 2 * SCENE_MARGIN) * (SCENE_SIDE_MAX + 2 * SCENE_MARGIN)];
    uint8_t pixels[SCENE_SIDE_MAX * SCENE_SIDE_MAX];
};

// Begins with an empty yard in full light and no noise.
void scene_begin(struct scene *s, int width, int height, uint32_t seed);

// Draws pixels as the members say.
void scene_draw(struct scene *s);

#endif
