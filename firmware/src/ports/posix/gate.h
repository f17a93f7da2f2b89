// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_GATE_H
#define THINGPASS_POSIX_GATE_H

#include <stdbool.h>

#include "camera.h"
#include "options.h"
#include "thingpass/motion.h"

// Lets a camera's photos through when something has moved, or when the last one is
// long ago.
struct thingpass_gate {
    struct thingpass_motion motion;
    uint8_t ignore[(THINGPASS_MOTION_BLOCKS + 7) / 8];
    struct thingpass_why why; // why the last photo could not be judged; "" if it could
};

// Prepares gate, which must not move.
void thingpass_gate_init(struct thingpass_gate *gate, const struct thingpass_options *options);

// Judges a photo. Returns one of enum thingpass_motion_verdict, or < 0 when it
// cannot be decoded: then it had better be kept. Reads the source and rewinds it.
int thingpass_gate_judge(struct thingpass_gate *gate, const struct thingpass_photo *photo,
                         uint64_t now_ms);

// The verdict in a word.
const char *thingpass_gate_word(int verdict);

#endif
