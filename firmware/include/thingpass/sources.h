// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Ready-made sources: bytes in memory, a file, a FIFO that is read once. Each is a
// struct of yours that begins with the struct thingpass_source to upload; it
// must stay where it is until the upload has ended. The core closes only what it
// took: when an upload cannot be started, call source.close(source.ctx).

#ifndef THINGPASS_SOURCES_H
#define THINGPASS_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "thingpass/files.h"
#include "thingpass/jpeg.h"
#include "thingpass/port.h"

#ifdef __cplusplus
extern "C" {
#endif

// Bytes in memory, such as a camera's frame buffer: known length, rewindable,
// can seek, and so suits every mode.
struct thingpass_memory {
    struct thingpass_source source;
    const uint8_t *data;
    size_t size;
    size_t at;

    // Called once, when the upload has ended in whatever way; set it after
    // thingpass_source_memory(), which clears it. A camera's frame goes back to
    // its driver here.
    void (*release)(void *ctx);
    void *release_ctx;
};

// Prepares memory for size bytes at data, which must stay unchanged until the
// upload has ended (data may be NULL if size is 0). content_type may be NULL.
// Returns &memory->source.
struct thingpass_source *thingpass_source_memory(struct thingpass_memory *memory, const void *data,
                                                 size_t size, const char *content_type);

// A file of files.h, as long as it is when it is opened: known length,
// rewindable, can seek.
struct thingpass_file {
    struct thingpass_source source;
    const struct thingpass_files *files;
    int number; // the open file's
};

// Opens the file, which stays open until the upload has ended. files must outlive
// file; content_type may be NULL. Returns THINGPASS_OK, or < 0 as files->open or
// files->size did; nothing is open then.
int thingpass_source_file(struct thingpass_file *file, const struct thingpass_files *files,
                          const char *name, const char *content_type);

// A FIFO: known length, one pass, as in the buffer of an SPI camera. The bytes go
// straight into the core's chunk buffer, which is filled by as many short reads
// as it takes, so that the network is not fed in crumbs.
//
// A transfer that breaks off ends the upload with THINGPASS_ESPENT. Where that
// matters, spool the picture first and upload it from the spool.
//
// Padding behind the picture's end is sent along: its length would have to be
// known before the first byte is read. Decoders ignore it.
struct thingpass_fifo {
    struct thingpass_source source;

    // Takes the next bytes out of the FIFO: up to cap (> 0, and never more than
    // max_read nor than there are left). Returns how many, THINGPASS_EAGAIN when
    // there are none now, or < 0. Bytes of a read that failed are lost, so the
    // source fails from then on.
    int (*read)(void *ctx, uint8_t *buf, size_t cap);
    void *ctx;

    // Called once, when the upload has ended. May be NULL; set it, like
    // check_jpeg, after thingpass_source_fifo(), which clears both.
    void (*release)(void *ctx);

    // Look at the bytes as they pass: what turns out not to be a JPEG, or to
    // have no end, fails with THINGPASS_ESOURCE before its last byte is given,
    // so that no damaged picture is stored. (A FIFO of 0 bytes has no last byte.)
    bool check_jpeg;

    int err; // why it fails from now on
    uint16_t max_read;
    uint32_t left;
    struct thingpass_jpeg jpeg;
};

// Prepares fifo for size bytes, of which read gives at most max_read (> 0) at a
// time. content_type may be NULL. Returns &fifo->source.
struct thingpass_source *thingpass_source_fifo(struct thingpass_fifo *fifo, uint32_t size,
                                               uint16_t max_read,
                                               int (*read)(void *ctx, uint8_t *buf, size_t cap),
                                               void *ctx, const char *content_type);

#ifdef __cplusplus
}
#endif

#endif
