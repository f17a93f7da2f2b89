// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The outbox: what is sent next, and what becomes of it.

#include "backoff.h"
#include "outbox.h"
#include "upload.h"

enum { own_tries = 5, poll_ms = 500 };

static int start(struct thingpass_outbox *o, struct thingpass_object object, uint8_t hint,
                 uint8_t sending) {
    const struct thingpass_outbox_config *c = &o->config;
    if (c->choose != NULL) {
        c->choose(c->ctx, &object, hint);
    }
    int err = thingpass_upload_start(c->tp, &object);
    if (err == THINGPASS_EINVAL && object.object_key != NULL) { // which no pass can give
        object.mode = NULL;
        object.metadata_count += object.pass_metadata_count;
        object.pass_metadata_count = 0;
        err = thingpass_upload_start(c->tp, &object);
    }
    if (err == THINGPASS_OK) {
        o->sending = sending;
        o->noted = sending != THINGPASS_SENDING_ENTRY;
    }
    return err;
}

int thingpass_outbox_start_slot(struct thingpass_outbox *o, uint8_t i) {
    struct thingpass_outbox_slot *slot = &o->slots[i];
    int err = start(o, slot->object, slot->hint, i);
    if (err == THINGPASS_OK) {
        slot->state = THINGPASS_SLOT_SENDING;
        slot->tried = true;
    }
    return err;
}

// Another attempt would end in the same way.
static bool is_final(int err) {
    return err == THINGPASS_EREFUSED || err == THINGPASS_EMISMATCH || err == THINGPASS_EREJECTED ||
           err == THINGPASS_EINVAL;
}

// It may be the object's own fault, and then it must not be in the others' way.
static bool is_suspicious(int err) {
    return err == THINGPASS_ESPACE || err == THINGPASS_EREPLY || err == THINGPASS_EURL ||
           err == THINGPASS_EHEADER || err == THINGPASS_ESOURCE || err == THINGPASS_ELENGTH;
}

static void wait_after_failure(struct thingpass_outbox *o) {
    const struct thingpass_outbox_config *c = &o->config;
    o->wait_until_ms =
        thingpass_clock_ms(c->tp) +
        thingpass_backoff_ms(c->tp->config.random, c->retry_wait_ms, c->wait_max_ms, o->failures);
    thingpass_count(&o->failures);
}

static void no_wait(struct thingpass_outbox *o) {
    o->wait_until_ms = 0;
    o->failures = 0;
    o->tries = 0;
}

// What file system and spool say of the entry that was given, if it is not good.
static void check_spool(struct thingpass_outbox *o, int err) {
    if (err == THINGPASS_EMEDIUM) {
        thingpass_outbox_spool_lost(o, err);
    } else if (err < 0) {
        thingpass_outbox_tell(o, THINGPASS_OUTBOX_SPOOL, err, NULL, false);
    }
}

static void entry_refused(struct thingpass_outbox *o, int err, bool ended) {
    struct thingpass_spool *spool = o->config.spool;
    bool drop = o->config.drop_refused;
    thingpass_outbox_tell(o, drop ? THINGPASS_OUTBOX_LOST : THINGPASS_OUTBOX_ASIDE, err,
                          &spool->object, ended);
    no_wait(o);
    check_spool(o, drop ? thingpass_spool_remove(spool) : thingpass_spool_set_aside(spool));
}

// An attempt with the entry at hand has failed, or it could not be read.
static void entry_failed(struct thingpass_outbox *o, int err, bool own_fault,
                         const struct thingpass_object *object, bool ended) {
    struct thingpass_spool *spool = o->config.spool;
    if (thingpass_spool_keep(spool) == THINGPASS_EDAMAGED) {
        thingpass_outbox_tell(o, THINGPASS_OUTBOX_ASIDE, THINGPASS_EDAMAGED, object, ended);
        no_wait(o);
        return;
    }
    thingpass_outbox_tell(o, THINGPASS_OUTBOX_LATER, err, object, ended);
    wait_after_failure(o);
    o->tries = own_fault ? (uint8_t)(o->tries + 1) : 0;
    if (o->tries >= own_tries) {
        thingpass_spool_skip(spool);
        o->skipped = true;
        no_wait(o);
    }
}

static void entry_ended(struct thingpass_outbox *o, int err) {
    struct thingpass_spool *spool = o->config.spool;
    if (err == THINGPASS_OK) {
        no_wait(o);
        thingpass_outbox_tell(o, THINGPASS_OUTBOX_STORED, err, &spool->object, true);
        check_spool(o, thingpass_spool_remove(spool));
    } else if (is_final(err)) {
        entry_refused(o, err, true);
    } else {
        entry_failed(o, err, is_suspicious(err), &spool->object, true);
    }
}

// What could not be sent at once goes into the spool, with what gives it the same
// key again. The key stays where it is until the next upload, which waits for that.
static void slot_ended(struct thingpass_outbox *o, struct thingpass_outbox_slot *slot, int err) {
    const struct thingpass_result *r = thingpass_result(o->config.tp);
    bool spent = !slot->source.rewindable && o->config.tp->upload.reader.touched;
    if (err == THINGPASS_OK) {
        no_wait(o);
        thingpass_outbox_tell(o, THINGPASS_OUTBOX_STORED, err, &slot->object, true);
        thingpass_slot_free(slot);
        return;
    }
    wait_after_failure(o);
    if (!o->usable || spent || (o->config.drop_refused && is_final(err))) {
        thingpass_slot_lose(o, slot, err, true);
        return;
    }
    slot->state = THINGPASS_SLOT_QUEUED;
    slot->object.captured_at = r->captured_at;
    if (r->captured_at == 0 && r->object_key[0] != '\0') {
        slot->object.object_key = r->object_key;
    }
}

static void ended(struct thingpass_outbox *o) {
    int err = thingpass_result(o->config.tp)->err;
    uint8_t sending = o->sending;
    o->sending = THINGPASS_SENDING_NOTHING;
    if (sending == THINGPASS_SENDING_ENTRY) {
        entry_ended(o, err);
    } else {
        slot_ended(o, &o->slots[sending], err);
    }
}

// Before the bytes leave, so that whatever happens then the next attempt is for the
// same key. Should it not be possible, the object is sent nevertheless.
static void note(struct thingpass_outbox *o) {
    const struct thingpass_result *r = thingpass_result(o->config.tp);
    if (o->noted || (r->captured_at == 0 && r->object_key[0] == '\0')) {
        return;
    }
    o->noted = true;
    int err = thingpass_spool_note(o->config.spool, r->captured_at,
                                   r->captured_at == 0 ? r->object_key : NULL);
    check_spool(o, err);
}

// Starts what the spool did not take. Returns whether there is something of the
// slots to wait for.
static bool slots_first(struct thingpass_outbox *o) {
    bool wait = false;
    for (uint8_t i = 0; i < THINGPASS_OUTBOX_SLOTS; i++) {
        struct thingpass_outbox_slot *slot = &o->slots[i];
        if (slot->state == THINGPASS_SLOT_HELD) {
            int err = o->up ? thingpass_outbox_start_slot(o, i) : slot->err;
            if (err == THINGPASS_OK || err == THINGPASS_EBUSY) {
                return true;
            }
            thingpass_slot_lose(o, slot, err, false);
        }
        wait = wait || (slot->tried && slot->state != THINGPASS_SLOT_FREE);
    }
    return wait;
}

static void nothing_left(struct thingpass_outbox *o) {
    o->drained = !o->skipped;
    if (o->skipped) {
        o->skipped = false;
        thingpass_spool_again(o->config.spool);
        o->wait_until_ms = thingpass_clock_ms(o->config.tp) + o->config.wait_max_ms;
    }
}

// Starts the oldest entry, if there is one and its time has come.
static void drain(struct thingpass_outbox *o) {
    struct thingpass_spool *spool = o->config.spool;
    const struct thingpass_object *object;
    int err = thingpass_spool_next(spool, &object);
    if (err == THINGPASS_OK) {
        err = start(o, *object, thingpass_spool_hint(spool), THINGPASS_SENDING_ENTRY);
        if (err == THINGPASS_EBUSY) {
            (void)thingpass_spool_keep(spool);
            o->wait_until_ms = thingpass_clock_ms(o->config.tp) + poll_ms;
        } else if (err < 0) {
            entry_refused(o, err, false);
        }
    } else if (err == THINGPASS_ENOENT) {
        nothing_left(o);
    } else if (err == THINGPASS_EDAMAGED || err == THINGPASS_ESPACE) {
        thingpass_outbox_tell(o, THINGPASS_OUTBOX_ASIDE, err, NULL, false);
    } else if (err == THINGPASS_EMEDIUM) {
        thingpass_outbox_spool_lost(o, err);
    } else {
        entry_failed(o, err, true, NULL, false);
    }
}

// Returns whether there is something to do at once; otherwise *wake_ms is when.
static bool begin(struct thingpass_outbox *o, uint64_t *wake_ms) {
    if (slots_first(o) || !o->up || !o->usable || o->drained) {
        return o->sending != THINGPASS_SENDING_NOTHING;
    }
    if (thingpass_clock_ms(o->config.tp) < o->wait_until_ms) {
        *wake_ms = o->wait_until_ms;
        return false;
    }
    drain(o);
    return true;
}

int thingpass_outbox_step_send(struct thingpass_outbox *o, uint64_t *wake_ms) {
    struct thingpass *tp = o->config.tp;
    uint64_t later_ms = UINT64_MAX;
    if (o->sending == THINGPASS_SENDING_NOTHING) {
        if (tp->upload.phase != THINGPASS_PHASE_IDLE) { // somebody else's
            *wake_ms = thingpass_clock_ms(tp) + poll_ms;
            return THINGPASS_STEP_WAIT;
        }
        if (begin(o, &later_ms)) {
            return THINGPASS_STEP_RUN;
        }
        int todo = thingpass_step(tp, wake_ms);
        *wake_ms = later_ms < *wake_ms ? later_ms : *wake_ms;
        return later_ms != UINT64_MAX ? THINGPASS_STEP_WAIT : todo;
    }
    note(o);
    if (o->sending == THINGPASS_SENDING_NOTHING) { // the medium went meanwhile
        return THINGPASS_STEP_RUN;
    }
    int todo = thingpass_step(tp, wake_ms);
    if (todo == THINGPASS_STEP_DONE) {
        ended(o);
        return THINGPASS_STEP_RUN;
    }
    return todo;
}
