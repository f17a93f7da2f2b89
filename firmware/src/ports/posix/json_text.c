// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "json_text.h"

#include <stdint.h>

// The length of the well-formed UTF-8 sequence at p (Unicode, table 3-7), or 0.
static int utf8_length(const unsigned char *p) {
    if (p[0] < 0x80) {
        return 1;
    }
    int length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    unsigned char least = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char most = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[0] < 0xc2 || p[0] > 0xf4 || p[1] < least || p[1] > most) {
        return 0;
    }
    for (int i = 2; i < length; i++) {
        if (p[i] < 0x80 || p[i] > 0xbf) {
            return 0;
        }
    }
    return length;
}

static void print_ascii(FILE *to, unsigned char c) {
    if (c == '"' || c == '\\') {
        (void)fprintf(to, "\\%c", c);
    } else if (c < 0x20 || c == 0x7f) {
        (void)fprintf(to, "\\u%04x", c);
    } else {
        (void)fputc(c, to);
    }
}

void thingpass_print_json(FILE *to, const char *text) {
    (void)fputc('"', to);
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0';) {
        int length = utf8_length(p);
        if (length == 0) {
            (void)fputs("\\ufffd", to);
            p++;
        } else if (length == 1) {
            print_ascii(to, *p++);
        } else {
            (void)fwrite(p, 1, (size_t)length, to);
            p += length;
        }
    }
    (void)fputc('"', to);
}

#endif
