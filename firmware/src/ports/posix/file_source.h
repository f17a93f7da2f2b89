// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_FILE_SOURCE_H
#define THINGPASS_POSIX_FILE_SOURCE_H

#include <stdint.h>

#include "thingpass/port.h"
#include "why.h"

// A regular file as a source. It is read in chunks, like an SD card's, and never
// in memory as a whole. It stays open while it is uploaded, so that deleting or
// renaming it does no harm then. Its length is fixed when it is opened; what it
// does after that (it shrinks, it grows) shows while it is read.
struct thingpass_file_source {
    char path[4096];
    int fd; // -1: none is open
    uint64_t size;
    int64_t modified_at; // seconds since 1970
    uint64_t at;
    struct thingpass_why *why; // where reading says what went wrong
};

// Opens path; file must have been closed, or have fd -1. Returns THINGPASS_OK or
// THINGPASS_ESOURCE.
int thingpass_file_source_open(struct thingpass_file_source *file, const char *path,
                               struct thingpass_why *why);

// The open file as the core sees it; its close closes the file. file and why must
// outlive the upload.
struct thingpass_source thingpass_file_source(struct thingpass_file_source *file,
                                              const char *content_type, struct thingpass_why *why);

// Closes it, if it is open.
void thingpass_file_source_close(struct thingpass_file_source *file);

#endif
