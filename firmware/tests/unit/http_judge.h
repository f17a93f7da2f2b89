// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// http_parser as the judge of our response parser.

#ifndef THINGPASS_TESTS_HTTP_JUDGE_H
#define THINGPASS_TESTS_HTTP_JUDGE_H

#include "http_response.h"

// What our parser makes of a response that arrives in pieces of that size.
struct http_reading {
    int err; // THINGPASS_OK or THINGPASS_EHTTP
    struct thingpass_http_response state;
    size_t used; // bytes up to the end of the response
    size_t body_len;
    char body[8192];
};

void http_read(struct http_reading *reading, const char *data, size_t len, size_t piece, bool end);

// NULL if http_parser takes what ours took, and reads the same status, body and
// end; else what differs. Says nothing of what ours refused or found unfinished.
const char *http_judge(const struct http_reading *ours, const char *data, size_t len);

#endif
