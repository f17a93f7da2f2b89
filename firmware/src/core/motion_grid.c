// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// From rows of pixels to the means of blocks.

#include <string.h>

#include "motion_light.h"

enum {
    LEVEL = 256,
    GRID_MIN = 4 // with which a block has at most 256 x 256 pixels
};

_Static_assert(sizeof(struct thingpass_motion) <= 2048, "a camera costs at most 2 KB");

static void take_default(uint8_t *value, uint8_t otherwise) {
    *value = *value == 0 ? otherwise : *value;
}

int thingpass_motion_init(struct thingpass_motion *motion,
                          const struct thingpass_motion_config *config) {
    memset(motion, 0, sizeof *motion);
    struct thingpass_motion_config *c = &motion->config;
    if (config != NULL) {
        *c = *config;
    }
    take_default(&c->columns, 20);
    take_default(&c->rows, 15);
    take_default(&c->min_blocks, 2);
    take_default(&c->threshold, 6);
    take_default(&c->noise_factor, 6);
    take_default(&c->shake_px, 1);
    take_default(&c->light, 10);
    take_default(&c->learn_frames, 8);
    take_default(&c->quiet_frames, 3);
    take_default(&c->follow_shift, 4);
    take_default(&c->absorb_shift, 6);
    c->shake_px = c->shake_px == THINGPASS_MOTION_NONE ? 0 : c->shake_px;
    c->cooldown_ms = c->cooldown_ms == 0 ? 5000 : c->cooldown_ms;
    c->heartbeat_ms = c->heartbeat_ms == 0 ? 3600000 : c->heartbeat_ms;
    bool ok = c->columns >= GRID_MIN && c->rows >= GRID_MIN &&
              c->columns <= THINGPASS_MOTION_COLUMNS &&
              thingpass_motion_blocks(motion) <= THINGPASS_MOTION_BLOCKS && c->follow_shift < 16 &&
              c->absorb_shift < 16;
    return ok ? THINGPASS_OK : THINGPASS_EINVAL;
}

int thingpass_motion_begin(struct thingpass_motion *motion, unsigned width, unsigned height) {
    struct thingpass_motion *m = motion;
    m->begun = false;
    if (width < m->config.columns || height < m->config.rows || width > THINGPASS_MOTION_SIDE_MAX ||
        height > THINGPASS_MOTION_SIDE_MAX) {
        return THINGPASS_EINVAL;
    }
    if (width != m->width || height != m->height) {
        m->seen = 0;
        m->active = false;
    }
    m->begun = true;
    m->width = (uint16_t)width;
    m->height = (uint16_t)height;
    m->row = 0;
    m->block_row = 0;
    memset(m->sums, 0, sizeof m->sums);
    return THINGPASS_OK;
}

// The first pixel of the part-th of so many parts of side.
static unsigned edge(unsigned side, unsigned part, unsigned parts) {
    return part * side / parts;
}

static void end_block_row(struct thingpass_motion *m) {
    unsigned columns = m->config.columns;
    unsigned high = m->row - edge(m->height, m->block_row, m->config.rows);
    uint16_t *means = m->now + m->block_row * columns;
    for (unsigned i = 0; i < columns; i++) {
        unsigned wide = edge(m->width, i + 1, columns) - edge(m->width, i, columns);
        means[i] = (uint16_t)(m->sums[i] * LEVEL / (wide * high)); // 256 * 256 pixels fit
    }
    memset(m->sums, 0, sizeof m->sums);
    m->block_row++;
}

int thingpass_motion_row(struct thingpass_motion *motion, const uint8_t *luma) {
    struct thingpass_motion *m = motion;
    if (!m->begun || m->row == m->height) {
        m->begun = false; // too many rows are as wrong as too few
        return THINGPASS_EINVAL;
    }
    const uint8_t *p = luma;
    for (unsigned i = 0; i < m->config.columns; i++) {
        const uint8_t *end = luma + edge(m->width, i + 1, m->config.columns);
        uint32_t sum = 0;
        while (p < end) {
            sum += *p++;
        }
        m->sums[i] += sum;
    }
    m->row++;
    if (m->row == edge(m->height, m->block_row + 1U, m->config.rows)) {
        end_block_row(m);
    }
    return THINGPASS_OK;
}
