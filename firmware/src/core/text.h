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

// The same, taking A-Z for a-z.
bool thingpass_span_is_nocase(struct thingpass_span s, const char *text);

// Whether 1 to max characters all belong to class.
bool thingpass_span_all(struct thingpass_span s, size_t max, bool (*class)(char c));

// Reads 1 to 19 decimal digits, nothing else. Returns false otherwise.
bool thingpass_span_u64(struct thingpass_span s, uint64_t *value);

bool thingpass_is_digit(char c);
bool thingpass_is_alnum(char c);
bool thingpass_is_id_char(char c);    // [P-1.6]
bool thingpass_is_thing_char(char c); // a thing's name
bool thingpass_is_kind_char(char c);  // a kind, and a metadata name [P-3.4]
bool thingpass_is_print(char c);      // U+0020 to U+007E
char thingpass_lower(char c);

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
