// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A second reader of JSON, by the book (RFC 8259): recursive, with the text
// untouched, and written to be read rather than to be small.

#ifndef THINGPASS_TESTS_JSON_JUDGE_H
#define THINGPASS_TESTS_JSON_JUDGE_H

#include "json.h"

// Whether text is a JSON object that thingpass_json_parse should take. A NUL inside
// a string is none, since the parser ends there.
bool json_is_object(const char *text, size_t len);

// Compares the nodes of a parsed text with the text that it was before. Returns
// NULL, or the first difference.
const char *json_judge(const struct thingpass_json *json, const char *text, size_t len);

#endif
