// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Reading a folder, for tests/unit/wire.c. Semihosting opens files of the host
// but cannot list them: the names of the wire vectors are compiled in.

#ifndef THINGPASS_TESTS_RV32_DIRENT_H
#define THINGPASS_TESTS_RV32_DIRENT_H

#include <stddef.h>

struct dirent {
    const char *d_name;
};

typedef struct {
    size_t next;
    struct dirent entry;
} DIR;

DIR *opendir(const char *path);
struct dirent *readdir(DIR *dir);
int closedir(DIR *dir);

#endif
