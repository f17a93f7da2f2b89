// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_OPTIONS_TABLE_H
#define THINGPASS_POSIX_OPTIONS_TABLE_H

#include "options.h"

// What an option's value is, and so which of the fields below count.
enum thingpass_option_form {
    THINGPASS_OPTION_FLAG,   // none; sets the bool at
    THINGPASS_OPTION_TEXT,   // any; into the const char * at
    THINGPASS_OPTION_NUMBER, // from least to most; into the uint32_t at
    THINGPASS_OPTION_OTHER   // what set takes
};

struct thingpass_option_entry {
    const char *name;  // without the hyphens
    unsigned commands; // that it goes with, as bits
    enum thingpass_option_form form;
    size_t at; // offset in struct thingpass_options
    uint32_t least, most;
    int (*set)(struct thingpass_options *o, const char *value, struct thingpass_why *why);
};

enum { THINGPASS_OPTION_MAX = 72 };

// Ends with an entry without a name.
extern const struct thingpass_option_entry thingpass_option_table[];

// Takes the value of an option; NULL for a flag. Returns THINGPASS_OK, or
// THINGPASS_EINVAL with a sentence.
int thingpass_option_take(const struct thingpass_option_entry *entry, struct thingpass_options *o,
                          const char *value, struct thingpass_why *why);

#endif
