// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The pass at hand: leave to store many objects [P-11]. The reply that it came
// with stays at the beginning of the reply buffer, so a pass takes no memory of
// its own; what the next reply may have lies behind it (key.h).

#ifndef THINGPASS_CORE_PASS_H
#define THINGPASS_CORE_PASS_H

#include "form.h"
#include "json.h"
#include "thingpass/thingpass.h"

bool thingpass_wants_pass(const struct thingpass *tp);

// Whether the pass at hand is for an object like this one: asked for in the same
// terms, not ended, and for the day on which this object was taken.
bool thingpass_pass_suits(const struct thingpass *tp);

// Keeps the pass of a reply that fills the first reply_len bytes of the reply
// buffer. Returns THINGPASS_OK, THINGPASS_EREPLY, THINGPASS_EURL or
// THINGPASS_EHEADER; then no pass is kept.
int thingpass_pass_take(struct thingpass *tp, struct thingpass_json *json, int64_t time,
                        size_t reply_len);

// Makes the upload's key and grant from the pass at hand. Returns THINGPASS_OK;
// THINGPASS_EREFUSED, and the code, for a size that the pass does not allow; or
// THINGPASS_ESPACE when key and report would not fit behind it.
int thingpass_pass_use(struct thingpass *tp);

void thingpass_pass_forget(struct thingpass *tp);

// The form around the object, once the pass is in use.
struct thingpass_form thingpass_pass_form(const struct thingpass *tp);

#endif
