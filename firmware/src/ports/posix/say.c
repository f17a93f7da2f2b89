// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "say.h"

#include <stdarg.h>

void thingpass_say(const struct thingpass_say *say, enum thingpass_level level, const char *format,
                   ...) {
    if (say == NULL || level > say->most) {
        return;
    }
    va_list args;
    va_start(args, format);
    (void)fputs("thingpass-thing: ", say->to);
    (void)vfprintf(say->to, format, args);
    (void)fputc('\n', say->to);
    va_end(args);
}

#endif
