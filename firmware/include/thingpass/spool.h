// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A spool keeps whole objects in files until they can be sent, oldest first,
// also when the power fails at any moment. outbox.h is the program around it;
// this is for those who write their own:
//
//     thingpass_spool_open(&spool, &config, boot);
//
//     thingpass_spool_put_start(&spool, &photo, 0);
//     do {
//         err = thingpass_spool_put_step(&spool);
//     } while (err > 0 || err == THINGPASS_EAGAIN);   // THINGPASS_OK: it is safe
//
//     const struct thingpass_object *object;
//     if (thingpass_spool_next(&spool, &object) == THINGPASS_OK) {
//         …  send it, then one of
//         thingpass_spool_remove(&spool);      // stored in the bucket
//         thingpass_spool_keep(&spool);        // not now
//         thingpass_spool_set_aside(&spool);   // never
//     }
//
// How it survives. An entry is one file: a header with what is known of the
// object, its bytes, and a commit record with the SHA-256 and CRC-32s, after
// which the file is synced and never written again. A file without a whole commit
// record was never put: it is removed. What is learnt later, and that an entry was
// set aside, are small files beside it. Files are named 0000002A.SM3: a number
// that orders them; the sort, S (entry), N (note) or X (set aside); and the size,
// rounded up, so that nothing but the list of names is read to count them.
//
// The folder belongs to the spool. Files with other names stay as they are.

#ifndef THINGPASS_SPOOL_H
#define THINGPASS_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "thingpass/files.h"
#include "thingpass/types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    // For an object's header (id, kind, type, metadata) and, later, its key. An
    // entry with more than fits next to a key of 128 bytes is not taken.
    THINGPASS_SPOOL_BUFFER = 512,
    THINGPASS_SPOOL_BUFFER_MIN = 384,
    THINGPASS_SPOOL_CHUNK_MIN = 512,
    THINGPASS_SPOOL_OBJECT_MAX = 2147000000 // bytes: where ESP-IDF's file offsets end
};

// What thingpass_spool_open needs. It must outlive the spool, with everything that
// it points to.
struct thingpass_spool_config {
    const struct thingpass_files *files;

    // One of its own: it is busy while objects are put, and struct thingpass may
    // want another at the same time.
    const struct thingpass_sha256 *sha256;

    // What is written goes through this. Its size is that of each write but the
    // last, so a multiple of 512 suits FAT.
    void *chunk;
    size_t chunk_size;

    // Holds what thingpass_spool_next() gives. Aligned as malloc() would.
    void *buffer;
    size_t buffer_size;

    // Bounds; each object takes its size, rounded up by 3 % at the most. Keep
    // max_bytes below what the medium has.
    uint64_t max_bytes;
    uint32_t max_count;

    // When there is no room: true removes the oldest ones, false refuses the new
    // one with THINGPASS_EFULL. What was set aside is removed first in either case.
    bool drop_oldest;
};

// The inside; its members change between versions.
struct thingpass_spool_reader {
    bool open;
    bool damaged;
    uint16_t code;
    int file;
    uint32_t number;
    uint32_t body_at;   // where the object's bytes begin
    uint32_t head_crc;  // of what is before them
    uint32_t want_crc;  // of that and all of them
    uint32_t crc;       // so far,
    uint32_t entry_crc; // of the commit record: what a note is bound to
    uint32_t summed;    // up to this byte
    uint32_t pos;
};

struct thingpass_spool_writer {
    bool open;
    uint8_t hint;
    uint16_t code;
    int file;
    uint32_t number;
    uint32_t crc;
    uint32_t pos;
    size_t fill; // bytes in the chunk
    const struct thingpass_object *object;
};

struct thingpass_spool {
    const struct thingpass_spool_config *config;
    uint32_t boot;
    uint32_t count;   // entries, also those that were set aside
    uint32_t aside;   // those
    uint32_t dropped; // entries that were removed to make room, since open
    uint32_t next;    // the number of the next entry
    uint32_t cursor;  // up to this number there is nothing to send
    uint64_t bytes;   // of all entries, rounded up
    size_t used;      // bytes of the buffer
    uint8_t hint;     // of the entry in the buffer
    struct thingpass_spool_reader reader;
    struct thingpass_spool_writer writer;
    struct thingpass_object object; // the entry in the buffer
    struct thingpass_source source;
};

// Reads the names in the folder, counts, and removes an entry that the last power
// cut left half-written. spool may hold anything before; call it again when the
// medium is back. boot is a number that differs from those of earlier boots: a
// captured_ms counts only in the boot that it comes from. Returns THINGPASS_OK,
// THINGPASS_EINVAL, THINGPASS_ESPACE (a buffer below its minimum) or what the file
// system says; then the spool is closed, and puts and gives nothing.
int thingpass_spool_open(struct thingpass_spool *spool, const struct thingpass_spool_config *config,
                         uint32_t boot);

// Begins to put an object, which needs an id, and makes room for it. Its mode,
// deadline, verify and progress are not kept; hint is, for the program's own use.
// The source is read from its first byte, once, and not closed; where its length
// is not known, source.size is the most that it can give. The object must not
// change until the put has ended. Returns THINGPASS_OK, THINGPASS_EBUSY (another is
// being put), THINGPASS_EINVAL, THINGPASS_ESPACE (more metadata than fits the
// buffer), THINGPASS_EFULL (no room within the bounds, or on the medium),
// THINGPASS_ESOURCE (cannot be rewound) or what the file system says; then nothing
// has begun.
int thingpass_spool_put_start(struct thingpass_spool *spool, const struct thingpass_object *object,
                              uint8_t hint);

// Does one bounded piece of it: a read of the source and a write. Returns > 0 when
// there is more to do, THINGPASS_EAGAIN when the source has nothing now,
// THINGPASS_OK when the object is safe, or < 0 when the put has ended and nothing
// is left of it: THINGPASS_ESOURCE, THINGPASS_ELENGTH, THINGPASS_EFULL (a rewindable
// one begins anew as long as older ones can be dropped), or what the file system
// or the hash says.
int thingpass_spool_put_step(struct thingpass_spool *spool);

// Ends a put without an object. Without one under way it does nothing.
void thingpass_spool_put_cancel(struct thingpass_spool *spool);

// Gives the oldest entry that can be sent; the same one until remove, set_aside or
// skip. *object and its rewindable source lie in the spool and its buffer, and stay
// until then or keep; an object whose time was never known has captured_ms
// UINT64_MAX. Nothing is removed to make room that was given and not yet taken back.
// Returns THINGPASS_OK, THINGPASS_ENOENT (none left), THINGPASS_EBUSY (one is given
// already) or < 0: THINGPASS_EDAMAGED and THINGPASS_ESPACE (an entry can never be
// sent, and was set aside), or what the file system says of it (try again, or
// skip).
int thingpass_spool_next(struct thingpass_spool *spool, const struct thingpass_object **object);

// The hint that the entry was put with.
uint8_t thingpass_spool_hint(const struct thingpass_spool *spool);

// Keeps with the entry what gives it the same key again [P-3.2], before its bytes
// are sent: captured_at as it was asked for, or, where none was, the object_key
// that was granted. To be called once; the first one counts. Returns THINGPASS_OK,
// THINGPASS_ESPACE (the key does not fit the buffer) or what the file system says.
int thingpass_spool_note(struct thingpass_spool *spool, int64_t captured_at,
                         const char *object_key);

// Each takes back the entry that was given. They return THINGPASS_OK, or what the
// file system says; then the entry may be there again after the next open.

// It is stored: removes it.
int thingpass_spool_remove(struct thingpass_spool *spool);

// It could not be sent now: it comes again. Returns THINGPASS_EDAMAGED when it
// cannot be sent at all, because its bytes are not those that were put; then it is
// set aside.
int thingpass_spool_keep(struct thingpass_spool *spool);

// It can never be sent: it stays, until there is no room, but is not given again.
int thingpass_spool_set_aside(struct thingpass_spool *spool);

// It, or the one that next failed with, comes again after the others: at the next
// open or thingpass_spool_again().
void thingpass_spool_skip(struct thingpass_spool *spool);
void thingpass_spool_again(struct thingpass_spool *spool);

// Gives what was set aside another chance, say after the operator has allowed it.
// Returns THINGPASS_OK or what the file system says.
int thingpass_spool_forgive(struct thingpass_spool *spool);

// How many entries there are to be sent.
uint32_t thingpass_spool_waiting(const struct thingpass_spool *spool);

#ifdef __cplusplus
}
#endif

#endif
