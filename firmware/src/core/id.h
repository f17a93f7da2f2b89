// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Ids that no other object of the thing has, without storage: ten characters
// drawn at random per boot (50 bits), then a counter [P-1.6].

#ifndef THINGPASS_CORE_ID_H
#define THINGPASS_CORE_ID_H

#include "text.h"

// Fills buf with cap - 1 letters and digits of 5 random bits each, and a NUL. Returns
// THINGPASS_OK or THINGPASS_EIO.
int thingpass_draw_letters(const struct thingpass_random *random, char *buf, size_t cap);

// Draws the prefix. Returns THINGPASS_OK or THINGPASS_EIO.
int thingpass_id_init(struct thingpass_id_state *ids, const struct thingpass_random *random);

// Writes the next id and a NUL. Returns its length or THINGPASS_ESPACE.
int thingpass_id_next(struct thingpass_id_state *ids, char *buf, size_t cap);

#endif
