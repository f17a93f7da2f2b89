// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Stores objects in an S3 bucket with leave that is asked for over MQTT.
//
// The core has no heap, threads, sockets or time of its own: it works in two
// buffers that you lend it and calls the functions of port.h. One upload is in
// flight at a time:
//
//     thingpass_init(&tp, &config);
//     thingpass_upload_start(&tp, &object);
//     for (;;) {
//         uint64_t wake_ms;
//         switch (thingpass_step(&tp, &wake_ms)) {
//         case THINGPASS_STEP_RUN:                 // more to do at once
//             break;
//         case THINGPASS_STEP_WAIT_STREAM:         // poll the socket, or just
//             break;                               // go on if your port waits
//         case THINGPASS_STEP_WAIT:                // take messages until then,
//             wait_for_message(wake_ms);           // thingpass_receive() each
//             break;
//         case THINGPASS_STEP_DONE:
//             use(thingpass_result(&tp));          // and start the next one
//         }
//     }
//
// Everything that concerns one struct thingpass happens in one thread. A
// program that gets its MQTT messages in another thread queues them.

#ifndef THINGPASS_THINGPASS_H
#define THINGPASS_THINGPASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "thingpass/error.h"
#include "thingpass/port.h"
#include "thingpass/state.h"
#include "thingpass/types.h"

#ifdef __cplusplus
extern "C" {
#endif

// What thingpass_step did and what it wants next.
enum thingpass_step_result {
    THINGPASS_STEP_IDLE = 0,    // no upload; an idle connection closes at wake_ms
    THINGPASS_STEP_RUN = 1,     // call again at once
    THINGPASS_STEP_WAIT = 2,    // call again at wake_ms or after a message
    THINGPASS_STEP_WAIT_STREAM, // call again when the stream may have moved, or
                                // at once if the port waits by itself; at
                                // wake_ms at the latest
    THINGPASS_STEP_DONE         // the upload has ended: thingpass_result()
};

// Prepares tp: checks config, copies it, and draws the boot's id prefix. tp may
// hold anything before. Opens nothing. Returns THINGPASS_OK, THINGPASS_EINVAL,
// THINGPASS_ESPACE (a buffer below its minimum) or THINGPASS_EIO (no random).
int thingpass_init(struct thingpass *tp, const struct thingpass_config *config);

// Begins an upload. On THINGPASS_OK the source belongs to the core, which
// closes it when the upload has ended. On any other result nothing has begun
// and the source is untouched: THINGPASS_EBUSY, THINGPASS_EINVAL (a field
// breaks its contract; a source that its mode cannot send), THINGPASS_ESPACE
// (the request would not fit the chunk buffer).
int thingpass_upload_start(struct thingpass *tp, const struct thingpass_object *object);

// Does one bounded piece of work: at most one read of the source and one call
// of a port function that moves data. Never sleeps. Returns one of enum
// thingpass_step_result; *wake_ms is the latest moment, on the port's clock, for
// the next call (UINT64_MAX: none). wake_ms may be NULL. Calling early is fine.
int thingpass_step(struct thingpass *tp, uint64_t *wake_ms);

// Takes a message from MQTT, complete, of any topic; it is copied as needed.
// Returns 1 when it moved the upload on (call thingpass_step), 0 when it was
// not for us and is to be ignored, or < 0: THINGPASS_ESPACE, THINGPASS_EREPLY,
// THINGPASS_EURL or THINGPASS_EHEADER, for the log only. A bad reply to our
// own request ends the upload with the same error; any other is ignored.
int thingpass_receive(struct thingpass *tp, const char *topic, size_t topic_len,
                      const void *payload, size_t len);

// Tells that there is a new connection to the MQTT server: what could not be
// published before, or waits for an answer that may be lost, is published by the
// next step, under the same id. A wait that the broker asked for is kept
// [P-9.4].
void thingpass_ask_again(struct thingpass *tp);

// Ends the upload in flight with THINGPASS_ECANCELLED; the next step returns
// THINGPASS_STEP_DONE. Closes the connection. Without an upload it only does
// that.
void thingpass_cancel(struct thingpass *tp);

// How the last upload ended. Valid until the next thingpass_upload_start();
// before the first end, and while one is in flight, the fields show progress.
const struct thingpass_result *thingpass_result(const struct thingpass *tp);

// What the upload is doing, in one word for a log: "hash", "ask", "send" …
const char *thingpass_phase_name(const struct thingpass *tp);

// Seconds since 1970 by the broker's clock. Returns THINGPASS_OK, or
// THINGPASS_ENOCLOCK (and *now_s = 0) before the first reply.
int thingpass_now(const struct thingpass *tp, int64_t *now_s);

// Sets the clock from elsewhere, such as RTC memory after deep sleep; the next
// reply corrects it. now_s must lie after 2020.
int thingpass_set_now(struct thingpass *tp, int64_t now_s);

// Makes an id that no other object of this thing has [P-1.6]: a random prefix
// per boot and a counter. Returns its length, or THINGPASS_ESPACE when cap (with
// the NUL) is too small; THINGPASS_ID_MAX + 1 always suffices.
int thingpass_new_id(struct thingpass *tp, char *buf, size_t cap);

// Writes "<root>/<thing>/response", the topic to subscribe to with QoS 1.
// Returns its length, or THINGPASS_ESPACE when cap (with the NUL) is too small;
// THINGPASS_TOPIC_MAX + 1 always suffices.
int thingpass_response_topic(const struct thingpass *tp, char *buf, size_t cap);

#ifdef __cplusplus
}
#endif

#endif
