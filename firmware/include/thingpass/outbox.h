// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// From the camera to the bucket: an object that is put here is sent at once, if the
// link is up and nothing older waits, or goes into the spool and is sent when its
// turn comes. It drives thingpass.h and spool.h, and one loop is all that is left:
//
//     thingpass_outbox_init(&outbox, &config);
//     for (;;) {
//         if (a picture was taken)
//             thingpass_outbox_put(&outbox, &photo, 0);
//         thingpass_outbox_step(&outbox, &wake_ms);   // as thingpass_step
//         …  wait until wake_ms, for a message (thingpass_receive) or a picture
//     }
//
// What becomes of an object, config.tell says. What can be lost, and when:
//
// - In the spool nothing is, but by its bounds: see spool.h.
// - An object that is sent at once is in your memory only until then. If the power
//   goes, it is lost, unless config.spool_first is set.
// - A source that is read once goes through the spool, so that a transfer can be
//   begun again; without one, or with config.stream_one_pass, it is sent as it is
//   read, and lost when that breaks off.
//
// Where there is no spool (none configured, its card pulled, full), objects are sent
// at once or not at all.

#ifndef THINGPASS_OUTBOX_H
#define THINGPASS_OUTBOX_H

#include "thingpass/spool.h"
#include "thingpass/thingpass.h"

#ifdef __cplusplus
extern "C" {
#endif

enum thingpass_outbox_news {
    THINGPASS_OUTBOX_STORED,  // the object is in the bucket
    THINGPASS_OUTBOX_SPOOLED, // it is safe in the spool, and will be sent
    THINGPASS_OUTBOX_LATER,   // an attempt failed with err: it stays in the spool
    THINGPASS_OUTBOX_ASIDE,   // it can never be sent: it was set aside in the spool
    THINGPASS_OUTBOX_LOST,    // err: neither sent nor spooled, or never to be sent
    THINGPASS_OUTBOX_DROPPED, // the spool was full: older objects are gone; no object
    THINGPASS_OUTBOX_SPOOL    // err: the spool cannot be used, or (THINGPASS_OK) can be
                              // again; no object
};

struct thingpass_outbox_event {
    enum thingpass_outbox_news news;
    int err;

    // NULL where the news is not of one object, or its entry cannot be read.
    const struct thingpass_object *object;

    // How the upload ended that this is about; NULL if it is about none.
    const struct thingpass_result *result;
};

// What thingpass_outbox_init needs; copied. All that is pointed to must outlive the
// outbox.
struct thingpass_outbox_config {
    struct thingpass *tp; // initialised; between put and tell, leave it alone

    // NULL: without a spool. The outbox opens it itself.
    struct thingpass_spool *spool;
    const struct thingpass_spool_config *spool_config;

    // Sets what an object is sent with, and what the spool does not keep: mode,
    // verify, deadline_ms, progress. hint is what it was put with. An object with
    // pass_metadata goes under a pass, or what it has is made metadata here: the
    // pairs lie behind each other. NULL: as put; from the spool, with mode put.
    void (*choose)(void *ctx, struct thingpass_object *object, uint8_t hint);

    // Is told what becomes of the objects, in the thread that calls step; must not
    // call the outbox. May be NULL.
    void (*tell)(void *ctx, const struct thingpass_outbox_event *event);

    void *ctx; // of both

    bool spool_first;     // nothing is sent that is not in the spool
    bool stream_one_pass; // what can be read only once is sent without it, too
    bool drop_refused;    // what can never be sent is removed, not set aside

    // After a failed attempt the next one waits, and each time twice as long.
    uint32_t retry_wait_ms; // first: 0 is 10 s
    uint32_t wait_max_ms;   // at the most: 0 is 10 min
};

// The inside; its members change between versions.
struct thingpass_outbox_slot {
    uint8_t state;
    uint8_t hint;
    bool tried; // to send it at once
    int err;    // why the spool did not take it
    void (*close)(void *ctx);
    struct thingpass_object object;
    struct thingpass_source source;
    char id[24];
};

struct thingpass_outbox {
    struct thingpass_outbox_config config;
    bool up;       // the link
    bool usable;   // the spool
    bool noted;    // what gives the entry in flight its key again
    bool skipped;  // an entry, until the others are sent
    bool drained;  // the spool has nothing more to send
    uint8_t tries; // of the entry at hand that were its own fault
    uint8_t failures;
    uint8_t sending; // whose the upload in flight is
    uint32_t dropped;
    uint64_t wait_until_ms; // no attempt before
    uint64_t reopen_ms;     // the spool
    struct thingpass_outbox_slot slots[2];
};

// Prepares the outbox and opens the spool. That this fails is no reason to stop: it
// is told, and tried again now and then. The link is taken to be down. Returns
// THINGPASS_OK or THINGPASS_EINVAL.
int thingpass_outbox_init(struct thingpass_outbox *outbox,
                          const struct thingpass_outbox_config *config);

// Says whether there is a connection to the MQTT server, each time that it comes or
// goes. When it comes, attempts begin at once, and thingpass_ask_again() is called.
void thingpass_outbox_link(struct thingpass_outbox *outbox, bool up);

// Takes an object. On THINGPASS_OK it belongs to the outbox, which closes its source
// when it is stored, spooled or lost; until then nothing that it points to may change.
// Without captured_at and captured_ms it was taken now. Its id may be NULL. On any
// other result nothing has begun: THINGPASS_EINVAL; THINGPASS_ESPACE; THINGPASS_EBUSY (two
// are at hand: one that is sent, one that is written); THINGPASS_EAGAIN (there is no
// spool, and no link either, or it is busy).
int thingpass_outbox_put(struct thingpass_outbox *outbox, const struct thingpass_object *object,
                         uint8_t hint);

// Does one bounded piece of work, of the spool and of the upload in flight. Returns
// THINGPASS_STEP_RUN, _WAIT, _WAIT_STREAM or _IDLE (nothing to do before something is
// put or the link comes up; an idle connection may want a call at *wake_ms), as
// thingpass_step does.
int thingpass_outbox_step(struct thingpass_outbox *outbox, uint64_t *wake_ms);

// How many objects are not sent yet, those that were set aside not counted.
uint32_t thingpass_outbox_waiting(const struct thingpass_outbox *outbox);

#ifdef __cplusplus
}
#endif

#endif
