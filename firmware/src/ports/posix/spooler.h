// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_SPOOLER_H
#define THINGPASS_POSIX_SPOOLER_H

#include <stdalign.h>
#include <stddef.h>

#include "frame.h"
#include "posix_world.h"
#include "thingpass/outbox.h"
#include "thingpass/posix_files.h"

struct thingpass_virtual_thing;

// A camera that goes on while there is no network: what it cannot send now lies in
// a folder until then.
struct thingpass_spooler {
    struct thingpass_posix_files files;
    struct thingpass_posix_sha256 sha256; // the core's may be in use
    struct thingpass_spool_config config;
    struct thingpass_spool spool;
    struct thingpass_outbox outbox;
    struct thingpass_frame frames[2]; // one is sent while the other is written
    uint8_t chunk[2048];
    alignas(max_align_t) uint8_t buffer[THINGPASS_SPOOL_BUFFER];

    // Which number the last photos had, by their ids.
    struct {
        char id[THINGPASS_ID_MAX + 1];
        uint64_t number;
    } recent[256];

    bool up;              // the link, as far as the outbox knows
    unsigned connections; // likewise
    uint64_t lost;        // times that photos were dropped
};

// Makes the folder, if there is none, and opens what is in it. Returns THINGPASS_OK
// or < 0; close it in either case.
int thingpass_spooler_open(struct thingpass_virtual_thing *thing, struct thingpass_why *why);

// The number of a photo that was taken in this run, or 0.
uint64_t thingpass_spooler_number(const struct thingpass_spooler *spooler, const char *id);

// Takes photos, and sends them and what was there before, until there are no more
// or the thing must end; what is at hand then stays in the folder. Returns whether
// everything was stored.
bool thingpass_spooler_run(struct thingpass_virtual_thing *thing);

void thingpass_spooler_close(struct thingpass_virtual_thing *thing);

#endif
