// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#include <string.h>

#include "text.h"

static bool text_ok(const char *text, size_t max, enum thingpass_class class) {
    return text != NULL && thingpass_span_all(thingpass_span_of(text), max, class);
}

bool thingpass_pair_ok(const struct thingpass_pair *pair) {
    const char *value = pair->value;
    return text_ok(pair->name, 32, THINGPASS_KIND) &&
           strcmp(pair->name, "captured-at") != 0 && // the core's own
           text_ok(value, 256, THINGPASS_PRINT) && value[0] != ' ' &&
           value[strlen(value) - 1] != ' ' && strstr(value, "  ") == NULL;
}

bool thingpass_pairs_have(const struct thingpass_pair *pairs, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(pairs[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}
