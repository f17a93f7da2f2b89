// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "thingpass/motion.h"

// The motion gate alone, without an upload.
int main(void) {
    static struct thingpass_motion motion;
    static uint8_t row[200];
    (void)thingpass_motion_init(&motion, NULL);
    (void)thingpass_motion_begin(&motion, sizeof row, 150);
    (void)thingpass_motion_row(&motion, row);
    return thingpass_motion_end(&motion, 1);
}
