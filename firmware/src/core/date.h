// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Dates as signatures, keys and HTTP want them, for 2000 to 2099: a century in
// which every fourth year is a leap year, and which 32 bits can count.

#ifndef THINGPASS_CORE_DATE_H
#define THINGPASS_CORE_DATE_H

#include "text.h"

enum { THINGPASS_DATE_DAY = 8, THINGPASS_DATE_TIME = 16 }; // "20261123", "20261123T090000Z"

// Seconds since 1970 in a form that dates can be made of; 0 outside of the
// century.
uint32_t thingpass_date_seconds(int64_t unix_s);

// Both append a date: as "20261123T090000Z", or as the "2026/11/23" of a key.
void thingpass_put_date_time(struct thingpass_writer *w, uint32_t unix_s);
void thingpass_put_date_path(struct thingpass_writer *w, uint32_t unix_s);

// Read "2026-11-23T09:00:00Z", where a fraction of the second is passed over, and
// "Mon, 23 Nov 2026 09:00:00 GMT". Return seconds since 1970, or 0 for anything
// else.
uint32_t thingpass_date_iso(struct thingpass_span text);
uint32_t thingpass_date_http(struct thingpass_span text);

#endif
