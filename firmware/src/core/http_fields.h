// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The four headers of a response that change what is done with it.

#ifndef THINGPASS_CORE_HTTP_FIELDS_H
#define THINGPASS_CORE_HTTP_FIELDS_H

#include "text.h"

// Acts on the header that stands in r->line, if it is one of them.
// Returns THINGPASS_OK, or THINGPASS_EHTTP for a length or a transfer coding that
// we do not take.
int thingpass_http_field(struct thingpass_http_response *r);

#endif
