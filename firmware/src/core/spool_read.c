// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// An entry that is read: its header into the buffer, its bytes as a source.

#include "crc32.h"
#include "spool_entry.h"
#include "spool_files.h"

// Reads until cap bytes are there or the file ends. Returns how many, or < 0.
static int read_all(const struct thingpass_files *files, int file, void *buf, size_t cap) {
    size_t have = 0;
    while (have < cap) {
        int n = files->read(files->ctx, file, (char *)buf + have, cap - have);
        if (n < 0 || (size_t)n > cap - have) {
            return n < 0 ? n : THINGPASS_EIO;
        }
        if (n == 0) {
            break;
        }
        have += (size_t)n;
    }
    return (int)have;
}

static int source_seek(void *ctx, uint64_t offset) {
    struct thingpass_spool *spool = ctx;
    struct thingpass_spool_reader *r = &spool->reader;
    const struct thingpass_files *files = spool->config->files;
    r->pos = (uint32_t)offset;
    return files->seek(files->ctx, r->file, r->body_at + offset);
}

static int source_rewind(void *ctx) {
    struct thingpass_spool_reader *r = &((struct thingpass_spool *)ctx)->reader;
    r->crc = r->head_crc;
    r->summed = 0;
    return source_seek(ctx, 0);
}

// The last bytes are withheld if all of them together are not those that were put:
// so what is damaged is never sent whole.
static int source_read(void *ctx, void *buf, size_t cap) {
    struct thingpass_spool *spool = ctx;
    struct thingpass_spool_reader *r = &spool->reader;
    const struct thingpass_files *files = spool->config->files;
    uint32_t size = (uint32_t)spool->source.size;
    cap = size - r->pos < cap ? size - r->pos : cap;
    if (cap == 0 || r->damaged) {
        return r->damaged ? THINGPASS_EDAMAGED : 0;
    }
    int n = files->read(files->ctx, r->file, buf, cap);
    if (n < 0 || (size_t)n > cap) {
        return n < 0 ? n : THINGPASS_EIO;
    }
    if (r->pos == r->summed) {
        r->crc = thingpass_crc32(r->crc, buf, (size_t)n);
        r->summed += (uint32_t)n;
    }
    r->pos += (uint32_t)n;
    r->damaged = n == 0 || (r->summed == size && r->crc != r->want_crc);
    return r->damaged ? THINGPASS_EDAMAGED : n;
}

static int load_note(struct thingpass_spool *spool) {
    const struct thingpass_files *files = spool->config->files;
    const struct thingpass_spool_reader *r = &spool->reader;
    int file = thingpass_spool_open_file(spool, r->number, r->code, THINGPASS_SPOOL_NOTE,
                                         THINGPASS_FILE_READ);
    if (file < 0) {
        return file == THINGPASS_ENOENT ? THINGPASS_OK : file;
    }
    size_t cap = spool->config->buffer_size - spool->used;
    int n = read_all(files, file, (char *)spool->config->buffer + spool->used, cap);
    (void)files->close(files->ctx, file);
    if (n > 0 && (size_t)n == cap) {
        return THINGPASS_ESPACE; // there may be more
    }
    if (n > 0) {
        thingpass_note_take(spool, (size_t)n);
    }
    return n < 0 ? n : THINGPASS_OK;
}

static int load_entry(struct thingpass_spool *spool) {
    const struct thingpass_files *files = spool->config->files;
    const struct thingpass_spool_config *c = spool->config;
    int file = spool->reader.file;
    uint8_t commit[THINGPASS_ENTRY_COMMIT] = {0};
    uint64_t size = 0;
    int err = files->size(files->ctx, file, &size);
    int have = err < 0 ? err : read_all(files, file, c->buffer, c->buffer_size);
    if (have >= 0 && size >= sizeof commit) {
        err = files->seek(files->ctx, file, size - sizeof commit);
        err = err < 0 ? err : read_all(files, file, commit, sizeof commit);
        have = err < 0 ? err : have;
    }
    if (size > THINGPASS_SPOOL_OBJECT_MAX + 2 * UINT16_MAX) {
        return THINGPASS_EDAMAGED; // no file of ours
    }
    return have < 0 ? have : thingpass_entry_parse(spool, (size_t)have, (uint32_t)size, commit);
}

int thingpass_spool_load(struct thingpass_spool *spool, uint32_t number, uint16_t code) {
    struct thingpass_spool_reader *r = &spool->reader;
    const struct thingpass_source source = {.ctx = spool,
                                            .known_len = true,
                                            .rewindable = true,
                                            .read = source_read,
                                            .rewind = source_rewind,
                                            .seek = source_seek};
    spool->source = source;
    r->number = number;
    r->code = code;
    r->damaged = false;
    r->file =
        thingpass_spool_open_file(spool, number, code, THINGPASS_SPOOL_ENTRY, THINGPASS_FILE_READ);
    if (r->file < 0) {
        return r->file == THINGPASS_ENOENT ? THINGPASS_EIO : r->file;
    }
    r->open = true;
    int err = load_entry(spool);
    err = err < 0 ? err : load_note(spool);
    if (err < 0) {
        thingpass_spool_release(spool);
    }
    return err;
}

void thingpass_spool_release(struct thingpass_spool *spool) {
    const struct thingpass_files *files = spool->config->files;
    if (spool->reader.open) {
        spool->reader.open = false;
        (void)files->close(files->ctx, spool->reader.file);
    }
}
