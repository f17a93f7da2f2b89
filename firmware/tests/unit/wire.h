// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The wire vectors that both languages are held to: broker/testdata/wire, whose
// path is in the environment variable THINGPASS_WIRE.

#ifndef THINGPASS_TESTS_WIRE_H
#define THINGPASS_TESTS_WIRE_H

#include <stddef.h>

struct wire_file {
    char name[64];
    char *data; // NUL-terminated
    size_t len;
};

// Reads every file whose name ends in suffix. Fails the test when there is none.
// Returns their number; free with wire_free.
size_t wire_read(const char *suffix, struct wire_file **files);
void wire_free(struct wire_file *files, size_t n);

// The file of that name; fails the test when it is missing.
struct wire_file wire_named(const char *name);

#endif
