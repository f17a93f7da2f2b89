// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A file system in memory that loses power when told. What files.h promises it
// keeps, and not one bit more: until a file is synced anything may become of it.

#ifndef THINGPASS_TESTS_RAMFS_H
#define THINGPASS_TESTS_RAMFS_H

#include "check.h"
#include "thingpass/files.h"

enum { ramfs_handles = 3 };

// What a power cut leaves of what was not synced.
enum ramfs_rest {
    RAMFS_NOTHING, // no byte, and not the file either if it was new
    RAMFS_EMPTY,   // the new file, but empty
    RAMFS_HALF,    // half of the bytes
    RAMFS_ALL,     // everything
    RAMFS_HOLE,    // everything but the middle, which reads as zeros
    RAMFS_GARBAGE, // the whole length, of other bytes
    RAMFS_RESTS
};

struct ramfs_file {
    char name[16];
    uint8_t *data;
    size_t len;
    size_t synced; // bytes, if durable
    bool there;    // as the running system sees it
    bool durable;  // the file itself
};

struct ramfs {
    struct thingpass_files files;
    struct ramfs_file *all;
    size_t count, room;
    size_t open[ramfs_handles]; // index + 1
    size_t at[ramfs_handles];
    enum thingpass_file_use use[ramfs_handles];
    unsigned opened; // files open now

    unsigned calls;  // of open, write, sync, remove: what changes something
    unsigned reads;  // all others
    size_t capacity; // bytes; 0: any
    bool lower;      // list in lower case

    // Power goes in this call of the first sort (from 1; 0: never): after cut_bytes
    // of a write, or before (0) or after (1) what another does.
    unsigned cut_at;
    size_t cut_bytes;
    bool dead;
    size_t cut_len; // of the write in which it went; 1 for others

    // Calls fail with this: from the n-th of all on, or only that one.
    int error;
    unsigned fail_at;
    bool fail_once;
    unsigned all_calls;
};

void ramfs_new(struct ramfs *fs);
void ramfs_free(struct ramfs *fs);

// The power comes back; every handle is gone.
void ramfs_reboot(struct ramfs *fs, enum ramfs_rest rest);

// Files that are there, and one by its number in the order of their making.
size_t ramfs_count(const struct ramfs *fs);
struct ramfs_file *ramfs_nth(struct ramfs *fs, size_t n);
struct ramfs_file *ramfs_find(struct ramfs *fs, const char *name);

// Makes a file, synced.
void ramfs_put(struct ramfs *fs, const char *name, const void *data, size_t len);

#endif
