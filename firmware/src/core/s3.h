// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What S3's answer means [P-5.3].

#ifndef THINGPASS_CORE_S3_H
#define THINGPASS_CORE_S3_H

#include "text.h"

enum thingpass_s3_verdict {
    THINGPASS_S3_STORED,    // or said to be stored already: report it
    THINGPASS_S3_ASK_AGAIN, // the URL is of no use: ask the broker again
    THINGPASS_S3_SEND_AGAIN,
    THINGPASS_S3_REJECTED // this upload can never succeed
};

enum thingpass_s3_verdict thingpass_s3_judge(unsigned status, const char *code);

// Finds <Code>…</Code> in the first 1,024 bytes of an error's body, which may
// come in pieces of any size. e must be zero at first; e->code is NUL-terminated
// and holds the characters of a host's name only.
void thingpass_s3_error_feed(struct thingpass_s3_error *e, struct thingpass_span body);

// Whether the whole code has been seen.
bool thingpass_s3_error_is_whole(const struct thingpass_s3_error *e);

#endif
