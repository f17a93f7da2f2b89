// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "unescape.h"

#include <stdint.h>
#include <string.h>

#include "thingpass/error.h"

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The code unit of "XXXX" at s; < 0 if there is none.
static int32_t code_unit(const char *s, size_t len) {
    if (len < 4) {
        return THINGPASS_EREPLY;
    }
    int32_t unit = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_value(s[i]);
        if (digit < 0) {
            return THINGPASS_EREPLY;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

// The code point of "XXXX" or "XXXX\uXXXX" at s; *used is its length.
static int32_t code_point(const char *s, size_t len, size_t *used) {
    int32_t high = code_unit(s, len);
    *used = 4;
    if (high <= 0 || (high >= 0xdc00 && high <= 0xdfff)) {
        return THINGPASS_EREPLY;
    }
    if (high < 0xd800 || high > 0xdbff) {
        return high;
    }
    if (len < 10 || s[4] != '\\' || s[5] != 'u') {
        return THINGPASS_EREPLY;
    }
    int32_t low = code_unit(s + 6, len - 6);
    if (low < 0xdc00 || low > 0xdfff) {
        return THINGPASS_EREPLY;
    }
    *used = 10;
    return 0x10000 + (high - 0xd800) * 0x400 + (low - 0xdc00);
}

static size_t put_utf8(char *out, int32_t c) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)(lead[n] | c);
    return n;
}

// Decodes the escape after a backslash into out. Returns the bytes it took, or
// 0 if there is no such escape; *put is the length of the result.
static size_t unescape_one(const char *s, size_t len, char *out, size_t *put) {
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    if (len == 0 || *s == '\0') {
        return 0;
    }
    const char *name = strchr(names, *s);
    if (name != NULL) {
        *out = values[name - names];
        *put = 1;
        return 1;
    }
    if (*s != 'u') {
        return 0;
    }
    size_t used;
    int32_t c = code_point(s + 1, len - 1, &used);
    if (c < 0) {
        return 0;
    }
    *put = put_utf8(out, c); // at most as long as what it replaces
    return 1 + used;
}

// The length of the UTF-8 sequence at s, at most 4; 0 if it is not one. The
// second byte's range keeps out overlong forms, surrogates and U+110000 up.
static size_t utf8_length(const unsigned char *s, size_t len) {
    unsigned char lead = s[0];
    if (lead < 0x80) {
        return lead < 0x20 ? 0 : 1;
    }
    size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || len < n) {
        return 0;
    }
    unsigned char least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < least || s[1] > most) {
        return 0;
    }
    for (size_t i = 2; i < n; i++) {
        if (s[i] < 0x80 || s[i] > 0xbf) {
            return 0;
        }
    }
    return n;
}

int thingpass_unescape(char *s, size_t len) {
    size_t from = 0;
    size_t to = 0;
    while (from < len) {
        size_t put = 0;
        size_t used;
        if (s[from] == '\\') {
            used = unescape_one(s + from + 1, len - from - 1, s + to, &put);
            used += used > 0 ? 1 : 0;
        } else {
            used = put = utf8_length((const unsigned char *)s + from, len - from);
            memmove(s + to, s + from, put);
        }
        if (used == 0) {
            return THINGPASS_EREPLY;
        }
        from += used;
        to += put;
    }
    return (int)to;
}
