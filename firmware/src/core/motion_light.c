// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A line through (background, now) of the blocks, by least squares, over those
// blocks that are not taken for something else. As long as half of them are as
// they were, the others do not count, so that an object does not pass for light.
// Otherwise all count at first, and twice the worst are left out.
//
// All sums fit 32 bits: levels are counted from 128, and there are at most 300
// blocks, so that n * sum(xy) stays below 300 * 300 * 2^14 < 2^31.

#include "motion_light.h"

enum {
    MIDDLE = 128,
    LEVEL = 256,     // one, in the unit of the arrays
    GAIN_ONE = 256,  // no gain
    GAIN_MAX = 1023, // more is no light
    STEADY = 16,     // pulls the gain to 1 where the picture has little contrast
    EVERYTHING = 1 << 24
};

struct sums {
    int32_t n, x, y, xx, xy;
    int32_t left_out;
    uint32_t off; // how far off they are, together
};

unsigned thingpass_motion_blocks(const struct thingpass_motion *m) {
    return (unsigned)m->config.columns * m->config.rows;
}

bool thingpass_motion_counts(const struct thingpass_motion *m, unsigned block) {
    return m->config.ignore == NULL || (m->config.ignore[block / 8] >> (block % 8) & 1) == 0;
}

uint32_t thingpass_motion_noise(const struct thingpass_motion *m, unsigned block) {
    return (uint32_t)m->config.threshold * LEVEL +
           (uint32_t)m->config.noise_factor * m->noise[block] * (LEVEL / 8);
}

int32_t thingpass_motion_expect(const struct thingpass_motion *m,
                                const struct thingpass_motion_light *light, unsigned block) {
    int32_t from_middle = (int32_t)m->background[block] - MIDDLE * LEVEL;
    int32_t level = light->gain * from_middle / GAIN_ONE + light->offset + MIDDLE * LEVEL;
    return level < 0 ? 0 : level > 255 * LEVEL ? 255 * LEVEL : level;
}

// Sums the blocks that lie within their noise and slack of what is expected.
static struct sums sum_blocks(const struct thingpass_motion *m,
                              const struct thingpass_motion_light *light, uint32_t slack) {
    struct sums s = {0};
    for (unsigned i = 0; i < thingpass_motion_blocks(m); i++) {
        if (!thingpass_motion_counts(m, i)) {
            continue;
        }
        int32_t d = (int32_t)m->now[i] - thingpass_motion_expect(m, light, i);
        uint32_t off = (uint32_t)(d < 0 ? -d : d);
        if (off > slack + thingpass_motion_noise(m, i)) {
            s.left_out++;
            continue;
        }
        int32_t x = m->background[i] / LEVEL - MIDDLE;
        int32_t y = m->now[i] / LEVEL - MIDDLE;
        s.n++;
        s.x += x;
        s.y += y;
        s.xx += x * x;
        s.xy += x * y;
        s.off += off;
    }
    return s;
}

static struct thingpass_motion_light line(const struct sums *s) {
    struct thingpass_motion_light light = {GAIN_ONE, 0};
    if (s->n == 0) {
        return light;
    }
    int32_t steady = s->n * s->n * STEADY;
    int32_t gain = (s->n * s->xy - s->x * s->y + steady) /
                   ((s->n * s->xx - s->x * s->x + steady) / GAIN_ONE + 1);
    light.gain = gain < 0 ? 0 : gain > GAIN_MAX ? GAIN_MAX : gain;
    light.offset = (s->y * LEVEL - light.gain * s->x) / s->n;
    return light;
}

struct thingpass_motion_light thingpass_motion_fit(const struct thingpass_motion *m) {
    struct thingpass_motion_light light = {GAIN_ONE, 0};
    struct sums s = sum_blocks(m, &light, 0);
    if (s.n >= s.left_out) {
        return line(&s);
    }
    s = sum_blocks(m, &light, EVERYTHING);
    for (int i = 0; i < 2 && s.n > 0; i++) {
        light = line(&s);
        s = sum_blocks(m, &light, s.off / (uint32_t)s.n);
    }
    return line(&s);
}
