// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#ifndef THINGPASS_CORE_HEADER_H
#define THINGPASS_CORE_HEADER_H

#include "text.h"

// Whether a header of a grant may be sent: a token and printable ASCII, so that
// no reply can forge further lines; and none that frames the message or the
// connection, which are ours.
bool thingpass_header_may_send(struct thingpass_span name, struct thingpass_span value);

// Whether "Name: value\r\n" lines contain that name, in whatever case.
bool thingpass_header_is_in(struct thingpass_span lines, struct thingpass_span name);

#endif
