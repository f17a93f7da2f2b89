// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "scene_draw.h"

#include "font.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct colour {
    int r, g, b;
};

struct label {
    const char *text;
    size_t length;
    int x, y, scale;
};

static uint32_t mix(uint32_t a) {
    a ^= a >> 16;
    a *= 0x7feb352dU;
    a ^= a >> 15;
    a *= 0x846ca68bU;
    return a ^ a >> 16;
}

static uint32_t mix3(uint32_t a, uint32_t b, uint32_t c) {
    return mix(a ^ mix(b ^ mix(c)));
}

// Goes from 0 up to span and back again as at grows.
static int bounce(uint32_t at, int span) {
    if (span <= 0) {
        return 0;
    }
    uint32_t way = at % (2U * (uint32_t)span);
    return way < (uint32_t)span ? (int)way : 2 * span - (int)way;
}

static int blend(int from, int to, int at, int of) {
    return from + (to - from) * at / of;
}

static int hill_top(const struct thingpass_scene_moment *m, int x) {
    uint32_t shift = m->seed % 997;
    int far = bounce((uint32_t)x + shift, m->width / 3);
    int near = bounce((uint32_t)x * 3 + shift * 7, m->width / 2);
    return m->height * 3 / 5 - far / 5 - near / 12;
}

static struct colour sky(const struct thingpass_scene_moment *m, int y) {
    return (struct colour){blend(64, 200, y, m->height), blend(116, 220, y, m->height),
                           blend(196, 240, y, m->height)};
}

static struct colour ground(const struct thingpass_scene_moment *m, int x, int y) {
    int grain = m->width / 160 + 1;
    int tuft = (int)(mix3((uint32_t)(x / grain), (uint32_t)(y / grain), m->seed) % 48);
    int depth = blend(0, 60, y, m->height);
    return (struct colour){52 + tuft / 2 + depth / 2, 108 + tuft - depth / 3, 44 + tuft / 3};
}

static bool ball(const struct thingpass_scene_moment *m, int x, int y, struct colour *c) {
    int radius = m->height / 9;
    uint32_t step = (uint32_t)(m->width / 24 + 1);
    int cx = radius + bounce(m->ball * step + m->seed % 211, m->width - 2 * radius);
    int cy = m->height - radius - bounce(m->ball * step * 2, m->height * 2 / 5);
    int dx = x - cx;
    int dy = y - cy;
    int far = dx * dx + dy * dy;
    if (far > radius * radius) {
        return false;
    }
    int lx = dx + radius / 3;
    int ly = dy + radius / 3;
    int shade = 255 - (lx * lx + ly * ly) * 150 / (radius * radius + 1);
    shade = shade < 70 ? 70 : shade;
    *c = (struct colour){shade, shade / 4, shade / 6};
    return true;
}

// Text stands on a dark plate, so that it can be read on any background.
static bool lettering(const struct label *l, int x, int y, struct colour *c) {
    int pad = l->scale;
    int wide = (int)l->length * THINGPASS_FONT_ADVANCE * l->scale;
    int high = THINGPASS_FONT_HEIGHT * l->scale;
    int dx = x - l->x;
    int dy = y - l->y;
    if (dx < -pad || dy < -pad || dx >= wide || dy >= high + pad) {
        return false;
    }
    bool ink =
        dx >= 0 && dy >= 0 && thingpass_font_ink(l->text, l->length, dx / l->scale, dy / l->scale);
    *c = ink ? (struct colour){250, 250, 235} : (struct colour){24, 26, 30};
    return true;
}

static struct label place(const struct thingpass_scene_moment *m, const char *text, int scale,
                          bool bottom) {
    struct label l = {text, strlen(text), 2 * scale, 2 * scale, scale};
    size_t fit = (size_t)((m->width - 4 * scale) / (THINGPASS_FONT_ADVANCE * scale));
    if (l.length > fit) {
        l.length = fit;
    }
    if (bottom) {
        l.y = m->height - (THINGPASS_FONT_HEIGHT + 2) * scale;
    }
    return l;
}

static uint8_t pixel(int value) {
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static int grain(const struct thingpass_scene_moment *m, int x, int y) {
    if (m->noise == 0) {
        return 0;
    }
    uint32_t r = mix3((uint32_t)x, (uint32_t)y, m->seed + m->frame * 0x9e3779b9U);
    // Two dice instead of one: closer to the bell shape of a real sensor.
    int spread = 2 * m->noise + 1;
    return ((int)(r & 0xffffU) % spread + (int)(r >> 16) % spread) / 2 - m->noise;
}

void thingpass_scene_draw_row(const struct thingpass_scene_moment *moment, int y, uint8_t *rgb) {
    int big = moment->width / 80 + 1;
    int small = moment->width / 320 + 1;
    struct label counter = place(moment, moment->counter, big, false);
    struct label caption = place(moment, moment->caption, small, true);
    for (int x = 0; x < moment->width; x++) {
        struct colour c;
        if (!lettering(&counter, x, y, &c) && !lettering(&caption, x, y, &c) &&
            !ball(moment, x, y, &c)) {
            c = y < hill_top(moment, x) ? sky(moment, y) : ground(moment, x, y);
        }
        int n = grain(moment, x, y);
        *rgb++ = pixel(c.r + n);
        *rgb++ = pixel(c.g + n);
        *rgb++ = pixel(c.b + n);
    }
}

#endif
