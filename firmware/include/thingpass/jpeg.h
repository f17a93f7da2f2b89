// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Whether bytes are a whole JPEG: a frame that overflowed its buffer, or a
// capture that was cut short, is not worth an upload.
//
// The check follows the markers from FFD8 through every segment and scan to
// FFD9, so that the end of a thumbnail inside is not taken for the end. It
// decodes nothing: wrong bits within a scan go unseen.

#ifndef THINGPASS_JPEG_H
#define THINGPASS_JPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Returns how many of the size bytes are the picture, from FFD8 to FFD9, and so
// without the padding that some cameras leave behind it; 0 when it is not whole.
// data may be NULL when size is 0.
size_t thingpass_jpeg_is_whole(const void *data, size_t size);

// The same for bytes that come in pieces.
struct thingpass_jpeg {
    uint8_t state;
    uint8_t marker;  // of the segment at hand
    bool scanned;    // picture data has been seen
    uint16_t left;   // bytes of the segment
    uint64_t length; // bytes looked at, up to the end of the picture
};

// Begins with a new picture.
void thingpass_jpeg_begin(struct thingpass_jpeg *jpeg);

// Looks at the next n bytes; in what pieces they come makes no difference.
void thingpass_jpeg_feed(struct thingpass_jpeg *jpeg, const void *data, size_t n);

// Whether nothing that may still come could make it a whole JPEG.
bool thingpass_jpeg_is_broken(const struct thingpass_jpeg *jpeg);

// Returns the bytes of the picture when its end has been seen, otherwise 0.
uint64_t thingpass_jpeg_length(const struct thingpass_jpeg *jpeg);

#ifdef __cplusplus
}
#endif

#endif
