// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_FAILURE_WORDS_H
#define THINGPASS_POSIX_FAILURE_WORDS_H

#include "options.h"
#include "thingpass/thingpass.h"
#include "why.h"

// What is known when an upload has failed. The texts are "" where there is none.
struct thingpass_failure {
    const struct thingpass_result *result;
    const struct thingpass_options *options;
    size_t reply_size; // of the buffer for the broker's answers
    bool mqtt_ready;
    const char *mqtt;   // the MQTT connection's last trouble
    const char *stream; // the S3 connection's last trouble during this upload
    const char *photo;  // what happened to the photo's file
};

// Says why the photo was not stored, and what to do next.
void thingpass_failure_words(const struct thingpass_failure *failure, struct thingpass_why *why);

#endif
