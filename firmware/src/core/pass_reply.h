// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A pass as the broker sends it [P-11]. Every span points into the parsed text.

#ifndef THINGPASS_CORE_PASS_REPLY_H
#define THINGPASS_CORE_PASS_REPLY_H

#include "json.h"

struct thingpass_pass_fields {
    struct thingpass_span mode; // "pass"
    struct thingpass_span key_prefix;
    struct thingpass_span key_suffix; // may be empty
    struct thingpass_span url;
    struct thingpass_span fields; // "name: value\r\n" for each
    uint64_t min_size;
    uint64_t max_size;
    int64_t expires_at;
};

// Reads a grant of mode `pass` from the root. Packs the form's fields where they
// stand, so it can be called once only. Returns THINGPASS_OK, THINGPASS_EREPLY or
// THINGPASS_EHEADER (a field that would break the form, or is the thing's own to
// set), and then *pass is zero.
int thingpass_pass_read(struct thingpass_json *json, struct thingpass_pass_fields *pass);

#endif
