// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The key that was granted, kept behind everything else in the reply buffer so
// that the next reply leaves it alone.

#ifndef THINGPASS_CORE_KEY_H
#define THINGPASS_CORE_KEY_H

#include "text.h"

// The key, NUL-terminated; "" while there is none.
const char *thingpass_key(const struct thingpass *tp);

// What a pass before it and the key behind it leave of the reply buffer for the
// next reply, and where that begins.
size_t thingpass_reply_room(const struct thingpass *tp);
char *thingpass_reply_begin(const struct thingpass *tp);

// Forgets the leave that is kept there, and wipes it: it may be secret.
void thingpass_kept_forget(struct thingpass *tp);

// Keeps the id of an upload in parts before the key, likewise; "" while there is
// none. To be called after the key's function, which forgets it.
const char *thingpass_upload_id(const struct thingpass *tp);
int thingpass_upload_id_keep(struct thingpass *tp, struct thingpass_span upload_id,
                             size_t reply_len);

// Keeps key, which may be part of a reply that fills the first reply_len bytes
// of the reply buffer. Returns THINGPASS_OK, or THINGPASS_ESPACE when it does not
// fit behind it; then no key is kept.
int thingpass_key_keep(struct thingpass *tp, struct thingpass_span key, size_t reply_len);

// Makes room for a key of n bytes, likewise, and keeps what is written there; NULL
// when it does not fit, and then no key is kept.
char *thingpass_key_room(struct thingpass *tp, size_t n, size_t reply_len);

// key_parts.c: keeps a key that is put together, behind the leave at hand, if the
// answer to a report would fit as well. Returns THINGPASS_OK, THINGPASS_ESPACE, or
// THINGPASS_EREPLY for a key that is too long.
int thingpass_key_make(struct thingpass *tp, const struct thingpass_span parts[3]);

#endif
