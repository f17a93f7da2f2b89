// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#include <string.h>

#include "text.h"

static bool text_ok(const char *text, size_t max, enum thingpass_class class) {
    return text != NULL && thingpass_span_all(thingpass_span_of(text), max, class);
}

// Printable, without a space at either end and without two in a row [P-3.4].
static bool value_ok(const char *value) {
    char before = ' ';
    if (!text_ok(value, 256, THINGPASS_PRINT)) {
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
    return text_ok(pair->name, 32, THINGPASS_KIND) &&
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
