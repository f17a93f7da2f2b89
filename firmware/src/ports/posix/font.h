// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_FONT_H
#define THINGPASS_POSIX_FONT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    THINGPASS_FONT_WIDTH = 5,
    THINGPASS_FONT_HEIGHT = 7,
    THINGPASS_FONT_ADVANCE = 6, // a glyph and the gap after it
};

// Tells whether text has ink at (x, y), in glyph pixels from its upper left
// corner. Letters are shown as capitals; what the font lacks is blank.
bool thingpass_font_ink(const char *text, size_t length, int x, int y);

#endif
