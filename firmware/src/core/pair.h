// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What a pair of metadata may be [P-3.4].

#ifndef THINGPASS_CORE_PAIR_H
#define THINGPASS_CORE_PAIR_H

#include <stdbool.h>
#include <stddef.h>

#include "thingpass/types.h"

enum { THINGPASS_METADATA_BYTES_MAX = 2048 }; // names and values together

// Whether name and value may be one of an object's pairs.
bool thingpass_pair_ok(const struct thingpass_pair *pair);

// Whether one of the n pairs has this name.
bool thingpass_pairs_have(const struct thingpass_pair *pairs, size_t n, const char *name);

#endif
