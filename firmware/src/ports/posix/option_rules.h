// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_OPTION_RULES_H
#define THINGPASS_POSIX_OPTION_RULES_H

#include "options_table.h"

// Which options were given, to find contradictions in.
struct thingpass_options_given {
    bool entry[THINGPASS_OPTION_MAX]; // of the table
};

bool thingpass_option_is_given(const struct thingpass_options_given *given, const char *name);

// Finds what is missing and what contradicts itself. Returns THINGPASS_OK, or
// THINGPASS_EINVAL with a sentence.
int thingpass_option_rules(const struct thingpass_options *o,
                           const struct thingpass_options_given *given, struct thingpass_why *why);

#endif
