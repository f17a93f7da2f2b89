// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "thingpass/spool.h"

#include <string.h>

#include "spool_entry.h"
#include "spool_files.h"

static bool ports_ok(const struct thingpass_spool_config *c) {
    const struct thingpass_files *f = c->files;
    const struct thingpass_sha256 *s = c->sha256;
    return f != NULL && f->open != NULL && f->read != NULL && f->write != NULL && f->seek != NULL &&
           f->size != NULL && f->sync != NULL && f->close != NULL && f->remove != NULL &&
           f->list != NULL && s != NULL && s->init != NULL && s->update != NULL &&
           s->final != NULL && c->chunk != NULL && c->buffer != NULL;
}

// Only what was put last can be half-written, unless that could not be removed
// then: so from the newest entry on, until one is whole.
static int repair(struct thingpass_spool *spool) {
    struct thingpass_spool_scan scan;
    for (;;) {
        int err = thingpass_spool_look(spool, &scan, false);
        if (err < 0) {
            return err;
        }
        spool->next = scan.newest.sorts != 0 ? scan.newest.number + 1 : 0;
        spool->cursor = scan.oldest.sorts != 0 ? scan.oldest.number - 1 : spool->next - 1;
        const struct thingpass_spool_found *last = &scan.newest;
        if (last->sorts != 1U << THINGPASS_SPOOL_ENTRY ||
            thingpass_spool_load(spool, last->number, last->code) != THINGPASS_ENOENT) {
            thingpass_spool_release(spool);
            return THINGPASS_OK;
        }
        err = thingpass_spool_remove_all(spool, last->number, last->code);
        if (err < 0) {
            return err;
        }
    }
}

int thingpass_spool_open(struct thingpass_spool *spool, const struct thingpass_spool_config *config,
                         uint32_t boot) {
    if (spool == NULL) {
        return THINGPASS_EINVAL;
    }
    memset(spool, 0, sizeof *spool);
    if (config == NULL || !ports_ok(config)) {
        return THINGPASS_EINVAL;
    }
    if (config->buffer_size < THINGPASS_SPOOL_BUFFER_MIN ||
        config->chunk_size < THINGPASS_SPOOL_CHUNK_MIN) {
        return THINGPASS_ESPACE;
    }
    spool->config = config;
    spool->boot = boot;
    int err = repair(spool);
    if (err < 0) {
        memset(spool, 0, sizeof *spool);
    }
    return err;
}

static int mark_aside(struct thingpass_spool *spool) {
    const struct thingpass_files *files = spool->config->files;
    const struct thingpass_spool_reader *r = &spool->reader;
    int file = thingpass_spool_open_file(spool, r->number, r->code, THINGPASS_SPOOL_ASIDE,
                                         THINGPASS_FILE_NEW);
    if (file < 0) {
        return file == THINGPASS_EEXIST ? THINGPASS_OK : file;
    }
    int err = files->sync(files->ctx, file); // that it is there is all that it says
    (void)files->close(files->ctx, file);
    spool->aside++;
    return err;
}

// Whether that can be or not: this boot does not see the entry again.
int thingpass_spool_set_aside(struct thingpass_spool *spool) {
    if (spool->config == NULL) {
        return THINGPASS_EMEDIUM;
    }
    thingpass_spool_skip(spool);
    return mark_aside(spool);
}

// Opens what was found. THINGPASS_EAGAIN: that was nothing, look further.
static int open_found(struct thingpass_spool *spool, const struct thingpass_spool_found *found) {
    if ((found->sorts & 1U << THINGPASS_SPOOL_ENTRY) == 0) {
        int err = thingpass_spool_remove_all(spool, found->number, found->code);
        return err < 0 ? err : THINGPASS_EAGAIN;
    }
    if ((found->sorts & 1U << THINGPASS_SPOOL_ASIDE) != 0) {
        spool->cursor = found->number;
        return THINGPASS_EAGAIN;
    }
    int err = thingpass_spool_load(spool, found->number, found->code);
    if (err == THINGPASS_ENOENT) {
        err = thingpass_spool_remove_all(spool, found->number, found->code);
        return err < 0 ? err : THINGPASS_EAGAIN;
    }
    if (err == THINGPASS_EDAMAGED || err == THINGPASS_ESPACE) {
        (void)thingpass_spool_set_aside(spool);
    }
    return err;
}

int thingpass_spool_next(struct thingpass_spool *spool, const struct thingpass_object **object) {
    struct thingpass_spool_scan scan;
    *object = NULL;
    if (spool->config == NULL) {
        return THINGPASS_EMEDIUM;
    }
    if (spool->reader.open) {
        return THINGPASS_EBUSY;
    }
    int err = THINGPASS_EAGAIN;
    while (err == THINGPASS_EAGAIN) {
        err = thingpass_spool_look(spool, &scan, true);
        if (err == THINGPASS_OK) {
            spool->reader.number = scan.first.number; // for skip
            err = scan.first.sorts != 0 ? open_found(spool, &scan.first) : THINGPASS_ENOENT;
        }
    }
    if (err == THINGPASS_OK) {
        *object = &spool->object;
    }
    return err;
}

uint8_t thingpass_spool_hint(const struct thingpass_spool *spool) {
    return spool->hint;
}

static int write_note(struct thingpass_spool *spool, const struct thingpass_writer *w) {
    const struct thingpass_files *files = spool->config->files;
    const struct thingpass_spool_reader *r = &spool->reader;
    // One that is there was not good, or it would have been taken.
    int err = thingpass_spool_remove_file(spool, r->number, r->code, THINGPASS_SPOOL_NOTE);
    int file = err < 0 ? err
                       : thingpass_spool_open_file(spool, r->number, r->code, THINGPASS_SPOOL_NOTE,
                                                   THINGPASS_FILE_NEW);
    if (file < 0) {
        return file;
    }
    err = files->write(files->ctx, file, w->buf, w->len);
    err = err < 0 ? err : files->sync(files->ctx, file);
    (void)files->close(files->ctx, file);
    return err < 0 ? err : THINGPASS_OK;
}

int thingpass_spool_note(struct thingpass_spool *spool, int64_t captured_at,
                         const char *object_key) {
    struct thingpass_object *o = &spool->object;
    if (!spool->reader.open) {
        return THINGPASS_EINVAL;
    }
    if (o->captured_at != 0 || o->object_key != NULL) {
        return THINGPASS_OK;
    }
    // With room for a byte more, as it is read.
    struct thingpass_writer w = {(char *)spool->config->buffer + spool->used,
                                 spool->config->buffer_size - spool->used - 1, 0};
    thingpass_note_put(&w, spool->reader.entry_crc, captured_at,
                       object_key != NULL ? object_key : "");
    if (w.len == SIZE_MAX) {
        return THINGPASS_ESPACE;
    }
    int err = write_note(spool, &w);
    if (err == THINGPASS_OK) {
        thingpass_note_take(spool, w.len);
    }
    return err;
}

int thingpass_spool_remove(struct thingpass_spool *spool) {
    const struct thingpass_spool_reader *r = &spool->reader;
    if (!r->open) {
        return THINGPASS_EINVAL;
    }
    thingpass_spool_release(spool);
    int err = thingpass_spool_remove_all(spool, r->number, r->code);
    if (err < 0) {
        spool->cursor = r->number; // or it would be sent for ever
        return err;
    }
    spool->count--;
    spool->bytes -= thingpass_spool_size(r->code);
    return THINGPASS_OK;
}

int thingpass_spool_keep(struct thingpass_spool *spool) {
    if (spool->reader.open && spool->reader.damaged) {
        (void)thingpass_spool_set_aside(spool);
        return THINGPASS_EDAMAGED;
    }
    if (spool->reader.open) {
        thingpass_spool_release(spool);
    }
    return THINGPASS_OK;
}

void thingpass_spool_skip(struct thingpass_spool *spool) {
    if (spool->config != NULL) {
        thingpass_spool_release(spool);
        spool->cursor = spool->reader.number;
    }
}

void thingpass_spool_again(struct thingpass_spool *spool) {
    struct thingpass_spool_scan scan;
    if (spool->config != NULL && !spool->reader.open &&
        thingpass_spool_look(spool, &scan, true) == THINGPASS_OK && scan.oldest.sorts != 0) {
        spool->cursor = scan.oldest.number - 1;
    }
}

int thingpass_spool_forgive(struct thingpass_spool *spool) {
    struct thingpass_spool_scan scan;
    int err = spool->config != NULL ? THINGPASS_OK : THINGPASS_EMEDIUM;
    while (err == THINGPASS_OK) {
        err = thingpass_spool_look(spool, &scan, true);
        if (err < 0 || scan.worst.sorts == 0) {
            break;
        }
        err = thingpass_spool_remove_file(spool, scan.worst.number, scan.worst.code,
                                          THINGPASS_SPOOL_ASIDE);
    }
    thingpass_spool_again(spool);
    return err;
}

uint32_t thingpass_spool_waiting(const struct thingpass_spool *spool) {
    return spool->count > spool->aside ? spool->count - spool->aside : 0;
}
