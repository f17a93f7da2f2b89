// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// An object that is stored in parts [P-12]. The broker grants the next few parts
// that S3 does not have, a window; when those are sent it is asked again, until
// there are none left to send. What S3 has is S3's to remember: after a reboot
// the same question goes on where it was.

#ifndef THINGPASS_CORE_PARTS_H
#define THINGPASS_CORE_PARTS_H

#include "json.h"
#include "thingpass/thingpass.h"

bool thingpass_wants_parts(const struct thingpass *tp);

// Takes the window of a reply that fills the first reply_len bytes of the reply
// buffer, and keeps key and upload id behind it. Returns THINGPASS_OK,
// THINGPASS_EREPLY, THINGPASS_EURL or THINGPASS_ESPACE.
int thingpass_parts_take(struct thingpass *tp, struct thingpass_json *json, int64_t time,
                         size_t reply_len);

// Plans what follows: the next part of the window, another window, or the report.
void thingpass_parts_next(struct thingpass *tp);

// The part at hand is stored.
void thingpass_part_stored(struct thingpass *tp);

// S3 does not know the upload any more: the next question begins another.
void thingpass_parts_lost(struct thingpass *tp);

// The length of the part at hand.
uint64_t thingpass_part_size(const struct thingpass *tp);

// Moves the source to the part at hand, a chunk at a time. Returns THINGPASS_OK
// when it is there, THINGPASS_EAGAIN when it is to be called again, 1 to be
// called again at once, or < 0.
int thingpass_part_seek(struct thingpass *tp);

#endif
