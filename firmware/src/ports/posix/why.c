// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "why.h"

#include <stdarg.h>
#include <stdio.h>

int thingpass_fail(struct thingpass_why *why, int code, const char *format, ...) {
    if (why == NULL) {
        return code;
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return code;
}

#endif
