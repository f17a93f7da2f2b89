// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The shape of a JPEG, for code that only follows its markers: a thumbnail with
// an end of its own, two scans, stuffed and fill bytes, restarts.

#ifndef THINGPASS_TESTS_JPEG_BYTES_H
#define THINGPASS_TESTS_JPEG_BYTES_H

#include <stdint.h>

static const uint8_t jpeg_bytes[] = {
    0xff, 0xd8,                                                       // begins
    0xff, 0xe1, 0,    9, 0xff, 0xd8, 1, 2,    3,    0xff, 0xd9,       // has a thumbnail
    0xff, 0xff, 0xdb, 0, 4,    5,    6,                               // after a fill byte
    0xff, 0xfe, 0,    2,                                              // an empty segment
    0xff, 0xc2, 0,    3, 0xff,                                        // a frame
    0xff, 0xda, 0,    4, 7,    8,                                     // a scan
    1,    2,    0xff, 0, 0xff, 0,    3, 0xff, 0xd0, 4,    0xff, 0xd7, // its data
    0xff, 0xff, 0xc4, 0, 3,    9,                                     // between the scans
    0xff, 0xda, 0,    3, 7,    0xff, 0, 0xd9,                         // another
    0xff, 0xff, 0xd9,                                                 // ends
};

#endif
