// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_VIRTUAL_THING_LOOP_H
#define THINGPASS_POSIX_VIRTUAL_THING_LOOP_H

// What the files of the virtual thing share.
#include "virtual_thing.h"

// Waits until then, or until MQTT, a signal or (if asked for) the stream to S3
// has something, and takes MQTT's messages.
void thingpass_pump(struct thingpass_virtual_thing *t, uint64_t until_ms, bool stream);

// The same without waiting, but not each time that a fast upload asks for it.
void thingpass_pump_now_and_then(struct thingpass_virtual_thing *t);

// With --verbose: what the upload does now, and what went wrong before.
void thingpass_narrate(struct thingpass_virtual_thing *t);

// Runs the upload in flight to its end.
void thingpass_drive(struct thingpass_virtual_thing *t);

// Whether a signal came, or the MQTT server will not have us.
bool thingpass_must_end(const struct thingpass_virtual_thing *t);

// Takes the next photo, and gives it an id. Returns false, and tells that, if
// there is none, or none worth an upload.
bool thingpass_capture(struct thingpass_virtual_thing *t);

// Tells how an object ended, and counts it. number 0: it is of an earlier run. why
// is NULL if it was stored, result NULL if its upload never began.
void thingpass_report(struct thingpass_virtual_thing *t, uint64_t number,
                      const struct thingpass_result *result, const char *why);

// Says why an upload failed.
void thingpass_why_failed(struct thingpass_virtual_thing *t, const struct thingpass_result *result,
                          struct thingpass_why *why);

// The metadata, mode and so on that the options ask for.
void thingpass_object_options(const struct thingpass_virtual_thing *t,
                              const struct thingpass_sensors *sensors,
                              struct thingpass_object *object);

// Tells the broker of what S3 has taken. What it does not answer stays in the
// ledger.
void thingpass_report_later(struct thingpass_virtual_thing *t);

#endif
