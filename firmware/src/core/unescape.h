// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#ifndef THINGPASS_CORE_UNESCAPE_H
#define THINGPASS_CORE_UNESCAPE_H

#include <stddef.h>

// Reads a JSON string that begins at s, behind its opening quote, and decodes it
// in place; the result is never longer. The text must hold a NUL somewhere, at
// which everything ends. Returns what follows the closing quote, or NULL if this
// is no string as JSON has them: it does not end, or has an escape that JSON does
// not know. *len is the length of the result, or SIZE_MAX if it is spoilt: by a
// control character, a lone surrogate, U+0000 or bytes that are not UTF-8.
char *thingpass_unescape(char *s, size_t *len);

#endif
