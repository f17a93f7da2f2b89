// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "text.h"

#include <string.h>

struct thingpass_span thingpass_span_of(const char *text) {
    struct thingpass_span s = {text, strlen(text)};
    return s;
}

bool thingpass_span_equal(struct thingpass_span a, struct thingpass_span b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool thingpass_span_is(struct thingpass_span s, const char *text) {
    return thingpass_span_equal(s, thingpass_span_of(text));
}

bool thingpass_span_equal_nocase(struct thingpass_span a, struct thingpass_span b) {
    bool same = a.n == b.n;
    for (size_t i = 0; same && i < a.n; i++) {
        same = thingpass_lower(a.p[i]) == thingpass_lower(b.p[i]);
    }
    return same;
}

// Most names differ in their first character, so text is not measured.
bool thingpass_span_is_nocase(struct thingpass_span s, const char *text) {
    for (size_t i = 0; i < s.n; i++) {
        if (text[i] == '\0' || thingpass_lower(s.p[i]) != text[i]) {
            return false;
        }
    }
    return text[s.n] == '\0';
}

bool thingpass_span_u64(struct thingpass_span s, uint64_t *value) {
    bool ok = s.n > 0 && s.n <= 19; // 19 digits always fit
    uint64_t n = 0;
    for (size_t i = 0; ok && i < s.n; i++) {
        n = n * 10 + (uint64_t)(s.p[i] - '0');
        ok = thingpass_is_digit(s.p[i]);
    }
    *value = ok ? n : 0;
    return ok;
}

int thingpass_hex_value(char c) {
    int lower = c | 0x20; // of a letter
    if (lower >= 'a' && lower <= 'f') {
        return lower - 'a' + 10;
    }
    return thingpass_is_digit(c) ? c - '0' : -1;
}

void thingpass_count(uint8_t *n) {
    *n = *n < UINT8_MAX ? (uint8_t)(*n + 1) : UINT8_MAX;
}

void thingpass_put(struct thingpass_writer *w, struct thingpass_span s) {
    if (w->len == SIZE_MAX || s.n > w->cap - w->len) {
        w->len = SIZE_MAX;
        return;
    }
    if (s.n > 0) {
        memcpy(w->buf + w->len, s.p, s.n);
    }
    w->len += s.n;
}

void thingpass_put_text(struct thingpass_writer *w, const char *text) {
    thingpass_put(w, thingpass_span_of(text));
}

uint32_t thingpass_divide(uint64_t *n, uint32_t by) {
    uint32_t high = (uint32_t)(*n >> 32);
    uint32_t low = (uint32_t)*n;
    uint32_t middle = high % by << 16 | low >> 16;
    uint32_t last = middle % by << 16 | (low & 0xffff);
    *n = (uint64_t)(high / by) << 32 | (middle / by << 16 | last / by);
    return last % by;
}

void thingpass_put_u64(struct thingpass_writer *w, uint64_t value) {
    char digits[20];
    size_t i = sizeof digits;
    do {
        digits[--i] = (char)('0' + thingpass_divide(&value, 10));
    } while (value > 0);
    struct thingpass_span s = {digits + i, sizeof digits - i};
    thingpass_put(w, s);
}

static void put_char(struct thingpass_writer *w, char c) {
    if (w->len < w->cap) {
        w->buf[w->len++] = c;
    } else {
        w->len = SIZE_MAX;
    }
}

void thingpass_put_hex(struct thingpass_writer *w, const uint8_t *bytes, size_t n) {
    static const char digits[] = "0123456789abcdef";
    for (; n > 0; n--, bytes++) {
        put_char(w, digits[*bytes >> 4]);
        put_char(w, digits[*bytes & 15]);
    }
}

void thingpass_put_base64(struct thingpass_writer *w, const uint8_t *bytes, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t group = 0;
        for (size_t k = 0; k < 3; k++) {
            group = group << 8 | (k < have ? bytes[i + k] : 0U);
        }
        for (size_t k = 0; k < 4; k++) {
            put_char(w, k <= have ? digits[group >> (18 - 6 * k) & 63] : '=');
        }
    }
}

void thingpass_put_json(struct thingpass_writer *w, struct thingpass_span s) {
    put_char(w, '"');
    for (const char *end = s.p + s.n; s.p != end; s.p++) {
        if ((unsigned char)*s.p < 0x20) {
            thingpass_put_text(w, "\\u00");
            thingpass_put_hex(w, (const uint8_t *)s.p, 1);
            continue;
        }
        if (*s.p == '"' || *s.p == '\\') {
            put_char(w, '\\');
        }
        put_char(w, *s.p);
    }
    put_char(w, '"');
}

void thingpass_copy_cut(char *buf, size_t cap, struct thingpass_span s) {
    size_t n = s.n < cap - 1 ? s.n : cap - 1;
    if (n > 0) {
        memcpy(buf, s.p, n);
    }
    buf[n] = '\0';
}
