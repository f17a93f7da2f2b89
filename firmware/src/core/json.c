// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "json.h"

#include "unescape.h"

// While an object or array is open, its node has other things to remember than
// later: in len, what it stands in; in next, the last node in it so far.
struct walk {
    struct thingpass_json *json;
    char *at;   // always before the NUL that ends the text
    size_t max; // nodes
    size_t open;
};

enum { root = 0, outside = UINT16_MAX };

static struct thingpass_json_node *open_node(const struct walk *w) {
    return &w->json->nodes[w->open];
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool take(struct walk *w, char c) {
    while (is_space(*w->at)) {
        w->at++;
    }
    if (*w->at != c) {
        return false;
    }
    w->at++;
    return true;
}

// Passes over digits; NULL where there are none, or s is NULL.
static char *digits(char *s) {
    char *begin = s;
    while (s != NULL && thingpass_is_digit(*s)) {
        s++;
    }
    return s != begin ? s : NULL;
}

// RFC 8259, section 6.
static char *number(char *s) {
    s += *s == '-' ? 1 : 0;
    s = *s == '0' ? s + 1 : digits(s);
    if (s != NULL && *s == '.') {
        s = digits(s + 1);
    }
    if (s != NULL && (*s == 'e' || *s == 'E')) {
        s += s[1] == '+' || s[1] == '-' ? 2 : 1;
        s = digits(s);
    }
    return s;
}

static char *word(char *s, const char *word) {
    for (; *word != '\0'; word++) {
        if (*s++ != *word) {
            return NULL;
        }
    }
    return s;
}

// Returns what follows a number, true, false or null; NULL if this is none.
static char *primitive(char *s) {
    static const char *const words[] = {"true", "false", "null"};
    char *end = NULL;
    for (size_t i = 0; end == NULL && i < sizeof words / sizeof *words; i++) {
        end = word(s, words[i]);
    }
    return end != NULL ? end : number(s);
}

static int add(struct walk *w, enum thingpass_json_type type, const char *start, size_t len) {
    struct thingpass_json *json = w->json;
    if ((size_t)json->count == w->max) {
        return THINGPASS_ESPACE;
    }
    struct thingpass_json_node *node = &json->nodes[json->count++];
    node->type = (uint16_t)type;
    node->start = (uint16_t)(start - json->text);
    node->len = (uint16_t)len;
    node->next = 0;
    return THINGPASS_OK;
}

static int add_string(struct walk *w) {
    size_t len;
    char *start = w->at;
    char *end = thingpass_unescape(start, &len);
    if (end == NULL) {
        return THINGPASS_EREPLY;
    }
    w->at = end;
    return len != SIZE_MAX ? add(w, THINGPASS_JSON_STRING, start, len)
                           : add(w, THINGPASS_JSON_NONE, start, 0);
}

static int add_primitive(struct walk *w) {
    char *start = w->at;
    char *end = primitive(start);
    if (end == NULL) {
        return THINGPASS_EREPLY;
    }
    w->at = end;
    return add(w, THINGPASS_JSON_PRIMITIVE, start, (size_t)(end - start));
}

static int open_container(struct walk *w, enum thingpass_json_type type) {
    size_t holder = w->open;
    w->open = (size_t)w->json->count;
    return add(w, type, w->at, holder);
}

static int add_value(struct walk *w) {
    if (take(w, '"')) {
        return add_string(w);
    }
    if (take(w, '{')) {
        return open_container(w, THINGPASS_JSON_OBJECT);
    }
    return take(w, '[') ? open_container(w, THINGPASS_JSON_ARRAY) : add_primitive(w);
}

static int add_name(struct walk *w) {
    int err = take(w, '"') ? add_string(w) : THINGPASS_EREPLY;
    return err < 0 || take(w, ':') ? err : THINGPASS_EREPLY;
}

static void close_container(struct walk *w) {
    struct thingpass_json_node *node = open_node(w);
    w->open = node->len;
    node->len = node->next != 0;
    node->next = 0;
}

// What comes next in the open object or array: its end, or one thing more.
static int step(struct walk *w) {
    struct thingpass_json_node *holder = open_node(w);
    bool is_object = holder->type == THINGPASS_JSON_OBJECT;
    // A NUL stands in the place of the root's end.
    if (take(w, w->open == root ? '\0' : is_object ? '}' : ']')) {
        close_container(w);
        return THINGPASS_OK;
    }
    if (holder->next != 0) {
        if (!take(w, ',')) {
            return THINGPASS_EREPLY;
        }
        w->json->nodes[holder->next].next = (uint16_t)w->json->count;
    }
    holder->next = (uint16_t)w->json->count;
    int err = is_object ? add_name(w) : THINGPASS_OK;
    return err < 0 ? err : add_value(w);
}

static int walk(struct walk *w) {
    int err = take(w, '{') ? open_container(w, THINGPASS_JSON_OBJECT) : THINGPASS_EREPLY;
    while (err == THINGPASS_OK && w->open != outside) {
        err = step(w);
    }
    return err;
}

int thingpass_json_parse(struct thingpass_json *json, char *text, size_t len, void *memory,
                         size_t size) {
    size_t pad = (0 - (uintptr_t)memory) % _Alignof(struct thingpass_json_node);
    json->text = text;
    json->nodes = (void *)((char *)memory + pad);
    json->count = 0;
    if (len > UINT16_MAX || size < pad) {
        return THINGPASS_ESPACE;
    }
    while (len > 0 && is_space(text[len - 1])) {
        len--;
    }
    if (len == 0 || text[len - 1] != '}') {
        return THINGPASS_EREPLY;
    }
    text[len - 1] = '\0'; // the root's end, and that of every loop
    struct walk w = {json, text, (size - pad) / sizeof *json->nodes, outside};
    int err = walk(&w);
    if (err == THINGPASS_OK && w.at != text + len) {
        err = THINGPASS_EREPLY; // a NUL before the end
    }
    json->count = err < 0 ? 0 : json->count;
    return err;
}
