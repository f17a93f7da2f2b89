// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Any bytes as JSON. What must hold: it is taken just when the judge takes it,
// with the same nodes, names, texts and order; every text lies inside; a field is
// found just when its name is there once.

#include <stdlib.h>
#include <string.h>

#include "json_judge.h"

static void require(bool ok) {
    if (!ok) {
        abort();
    }
}

static void check_texts(const struct thingpass_json *json, size_t size) {
    for (int i = 0; i < json->count; i++) {
        struct thingpass_span s = thingpass_json_text(json, i);
        enum thingpass_json_type type = thingpass_json_type(json, i);
        if (type == THINGPASS_JSON_STRING || type == THINGPASS_JSON_PRIMITIVE) {
            require(s.p >= json->text && s.n <= size && s.p + s.n <= json->text + size);
        }
    }
}

// Finds each field by its name, and counts how often the name is there.
static void check_fields(const struct thingpass_json *json, int object) {
    char name[100];
    for (int i = thingpass_json_first(json, object); i > 0; i = thingpass_json_next(json, i)) {
        struct thingpass_span s = thingpass_json_text(json, i);
        if (thingpass_json_type(json, i) != THINGPASS_JSON_STRING || s.n >= sizeof name) {
            continue;
        }
        memcpy(name, s.p, s.n);
        name[s.n] = '\0';
        int n = 0;
        for (int k = thingpass_json_first(json, object); k > 0; k = thingpass_json_next(json, k)) {
            n += thingpass_json_type(json, k) == THINGPASS_JSON_STRING &&
                 thingpass_span_is(thingpass_json_text(json, k), name);
        }
        int found = thingpass_json_find(json, object, name);
        require(found == (n == 1 ? i + 1 : THINGPASS_EREPLY));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char memory[50000];
    struct thingpass_json json;
    char *text = malloc(size > 0 ? size : 1);
    require(text != NULL);
    memcpy(text, data, size);
    size_t room = size % 8 == 7 ? size : sizeof memory; // sometimes too little
    int err = thingpass_json_parse(&json, text, size, memory + 1, room - (room > 0));
    require(err == THINGPASS_OK || err == THINGPASS_EREPLY || err == THINGPASS_ESPACE);
    require(err == THINGPASS_OK || json.count == 0);
    if (err != THINGPASS_ESPACE) {
        require((err == THINGPASS_OK) == json_is_object((const char *)data, size));
    }
    if (err == THINGPASS_OK) {
        require(json_judge(&json, (const char *)data, size) == NULL);
        check_texts(&json, size);
        for (int i = 0; i < json.count && i < 50; i++) {
            if (thingpass_json_type(&json, i) == THINGPASS_JSON_OBJECT) {
                check_fields(&json, i);
            }
        }
    }
    free(text);
    return 0;
}
