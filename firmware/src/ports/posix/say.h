// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_SAY_H
#define THINGPASS_POSIX_SAY_H

#include <stdio.h>

enum thingpass_level {
    THINGPASS_SAY_ERROR,  // something failed for good
    THINGPASS_SAY_NOTICE, // something failed for now, or looks wrong
    THINGPASS_SAY_DETAIL, // what --verbose adds
};

// Where sentences for people go: one a line, up to a level. Signed URLs,
// tokens and keys are never among them.
struct thingpass_say {
    FILE *to;
    enum thingpass_level most;
};

void thingpass_say(const struct thingpass_say *say, enum thingpass_level level, const char *format,
                   ...) __attribute__((format(printf, 3, 4)));

// Prints text with every control character as '?': some of it comes from
// servers, and terminals obey escape sequences.
void thingpass_print_clean(FILE *to, const char *text);

#endif
