// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// files.h over open(), read() and their like: a folder on Linux, and whatever is
// mounted under ESP-IDF's VFS (LittleFS, FAT on a card), also under Arduino.

#ifndef THINGPASS_POSIX_FILES_H
#define THINGPASS_POSIX_FILES_H

#include "thingpass/files.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { THINGPASS_POSIX_FOLDER_MAX = 111 }; // bytes of a folder's name

struct thingpass_posix_files {
    struct thingpass_files files; // give a pointer to this
    const char *folder;
};

// Prepares posix for a folder such as "/sdcard/spool", which must exist and whose
// name must outlive it. Opens nothing. Returns THINGPASS_OK, or THINGPASS_EINVAL when
// the name is too long.
int thingpass_posix_files_init(struct thingpass_posix_files *posix, const char *folder);

#ifdef __cplusplus
}
#endif

#endif
