// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Putting an object into the spool.

#include "crc32.h"
#include "request.h"
#include "spool_entry.h"
#include "spool_files.h"

enum { names_tried = 16 };

// Removes the oldest entry that may go. Returns THINGPASS_EFULL when there is none.
static int make_room(struct thingpass_spool *spool, const struct thingpass_spool_scan *scan) {
    const struct thingpass_spool_found *victim = &scan->worst;
    if (victim->sorts == 0 && spool->config->drop_oldest) {
        victim = &scan->oldest;
    }
    if (victim->sorts == 0) {
        return THINGPASS_EFULL;
    }
    int err = thingpass_spool_remove_all(spool, victim->number, victim->code);
    // A note without its entry is not worth telling.
    spool->dropped += err == THINGPASS_OK && victim->sorts != 1U << THINGPASS_SPOOL_NOTE;
    return err;
}

// Leaves the folder with room for size bytes more, and finds the next number.
static int find_room(struct thingpass_spool *spool, uint64_t size) {
    const struct thingpass_spool_config *c = spool->config;
    struct thingpass_spool_scan scan;
    int err = size <= c->max_bytes && c->max_count > 0 ? THINGPASS_OK : THINGPASS_EFULL;
    while (err == THINGPASS_OK) {
        err = thingpass_spool_look(spool, &scan, true);
        if (err < 0) {
            break;
        }
        if (scan.newest.sorts != 0 && (int32_t)(scan.newest.number - spool->next) >= 0) {
            spool->next = scan.newest.number + 1;
        }
        if (scan.count < c->max_count && scan.bytes <= c->max_bytes - size) {
            return THINGPASS_OK;
        }
        err = make_room(spool, &scan);
    }
    return err;
}

// The medium is fuller than the spool's bounds say.
static int drop_one(struct thingpass_spool *spool) {
    struct thingpass_spool_scan scan;
    int err = thingpass_spool_look(spool, &scan, true);
    return err < 0 ? err : make_room(spool, &scan);
}

static int create(struct thingpass_spool *spool) {
    struct thingpass_spool_writer *w = &spool->writer;
    int err;
    unsigned tries = names_tried;
    do {
        w->number = spool->next++;
        w->file = thingpass_spool_open_file(spool, w->number, w->code, THINGPASS_SPOOL_ENTRY,
                                            THINGPASS_FILE_NEW);
        err = w->file == THINGPASS_EFULL ? drop_one(spool) : w->file;
    } while (w->file < 0 && (err == THINGPASS_OK || (err == THINGPASS_EEXIST && --tries > 0)));
    w->open = w->file >= 0;
    return err < 0 ? err : THINGPASS_OK;
}

static int begin(struct thingpass_spool *spool) {
    struct thingpass_spool_writer *w = &spool->writer;
    const struct thingpass_spool_config *c = spool->config;
    const struct thingpass_source *source = w->object->source;
    struct thingpass_writer head = {c->chunk, c->chunk_size, 0};
    size_t n = thingpass_entry_put_head(&head, w->object, w->hint, spool->boot, c->buffer_size);
    if (n == SIZE_MAX) {
        return THINGPASS_ESPACE;
    }
    w->code = thingpass_spool_code((uint32_t)(source->size + n + THINGPASS_ENTRY_COMMIT));
    w->fill = n;
    w->pos = 0;
    w->crc = thingpass_crc32(0, c->chunk, n);
    if (source->size > THINGPASS_SPOOL_OBJECT_MAX) {
        return THINGPASS_EFULL;
    }
    if (source->rewindable && source->rewind(source->ctx) < 0) {
        return THINGPASS_ESOURCE;
    }
    if (c->sha256->init(c->sha256->ctx) < 0) {
        return THINGPASS_EIO;
    }
    int err = find_room(spool, thingpass_spool_size(w->code));
    return err < 0 ? err : create(spool);
}

int thingpass_spool_put_start(struct thingpass_spool *spool, const struct thingpass_object *object,
                              uint8_t hint) {
    struct thingpass_spool_writer *w = &spool->writer;
    if (spool->config == NULL) {
        return THINGPASS_EMEDIUM;
    }
    if (w->open) {
        return THINGPASS_EBUSY;
    }
    if (object == NULL || object->id == NULL || object->source == NULL) {
        return THINGPASS_EINVAL;
    }
    // It will be sent with its length known, and from a file.
    struct thingpass_object later = *object;
    struct thingpass_source source = *object->source;
    source.known_len = true;
    later.source = &source;
    if (thingpass_object_check(&later) < 0) {
        return THINGPASS_EINVAL;
    }
    w->object = object;
    w->hint = hint;
    return begin(spool);
}

void thingpass_spool_put_cancel(struct thingpass_spool *spool) {
    struct thingpass_spool_writer *w = &spool->writer;
    if (w->open) {
        const struct thingpass_files *files = spool->config->files;
        w->open = false;
        (void)files->close(files->ctx, w->file);
        (void)thingpass_spool_remove_file(spool, w->number, w->code, THINGPASS_SPOOL_ENTRY);
    }
}

// Reads the source's next bytes behind those in the chunk. Returns how many, 0 at
// the end, or < 0. As with an upload, a source that gives more than its size is a
// fault, but not one that fails there.
static int pull(const struct thingpass_spool *spool) {
    const struct thingpass_spool_writer *w = &spool->writer;
    const struct thingpass_source *source = w->object->source;
    size_t cap = spool->config->chunk_size - w->fill; // never 0
    uint32_t left = (uint32_t)source->size - w->pos;
    cap = left < cap ? left : cap;
    cap = cap < INT16_MAX ? cap : INT16_MAX;
    char extra;
    char *to = left > 0 ? (char *)spool->config->chunk + w->fill : &extra;
    int n = source->read(source->ctx, to, left > 0 ? cap : 1);
    if (n == THINGPASS_EAGAIN) {
        return n;
    }
    if (left == 0) {
        return n > 0 ? THINGPASS_ELENGTH : 0;
    }
    if (n < 0 || (size_t)n > cap) {
        return THINGPASS_ESOURCE;
    }
    return n == 0 && source->known_len ? THINGPASS_ELENGTH : n;
}

static int flush(struct thingpass_spool *spool) {
    struct thingpass_spool_writer *w = &spool->writer;
    const struct thingpass_files *files = spool->config->files;
    int err = w->fill > 0 ? files->write(files->ctx, w->file, spool->config->chunk, w->fill) : 0;
    w->fill = 0;
    return err < 0 ? err : THINGPASS_OK;
}

static int take(struct thingpass_spool *spool, size_t n) {
    struct thingpass_spool_writer *w = &spool->writer;
    const struct thingpass_spool_config *c = spool->config;
    const char *data = (const char *)c->chunk + w->fill;
    if (c->sha256->update(c->sha256->ctx, data, n) < 0) {
        return THINGPASS_EIO;
    }
    w->crc = thingpass_crc32(w->crc, data, n);
    w->pos += (uint32_t)n;
    w->fill += n;
    int err = w->fill == c->chunk_size ? flush(spool) : THINGPASS_OK;
    return err < 0 ? err : 1;
}

static int commit(struct thingpass_spool *spool) {
    struct thingpass_spool_writer *w = &spool->writer;
    const struct thingpass_spool_config *c = spool->config;
    const struct thingpass_files *files = c->files;
    uint8_t sum[32];
    int err = c->sha256->final(c->sha256->ctx, sum) < 0 ? THINGPASS_EIO : THINGPASS_OK;
    if (err == THINGPASS_OK && c->chunk_size - w->fill < THINGPASS_ENTRY_COMMIT) {
        err = flush(spool);
    }
    if (err == THINGPASS_OK) {
        struct thingpass_writer end = {c->chunk, c->chunk_size, w->fill};
        thingpass_entry_put_commit(&end, w->crc, w->pos, sum);
        w->fill = end.len;
        err = flush(spool);
    }
    if (err == THINGPASS_OK) {
        err = files->sync(files->ctx, w->file);
    }
    if (err < 0) {
        return err;
    }
    w->open = false;
    (void)files->close(files->ctx, w->file); // it is safe already
    spool->count++;
    spool->bytes += thingpass_spool_size(w->code);
    return THINGPASS_OK;
}

// Begins anew with one of the oldest less, if the bytes can be had again, and if all
// that could go would about make room for them.
static int retry(struct thingpass_spool *spool) {
    const struct thingpass_spool_writer *w = &spool->writer;
    uint64_t size = thingpass_spool_size(w->code);
    bool worth_it = w->object->source->rewindable && spool->bytes >= size - w->pos;
    thingpass_spool_put_cancel(spool);
    int err = worth_it ? drop_one(spool) : THINGPASS_EFULL;
    err = err < 0 ? err : begin(spool);
    return err < 0 ? err : 1;
}

int thingpass_spool_put_step(struct thingpass_spool *spool) {
    if (!spool->writer.open) {
        return THINGPASS_EINVAL;
    }
    int n = pull(spool);
    if (n > 0) {
        n = take(spool, (size_t)n);
    } else if (n == 0) {
        n = commit(spool);
    }
    if (n == THINGPASS_EFULL) {
        return retry(spool);
    }
    if (n < 0 && n != THINGPASS_EAGAIN) {
        thingpass_spool_put_cancel(spool);
    }
    return n;
}
