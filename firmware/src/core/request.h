// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What a thing publishes: upload-request [P-3] and upload-complete [P-6].
// The fields always come in the order of PROTOCOL.md's tables, without spaces,
// so that a request is the same bytes whenever it is repeated.

#ifndef THINGPASS_CORE_REQUEST_H
#define THINGPASS_CORE_REQUEST_H

#include "text.h"

// The parts of a request that are not the caller's struct thingpass_object.
struct thingpass_request {
    const struct thingpass_object *object;
    const char *id;
    const char *object_key; // NULL or "" leaves it out, as does the next
    const uint8_t *sum;
    int64_t captured_at; // 0 leaves it out
};

// Checks an object against the wire's rules [P-1.6, P-3]. Returns THINGPASS_OK
// or THINGPASS_EINVAL.
int thingpass_object_check(const struct thingpass_object *object);

// Whether the metadata of such an object suits a pass [P-11.2].
bool thingpass_object_suits_pass(const struct thingpass_object *object);

// All append one JSON object; see w->len for whether it fitted. A request for a
// pass [P-11] has nothing of the object's own but capturedAt; with a sum, of
// whatever value, each upload must carry its checksum.
void thingpass_put_request(struct thingpass_writer *w, const struct thingpass_request *request);
void thingpass_put_pass_request(struct thingpass_writer *w,
                                const struct thingpass_request *request);
// The same for an object in parts [P-12]. upload_id is "" at first.
void thingpass_put_parts_request(struct thingpass_writer *w,
                                 const struct thingpass_request *request, const char *upload_id,
                                 unsigned count);
void thingpass_put_parts_report(struct thingpass_writer *w, const struct thingpass_request *request,
                                const char *upload_id, uint32_t crc);

void thingpass_put_report(struct thingpass_writer *w, const struct thingpass_request *request);

#endif
