// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "thingpass/motion.h"

#include <string.h>

#include "motion_light.h"

enum {
    LEVEL = 256,
    NOISE_ONE = LEVEL / 8, // the unit of noise
    NOISE_START = 16,
    NOISE_MAX = 255,
    EXCESS_MAX = 127,
    SLOWLY = 4 // frames, for the noise of what moves
};

// What came of the comparison of a frame with the background.
struct tally {
    unsigned counted; // blocks that are not ignored
    unsigned changed;
    unsigned brighter; // than the background, whatever the light did
    unsigned darker;
    uint32_t shift; // by the light, in 1/256 levels, of all blocks together
};

static uint32_t apart(int32_t a, int32_t b) {
    return (uint32_t)(a < b ? b - a : a - b);
}

// How far block's two neighbours in one direction differ from it.
static uint32_t slope(const struct thingpass_motion *m, unsigned block, unsigned step,
                      unsigned place, unsigned places) {
    const uint16_t *b = m->background + block;
    uint32_t before = place > 0 ? apart(*b, *(b - step)) : 0;
    uint32_t behind = place + 1 < places ? apart(*b, b[step]) : 0;
    return before + behind;
}

// What a tremble of the camera does to a block: an edge between it and a
// neighbour moves by some pixels.
static uint32_t shake(const struct thingpass_motion *m, unsigned block) {
    unsigned columns = m->config.columns;
    unsigned rows = m->config.rows;
    return m->config.shake_px *
           (slope(m, block, 1, block % columns, columns) * columns / m->width +
            slope(m, block, columns, block / columns, rows) * rows / m->height);
}

static bool is_moving(const struct thingpass_motion *m, unsigned block) {
    return (m->moving[block / 8] >> (block % 8) & 1) != 0;
}

// What a block may differ by, from what light makes of the background. A quarter
// of the light's change is allowed for, because no lamp shines evenly.
static uint32_t tolerance(const struct thingpass_motion *m, unsigned block, int32_t expected) {
    return thingpass_motion_noise(m, block) + shake(m, block) +
           apart(expected, m->background[block]) / 4;
}

static struct tally compare(const struct thingpass_motion *m,
                            const struct thingpass_motion_light *light) {
    struct tally t = {0};
    for (unsigned i = 0; i < thingpass_motion_blocks(m); i++) {
        if (!thingpass_motion_counts(m, i)) {
            continue;
        }
        int32_t expected = thingpass_motion_expect(m, light, i);
        uint32_t clear = thingpass_motion_noise(m, i) + m->config.light * (uint32_t)LEVEL;
        t.changed += apart(m->now[i], expected) > tolerance(m, i, expected);
        t.brighter += m->now[i] > m->background[i] + clear;
        t.darker += m->now[i] + clear < m->background[i];
        t.shift += apart(expected, m->background[i]);
        t.counted++;
    }
    return t;
}

// Light is what explains three quarters of the picture by one gain and offset,
// or makes nearly all of it brighter, as a lamp does in the dark where there was
// nothing to multiply. A thing that fills the view does neither.
static bool is_light(const struct thingpass_motion *m, const struct tally *t) {
    unsigned most = t->brighter > t->darker ? t->brighter : t->darker;
    return (t->shift > (uint32_t)m->config.light * LEVEL * t->counted &&
            t->changed * 4 <= t->counted) ||
           most * 8 > t->counted * 7;
}

static bool has_moving_neighbour(const struct thingpass_motion *m, unsigned block) {
    int columns = m->config.columns;
    int x = (int)block % columns;
    int y = (int)block / columns;
    for (int ny = y - 1; ny <= y + 1; ny++) {
        for (int nx = x - 1; nx <= x + 1; nx++) {
            if ((nx != x || ny != y) && nx >= 0 && nx < columns && ny >= 0 && ny < m->config.rows &&
                is_moving(m, (unsigned)(ny * columns + nx))) {
                return true;
            }
        }
    }
    return false;
}

// Once it moves, blocks apart from each other are enough to go on.
static bool moves(struct thingpass_motion *m) {
    unsigned need = m->config.min_blocks;
    bool apart_too = m->active || need == 1;
    m->area = 0;
    for (unsigned i = 0; i < thingpass_motion_blocks(m); i++) {
        if (is_moving(m, i) && (apart_too || has_moving_neighbour(m, i))) {
            m->area++;
        }
    }
    bool moving = m->area >= need;
    m->quiet = moving ? 0 : m->quiet < UINT8_MAX ? (uint8_t)(m->quiet + 1) : m->quiet;
    m->active = moving || (m->active && m->quiet < m->config.quiet_frames);
    return moving;
}

// Goes a part of the way.
static uint16_t nearer(uint16_t from, uint32_t to, int part) {
    return (uint16_t)(from + ((int32_t)to - (int32_t)from) / part);
}

// The noise goes one step up or down, which leads to the median, and too slowly
// to take a thing that comes slowly for noise.
static void learn_noise(struct thingpass_motion *m, unsigned block, uint32_t off) {
    uint8_t *noise = m->noise + block;
    uint32_t own = *noise * (uint32_t)NOISE_ONE;
    if (off > own && *noise < NOISE_MAX) {
        ++*noise;
    } else if (off + NOISE_ONE < own) {
        --*noise;
    }
}

// All that a block does while learning is its noise; both are the mean so far.
static void learn(struct thingpass_motion *m, unsigned block, uint32_t off) {
    uint32_t most = thingpass_motion_noise(m, block);
    uint32_t noise = (off < most ? off : most) / NOISE_ONE;
    int part = m->seen + 1;
    m->noise[block] = (uint8_t)nearer(m->noise[block], noise < NOISE_MAX ? noise : NOISE_MAX, part);
    m->background[block] = nearer(m->background[block], m->now[block], part);
}

static int32_t towards(int32_t from, int32_t to, int32_t step) {
    return from < to ? (to - from < step ? to : from + step)
                     : (from - to < step ? to : from - step);
}

// Tells whether the block's excess over the background is another than lately.
// What stands still is followed: quickly when it fades into the background, and
// slowly when it grows, so that what comes slowly is told too.
static bool goes_on(struct thingpass_motion *m, unsigned block, int32_t excess, uint32_t may) {
    int32_t level = excess / LEVEL;
    int32_t last = m->excess[block];
    level = level > EXCESS_MAX ? EXCESS_MAX : level < -EXCESS_MAX ? -EXCESS_MAX : level;
    // What light does to the background it does to the thing before it.
    bool jumps = apart(level, last) * LEVEL > may + apart(level, 0) * (LEVEL / 8);
    bool fades = apart(level, 0) < apart(last, 0);
    if (jumps) {
        last = level;
    } else if (fades || m->tick % SLOWLY == 0) {
        last = towards(last, level, fades ? 1 + (int32_t)apart(last, 0) / 32 : 1);
    }
    m->excess[block] = (int8_t)last;
    return jumps;
}

static void judge_block(struct thingpass_motion *m, unsigned block, int32_t expected) {
    int32_t excess = (int32_t)m->now[block] - expected;
    uint32_t off = apart(excess, 0);
    uint32_t may = tolerance(m, block, expected);
    bool changed = off > may;
    bool moving = goes_on(m, block, excess, may) && changed;
    if (moving) {
        m->moving[block / 8] |= (uint8_t)(1U << (block % 8));
    } else {
        int shift = changed ? m->config.absorb_shift : m->config.follow_shift;
        m->background[block] = nearer(m->background[block], m->now[block], 1 << shift);
    }
    if (!changed || (moving && m->tick % SLOWLY == 0)) {
        learn_noise(m, block, off);
    }
}

static void judge(struct thingpass_motion *m, const struct thingpass_motion_light *light) {
    bool learning = m->seen < m->config.learn_frames;
    memset(m->moving, 0, sizeof m->moving);
    m->tick++;
    for (unsigned i = 0; i < thingpass_motion_blocks(m); i++) {
        int32_t expected = thingpass_motion_expect(m, light, i);
        if (learning) {
            learn(m, i, apart(m->now[i], expected));
        } else if (thingpass_motion_counts(m, i)) {
            judge_block(m, i, expected);
        }
    }
}

static int verdict(struct thingpass_motion *m, bool moving, int otherwise, uint64_t now_ms) {
    if (moving) {
        if (m->ever_moved && now_ms - m->moved_ms < m->config.cooldown_ms) {
            return THINGPASS_MOTION_COOLING;
        }
        m->ever_moved = true;
        m->moved_ms = now_ms;
        m->sent_ms = now_ms;
        return THINGPASS_MOTION_MOVED;
    }
    if (m->config.heartbeat_ms != UINT32_MAX && now_ms - m->sent_ms >= m->config.heartbeat_ms) {
        m->sent_ms = now_ms;
        return THINGPASS_MOTION_HEARTBEAT;
    }
    return otherwise;
}

// Takes the frame for the background, with no more known of it.
static void start_over(struct thingpass_motion *m) {
    memcpy(m->background, m->now, sizeof m->background);
    memset(m->excess, 0, sizeof m->excess);
    m->area = 0;
}

static void first_frame(struct thingpass_motion *m, uint64_t now_ms) {
    start_over(m);
    memset(m->noise, NOISE_START, sizeof m->noise);
    if (!m->started) {
        m->started = true;
        m->sent_ms = now_ms;
    }
}

int thingpass_motion_end(struct thingpass_motion *motion, uint64_t now_ms) {
    struct thingpass_motion *m = motion;
    bool whole = m->begun && m->row == m->height;
    m->begun = false;
    if (!whole) {
        return THINGPASS_EINVAL;
    }
    if (m->seen == 0) {
        first_frame(m, now_ms);
        m->seen = 1;
        return verdict(m, false, THINGPASS_MOTION_LEARNING, now_ms);
    }
    const struct thingpass_motion_light light = thingpass_motion_fit(m);
    const struct tally tally = compare(m, &light);
    if (is_light(m, &tally)) {
        start_over(m);
        return verdict(m, false, THINGPASS_MOTION_LIGHT, now_ms);
    }
    judge(m, &light);
    if (m->seen < m->config.learn_frames) {
        m->seen++;
        return verdict(m, false, THINGPASS_MOTION_LEARNING, now_ms);
    }
    return verdict(m, moves(m), THINGPASS_MOTION_STILL, now_ms);
}

int thingpass_motion_frame(struct thingpass_motion *motion, const uint8_t *luma, unsigned width,
                           unsigned height, uint64_t now_ms) {
    int err = thingpass_motion_begin(motion, width, height);
    for (unsigned y = 0; y < height && err == THINGPASS_OK; y++) {
        err = thingpass_motion_row(motion, luma + (size_t)y * width);
    }
    return err < 0 ? err : thingpass_motion_end(motion, now_ms);
}
