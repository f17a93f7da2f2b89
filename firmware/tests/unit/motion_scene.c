// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "motion_scene.h"

#include <string.h>

static uint32_t mix(uint32_t a) {
    a ^= a >> 16;
    a *= 0x7feb352dU;
    a ^= a >> 15;
    a *= 0x846ca68bU;
    return a ^ a >> 16;
}

static uint32_t mix3(uint32_t a, uint32_t b, uint32_t c) {
    return mix(a ^ mix(b ^ mix(c + 0x9e3779b9U)));
}

static int patch(const struct scene *s, int x, int y, int size) {
    return (int)(mix3((uint32_t)((x + 64) / size), (uint32_t)((y + 64) / size), s->seed) % 100);
}

// The yard by full light.
static int yard(const struct scene *s, int x, int y) {
    int grain = (int)(mix3((uint32_t)(x + 64), (uint32_t)(y + 64), s->seed ^ 7U) % 9) - 4;
    if (y < s->height / 3 + patch(s, x, 0, 40) / 10) {
        return 190 - y / 2 + grain / 2; // sky
    }
    uint32_t pole = mix(s->seed) % 30U;
    if ((uint32_t)(x + 64) % 53U == pole || (uint32_t)(x + 64) % 53U == pole + 1) {
        return 30 + grain;
    }
    return 50 + patch(s, x, y, 23) / 2 + patch(s, x, y, 7) / 2 + grain;
}

// How much of a pixel (0 to 16) lies within from and from + size.
static int cover(int pixel, int from, int size) {
    int low = from > pixel * 16 ? from : pixel * 16;
    int high = from + size < pixel * 16 + 16 ? from + size : pixel * 16 + 16;
    return high > low ? high - low : 0;
}

// Sums four dice: near enough to the bell of a sensor's noise.
static int noise(const struct scene *s, uint32_t *dice) {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 17;
    *dice ^= *dice << 5;
    uint32_t r = *dice;
    int sum = (int)(r & 255) + (int)(r >> 8 & 255) + (int)(r >> 16 & 255) + (int)(r >> 24);
    return (sum - 510) * s->noise_tenths / 1478;
}

static int triangle(int phase) {
    phase &= 255;
    return phase < 128 ? phase * 2 - 128 : 384 - phase * 2;
}

static int light(const struct scene *s, int x, int y, int level) {
    int lamp = s->lamp_percent * (s->width - x + s->height - y) / (s->width + s->height);
    int band = s->flicker * triangle(s->flicker_phase + y * 512 / s->height) / 128;
    return level * (s->gain_percent + lamp) / 100 * (100 + band) / 100 + s->offset;
}

static const uint8_t *place(const struct scene *s, int x, int y) {
    return s->yard + (y + SCENE_MARGIN) * (s->width + 2 * SCENE_MARGIN) + x + SCENE_MARGIN;
}

static uint8_t pixel(const struct scene *s, int x, int y, uint32_t *dice) {
    int level = *place(s, x + s->shake_x, y + s->shake_y);
    int covered = cover(x, s->thing_x, s->thing_width) * cover(y, s->thing_y, s->thing_height);
    level += (s->thing_level - level) * covered / 256;
    level = light(s, x, y, level) + noise(s, dice);
    return (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
}

void scene_begin(struct scene *s, int width, int height, uint32_t seed) {
    memset(s, 0, sizeof *s);
    s->width = width;
    s->height = height;
    s->seed = seed;
    s->gain_percent = 100;
    uint8_t *p = s->yard;
    for (int y = -SCENE_MARGIN; y < height + SCENE_MARGIN; y++) {
        for (int x = -SCENE_MARGIN; x < width + SCENE_MARGIN; x++) {
            *p++ = (uint8_t)yard(s, x, y);
        }
    }
}

void scene_draw(struct scene *s) {
    uint32_t dice = mix3(s->frame, s->seed, 1) | 1U;
    for (int y = 0; y < s->height; y++) {
        for (int x = 0; x < s->width; x++) {
            s->pixels[y * s->width + x] = pixel(s, x, y, &dice);
        }
    }
}
