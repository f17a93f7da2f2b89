// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The outbox: its slots, and how they come into the spool.

#include "outbox.h"

#include <string.h>

#include "clock.h"
#include "crc32.h"
#include "request.h"
#include "upload.h"

enum { source_poll_ms = 20 };

void thingpass_outbox_tell(struct thingpass_outbox *o, enum thingpass_outbox_news news, int err,
                           const struct thingpass_object *object, bool ended) {
    const struct thingpass_outbox_config *c = &o->config;
    const struct thingpass_outbox_event event = {news, err, object,
                                                 ended ? thingpass_result(c->tp) : NULL};
    if (c->tell != NULL) {
        c->tell(c->ctx, &event);
    }
}

void thingpass_slot_free(struct thingpass_outbox_slot *slot) {
    slot->state = THINGPASS_SLOT_FREE;
    if (slot->close != NULL) {
        slot->close(slot->source.ctx);
    }
}

void thingpass_slot_lose(struct thingpass_outbox *o, struct thingpass_outbox_slot *slot, int err,
                         bool ended) {
    thingpass_outbox_tell(o, THINGPASS_OUTBOX_LOST, err, &slot->object, ended);
    thingpass_slot_free(slot);
}

// The spool does not take an object, so it must be sent at once: but once only.
static void hold(struct thingpass_outbox *o, struct thingpass_outbox_slot *slot, int err) {
    bool spent = slot->state == THINGPASS_SLOT_WRITING && !slot->source.rewindable;
    slot->state = THINGPASS_SLOT_HELD;
    slot->err = err;
    if (spent || slot->tried) {
        thingpass_slot_lose(o, slot, err, false);
    }
}

// The boot is known by the random part of its ids.
static void open_spool(struct thingpass_outbox *o) {
    const struct thingpass_outbox_config *c = &o->config;
    uint64_t now_ms = thingpass_clock_ms(c->tp);
    if (c->spool == NULL || o->usable || now_ms < o->reopen_ms) {
        return;
    }
    uint32_t boot = thingpass_crc32(0, c->tp->ids.prefix, sizeof c->tp->ids.prefix);
    int err = thingpass_spool_open(c->spool, c->spool_config, boot);
    if (err == THINGPASS_OK || o->reopen_ms == 0) {
        thingpass_outbox_tell(o, THINGPASS_OUTBOX_SPOOL, err, NULL, false);
    }
    o->usable = err == THINGPASS_OK;
    o->drained = false;
    o->dropped = 0;
    o->reopen_ms = now_ms + c->retry_wait_ms;
}

void thingpass_outbox_spool_lost(struct thingpass_outbox *o, int err) {
    const struct thingpass_outbox_config *c = &o->config;
    if (o->sending == THINGPASS_SENDING_ENTRY) { // its bytes will not come
        thingpass_cancel(c->tp);
        (void)thingpass_step(c->tp, NULL);
        o->sending = THINGPASS_SENDING_NOTHING;
        thingpass_outbox_tell(o, THINGPASS_OUTBOX_LATER, err, &c->spool->object, false);
    }
    thingpass_spool_put_cancel(c->spool);
    (void)thingpass_spool_keep(c->spool);
    o->usable = false;
    o->reopen_ms = thingpass_clock_ms(c->tp) + c->retry_wait_ms;
    thingpass_outbox_tell(o, THINGPASS_OUTBOX_SPOOL, err, NULL, false);
    for (size_t i = 0; i < THINGPASS_OUTBOX_SLOTS; i++) {
        struct thingpass_outbox_slot *slot = &o->slots[i];
        if (slot->state == THINGPASS_SLOT_QUEUED || slot->state == THINGPASS_SLOT_WRITING) {
            hold(o, slot, err);
        }
    }
}

int thingpass_outbox_init(struct thingpass_outbox *outbox,
                          const struct thingpass_outbox_config *config) {
    if (outbox == NULL || config == NULL || config->tp == NULL ||
        (config->spool != NULL && config->spool_config == NULL)) {
        return THINGPASS_EINVAL;
    }
    memset(outbox, 0, sizeof *outbox);
    struct thingpass_outbox_config *c = &outbox->config;
    *c = *config;
    c->retry_wait_ms = c->retry_wait_ms != 0 ? c->retry_wait_ms : 10000;
    c->wait_max_ms = c->wait_max_ms != 0 ? c->wait_max_ms : 600000;
    outbox->sending = THINGPASS_SENDING_NOTHING;
    open_spool(outbox);
    return THINGPASS_OK;
}

void thingpass_outbox_link(struct thingpass_outbox *outbox, bool up) {
    outbox->up = up;
    if (up) {
        outbox->wait_until_ms = 0;
        thingpass_ask_again(outbox->config.tp);
    }
}

uint32_t thingpass_outbox_waiting(const struct thingpass_outbox *outbox) {
    uint32_t n = outbox->usable ? thingpass_spool_waiting(outbox->config.spool) : 0;
    for (size_t i = 0; i < THINGPASS_OUTBOX_SLOTS; i++) {
        n += outbox->slots[i].state != THINGPASS_SLOT_FREE;
    }
    return n;
}

// Without a spool everything is sent at once; with one, what nothing older waits for.
static bool sends_at_once(const struct thingpass_outbox *o, const struct thingpass_source *source) {
    const struct thingpass_outbox_config *c = &o->config;
    if (!o->up || o->sending != THINGPASS_SENDING_NOTHING || !source->known_len) {
        return false;
    }
    if (!o->usable) {
        return true;
    }
    return !c->spool_first && (source->rewindable || c->stream_one_pass) &&
           thingpass_outbox_waiting(o) == 0 && thingpass_clock_ms(c->tp) >= o->wait_until_ms;
}

static int fill_slot(struct thingpass_outbox *o, struct thingpass_outbox_slot *slot,
                     const struct thingpass_object *object, uint8_t hint) {
    struct thingpass *tp = o->config.tp;
    if (object == NULL || object->source == NULL) {
        return THINGPASS_EINVAL;
    }
    const struct thingpass_outbox_slot empty = {
        .hint = hint, .close = object->source->close, .object = *object, .source = *object->source};
    *slot = empty;
    struct thingpass_object *copy = &slot->object;
    slot->source.close = NULL; // the core would close it whatever comes of the upload
    slot->source.known_len = true;
    copy->source = &slot->source;
    int err = thingpass_object_check(copy);
    slot->source.known_len = object->source->known_len;
    if (err < 0) {
        return err;
    }
    if (copy->id == NULL) {
        (void)thingpass_new_id(tp, slot->id, sizeof slot->id); // always fits
        copy->id = slot->id;
    }
    copy->captured_ms = copy->captured_ms != 0 ? copy->captured_ms : thingpass_clock_ms(tp);
    if (copy->captured_at == 0 && copy->object_key == NULL) {
        copy->captured_at = thingpass_clock_at(&tp->clock, copy->captured_ms);
    }
    return THINGPASS_OK;
}

int thingpass_outbox_put(struct thingpass_outbox *outbox, const struct thingpass_object *object,
                         uint8_t hint) {
    uint8_t i = 0;
    while (i < THINGPASS_OUTBOX_SLOTS && outbox->slots[i].state != THINGPASS_SLOT_FREE) {
        i++;
    }
    if (i == THINGPASS_OUTBOX_SLOTS) {
        return THINGPASS_EBUSY;
    }
    struct thingpass_outbox_slot *slot = &outbox->slots[i];
    int err = fill_slot(outbox, slot, object, hint);
    if (err < 0) {
        return err;
    }
    err = THINGPASS_EAGAIN;
    if (sends_at_once(outbox, &slot->source)) {
        err = thingpass_outbox_start_slot(outbox, i);
    }
    if (outbox->usable && (err == THINGPASS_EAGAIN || err == THINGPASS_EBUSY)) {
        slot->state = THINGPASS_SLOT_QUEUED;
        err = THINGPASS_OK;
    }
    return err;
}

// A put has ended with err, or could not begin.
static void put_ended(struct thingpass_outbox *o, struct thingpass_outbox_slot *slot, int err) {
    if (err == THINGPASS_OK) {
        o->drained = false;
        thingpass_outbox_tell(o, THINGPASS_OUTBOX_SPOOLED, err, &slot->object, false);
        thingpass_slot_free(slot);
    } else if (err == THINGPASS_ESOURCE || err == THINGPASS_ELENGTH || err == THINGPASS_EINVAL) {
        thingpass_slot_lose(o, slot, err, false);
    } else if (err == THINGPASS_EMEDIUM) {
        thingpass_outbox_spool_lost(o, err);
    } else {
        hold(o, slot, err);
    }
}

// Puts a piece of what waits for the spool into it. As thingpass_spool_put_step;
// THINGPASS_OK also when there is nothing to do.
static int step_put(struct thingpass_outbox *o) {
    struct thingpass_spool *spool = o->config.spool;
    struct thingpass_outbox_slot *slot = NULL;
    for (size_t i = 0; i < THINGPASS_OUTBOX_SLOTS; i++) {
        uint8_t state = o->slots[i].state;
        if (state == THINGPASS_SLOT_WRITING || (state == THINGPASS_SLOT_QUEUED && slot == NULL)) {
            slot = &o->slots[i];
        }
    }
    if (slot == NULL) {
        return THINGPASS_OK;
    }
    int err = slot->state == THINGPASS_SLOT_WRITING
                  ? thingpass_spool_put_step(spool)
                  : thingpass_spool_put_start(spool, &slot->object, slot->hint);
    if (spool->dropped != o->dropped) {
        o->dropped = spool->dropped;
        thingpass_outbox_tell(o, THINGPASS_OUTBOX_DROPPED, THINGPASS_EFULL, NULL, false);
    }
    if (slot->state == THINGPASS_SLOT_QUEUED && err == THINGPASS_OK) {
        slot->state = THINGPASS_SLOT_WRITING;
    } else if (err <= 0 && err != THINGPASS_EAGAIN) {
        put_ended(o, slot, err);
    }
    return err == THINGPASS_EAGAIN ? err : 1;
}

int thingpass_outbox_step(struct thingpass_outbox *outbox, uint64_t *wake_ms) {
    uint64_t unused;
    wake_ms = wake_ms != NULL ? wake_ms : &unused;
    open_spool(outbox);
    int put = step_put(outbox);
    int todo = thingpass_outbox_step_send(outbox, wake_ms);
    uint64_t now_ms = thingpass_clock_ms(outbox->config.tp);
    if (put > 0 || todo == THINGPASS_STEP_RUN) {
        *wake_ms = now_ms;
        return THINGPASS_STEP_RUN;
    }
    uint64_t wake = UINT64_MAX;
    if (put == THINGPASS_EAGAIN) {
        wake = now_ms + source_poll_ms;
    } else if (outbox->config.spool != NULL && !outbox->usable) {
        wake = outbox->reopen_ms;
    }
    if (wake == UINT64_MAX) {
        return todo;
    }
    *wake_ms = wake < *wake_ms ? wake : *wake_ms;
    return todo == THINGPASS_STEP_IDLE ? THINGPASS_STEP_WAIT : todo;
}
