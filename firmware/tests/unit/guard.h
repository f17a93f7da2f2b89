// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Memory that ends right before a page which must not be touched: one byte too
// far is a fault, with any compiler and without sanitizers.

#ifndef THINGPASS_TESTS_GUARD_H
#define THINGPASS_TESTS_GUARD_H

#include <stddef.h>

// Returns n bytes that end at the forbidden page; free with guard_free.
void *guard_alloc(size_t n);
void guard_free(void *p, size_t n);

// A copy of n bytes there.
void *guard_copy(const void *data, size_t n);

#endif
