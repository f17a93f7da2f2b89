// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "header.h"

#include <string.h>

enum { headers_max = 40, name_max = 128 };

const char thingpass_framing_headers[] = "host\0content-length\0transfer-encoding\0connection\0"
                                         "expect\0keep-alive\0te\0trailer\0upgrade\0";

bool thingpass_header_may_send(struct thingpass_span name, struct thingpass_span value,
                               const char *refused) {
    if (!thingpass_span_all(name, name_max, THINGPASS_TOKEN) ||
        (value.n > 0 && !thingpass_span_all(value, SIZE_MAX, THINGPASS_PRINT))) {
        return false;
    }
    for (; *refused != '\0'; refused += strlen(refused) + 1) {
        if (thingpass_span_is_nocase(name, refused)) {
            return false;
        }
    }
    return true;
}

// Where all values are strings, names and values take turns among the nodes.
static bool is_doubled(const struct thingpass_json *json, int first, int node) {
    const struct thingpass_span name = thingpass_json_text(json, node);
    while (first < node && !thingpass_span_equal_nocase(thingpass_json_text(json, first), name)) {
        first += 2;
    }
    return first < node;
}

// Returns the node behind the last, or what is wrong.
static int check(const struct thingpass_json *json, int object, const char *refused) {
    int first = object + 1;
    int node = first;
    for (int i = thingpass_json_first(json, object); i > 0; i = thingpass_json_next(json, i)) {
        if (json->nodes[i].type != THINGPASS_JSON_STRING ||
            json->nodes[i + 1].type != THINGPASS_JSON_STRING) {
            return THINGPASS_EREPLY;
        }
        node = i + 2;
        if (node - first > 2 * headers_max || is_doubled(json, first, i) ||
            !thingpass_header_may_send(thingpass_json_text(json, i),
                                       thingpass_json_text(json, i + 1), refused)) {
            return THINGPASS_EHEADER;
        }
    }
    return node;
}

// A pair takes six characters of punctuation in JSON and four here, so that
// writing never overtakes reading.
int thingpass_headers_pack(const struct thingpass_json *json, int object, const char *refused,
                           struct thingpass_span *lines) {
    if (object <= 0 || thingpass_json_type(json, object) != THINGPASS_JSON_OBJECT) {
        return THINGPASS_EREPLY;
    }
    int end = check(json, object, refused);
    if (end < 0) {
        return end;
    }
    char *begin = json->text + json->nodes[object].start;
    char *to = begin;
    for (int i = object + 1; i < end; i++) {
        const struct thingpass_span s = thingpass_json_text(json, i);
        bool is_name = (i - object) % 2 == 1;
        memmove(to, s.p, s.n);
        to += s.n;
        *to++ = is_name ? ':' : '\r';
        *to++ = is_name ? ' ' : '\n';
    }
    lines->p = begin;
    lines->n = (size_t)(to - begin);
    return THINGPASS_OK;
}

// Moves what stands before c out of lines, and drops c and the one behind it.
static bool cut_before(struct thingpass_span *lines, char c, struct thingpass_span *piece) {
    const char *end = lines->n > 0 ? memchr(lines->p, c, lines->n) : NULL;
    if (end == NULL) {
        return false;
    }
    piece->p = lines->p;
    piece->n = (size_t)(end - lines->p);
    lines->p = end + 2;
    lines->n -= piece->n + 2;
    return true;
}

bool thingpass_header_next(struct thingpass_span *lines, struct thingpass_span *name,
                           struct thingpass_span *value) {
    return cut_before(lines, ':', name) && cut_before(lines, '\r', value);
}

bool thingpass_header_is_in(struct thingpass_span lines, struct thingpass_span name) {
    struct thingpass_span other;
    struct thingpass_span value;
    while (thingpass_header_next(&lines, &other, &value)) {
        if (thingpass_span_equal_nocase(other, name)) {
            return true;
        }
    }
    return false;
}
