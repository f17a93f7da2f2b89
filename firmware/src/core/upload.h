// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The parts of the upload's state machine, and how they call each other.
//
//            start                     grant                 answer
//   IDLE ─────────▶ HASH ──▶ ASK ─────────────▶ CONNECT ──▶ SEND ──▶ RECEIVE
//    ▲                      ▲ ▲ │ no answer:     ▲             │          │ 200, 412
//    │                      │ └─┘ ask again      └── 5xx, ─────┴──────────┤
//    │                      └──── 403, 3xx, URL expired ── lost ──────────┤
//    │                      └──── not-found ────┐                         ▼
//    └── ENDED ◀──────────── stored ──────── REPORT ◀─────────────────────┘
//
// An object that standing leave serves (a pass) goes to CONNECT without asking.
//
// Each phase has a moment before which there is nothing to do (wake_ms): the
// backoff before another try is only that, not a phase of its own.

#ifndef THINGPASS_CORE_UPLOAD_H
#define THINGPASS_CORE_UPLOAD_H

#include "text.h"
#include "thingpass/thingpass.h"

enum thingpass_phase {
    THINGPASS_PHASE_IDLE,
    THINGPASS_PHASE_HASH,
    THINGPASS_PHASE_ASK,
    THINGPASS_PHASE_CONNECT,
    THINGPASS_PHASE_SEND,
    THINGPASS_PHASE_RECEIVE,
    THINGPASS_PHASE_REPORT,
    THINGPASS_PHASE_ENDED
};

uint64_t thingpass_clock_ms(const struct thingpass *tp);

// client.c: writes "<root>/<thing>", suffix and a NUL. Returns how many bytes, or
// SIZE_MAX when they do not fit.
size_t thingpass_put_topic(const struct thingpass *tp, const char *suffix, char *buf, size_t cap);

// upload.c: makes object the upload in flight, with an id; the caller plans its
// first phase.
void thingpass_begin(struct thingpass *tp, const struct thingpass_object *object);

// upload.c: where the upload goes next. Each may end it instead, when its
// attempts are used up.
void thingpass_plan_leave(struct thingpass *tp); // to CONNECT if there is leave, or to ASK
void thingpass_plan_ask(struct thingpass *tp, uint32_t delay_ms);
void thingpass_plan_connect(struct thingpass *tp, uint32_t delay_ms);
void thingpass_plan_report(struct thingpass *tp);

// S3 says that the whole object is stored: reports it, or ends the upload.
void thingpass_object_stored(struct thingpass *tp);
// Ends the upload. Returns 1: THINGPASS_STEP_RUN to a step, and to thingpass_receive
// that it moved on.
int thingpass_finish(struct thingpass *tp, int err);

// Has the phase go on after so many milliseconds. Returns THINGPASS_STEP_WAIT.
int thingpass_pause(struct thingpass *tp, uint32_t ms);

// hash.c: one step of a phase. All steps return an enum thingpass_step_result.
int thingpass_step_hash(struct thingpass *tp);

// Ends the hash into upload.sum; false if the upload has ended over it.
bool thingpass_sum_final(struct thingpass *tp);

// ask.c
int thingpass_step_ask(struct thingpass *tp);
int thingpass_step_report(struct thingpass *tp);

// Settles capturedAt, if the time is known: it goes into the first request that
// leaves, and every later one must repeat it.
void thingpass_settle_captured_at(struct thingpass *tp);

// A number that differs between objects that cannot share standing leave. Uses the
// chunk buffer.
uint64_t thingpass_terms(const struct thingpass *tp);

// The id that the next reply must have: the request's for standing leave, else the
// object's.
const char *thingpass_awaited_id(const struct thingpass *tp);

// Whether a request for this object would fit the chunk buffer.
bool thingpass_request_fits(const struct thingpass *tp);

// Whether a message has been published whose answer is wanted. Only then is the
// reply buffer free to take one.
bool thingpass_awaits_reply(const struct thingpass *tp);

// transfer.c
int thingpass_step_connect(struct thingpass *tp);
int thingpass_step_send(struct thingpass *tp);

// fill.c: puts the next bytes of the request into the chunk buffer. Returns how
// many there are now, 0 at the end, or < 0.
int thingpass_fill(struct thingpass *tp);

// Nothing moved: waits on, or takes the connection for lost when nothing has
// moved for so long.
int thingpass_wait_for_stream(struct thingpass *tp, uint32_t patience_ms);

// receive.c
int thingpass_step_receive(struct thingpass *tp);

// retry.c: plans what follows when a transfer has failed, or when the URL is of
// no use or the object is not there; or ends the upload.
void thingpass_transfer_failed(struct thingpass *tp);
void thingpass_ask_anew(struct thingpass *tp);

// retry.c: the upload in parts is gone, or there is none of that id: begins another.
void thingpass_upload_lost(struct thingpass *tp);

// connection.c: returns THINGPASS_OK once there is a connection for the grant,
// THINGPASS_EAGAIN while it is being made, or THINGPASS_EIO.
int thingpass_connection_open(struct thingpass *tp);
void thingpass_connection_close(struct thingpass *tp);

// Until when an idle connection may be used; 0 if there is none.
uint64_t thingpass_connection_idle_until_ms(const struct thingpass *tp);

#endif
