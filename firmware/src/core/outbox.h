// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// How the two halves of the outbox call each other.

#ifndef THINGPASS_CORE_OUTBOX_H
#define THINGPASS_CORE_OUTBOX_H

#include "thingpass/outbox.h"

enum thingpass_slot_state {
    THINGPASS_SLOT_FREE,
    THINGPASS_SLOT_QUEUED,  // for the spool
    THINGPASS_SLOT_WRITING, // into it
    THINGPASS_SLOT_HELD,    // the spool does not take it: is sent at once, or lost
    THINGPASS_SLOT_SENDING
};

// Whose the upload in flight is: a slot's (its number), or one of these.
enum { THINGPASS_SENDING_NOTHING = 255, THINGPASS_SENDING_ENTRY = 254 };

enum { THINGPASS_OUTBOX_SLOTS = 2 };

// outbox.c
void thingpass_outbox_tell(struct thingpass_outbox *o, enum thingpass_outbox_news news, int err,
                           const struct thingpass_object *object, bool ended);
void thingpass_slot_free(struct thingpass_outbox_slot *slot);
void thingpass_slot_lose(struct thingpass_outbox *o, struct thingpass_outbox_slot *slot, int err,
                         bool ended);

// The spool has failed with err: it is given up, until it can be opened again.
void thingpass_outbox_spool_lost(struct thingpass_outbox *o, int err);

// outbox_send.c: starts the upload of a slot's object.
int thingpass_outbox_start_slot(struct thingpass_outbox *o, uint8_t i);

// Does a piece of the upload in flight, or begins one. As thingpass_step, but for
// THINGPASS_STEP_DONE.
int thingpass_outbox_step_send(struct thingpass_outbox *o, uint64_t *wake_ms);

#endif
