// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What the spool, and whatever else keeps files, needs of a file system: one
// folder, and in it files that are written once and read often. LittleFS, FAT on
// a card and a folder on Linux all do (src/ports/files has these functions for
// POSIX calls, which ESP-IDF's VFS offers too).
//
// Not needed: rename, truncate, mkdir, time stamps, free space, long names. A
// name has eight characters of 0-9 A-Z, a dot and three more. Three files are
// open at once at the most, and a file that is open is never removed.
//
// What is promised when the power fails:
//
// - After sync: the file is there, with every byte that was written before.
// - Before: of that file anything may be there, or nothing; other files are not
//   touched by it.
// - After remove: the file is gone for good. While it is being removed, it is
//   there or it is not.
//
// Results below 0 are THINGPASS_E…: EFULL (no room), EMEDIUM (the medium is
// gone: pulled, or not mounted; it needs thingpass_spool_open() when it is back),
// ENOENT, EEXIST, or EIO and any other number (this file, this time).
//
// All are called in one thread, never two at once.

#ifndef THINGPASS_FILES_H
#define THINGPASS_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "thingpass/error.h"

#ifdef __cplusplus
extern "C" {
#endif

// What a file is opened for.
enum thingpass_file_use {
    THINGPASS_FILE_READ = 0,  // from its beginning; without one: ENOENT
    THINGPASS_FILE_NEW = 1,   // to write a new one; where there is one: EEXIST
    THINGPASS_FILE_APPEND = 2 // to write behind its end, or a new one
};

// Is told one name of a folder; must not call the file system.
typedef void thingpass_file_name(void *ctx, const char *name);

struct thingpass_files {
    void *ctx;

    // Returns a number >= 0 for the open file, which the next ones want.
    int (*open)(void *ctx, const char *name, enum thingpass_file_use use);

    // Gives up to cap (> 0) bytes. Returns how many; 0 only at the end.
    int (*read)(void *ctx, int file, void *buf, size_t cap);

    // Takes all len (> 0) bytes, or fails; then nobody knows how many it took.
    int (*write)(void *ctx, int file, const void *data, size_t len);

    // Goes to a byte of a file that is read.
    int (*seek)(void *ctx, int file, uint64_t offset);

    // Tells the length of a file that is read.
    int (*size)(void *ctx, int file, uint64_t *size);

    // Makes what was written outlive a power cut, see above.
    int (*sync)(void *ctx, int file);

    // Frees the number, whatever it returns.
    int (*close)(void *ctx, int file);

    int (*remove)(void *ctx, const char *name);

    // Calls each once for every name in the folder, in any order and in upper or
    // lower case; what lies there besides our files is told or not.
    int (*list)(void *ctx, thingpass_file_name *each, void *each_ctx);
};

#ifdef __cplusplus
}
#endif

#endif
