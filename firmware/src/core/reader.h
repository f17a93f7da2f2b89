// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Reads a source from its first byte to exactly its size, not a byte more.

#ifndef THINGPASS_CORE_READER_H
#define THINGPASS_CORE_READER_H

#include "thingpass/state.h"

// Begins at the first byte. Returns THINGPASS_OK, THINGPASS_ESOURCE (it could
// not be rewound) or THINGPASS_ESPENT (one-pass, and read before).
int thingpass_reader_begin(struct thingpass_reader *r, const struct thingpass_source *source);

// Reads the next bytes. Returns how many (> 0), 0 after the last,
// THINGPASS_EAGAIN, THINGPASS_ESOURCE, or THINGPASS_ELENGTH when the source ends
// before its size or goes on behind it; the latter is known before the last
// bytes are returned, unless the source could not tell yet.
int thingpass_reader_next(struct thingpass_reader *r, void *buf, size_t cap);

// Goes to len bytes from offset on, by the shortest way that the source offers;
// thingpass_reader_skip must follow. Only for rewindable sources. Returns
// THINGPASS_OK or THINGPASS_ESOURCE.
int thingpass_reader_range(struct thingpass_reader *r, uint64_t offset, uint64_t len);

// Reads over bytes before the range, at most cap of them into buf. Returns
// THINGPASS_OK when there are none left, 1 when there are more, or
// THINGPASS_EAGAIN, THINGPASS_ESOURCE or THINGPASS_ELENGTH.
int thingpass_reader_skip(struct thingpass_reader *r, void *buf, size_t cap);

#endif
