// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "say.h"

#include <stdarg.h>

void thingpass_print_clean(FILE *to, const char *text) {
    for (const char *c = text; *c != '\0'; c++) {
        unsigned char u = (unsigned char)*c;
        (void)fputc(u < 0x20 || u == 0x7f ? '?' : u, to);
    }
}

void thingpass_say(const struct thingpass_say *say, enum thingpass_level level, const char *format,
                   ...) {
    char text[1024];
    if (say == NULL || level > say->most) {
        return;
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)fputs("thingpass-thing: ", say->to);
    thingpass_print_clean(say->to, text);
    (void)fputc('\n', say->to);
}

#endif
