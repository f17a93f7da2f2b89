// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What the light did between the background and the frame at hand.

#ifndef THINGPASS_CORE_MOTION_LIGHT_H
#define THINGPASS_CORE_MOTION_LIGHT_H

#include "thingpass/motion.h"

// A block of the background at b levels is now expected at gain * b + offset,
// with b counted from the middle of the scale.
struct thingpass_motion_light {
    int32_t gain;   // in 1/256
    int32_t offset; // in 1/256 levels
};

unsigned thingpass_motion_blocks(const struct thingpass_motion *m);
bool thingpass_motion_counts(const struct thingpass_motion *m, unsigned block);

// What block b has to exceed by itself, in 1/256 levels.
uint32_t thingpass_motion_noise(const struct thingpass_motion *m, unsigned block);

struct thingpass_motion_light thingpass_motion_fit(const struct thingpass_motion *m);

// Where block is expected, in 1/256 levels, within the scale.
int32_t thingpass_motion_expect(const struct thingpass_motion *m,
                                const struct thingpass_motion_light *light, unsigned block);

#endif
