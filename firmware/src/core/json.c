// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "json.h"

#include <string.h>

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

#include "unescape.h"

static jsmntok_t *tokens_of(const struct thingpass_json *json) {
    return json->tokens;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t digits_at(struct thingpass_span s, size_t i) {
    size_t n = 0;
    while (i + n < s.n && thingpass_is_digit(s.p[i + n])) {
        n++;
    }
    return n;
}

// RFC 8259, section 6.
static bool is_number(struct thingpass_span s) {
    size_t i = s.n > 0 && s.p[0] == '-' ? 1 : 0;
    size_t n = digits_at(s, i);
    if (n == 0 || (n > 1 && s.p[i] == '0')) {
        return false;
    }
    i += n;
    if (i < s.n && s.p[i] == '.') {
        n = digits_at(s, i + 1);
        if (n == 0) {
            return false;
        }
        i += 1 + n;
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        i += i < s.n && (s.p[i] == '+' || s.p[i] == '-') ? 1 : 0;
        n = digits_at(s, i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return i == s.n;
}

static bool is_primitive(struct thingpass_span s) {
    return thingpass_span_is(s, "true") || thingpass_span_is(s, "false") ||
           thingpass_span_is(s, "null") || is_number(s);
}

// A walk over text and tokens together: all between the tokens must be white
// space and exactly the punctuation that the tokens' places ask for.
struct walk {
    const struct thingpass_json *json;
    size_t len;
    size_t pos;
    int inside; // the innermost open object or array; -1 outside all
};

static void skip_space(struct walk *w) {
    while (w->pos < w->len && is_space(w->json->text[w->pos])) {
        w->pos++;
    }
}

static bool expect(struct walk *w, char c) {
    skip_space(w);
    if (w->pos >= w->len || w->json->text[w->pos] != c) {
        return false;
    }
    w->pos++;
    return true;
}

// The object or array that holds node, seen past the name that holds a value.
static int container_of(const struct thingpass_json *json, int node) {
    const jsmntok_t *t = tokens_of(json);
    int parent = t[node].parent;
    return parent >= 0 && t[parent].type == JSMN_STRING ? t[parent].parent : parent;
}

static bool close_until(struct walk *w, int container) {
    const jsmntok_t *t = tokens_of(w->json);
    while (w->inside != container) {
        if (w->inside < 0 || !expect(w, t[w->inside].type == JSMN_OBJECT ? '}' : ']')) {
            return false;
        }
        w->inside = container_of(w->json, w->inside);
    }
    return true;
}

// What stands before node: nothing, ':' or ','; and that node may stand there.
static bool check_before(struct walk *w, int node) {
    const jsmntok_t *t = tokens_of(w->json);
    int parent = t[node].parent;
    if (parent < 0) {
        return node == 0;
    }
    if (t[parent].type == JSMN_STRING) { // the value of a name
        int object = t[parent].parent;
        return parent == node - 1 && object >= 0 && t[object].type == JSMN_OBJECT && expect(w, ':');
    }
    bool is_name = t[parent].type == JSMN_OBJECT;
    if (is_name && (t[node].type != JSMN_STRING || t[node].size != 1)) {
        return false;
    }
    return node == parent + 1 || expect(w, ',');
}

static bool check_node(struct walk *w, int node) {
    const jsmntok_t *t = &tokens_of(w->json)[node];
    if (!close_until(w, container_of(w->json, node)) || !check_before(w, node)) {
        return false;
    }
    skip_space(w);
    size_t quote = t->type == JSMN_STRING ? 1 : 0;
    if (w->pos + quote != (size_t)t->start) {
        return false;
    }
    if (t->type == JSMN_OBJECT || t->type == JSMN_ARRAY) {
        w->inside = node;
        w->pos++;
        return true;
    }
    w->pos = (size_t)t->end + quote;
    return quote == 1 || is_primitive(thingpass_json_text(w->json, node));
}

static bool check(const struct thingpass_json *json, size_t len) {
    struct walk w = {json, len, 0, -1};
    for (int node = 0; node < json->count; node++) {
        if (!check_node(&w, node)) {
            return false;
        }
    }
    if (!close_until(&w, -1)) {
        return false;
    }
    skip_space(&w);
    return w.pos == len;
}

static void unescape_all(struct thingpass_json *json) {
    jsmntok_t *t = tokens_of(json);
    for (int i = 0; i < json->count; i++) {
        if (t[i].type != JSMN_STRING) {
            continue;
        }
        int n = thingpass_unescape(json->text + t[i].start, (size_t)(t[i].end - t[i].start));
        if (n < 0) {
            t[i].type = JSMN_UNDEFINED;
            n = 0;
        }
        t[i].end = t[i].start + n;
    }
}

int thingpass_json_parse(struct thingpass_json *json, char *text, size_t len, void *memory,
                         size_t size) {
    size_t skew = (uintptr_t)memory % _Alignof(jsmntok_t);
    size_t pad = skew == 0 ? 0 : _Alignof(jsmntok_t) - skew;
    if (size < pad + sizeof(jsmntok_t) || len > INT32_MAX) {
        return THINGPASS_ESPACE;
    }
    json->text = text;
    json->tokens = (char *)memory + pad;
    size_t max = (size - pad) / sizeof(jsmntok_t);

    jsmn_parser parser;
    jsmn_init(&parser);
    int r = jsmn_parse(&parser, text, len, json->tokens, (unsigned)(max < 4096 ? max : 4096));
    if (r < 0) {
        json->count = 0;
        return r == JSMN_ERROR_NOMEM ? THINGPASS_ESPACE : THINGPASS_EREPLY;
    }
    json->count = (int)parser.toknext;
    if (json->count == 0 || tokens_of(json)->type != JSMN_OBJECT || !check(json, len)) {
        json->count = 0;
        return THINGPASS_EREPLY;
    }
    unescape_all(json);
    return THINGPASS_OK;
}

int thingpass_json_first(const struct thingpass_json *json, int parent) {
    int node = parent + 1;
    bool inside = node < json->count && tokens_of(json)[node].parent == parent;
    return inside ? node : 0;
}

int thingpass_json_next(const struct thingpass_json *json, int node) {
    const jsmntok_t *t = tokens_of(json);
    for (int i = node + 1; i < json->count && t[i].parent >= t[node].parent; i++) {
        if (t[i].parent == t[node].parent) {
            return i;
        }
    }
    return 0;
}

int thingpass_json_find(const struct thingpass_json *json, int object, const char *name) {
    if (thingpass_json_type(json, object) != THINGPASS_JSON_OBJECT) {
        return 0;
    }
    int found = 0;
    for (int i = thingpass_json_first(json, object); i > 0; i = thingpass_json_next(json, i)) {
        if (tokens_of(json)[i].type != JSMN_STRING ||
            !thingpass_span_is(thingpass_json_text(json, i), name)) {
            continue;
        }
        if (found != 0) {
            return THINGPASS_EREPLY;
        }
        found = i + 1;
    }
    return found;
}

enum thingpass_json_type thingpass_json_type(const struct thingpass_json *json, int node) {
    if (node < 0 || node >= json->count) {
        return THINGPASS_JSON_NONE;
    }
    return (enum thingpass_json_type)tokens_of(json)[node].type;
}

struct thingpass_span thingpass_json_text(const struct thingpass_json *json, int node) {
    const jsmntok_t *t = &tokens_of(json)[node];
    struct thingpass_span s = {json->text + t->start, (size_t)(t->end - t->start)};
    return s;
}

int thingpass_json_string(const struct thingpass_json *json, int object, const char *name,
                          struct thingpass_span *value) {
    int node = thingpass_json_find(json, object, name);
    if (node <= 0 || thingpass_json_type(json, node) != THINGPASS_JSON_STRING) {
        value->p = NULL;
        value->n = 0;
        return THINGPASS_EREPLY;
    }
    *value = thingpass_json_text(json, node);
    return THINGPASS_OK;
}

int thingpass_json_u64(const struct thingpass_json *json, int object, const char *name,
                       uint64_t *value) {
    *value = 0;
    int node = thingpass_json_find(json, object, name);
    if (node <= 0 || thingpass_json_type(json, node) != THINGPASS_JSON_PRIMITIVE ||
        !thingpass_span_u64(thingpass_json_text(json, node), value)) {
        return THINGPASS_EREPLY;
    }
    return THINGPASS_OK;
}
