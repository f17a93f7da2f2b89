// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_ESP_IDF_UPDATE_H
#define THINGPASS_ESP_IDF_UPDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Writing an image into flash so that it can go on after a reboot.
//
// Why not esp_ota_write(): before ESP-IDF 5.5 it can only begin anew. Flash is
// erased a sector ahead and written in multiples of 16 bytes, as flash encryption
// wants it; how far that came is kept in NVS now and then.

enum {
    THINGPASS_SECTOR = 4096,      // what is erased at once
    THINGPASS_WRITE_UNIT = 16,    // what is written at once
    THINGPASS_NOTE_EVERY = 65536, // bytes between two notes: 32 for 2 MB
    THINGPASS_UPDATE_VERSION_MAX = 159
};

// The partition, and where notes are kept.
struct thingpass_update_flash {
    void *ctx;
    uint32_t size; // of the partition
    // THINGPASS_OK or < 0. Offsets and lengths are in the units above.
    int (*erase)(void *ctx, uint32_t offset, uint32_t len);
    int (*write)(void *ctx, uint32_t offset, const void *data, uint32_t len);
};

// How far an update has come: what NVS holds, as it lies there.
struct thingpass_update_note {
    uint32_t format;    // of this struct; what has another one is not read
    uint32_t partition; // its address
    uint32_t size;      // of the image
    uint32_t done;      // bytes that are in flash for sure, in whole sectors
    char version[THINGPASS_UPDATE_VERSION_MAX + 1]; // of the image, see download.h
};

// The note of an update that has just begun, or goes on at `done`. false: the
// version is too long to be kept; such an update begins anew after a reboot.
bool thingpass_update_note_make(struct thingpass_update_note *note, uint32_t partition,
                                const char *version, uint32_t size, uint32_t done);

// How many bytes of the partition a note that was found (len bytes, 0: none) says
// to be there: 0, or a multiple of THINGPASS_SECTOR below the image's size.
uint32_t thingpass_update_resume_at(const struct thingpass_update_note *found, size_t len,
                                    uint32_t partition, uint32_t partition_size);

struct thingpass_update {
    const struct thingpass_update_flash *flash;
    uint32_t size;    // of the image
    uint32_t at;      // bytes of the image that were given
    uint32_t erased;  // the partition is erased from `at` to here
    uint32_t noted;   // `done` of the last note
    uint8_t held_len; // bytes that wait until there are 16
    uint8_t held[THINGPASS_WRITE_UNIT];
};

// Begins, or goes on, at offset `at`. Returns THINGPASS_OK, THINGPASS_EINVAL (at is
// not the start of a sector below size) or THINGPASS_ESPACE (the partition is smaller).
int thingpass_update_begin(struct thingpass_update *update,
                           const struct thingpass_update_flash *flash, uint32_t size, uint32_t at);

// Writes the next bytes. Returns THINGPASS_OK, THINGPASS_ESPACE (more than size) or
// what flash said.
int thingpass_update_write(struct thingpass_update *update, const void *data, size_t len);

// How far a note may say the update is, or 0 when it is too early for another.
uint32_t thingpass_update_note_due(const struct thingpass_update *update);

// Writes what is held, padded with 0xFF. Returns THINGPASS_OK, THINGPASS_EINVAL
// (bytes are missing) or what flash said.
int thingpass_update_end(struct thingpass_update *update);

#endif
