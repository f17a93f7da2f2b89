// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What an entry's file and its note hold, all numbers with the low byte first.
//
//   header   0 "TPS1"   4 its length, u16   6 flags, u8   7 hint, u8
//            8 metadata pairs, u8   9 pass_metadata pairs, u8   10 zero, u16
//           12 boot, u32   16 size, u64: the most, where it was not known
//           24 captured_at, u64   32 captured_ms, u64
//           40 id, kind, content type, object key, suffix, then name and value of
//              each pair: each text with a NUL; an empty one means none
//            … CRC-32 of all this, u32
//   object   its bytes
//   commit   0 "TPE1"   4 CRC-32 of header and object, u32   8 size, u64
//           16 SHA-256 of the object   48 CRC-32 of these 48 bytes, u32
//
//   note     0 "TPN1"   4 the commit's last field, u32   8 captured_at, u64
//           16 the key without a NUL   … CRC-32 of all this, u32

#ifndef THINGPASS_CORE_SPOOL_ENTRY_H
#define THINGPASS_CORE_SPOOL_ENTRY_H

#include "text.h"
#include "thingpass/spool.h"

enum {
    THINGPASS_ENTRY_COMMIT = 52,
    THINGPASS_ENTRY_FIXED = 40, // of the header, before the texts
    THINGPASS_NOTE_FIXED = 16,  // of the note, before the key
    THINGPASS_NOTE_KEY = 128    // bytes of a key that are kept free for it
};

// Writes the header of an object. Returns its length, or SIZE_MAX when it does not
// fit the writer, or when the entry would not fit a spool's buffer of buffer_size.
size_t thingpass_entry_put_head(struct thingpass_writer *w, const struct thingpass_object *object,
                                uint8_t hint, uint32_t boot, size_t buffer_size);

void thingpass_entry_put_commit(struct thingpass_writer *w, uint32_t crc, uint32_t size,
                                const uint8_t sum[32]);

// Understands an entry of file_size bytes: the first have of them are in the spool's
// buffer, and last its last ones (zeros, if it has fewer). Sets the spool's
// object, source, hint, used, and what of its reader says where things are. Returns
// THINGPASS_OK; THINGPASS_ENOENT: the entry was never put; THINGPASS_EDAMAGED; or
// THINGPASS_ESPACE: the buffer is too small.
int thingpass_entry_parse(struct thingpass_spool *spool, size_t have, uint32_t file_size,
                          const uint8_t last[THINGPASS_ENTRY_COMMIT]);

// Writes a note on the entry in the buffer.
void thingpass_note_put(struct thingpass_writer *w, uint32_t entry_crc, int64_t captured_at,
                        const char *object_key);

// Takes a note of len bytes that lies in the buffer at spool->used, with room for
// one byte more. One that is damaged, or another entry's, is as good as none.
void thingpass_note_take(struct thingpass_spool *spool, size_t len);

#endif
