// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The names of the spool's files, and how they are found and removed.

#ifndef THINGPASS_CORE_SPOOL_FILES_H
#define THINGPASS_CORE_SPOOL_FILES_H

#include "thingpass/spool.h"

enum {
    THINGPASS_SPOOL_NAME = 13 // characters of a name, with the NUL
};

// The sorts of files that one number may have; a bit for each in found.sorts.
enum thingpass_spool_sort {
    THINGPASS_SPOOL_ENTRY = 0,
    THINGPASS_SPOOL_NOTE,
    THINGPASS_SPOOL_ASIDE
};

struct thingpass_spool_found {
    uint8_t sorts; // 0: nothing was found
    uint16_t code;
    uint32_t number;
};

struct thingpass_spool_scan {
    const struct thingpass_spool *spool;
    bool based;
    uint32_t base; // numbers wrap: they are compared by their distance from here
    uint32_t count;
    uint32_t aside;
    uint64_t bytes;
    struct thingpass_spool_found newest;
    struct thingpass_spool_found first;  // the oldest that may be sent
    struct thingpass_spool_found oldest; // the oldest that may be removed
    struct thingpass_spool_found worst;  // of those set aside, likewise
};

// A size as a code of ten bits, rounded up by 3 % at the most, and back.
uint16_t thingpass_spool_code(uint32_t size);
uint64_t thingpass_spool_size(uint16_t code);

void thingpass_spool_name(char name[THINGPASS_SPOOL_NAME], uint32_t number, uint16_t code,
                          enum thingpass_spool_sort sort);
bool thingpass_spool_name_parse(const char *name, struct thingpass_spool_found *found);

// Looks through the folder, and sets the spool's counts. based: from the spool's
// cursor on; otherwise it is not known yet. Returns THINGPASS_OK or < 0.
int thingpass_spool_look(struct thingpass_spool *spool, struct thingpass_spool_scan *scan,
                         bool based);

int thingpass_spool_open_file(const struct thingpass_spool *spool, uint32_t number, uint16_t code,
                              enum thingpass_spool_sort sort, enum thingpass_file_use use);

// Removes one file; that there is none is fine.
int thingpass_spool_remove_file(const struct thingpass_spool *spool, uint32_t number, uint16_t code,
                                enum thingpass_spool_sort sort);

// Removes all files of a number, the entry first.
int thingpass_spool_remove_all(struct thingpass_spool *spool, uint32_t number, uint16_t code);

// spool_read.c: opens an entry and its note. Returns what thingpass_entry_parse does,
// or what the file system says; only after THINGPASS_OK is the reader open.
int thingpass_spool_load(struct thingpass_spool *spool, uint32_t number, uint16_t code);
void thingpass_spool_release(struct thingpass_spool *spool);

#endif
