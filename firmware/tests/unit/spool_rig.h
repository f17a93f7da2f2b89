// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A spool on a file system in memory, and objects whose bytes follow from their
// id, so that whatever comes out can be judged.

#ifndef THINGPASS_TESTS_SPOOL_RIG_H
#define THINGPASS_TESTS_SPOOL_RIG_H

#include "ramfs.h"
#include "thingpass/spool.h"

// An object to put.
struct rig_object {
    struct thingpass_object object;
    struct thingpass_source source;
    char id[24];
    size_t len, pos;
    unsigned calls, eagain; // every n-th read says so; 0: none
    unsigned rewinds;
    size_t most;    // bytes of a read; 0: any
    size_t fail_at; // reads fail from this byte on; 0: never
    size_t real;    // how many bytes it really has
    unsigned closes;
};

struct rig {
    struct ramfs fs;
    struct thingpass_spool spool;
    struct thingpass_spool_config config;
    struct thingpass_sha256 sha256;
    uint64_t hash;
    bool no_hash;
    uint8_t *buffer; // ends at a guard page, as does the chunk
    uint8_t *chunk;
};

void rig_new(struct rig *rig);
void rig_free(struct rig *rig);
int rig_open(struct rig *rig, uint32_t boot);

// The n-th byte of an object.
uint8_t rig_byte(const char *id, size_t n);
// The hash that stands for SHA-256.
void rig_sum(const char *id, size_t len, uint8_t sum[32]);

// A rewindable object of known length with that id; change it as needed.
void rig_object(struct rig_object *o, const char *id, size_t len);
// Puts it to the end.
int rig_put(struct rig *rig, struct rig_object *o);
int rig_put_id(struct rig *rig, const char *id, size_t len);

// Reads a source to its end and compares with what id has. Returns its length, or
// the error that ended it.
int rig_read(const struct thingpass_source *source, const char *id);

// Gives the next entry, whole and right; NULL when there is none.
const struct thingpass_object *rig_next(struct rig *rig);

#endif
