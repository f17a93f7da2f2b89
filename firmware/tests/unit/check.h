// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// cmocka wants these headers before its own.

#ifndef THINGPASS_TESTS_CHECK_H
#define THINGPASS_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

// The two loops that take a minute in an emulator take each n-th case there. All
// cases are run on the host.
#ifndef THINGPASS_TESTS_EVERY
#define THINGPASS_TESTS_EVERY 1
#endif

// Fails and names the case of a table that did it.
#define CHECK(what, ok)                                                                            \
    do {                                                                                           \
        if (!(ok)) {                                                                               \
            print_error("case: %s\n", what);                                                       \
            fail_msg("%s", #ok);                                                                   \
        }                                                                                          \
    } while (0)

#endif
