// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_WHY_H
#define THINGPASS_POSIX_WHY_H

// A sentence for people: what went wrong and what to do next. A function that
// takes one fills it whenever it returns < 0.
struct thingpass_why {
    char text[384];
};

// Writes the sentence and returns code, so that failing takes one line. A NULL
// why is allowed; a sentence that is too long is cut.
int thingpass_fail(struct thingpass_why *why, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
