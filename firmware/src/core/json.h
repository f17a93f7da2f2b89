// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Strict JSON: RFC 8259, apart from two things. Strings that cannot be decoded
// (broken UTF-8, lone surrogates, U+0000) and control characters inside strings
// only spoil that string, which then counts as a value of no type.
//
// A parser of our own rather than jsmn, which is there for Debian, ESP-IDF and
// Arduino: jsmn lets much pass that is no JSON, so its tokens had to be checked by
// a second walk over the text, and its strings unescaped by a third. One walk that
// does it all is two thirds of the code and a fifth of the instructions, and takes
// 8 bytes for each node instead of 20.

#ifndef THINGPASS_CORE_JSON_H
#define THINGPASS_CORE_JSON_H

#include "text.h"

// A value or a name.
struct thingpass_json_node {
    uint16_t type;
    uint16_t start; // of its text
    uint16_t len;   // of its text; of an object or array, whether it has nodes
    uint16_t next;  // in the same object or array; 0: it is the last
};

// A parsed text. Node 0 is the root; nodes stand in the text's order.
struct thingpass_json {
    char *text;
    struct thingpass_json_node *nodes;
    int count;
};

enum thingpass_json_type {
    THINGPASS_JSON_NONE = 0, // no such node, or a string that is spoilt
    THINGPASS_JSON_OBJECT = 1,
    THINGPASS_JSON_ARRAY = 2,
    THINGPASS_JSON_STRING = 3,
    THINGPASS_JSON_PRIMITIVE = 4, // number, true, false, null
    THINGPASS_JSON_TIME = 5       // of a field to be read: a number that is a moment
};

// Parses text[0..len), which is changed (strings are unescaped in place) and
// must live as long as json. The nodes go into memory (8 bytes for each value
// and each name), which is free again when json is no longer used.
// Returns THINGPASS_OK, THINGPASS_EREPLY (not JSON, or not an object) or
// THINGPASS_ESPACE (too little memory for the nodes, or beyond 65,535 bytes).
int thingpass_json_parse(struct thingpass_json *json, char *text, size_t len, void *memory,
                         size_t size);

// The value of an object's field; 0 if there is none, or object is not an
// object; THINGPASS_EREPLY if the name occurs twice.
int thingpass_json_find(const struct thingpass_json *json, int object, const char *name);

// The first node inside an object (a name; its value is node + 1) or array; 0
// if there is none.
int thingpass_json_first(const struct thingpass_json *json, int parent);

// The node after this one with the same parent; 0 if it was the last.
int thingpass_json_next(const struct thingpass_json *json, int node);

enum thingpass_json_type thingpass_json_type(const struct thingpass_json *json, int node);

// The text of a node: a string's characters, a primitive's letters.
struct thingpass_span thingpass_json_text(const struct thingpass_json *json, int node);

// A field to be read, and where to.
struct thingpass_json_field {
    const char *name;
    uint8_t type;    // STRING: a span, PRIMITIVE: uint64_t, TIME: int64_t
    bool optional;   // may be missing, and then nothing is written
    uint16_t offset; // in out
};

// Reads n fields of an object into out, in their order, up to the first fault.
// Returns THINGPASS_OK, or THINGPASS_EREPLY where a field is missing, doubled, of
// another type or out of range; its output is zero then. A number has no sign,
// fraction or exponent [P-1.3, P-1.4], and a moment lies between 2020 and 9999.
int thingpass_json_read(const struct thingpass_json *json, int object,
                        const struct thingpass_json_field *fields, size_t n, void *out);

// The same for one required field.
int thingpass_json_string(const struct thingpass_json *json, int object, const char *name,
                          struct thingpass_span *value);
int thingpass_json_u64(const struct thingpass_json *json, int object, const char *name,
                       uint64_t *value);
int thingpass_json_time(const struct thingpass_json *json, int object, const char *name,
                        int64_t *value);

#endif
