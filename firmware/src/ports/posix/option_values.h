// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_OPTION_VALUES_H
#define THINGPASS_POSIX_OPTION_VALUES_H

#include "options.h"

// Each reads the value of --option into its place. Returns THINGPASS_OK, or
// THINGPASS_EINVAL with a sentence that names option and value.

int thingpass_option_number(const char *option, const char *text, uint64_t least, uint64_t most,
                            uint64_t *number, struct thingpass_why *why);

// "HOST", "HOST:PORT", "ADDRESS:PORT" or "[IPv6]:PORT".
int thingpass_option_server(const char *text, struct thingpass_options *o,
                            struct thingpass_why *why);

// "name=value" by the rules of [P-3.4]; adds it to the others.
int thingpass_option_metadata(const char *text, struct thingpass_options *o,
                              struct thingpass_why *why);

// A parameter of a provisioning template: its name, and its value.
int thingpass_option_parameter(const char *name, size_t length, const char *value,
                               struct thingpass_options *o, struct thingpass_why *why);

// "MS" or "MS,MOST": the first wait and the longest.
int thingpass_option_waits(const char *text, struct thingpass_timing *timing,
                           struct thingpass_why *why);

// "FIRST,COUNT" of photos.
int thingpass_option_range(const char *option, const char *text, uint64_t *first, uint64_t *count,
                           struct thingpass_why *why);

// "BYTES" or "BYTES,TIMES".
int thingpass_option_cut_after(const char *text, struct thingpass_link_settings *link,
                               struct thingpass_why *why);

// "SEED,TIMES" or "SEED,TIMES,WITHIN".
int thingpass_option_cut_random(const char *text, struct thingpass_link_settings *link,
                                struct thingpass_why *why);

// 1 to most characters of: letters, digits, and those of extra.
int thingpass_option_word(const char *option, const char *text, size_t most, bool capitals,
                          const char *extra, struct thingpass_why *why);

#endif
