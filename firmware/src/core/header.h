// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Pairs of name and value that a grant tells to send: the headers of a PUT, or
// the fields of a form. They are kept as "Name: value\r\n" lines.

#ifndef THINGPASS_CORE_HEADER_H
#define THINGPASS_CORE_HEADER_H

#include "json.h"

// Headers that frame the message or the connection, which are ours: each with a NUL,
// and another at the end. Such lists tell what is refused below.
extern const char thingpass_framing_headers[];

// Whether a pair may be sent: a token and printable ASCII, so that no reply can
// forge further lines or parts of a form, and none of the refused names.
bool thingpass_header_may_send(struct thingpass_span name, struct thingpass_span value,
                               const char *refused);

// Rewrites the members of an object as lines where they stand, so it can be called
// once only. Returns THINGPASS_OK, THINGPASS_EREPLY (no object, or not all are strings) or
// THINGPASS_EHEADER: there is one that may not be sent, or twice the same name in
// whatever case, or more than 40.
int thingpass_headers_pack(const struct thingpass_json *json, int object, const char *refused,
                           struct thingpass_span *lines);

// Takes the first pair off such lines. Returns false when there are none.
bool thingpass_header_next(struct thingpass_span *lines, struct thingpass_span *name,
                           struct thingpass_span *value);

// Whether the lines contain that name, in whatever case.
bool thingpass_header_is_in(struct thingpass_span lines, struct thingpass_span name);

#endif
