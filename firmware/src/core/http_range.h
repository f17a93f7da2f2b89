// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#ifndef THINGPASS_CORE_HTTP_RANGE_H
#define THINGPASS_CORE_HTTP_RANGE_H

#include "text.h"

// A struct thingpass_http_response's field function that reads Content-Range, such
// as "bytes 100-199/200", of a whole below 4 GiB. Afterwards r->ranges is 1 if there
// was exactly one, and it was sound: first <= last < size.
void thingpass_http_range(struct thingpass_http_response *r, struct thingpass_span name,
                          struct thingpass_span value);

#endif
