// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "unescape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "text.h"

enum { spoilt = 0, not_json = -1 }; // instead of a code point; U+0000 is spoilt, too

// The code unit of "XXXX" at s; not_json if there is none.
static int32_t code_unit(const char *s) {
    int32_t unit = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = thingpass_hex_value(s[i]);
        if (digit < 0) {
            return not_json;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

// The code point of "uXXXX" or "uXXXX\uXXXX" at *s, which is moved behind it.
static int32_t code_point(char **s) {
    int32_t high = code_unit(*s + 1);
    if (high < 0) {
        return not_json;
    }
    *s += 5;
    if (high >> 11 != 0xd800 >> 11) {
        return high;
    }
    bool pair = high < 0xdc00 && (*s)[0] == '\\' && (*s)[1] == 'u';
    int32_t low = pair ? code_unit(*s + 2) : spoilt;
    if (low >> 10 != 0xdc00 >> 10) {
        return low < 0 ? not_json : spoilt; // and what follows is read by itself
    }
    *s += 6;
    return 0x10000 + (high - 0xd800) * 0x400 + (low - 0xdc00);
}

// The code point of what follows a backslash at *s, which is moved behind it.
static int32_t escape(char **s) {
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    if (**s == 'u') {
        return code_point(s);
    }
    for (size_t i = 0; names[i] != '\0'; i++) {
        if (names[i] == **s) {
            ++*s;
            return values[i];
        }
    }
    return not_json;
}

static char *put_utf8(char *out, int32_t c) {
    if (c < 0x80) {
        *out = (char)c;
        return out + 1;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    *out++ = (char)(0xff00 >> (more + 1) | c >> 6 * more);
    while (more-- > 0) {
        *out++ = (char)(0x80 | (c >> 6 * more & 0x3f));
    }
    return out;
}

// The length of the UTF-8 sequence at s, at most 4; 0 if it is not one: an
// overlong form, a surrogate, or beyond U+10FFFF. Not for ASCII.
static size_t utf8_length(const char *s) {
    uint8_t lead = (uint8_t)*s;
    unsigned n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    uint32_t c = lead & 0xffU >> n;
    for (size_t i = 1; i < n; i++) {
        if (((uint8_t)s[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | ((uint8_t)s[i] & 0x3f);
    }
    bool shortest = lead >= 0xc2 && c >> (5 * n - 4) != 0;
    return shortest && c >> 11 != 0xd800 >> 11 && c <= 0x10ffff ? n : 0;
}

// Passes over characters that stand for themselves. Stops at a quote, at a
// backslash and at what is none.
static char *skip_plain(char *s) {
    for (;;) {
        const int8_t *c = (const int8_t *)s; // from 0x80 up negative
        while (*c >= 0x20 && *c != '"' && *c != '\\') {
            c++;
        }
        s += c - (const int8_t *)s;
        size_t n = *c < 0 ? utf8_length(s) : 0;
        if (n == 0) {
            return s;
        }
        s += n;
    }
}

// Passes over one character that skip_plain stopped at. Returns its code point.
static int32_t special(char **s) {
    char c = **s;
    if (c == '\0') {
        return not_json;
    }
    ++*s;
    return c == '\\' ? escape(s) : spoilt;
}

char *thingpass_unescape(char *s, size_t *len) {
    char *from = s;
    char *to = s;
    bool sound = true;
    for (;;) {
        char *end = skip_plain(from);
        if (to != from) {
            memmove(to, from, (size_t)(end - from));
        }
        to += end - from;
        from = end;
        if (*from == '"') {
            *len = sound ? (size_t)(to - s) : SIZE_MAX;
            return from + 1;
        }
        int32_t c = special(&from);
        if (c == not_json) {
            return NULL;
        }
        sound = sound && c != spoilt;
        to = put_utf8(to, c); // never longer than what it replaces
    }
}
