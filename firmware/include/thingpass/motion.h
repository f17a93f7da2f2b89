// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Tells which frames of a camera are worth an upload: something has moved, or it
// is time for a sign of life.
//
// It looks at a small grey picture (luma, one byte a pixel, row by row, as
// decoders make them), of which it keeps the mean of each block of a grid. The
// background is what each block was like lately. A block moves when it differs
// from the background by more than its own noise explains, and goes on changing:
// a car that has parked is news once. Light that goes up or down in the whole
// picture is worked out and taken away before that.
//
// Integers only, no heap, about 2 KB for each camera. A good input is a JPEG
// decoded at 1/8 of its size, which costs little: UXGA gives 200x150.

#ifndef THINGPASS_MOTION_H
#define THINGPASS_MOTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "thingpass/error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    THINGPASS_MOTION_BLOCKS = 300,    // most blocks of a grid
    THINGPASS_MOTION_COLUMNS = 24,    // most blocks side by side
    THINGPASS_MOTION_SIDE_MAX = 1024, // most pixels of a row, and most rows
    THINGPASS_MOTION_NONE = 255       // for shake_px
};

// What a frame is, and why it is worth an upload: from THINGPASS_MOTION_HEARTBEAT
// on it is.
enum thingpass_motion_verdict {
    THINGPASS_MOTION_STILL = 0,
    THINGPASS_MOTION_LEARNING = 1, // too few frames have been seen so far
    THINGPASS_MOTION_LIGHT = 2,    // light came or went; the background is new
    THINGPASS_MOTION_COOLING = 3,  // it moves, but the last MOVED is recent
    THINGPASS_MOTION_HEARTBEAT = 4,
    THINGPASS_MOTION_MOVED = 5
};

// Zeros are the defaults. "Levels" are those of luma, 0 to 255.
struct thingpass_motion_config {
    uint8_t columns; // of the grid, 4 to THINGPASS_MOTION_COLUMNS: 20
    uint8_t rows;    // at least 4, and at most 300 blocks in all: 15

    // How many blocks must move, each next to another, to be motion: 2. With
    // 1 a block alone suffices, and so do smaller things.
    uint8_t min_blocks;

    // By how much a block's mean must differ: this many levels (6)
    // and this many times the block's median deviation in quiet frames (6).
    uint8_t threshold;
    uint8_t noise_factor;

    // By how many pixels the picture may tremble without being motion: 1.
    // THINGPASS_MOTION_NONE: the camera stands like a rock.
    uint8_t shake_px;

    // A change of the whole picture by this many levels from one frame to the
    // next is a change of light: 10.
    uint8_t light;

    uint8_t learn_frames; // to be seen before any is motion: 8
    uint8_t quiet_frames; // that end a motion: 3

    // In each frame the background goes 1/2^n of the way to what is seen: where
    // it is like the background, n is 4; where something else stands still, 6,
    // so that it becomes background after about 2.5 * 2^n frames: 150.
    uint8_t follow_shift;
    uint8_t absorb_shift;

    uint32_t cooldown_ms;  // between two MOVED, at least: 5 s
    uint32_t heartbeat_ms; // a HEARTBEAT after so long without news: 1 h
                           // UINT32_MAX: never

    // Blocks that never count, such as a tree in the wind: bit b % 8 of byte
    // b / 8 is block b, counted in rows from the upper left. NULL: all count.
    // Must outlive the struct thingpass_motion.
    const uint8_t *ignore;
};

// One camera's memory. Its members are the gate's; area is for a log.
struct thingpass_motion {
    struct thingpass_motion_config config; // with the defaults filled in
    uint64_t moved_ms;                     // the last MOVED
    uint64_t sent_ms;                      // the last MOVED or HEARTBEAT
    uint32_t sums[THINGPASS_MOTION_COLUMNS];
    uint16_t width; // of the frame at hand
    uint16_t height;
    uint16_t row;  // the next one
    uint16_t area; // blocks that moved in the last frame
    uint8_t block_row;
    uint8_t seen;  // frames, as far as they are counted
    uint8_t quiet; // frames without motion
    bool begun;    // a frame is at hand
    bool started;  // a first frame has been seen
    bool ever_moved;
    bool active;                           // motion has begun and not ended
    uint8_t tick;                          // counts frames
    uint16_t now[THINGPASS_MOTION_BLOCKS]; // in 1/256 levels, like the next
    uint16_t background[THINGPASS_MOTION_BLOCKS];
    uint8_t noise[THINGPASS_MOTION_BLOCKS]; // median deviation in 1/8 levels
    int8_t excess[THINGPASS_MOTION_BLOCKS]; // over the background, in levels, lately
    uint8_t moving[(THINGPASS_MOTION_BLOCKS + 7) / 8];
};

// Prepares motion; config is copied and may be NULL for the defaults. Returns
// THINGPASS_OK, or THINGPASS_EINVAL for a grid that is not possible.
int thingpass_motion_init(struct thingpass_motion *motion,
                          const struct thingpass_motion_config *config);

// Begins a frame of width x height pixels, forgetting one that was not ended.
// Another size than before makes it learn anew. Returns THINGPASS_OK, or
// THINGPASS_EINVAL when a side is smaller than the grid or larger than
// THINGPASS_MOTION_SIDE_MAX.
int thingpass_motion_begin(struct thingpass_motion *motion, unsigned width, unsigned height);

// Takes the frame's next row, width bytes of luma. Returns THINGPASS_OK, or
// THINGPASS_EINVAL when no row is wanted.
int thingpass_motion_row(struct thingpass_motion *motion, const uint8_t *luma);

// Ends the frame and judges it. now_ms is a clock that does not go back. Returns
// one of enum thingpass_motion_verdict, or THINGPASS_EINVAL when rows are
// missing: a frame that was cut off leaves no trace.
int thingpass_motion_end(struct thingpass_motion *motion, uint64_t now_ms);

// All three for a frame that is in memory, row by row without gaps.
int thingpass_motion_frame(struct thingpass_motion *motion, const uint8_t *luma, unsigned width,
                           unsigned height, uint64_t now_ms);

#ifdef __cplusplus
}
#endif

#endif
