// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Spans and a bounded writer: the two ways in which the core touches text.

#ifndef THINGPASS_CORE_TEXT_H
#define THINGPASS_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "thingpass/state.h"

// Appends to buf; once something did not fit, len stays SIZE_MAX.
struct thingpass_writer {
    char *buf;
    size_t cap;
    size_t len;
};

// Makes a span of a literal or any NUL-terminated text.
struct thingpass_span thingpass_span_of(const char *text);

bool thingpass_span_equal(struct thingpass_span a, struct thingpass_span b);
bool thingpass_span_is(struct thingpass_span s, const char *text);

// The same, taking A-Z for a-z; text itself has no A-Z.
bool thingpass_span_equal_nocase(struct thingpass_span a, struct thingpass_span b);
bool thingpass_span_is_nocase(struct thingpass_span s, const char *text);

// Classes of characters, none of them beyond ASCII.
enum thingpass_class {
    THINGPASS_KIND = 1,    // a kind, a metadata name [P-3.4], and a refusal's code
    THINGPASS_ID = 2,      // [P-1.6]
    THINGPASS_THING = 4,   // a thing's name
    THINGPASS_HOST = 8,    // a host's name or its IPv4 address
    THINGPASS_TOKEN = 16,  // RFC 9110, section 5.6.2
    THINGPASS_TARGET = 32, // path and query: RFC 3986 without '#', which is never sent
    THINGPASS_PRINT = 64,  // U+0020 to U+007E
    THINGPASS_ROOT = 128   // the topic's root
};

bool thingpass_is(char c, enum thingpass_class class);

// Whether 1 to max characters all belong to class.
bool thingpass_span_all(struct thingpass_span s, size_t max, enum thingpass_class class);
bool thingpass_text_all(const char *text, size_t max, enum thingpass_class class); // NULL: no

// Reads 1 to 19 decimal digits, nothing else. Returns false otherwise, and then
// *value is 0.
bool thingpass_span_u64(struct thingpass_span s, uint64_t *value);

static inline bool thingpass_is_digit(char c) {
    return c >= '0' && c <= '9';
}

static inline char thingpass_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

// The value of a hexadecimal digit; -1 if it is none.
int thingpass_hex_value(char c);

// Divides *n in place, by 1 to 65,535, and returns the remainder: in 32-bit
// steps, because a 64-bit division is a library function of 1 KB.
uint32_t thingpass_divide(uint64_t *n, uint32_t by);

// Adds one, up to the most that it can hold.
void thingpass_count(uint8_t *n);

void thingpass_put(struct thingpass_writer *w, struct thingpass_span s);
void thingpass_put_text(struct thingpass_writer *w, const char *text);
void thingpass_put_u64(struct thingpass_writer *w, uint64_t value);
void thingpass_put_hex(struct thingpass_writer *w, const uint8_t *bytes, size_t n);

// Base64 with padding (RFC 4648, section 4): 4 characters for each 3 bytes.
void thingpass_put_base64(struct thingpass_writer *w, const uint8_t *bytes, size_t n);

// Appends s as a JSON string, with quotes. UTF-8 passes as it is.
void thingpass_put_json(struct thingpass_writer *w, struct thingpass_span s);

// Copies s and a NUL; cuts what does not fit.
void thingpass_copy_cut(char *buf, size_t cap, struct thingpass_span s);

#endif
