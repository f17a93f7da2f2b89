// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_FILE_SINK_H
#define THINGPASS_POSIX_FILE_SINK_H

#include "thingpass/download.h"
#include "why.h"

enum {
    THINGPASS_FILE_SINK_PATH = 1024,       // bytes of a path, with its NUL
    THINGPASS_FILE_SINK_SYNC = 256 * 1024, // bytes between two moments that survive
                                           // a power failure
};

// Where a download goes to a file: first to PATH.part, beside it PATH.part.state,
// which says of which version how many bytes have reached the disk; and when all is
// there and verified, it takes PATH's place at one stroke.
struct thingpass_file_sink {
    struct thingpass_sink sink;
    struct thingpass_why why; // what the last function that failed was about

    // What an earlier download left, for thingpass_download.from and from_version.
    uint32_t from;
    char version[THINGPASS_KEY_MAX + 1];

    int fd;
    uint32_t len;
    uint32_t synced;
    char path[THINGPASS_FILE_SINK_PATH];
    char part[THINGPASS_FILE_SINK_PATH + 8];
    char state[THINGPASS_FILE_SINK_PATH + 16];
    char next_state[THINGPASS_FILE_SINK_PATH + 24];
};

// Looks what there is of a download to path, and prepares the sink; changes nothing.
// The struct must not move. Returns THINGPASS_OK, or THINGPASS_EINVAL for a path that
// is empty or too long.
int thingpass_file_sink_open(struct thingpass_file_sink *sink, const char *path);

// Closes what a download that was never ended left open.
void thingpass_file_sink_close(struct thingpass_file_sink *sink);

#endif
