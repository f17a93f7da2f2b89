// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The multipart/form-data around an object that is stored by POST (RFC 7578,
// [P-11]), made piece by piece as it is sent. What comes before the object and
// what comes behind it never stand in memory as a whole.

#ifndef THINGPASS_CORE_FORM_H
#define THINGPASS_CORE_FORM_H

#include "text.h"

// The parts come in this order, and the object's bytes last. S3 ignores what
// follows those.
struct thingpass_form {
    const char *boundary; // letters and digits, of 120 random bits, so that no photo contains it by
                          // accident or design
    struct thingpass_span key;
    struct thingpass_span fields; // as packed by thingpass_pass_read
    const struct thingpass_pair *metadata;
    size_t metadata_count;
    int64_t captured_at; // always among the metadata
    const uint8_t *sum;  // SHA-256; NULL leaves it out
};

// The length of all that is not the object.
size_t thingpass_form_length(const struct thingpass_form *form);

// Both write up to cap bytes of what precedes or follows the object, from
// *offset on, and move *offset. They return how many; 0 at the end.
size_t thingpass_form_before(const struct thingpass_form *form, size_t *offset, char *buf,
                             size_t cap);
size_t thingpass_form_after(const struct thingpass_form *form, size_t *offset, char *buf,
                            size_t cap);

#endif
