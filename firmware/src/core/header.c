// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "header.h"

#include <string.h>

enum { headers_max = 40, name_max = 128 };

const char *const thingpass_framing_headers[] = {
    "host", "content-length", "transfer-encoding", "connection", "expect", "keep-alive",
    "te",   "trailer",        "upgrade",           NULL};

bool thingpass_header_may_send(struct thingpass_span name, struct thingpass_span value,
                               const char *const *refused) {
    if (!thingpass_span_all(name, name_max, THINGPASS_TOKEN) ||
        (value.n > 0 && !thingpass_span_all(value, SIZE_MAX, THINGPASS_PRINT))) {
        return false;
    }
    for (; *refused != NULL; refused++) {
        if (thingpass_span_is_nocase(name, *refused)) {
            return false;
        }
    }
    return true;
}

// Whether one of the members of an object before the one at node has its name.
static bool is_doubled(const struct thingpass_json *json, int object, int node) {
    struct thingpass_span name = thingpass_json_text(json, node);
    int i = thingpass_json_first(json, object);
    while (i != node && !thingpass_span_equal_nocase(thingpass_json_text(json, i), name)) {
        i = thingpass_json_next(json, i);
    }
    return i != node;
}

static int check(const struct thingpass_json *json, int object, const char *const *refused) {
    int n = 0;
    for (int i = thingpass_json_first(json, object); i > 0; i = thingpass_json_next(json, i)) {
        if (json->nodes[i].type != THINGPASS_JSON_STRING ||
            json->nodes[i + 1].type != THINGPASS_JSON_STRING) {
            return THINGPASS_EREPLY;
        }
        if (++n > headers_max || is_doubled(json, object, i) ||
            !thingpass_header_may_send(thingpass_json_text(json, i),
                                       thingpass_json_text(json, i + 1), refused)) {
            return THINGPASS_EHEADER;
        }
    }
    return THINGPASS_OK;
}

static char *put(char *to, struct thingpass_span s, char c, char d) {
    memmove(to, s.p, s.n);
    to += s.n;
    *to++ = c;
    *to++ = d;
    return to;
}

// A pair takes six characters of punctuation in JSON and four here, so that
// writing never overtakes reading.
static struct thingpass_span pack(const struct thingpass_json *json, int object) {
    char *begin = json->text + json->nodes[object].start;
    char *to = begin;
    for (int i = thingpass_json_first(json, object); i > 0; i = thingpass_json_next(json, i)) {
        to = put(to, thingpass_json_text(json, i), ':', ' ');
        to = put(to, thingpass_json_text(json, i + 1), '\r', '\n');
    }
    const struct thingpass_span lines = {begin, (size_t)(to - begin)};
    return lines;
}

int thingpass_headers_pack(const struct thingpass_json *json, int object,
                           const char *const *refused, struct thingpass_span *lines) {
    if (object <= 0 || thingpass_json_type(json, object) != THINGPASS_JSON_OBJECT) {
        return THINGPASS_EREPLY;
    }
    int err = check(json, object, refused);
    if (err == THINGPASS_OK) {
        *lines = pack(json, object);
    }
    return err;
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
