// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_JSON_TEXT_H
#define THINGPASS_POSIX_JSON_TEXT_H

#include <stdio.h>

// Prints text as a JSON string with its quotes. Bytes that are not UTF-8 (file
// names may have any) become U+FFFD.
void thingpass_print_json(FILE *to, const char *text);

#endif
