// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "json_judge.h"

#include <stdlib.h>
#include <string.h>

struct judge {
    const char *p, *end;
    const struct thingpass_json *json; // NULL: only says whether it is JSON
    int node;                          // the next one
    const char *difference;
};

static bool judge_value(struct judge *j);

static void differ(struct judge *j, bool same, const char *what) {
    if (!same && j->difference == NULL) {
        j->difference = what;
    }
}

static void space(struct judge *j) {
    while (j->p < j->end && memchr(" \t\n\r", *j->p, 4) != NULL) {
        j->p++;
    }
}

static bool take(struct judge *j, char c) {
    space(j);
    bool there = j->p < j->end && *j->p == c;
    j->p += there ? 1 : 0;
    return there;
}

static void judge_node(struct judge *j, enum thingpass_json_type type, const char *text, size_t n) {
    int node = j->node++;
    if (j->json == NULL) {
        return;
    }
    struct thingpass_span want = {text, n};
    differ(j, thingpass_json_type(j->json, node) == type, "another type");
    if (j->difference == NULL && text != NULL) {
        differ(j, thingpass_span_equal(thingpass_json_text(j->json, node), want), "another text");
    }
}

// Four hexadecimal digits at s; -1 if they are not there.
static long hex4(const char *s, const char *end) {
    char digits[5] = "";
    if (end - s < 4) {
        return -1;
    }
    memcpy(digits, s, 4);
    return strspn(digits, "0123456789abcdefABCDEF") == 4 ? strtol(digits, NULL, 16) : -1;
}

static size_t encode(char *out, unsigned long c) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 + c / 64);
        out[1] = (char)(0x80 + c % 64);
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 + c / 4096);
        out[1] = (char)(0x80 + c / 64 % 64);
        out[2] = (char)(0x80 + c % 64);
        return 3;
    }
    out[0] = (char)(0xf0 + c / 262144);
    out[1] = (char)(0x80 + c / 4096 % 64);
    out[2] = (char)(0x80 + c / 64 % 64);
    out[3] = (char)(0x80 + c % 64);
    return 4;
}

// Whether text is UTF-8: every sequence is what its code point encodes to.
static bool is_utf8(const char *text, size_t n) {
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < n;) {
        size_t len = s[i] < 0x80 ? 1 : s[i] < 0xe0 ? 2 : s[i] < 0xf0 ? 3 : 4;
        unsigned long c = len == 1 ? s[i] : s[i] & (0x7fU >> len);
        char again[4];
        if (s[i] >= 0xf8 || len > n - i) {
            return false;
        }
        for (size_t k = 1; k < len; k++) {
            c = c * 64 + (s[i + k] & 0x3f);
        }
        if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || encode(again, c) != len ||
            memcmp(again, s + i, len) != 0) {
            return false;
        }
        i += len;
    }
    return true;
}

// Decodes the escape at p, behind its backslash. Returns its end, or NULL.
static const char *judge_escape(const char *p, const char *end, unsigned long *c) {
    static const char *const simple[] = {"\"\"", "\\\\", "//", "b\b", "f\f", "n\n", "r\r", "t\t"};
    for (size_t i = 0; p < end && i < sizeof simple / sizeof *simple; i++) {
        if (*p == simple[i][0]) {
            *c = (unsigned char)simple[i][1];
            return p + 1;
        }
    }
    if (p == end || *p != 'u' || hex4(p + 1, end) < 0) {
        return NULL;
    }
    *c = (unsigned long)hex4(p + 1, end);
    p += 5;
    if (*c < 0xd800 || *c > 0xdfff) {
        return p;
    }
    if (*c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        long low = hex4(p + 2, end);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *c = 0x10000 + (*c - 0xd800) * 0x400 + ((unsigned long)low - 0xdc00);
            return p + 6;
        }
    }
    *c = 0; // a lone surrogate spoils the string, as U+0000 does
    return p;
}

static bool judge_string(struct judge *j) {
    if (!take(j, '"')) {
        return false;
    }
    char *text = malloc((size_t)(j->end - j->p) + 4);
    size_t n = 0;
    bool ok = true;
    bool sound = true;
    while (ok && j->p < j->end && *j->p != '"') {
        unsigned long c = (unsigned char)*j->p++;
        if (c == '\\') {
            const char *end = judge_escape(j->p, j->end, &c);
            ok = end != NULL;
            j->p = ok ? end : j->p;
            sound = sound && c != 0;
            n += encode(text + n, c);
        } else {
            ok = c != 0;
            sound = sound && c >= 0x20;
            text[n++] = (char)c;
        }
    }
    ok = ok && take(j, '"');
    if (ok) {
        sound = sound && is_utf8(text, n);
        judge_node(j, sound ? THINGPASS_JSON_STRING : THINGPASS_JSON_NONE, text, sound ? n : 0);
    }
    free(text);
    return ok;
}

static bool judge_digits(struct judge *j) {
    const char *begin = j->p;
    while (j->p < j->end && *j->p >= '0' && *j->p <= '9') {
        j->p++;
    }
    return j->p > begin;
}

static bool judge_number(struct judge *j) {
    if (j->p < j->end && *j->p == '-') {
        j->p++;
    }
    const char *begin = j->p;
    if (!judge_digits(j) || (*begin == '0' && j->p - begin > 1)) {
        return false;
    }
    if (j->p < j->end && *j->p == '.') {
        j->p++;
        if (!judge_digits(j)) {
            return false;
        }
    }
    if (j->p < j->end && (*j->p == 'e' || *j->p == 'E')) {
        j->p++;
        if (j->p < j->end && (*j->p == '+' || *j->p == '-')) {
            j->p++;
        }
        return judge_digits(j);
    }
    return true;
}

static bool judge_primitive(struct judge *j) {
    static const char *const words[] = {"true", "false", "null"};
    const char *begin = j->p;
    for (size_t i = 0; j->p == begin && i < 3; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(j->end - j->p) >= n && memcmp(j->p, words[i], n) == 0) {
            j->p += n;
        }
    }
    if (j->p == begin && !judge_number(j)) {
        return false;
    }
    judge_node(j, THINGPASS_JSON_PRIMITIVE, begin, (size_t)(j->p - begin));
    return true;
}

// What json says of the way from one node to the next.
static void judge_way(struct judge *j, int parent, int before, int node) {
    if (j->json != NULL && j->difference == NULL) {
        differ(j, before == 0 || thingpass_json_next(j->json, before) == node, "another next");
        differ(j, before != 0 || thingpass_json_first(j->json, parent) == node, "another first");
    }
}

static bool judge_items(struct judge *j, int parent, char close, bool named) {
    int before = 0;
    if (take(j, close)) {
        judge_way(j, parent, 0, 0);
        return true;
    }
    do {
        judge_way(j, parent, before, j->node);
        before = j->node;
        if (named && (!judge_string(j) || !take(j, ':'))) {
            return false;
        }
        if (!judge_value(j)) {
            return false;
        }
    } while (take(j, ','));
    judge_way(j, parent, before, 0);
    return take(j, close);
}

static bool judge_value(struct judge *j) {
    int node = j->node;
    space(j);
    if (j->p < j->end && *j->p == '"') {
        return judge_string(j);
    }
    if (take(j, '{')) {
        judge_node(j, THINGPASS_JSON_OBJECT, NULL, 0);
        return judge_items(j, node, '}', true);
    }
    if (take(j, '[')) {
        judge_node(j, THINGPASS_JSON_ARRAY, NULL, 0);
        return judge_items(j, node, ']', false);
    }
    return judge_primitive(j);
}

static bool judge_text(struct judge *j) {
    space(j);
    if (j->p == j->end || *j->p != '{' || !judge_value(j)) {
        return false;
    }
    space(j);
    return j->p == j->end;
}

bool json_is_object(const char *text, size_t len) {
    struct judge j = {text, text + len, NULL, 0, NULL};
    return judge_text(&j);
}

const char *json_judge(const struct thingpass_json *json, const char *text, size_t len) {
    struct judge j = {text, text + len, json, 0, NULL};
    if (!judge_text(&j)) {
        return "no JSON";
    }
    differ(&j, j.node == json->count, "another number of nodes");
    return j.difference;
}
