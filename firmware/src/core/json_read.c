// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Finding what one wants in a parsed text.

#include "clock.h"
#include "json.h"

int thingpass_json_first(const struct thingpass_json *json, int parent) {
    enum thingpass_json_type type = thingpass_json_type(json, parent);
    bool holds = type == THINGPASS_JSON_OBJECT || type == THINGPASS_JSON_ARRAY;
    return holds && json->nodes[parent].len != 0 ? parent + 1 : 0;
}

int thingpass_json_next(const struct thingpass_json *json, int node) {
    return json->nodes[node].next;
}

int thingpass_json_find(const struct thingpass_json *json, int object, const char *name) {
    const struct thingpass_span wanted = thingpass_span_of(name);
    int found = 0;
    if (thingpass_json_type(json, object) != THINGPASS_JSON_OBJECT) {
        return 0;
    }
    for (int i = thingpass_json_first(json, object); i > 0; i = thingpass_json_next(json, i)) {
        if (json->nodes[i].type == THINGPASS_JSON_STRING &&
            thingpass_span_equal(thingpass_json_text(json, i), wanted)) {
            found = found == 0 ? i + 1 : THINGPASS_EREPLY;
        }
    }
    return found;
}

enum thingpass_json_type thingpass_json_type(const struct thingpass_json *json, int node) {
    bool exists = node >= 0 && node < json->count;
    return exists ? (enum thingpass_json_type)json->nodes[node].type : THINGPASS_JSON_NONE;
}

struct thingpass_span thingpass_json_text(const struct thingpass_json *json, int node) {
    const struct thingpass_json_node *n = &json->nodes[node];
    struct thingpass_span s = {json->text + n->start, n->len};
    return s;
}

static int read_field(const struct thingpass_json *json, int object,
                      const struct thingpass_json_field *field, void *out) {
    int node = thingpass_json_find(json, object, field->name);
    if (node == 0 && field->optional) {
        return THINGPASS_OK;
    }
    bool is_time = field->type == THINGPASS_JSON_TIME;
    int want = is_time ? THINGPASS_JSON_PRIMITIVE : field->type;
    bool ok = node > 0 && (int)thingpass_json_type(json, node) == want;
    struct thingpass_span text = {NULL, 0};
    if (ok) {
        text = thingpass_json_text(json, node);
    }
    if (want == THINGPASS_JSON_STRING) {
        *(struct thingpass_span *)out = text;
    } else {
        uint64_t *number = out;
        ok = thingpass_span_u64(text, number);
        if (is_time && !thingpass_time_is_sane((int64_t)*number)) {
            *number = 0;
            ok = false;
        }
    }
    return ok ? THINGPASS_OK : THINGPASS_EREPLY;
}

int thingpass_json_read(const struct thingpass_json *json, int object,
                        const struct thingpass_json_field *fields, size_t n, void *out) {
    int err = THINGPASS_OK;
    for (size_t i = 0; err == THINGPASS_OK && i < n; i++) {
        err = read_field(json, object, &fields[i], (char *)out + fields[i].offset);
    }
    return err;
}

int thingpass_json_string(const struct thingpass_json *json, int object, const char *name,
                          struct thingpass_span *value) {
    const struct thingpass_json_field field = {name, THINGPASS_JSON_STRING, false, 0};
    return read_field(json, object, &field, value);
}

int thingpass_json_u64(const struct thingpass_json *json, int object, const char *name,
                       uint64_t *value) {
    const struct thingpass_json_field field = {name, THINGPASS_JSON_PRIMITIVE, false, 0};
    return read_field(json, object, &field, value);
}

int thingpass_json_time(const struct thingpass_json *json, int object, const char *name,
                        int64_t *value) {
    const struct thingpass_json_field field = {name, THINGPASS_JSON_TIME, false, 0};
    return read_field(json, object, &field, value);
}
