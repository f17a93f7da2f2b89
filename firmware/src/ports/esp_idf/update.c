// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Nothing of ESP-IDF here: tests/esp runs it on a PC.

#include "update.h"

#include <string.h>

#include "thingpass/error.h"

enum { note_format = 1 };

bool thingpass_update_note_make(struct thingpass_update_note *note, uint32_t partition,
                                const char *version, uint32_t size, uint32_t done) {
    memset(note, 0, sizeof *note);
    size_t n = strlen(version);
    if (n == 0 || n > THINGPASS_UPDATE_VERSION_MAX) {
        return false;
    }
    note->format = note_format;
    note->partition = partition;
    note->size = size;
    note->done = done;
    memcpy(note->version, version, n);
    return true;
}

uint32_t thingpass_update_resume_at(const struct thingpass_update_note *found, size_t len,
                                    uint32_t partition, uint32_t partition_size) {
    if (len != sizeof *found || found->format != note_format || found->partition != partition ||
        found->size > partition_size || found->done >= found->size ||
        found->done % THINGPASS_SECTOR != 0 ||
        memchr(found->version, '\0', sizeof found->version) == NULL || found->version[0] == '\0') {
        return 0;
    }
    return found->done;
}

int thingpass_update_begin(struct thingpass_update *update,
                           const struct thingpass_update_flash *flash, uint32_t size, uint32_t at) {
    memset(update, 0, sizeof *update);
    if (size > flash->size) {
        return THINGPASS_ESPACE;
    }
    if (at % THINGPASS_SECTOR != 0 || (at >= size && at > 0)) {
        return THINGPASS_EINVAL;
    }
    update->flash = flash;
    update->size = size;
    update->at = at;
    update->erased = at;
    update->noted = at;
    return THINGPASS_OK;
}

static uint32_t written(const struct thingpass_update *update) {
    return update->at - update->held_len;
}

// Writes len bytes, a multiple of the unit, to where the flash is written to.
static int put(struct thingpass_update *update, const void *data, uint32_t len) {
    const struct thingpass_update_flash *f = update->flash;
    uint32_t to = written(update);
    if (to == update->erased) {
        int rc = f->erase(f->ctx, to, THINGPASS_SECTOR);
        if (rc < 0) {
            return rc;
        }
        update->erased += THINGPASS_SECTOR;
    }
    return f->write(f->ctx, to, data, len);
}

// Fills what is held up to a unit. Returns how many bytes it took.
static size_t hold(struct thingpass_update *update, const uint8_t *data, size_t len) {
    size_t n = sizeof update->held - update->held_len;
    n = n < len ? n : len;
    memcpy(update->held + update->held_len, data, n);
    update->held_len = (uint8_t)(update->held_len + n);
    update->at += (uint32_t)n;
    return n;
}

static int flush(struct thingpass_update *update) {
    int rc = put(update, update->held, sizeof update->held);
    if (rc >= 0) {
        update->held_len = 0;
    }
    return rc;
}

// Writes as many whole units as fit into what is erased, or into the next sector.
// Returns how many bytes it took, or < 0.
static int put_units(struct thingpass_update *update, const uint8_t *data, size_t len) {
    uint32_t room = update->erased - update->at;
    room = room != 0 ? room : THINGPASS_SECTOR;
    uint32_t n = len < room ? (uint32_t)len : room;
    n -= n % THINGPASS_WRITE_UNIT;
    int rc = put(update, data, n);
    if (rc < 0) {
        return rc;
    }
    update->at += n;
    return (int)n;
}

int thingpass_update_write(struct thingpass_update *update, const void *data, size_t len) {
    const uint8_t *p = data;
    if (len > update->size - update->at) {
        return THINGPASS_ESPACE;
    }
    while (len > 0) {
        int n;
        if (update->held_len > 0 || len < THINGPASS_WRITE_UNIT) {
            n = (int)hold(update, p, len);
            int rc = update->held_len == sizeof update->held ? flush(update) : THINGPASS_OK;
            n = rc < 0 ? rc : n;
        } else {
            n = put_units(update, p, len);
        }
        if (n < 0) {
            return n;
        }
        p += n;
        len -= (size_t)n;
    }
    return THINGPASS_OK;
}

uint32_t thingpass_update_note_due(const struct thingpass_update *update) {
    uint32_t whole = written(update) - written(update) % THINGPASS_SECTOR;
    return whole - update->noted >= THINGPASS_NOTE_EVERY ? whole : 0;
}

int thingpass_update_end(struct thingpass_update *update) {
    if (update->at != update->size) {
        return THINGPASS_EINVAL;
    }
    if (update->held_len == 0) {
        return THINGPASS_OK;
    }
    memset(update->held + update->held_len, 0xFF, sizeof update->held - update->held_len);
    return flush(update);
}
