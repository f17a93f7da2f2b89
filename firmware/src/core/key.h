// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The key that was granted, kept behind everything else in the reply buffer so
// that the next reply leaves it alone.

#ifndef THINGPASS_CORE_KEY_H
#define THINGPASS_CORE_KEY_H

#include "text.h"

// The key, NUL-terminated; "" while there is none.
const char *thingpass_key(const struct thingpass *tp);

// What the key leaves of the reply buffer.
size_t thingpass_key_room(const struct thingpass *tp);

// Keeps key, which may be part of a reply that fills the first reply_len bytes
// of the reply buffer. Returns THINGPASS_OK, or THINGPASS_ESPACE when it does not
// fit behind it; then no key is kept.
int thingpass_key_keep(struct thingpass *tp, struct thingpass_span key, size_t reply_len);

#endif
