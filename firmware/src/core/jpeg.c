// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "thingpass/jpeg.h"

#include <string.h>

enum {
    SOI = 0xd8,
    EOI = 0xd9,
    SOS = 0xda,
};

enum state {
    FIRST_FF = 0, // of the whole picture
    FIRST_SOI,
    MARKER_FF,
    MARKER,
    LENGTH_HIGH,
    LENGTH_LOW,
    SEGMENT,
    SCAN,
    SCAN_FF, // picture data, or the marker that ends it
    WHOLE,
    BROKEN
};

void thingpass_jpeg_begin(struct thingpass_jpeg *jpeg) {
    const struct thingpass_jpeg fresh = {0};
    *jpeg = fresh;
}

static bool is_restart(uint8_t c) {
    return c >= 0xd0 && c <= 0xd7;
}

static enum state take_marker(struct thingpass_jpeg *j, uint8_t c) {
    if (c == 0xff) { // fill bytes before a marker
        return MARKER;
    }
    if (c == EOI) {
        return j->scanned ? WHOLE : BROKEN;
    }
    if (c <= 0x01 || c == SOI || is_restart(c)) { // none of them begins a segment
        return BROKEN;
    }
    j->marker = c;
    return LENGTH_HIGH;
}

static enum state after_segment(struct thingpass_jpeg *j) {
    if (j->left > 0) {
        return SEGMENT;
    }
    j->scanned = j->scanned || j->marker == SOS;
    return j->marker == SOS ? SCAN : MARKER_FF;
}

static enum state take_length(struct thingpass_jpeg *j, uint8_t low) {
    unsigned length = (unsigned)j->left << 8 | low;
    if (length < 2) { // it counts itself
        return BROKEN;
    }
    j->left = (uint16_t)(length - 2);
    return after_segment(j);
}

static enum state take_byte(struct thingpass_jpeg *j, uint8_t c) {
    switch (j->state) {
    case FIRST_FF:
        return c == 0xff ? FIRST_SOI : BROKEN;
    case FIRST_SOI:
        return c == SOI ? MARKER_FF : BROKEN;
    case MARKER_FF:
        return c == 0xff ? MARKER : BROKEN;
    case MARKER:
        return take_marker(j, c);
    case LENGTH_HIGH:
        j->left = c;
        return LENGTH_LOW;
    case LENGTH_LOW:
        return take_length(j, c);
    case SCAN:
        return c == 0xff ? SCAN_FF : SCAN;
    case SCAN_FF:
        if (c == 0xff) {
            return SCAN_FF;
        }
        return c == 0x00 || is_restart(c) ? SCAN : take_marker(j, c);
    default:
        return (enum state)j->state;
    }
}

// Returns how many of the n bytes need no look at each.
static size_t stretch(struct thingpass_jpeg *j, const uint8_t *p, size_t n) {
    if (j->state == SEGMENT) {
        size_t k = j->left < n ? j->left : n;
        j->left = (uint16_t)(j->left - k);
        j->state = (uint8_t)after_segment(j);
        return k;
    }
    if (j->state == SCAN) {
        const uint8_t *ff = memchr(p, 0xff, n);
        return ff != NULL ? (size_t)(ff - p) : n;
    }
    return 0;
}

void thingpass_jpeg_feed(struct thingpass_jpeg *jpeg, const void *data, size_t n) {
    const uint8_t *p = data;
    while (n > 0 && jpeg->state < WHOLE) {
        size_t k = stretch(jpeg, p, n);
        if (k == 0) {
            jpeg->state = (uint8_t)take_byte(jpeg, *p);
            k = 1;
        }
        jpeg->length += k;
        p += k;
        n -= k;
    }
}

bool thingpass_jpeg_is_broken(const struct thingpass_jpeg *jpeg) {
    return jpeg->state == BROKEN;
}

uint64_t thingpass_jpeg_length(const struct thingpass_jpeg *jpeg) {
    return jpeg->state == WHOLE ? jpeg->length : 0;
}

size_t thingpass_jpeg_is_whole(const void *data, size_t size) {
    struct thingpass_jpeg jpeg;
    thingpass_jpeg_begin(&jpeg);
    thingpass_jpeg_feed(&jpeg, data, size);
    return (size_t)thingpass_jpeg_length(&jpeg);
}
