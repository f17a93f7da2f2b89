// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#ifndef THINGPASS_CORE_UNESCAPE_H
#define THINGPASS_CORE_UNESCAPE_H

#include <stddef.h>

// Decodes the characters of a JSON string, without its quotes, in place; the
// result is never longer. Returns its length, or THINGPASS_EREPLY for an escape
// that JSON does not know, a control character, a lone surrogate, U+0000 or
// bytes that are not UTF-8.
int thingpass_unescape(char *s, size_t len);

#endif
