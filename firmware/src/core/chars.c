// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The table of all classes of characters, worked out by the compiler.

#include "text.h"

#define IS_DIGIT(c) ((c) >= '0' && (c) <= '9')
#define IS_LOWER(c) ((c) >= 'a' && (c) <= 'z')
#define IS_UPPER(c) ((c) >= 'A' && (c) <= 'Z')
#define IS_KIND(c)  (IS_DIGIT(c) || IS_LOWER(c) || (c) == '-')
#define IS_ID(c)    (IS_KIND(c) || IS_UPPER(c) || (c) == '_')
#define IS_THING(c) (IS_ID(c) || (c) == ':')
#define IS_HOST(c)  (IS_ID(c) || (c) == '.')
#define IS_BOTH(c)                                                                                 \
    (IS_HOST(c) || (c) == '!' || (c) == '$' || (c) == '%' || (c) == '&' || (c) == '\'' ||          \
     (c) == '*' || (c) == '+' || (c) == '~')
#define IS_TOKEN(c) (IS_BOTH(c) || (c) == '#' || (c) == '^' || (c) == '`' || (c) == '|')
#define IS_TARGET(c)                                                                               \
    (IS_BOTH(c) || (c) == '(' || (c) == ')' || (c) == ',' || (c) == '/' || (c) == ':' ||           \
     (c) == ';' || (c) == '=' || (c) == '?' || (c) == '@')
#define IS_PRINT(c) ((c) >= 0x20 && (c) <= 0x7e)
#define IS_ROOT(c)  (IS_PRINT(c) && (c) != ' ' && (c) != '#' && (c) != '$' && (c) != '+')

#define ONE(c)                                                                                     \
    ((IS_KIND(c) ? THINGPASS_KIND : 0) | (IS_ID(c) ? THINGPASS_ID : 0) |                           \
     (IS_THING(c) ? THINGPASS_THING : 0) | (IS_HOST(c) ? THINGPASS_HOST : 0) |                     \
     (IS_TOKEN(c) ? THINGPASS_TOKEN : 0) | (IS_TARGET(c) ? THINGPASS_TARGET : 0) |                 \
     (IS_PRINT(c) ? THINGPASS_PRINT : 0) | (IS_ROOT(c) ? THINGPASS_ROOT : 0))
#define FOUR(c)    ONE(c), ONE((c) + 1), ONE((c) + 2), ONE((c) + 3)
#define SIXTEEN(c) FOUR(c), FOUR((c) + 4), FOUR((c) + 8), FOUR((c) + 12)

enum { first = 0x20 };

static const uint8_t classes[] = {SIXTEEN(0x20), SIXTEEN(0x30), SIXTEEN(0x40),
                                  SIXTEEN(0x50), SIXTEEN(0x60), SIXTEEN(0x70)};

static unsigned classes_of(char c) {
    unsigned i = (uint8_t)c - (unsigned)first;
    return i < sizeof classes ? classes[i] : 0;
}

bool thingpass_is(char c, enum thingpass_class class) {
    return (classes_of(c) & class) != 0;
}

bool thingpass_span_all(struct thingpass_span s, size_t max, enum thingpass_class class) {
    unsigned common = class;
    if (s.n == 0 || s.n > max) {
        return false;
    }
    const char *end = s.p + s.n;
    do {
        common &= classes_of(*s.p++);
    } while (s.p != end);
    return common != 0;
}

bool thingpass_text_all(const char *text, size_t max, enum thingpass_class class) {
    return text != NULL && thingpass_span_all(thingpass_span_of(text), max, class);
}
