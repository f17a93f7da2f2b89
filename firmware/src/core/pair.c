// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#include <string.h>

#include "text.h"

// Printable, without a space at either end and without two in a row [P-3.4].
static bool value_ok(const char *value) {
    char before = ' ';
    if (!thingpass_text_all(value, 256, THINGPASS_PRINT)) {
        return false;
    }
    for (; *value != '\0'; value++) {
        if (*value == ' ' && before == ' ') {
            return false;
        }
        before = *value;
    }
    return before != ' ';
}

bool thingpass_pair_ok(const struct thingpass_pair *pair) {
    return thingpass_text_all(pair->name, 32, THINGPASS_KIND) &&
           strcmp(pair->name, "captured-at") != 0 && // the core's own
           value_ok(pair->value);
}

bool thingpass_pairs_have(const struct thingpass_pair *pairs, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(pairs[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}
