// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A download in the world of world.h: something to fetch, an S3 that has it and
// serves ranges, and a sink in memory.

#ifndef THINGPASS_TESTS_FETCH_H
#define THINGPASS_TESTS_FETCH_H

#include "thingpass/download.h"
#include "world.h"

struct fetch {
    struct world *w;
    struct thingpass_download job;
    struct thingpass_sink sink;

    // How the answer to a GET is made.
    bool whole;     // all of it, whatever was asked for
    bool chunked;   // in chunks of 300 bytes
    bool until_end; // without a length
    const char *etag;
    unsigned served;
    uint64_t sent; // bytes of object sent

    // The sink.
    uint8_t *have;
    size_t have_len, have_size;
    char version[200];
    unsigned begins, ends, reads;
    uint32_t offset; // of the last begin
    int end_err;
    int begin_gives, write_gives, end_gives, read_gives;
    size_t write_fails_at; // write_gives from this byte on
    uint64_t write_ms;     // that a write takes
    bool in_use;           // end(THINGPASS_OK) came
    char grant[900];
};

// A world with len bytes to fetch, in which all goes well. Free with fetch_free.
struct fetch *fetch_new(size_t len);
void fetch_free(struct fetch *f);

// Writes the grant anew: another etag, or without a SHA-256.
void fetch_grant(struct fetch *f, const char *etag, bool with_sum);

// What the object is, in other bytes.
void fetch_replace(struct fetch *f, size_t len, const char *etag);

// thingpass_init, if it has not been, and thingpass_download_start, which must succeed.
void fetch_start(struct fetch *f);

// Both, and steps until it has ended. Returns its err. Checks what must always hold:
// whoever says OK has all the bytes, and the sink has begun and ended alike.
int fetch_run(struct fetch *f);

// As if the power failed: nothing is left but what the sink has, which the job says.
void fetch_reboot(struct fetch *f);

// Whether the sink has the object.
bool fetch_has_all(const struct fetch *f);

#endif
