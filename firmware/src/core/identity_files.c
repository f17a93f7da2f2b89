// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "thingpass/identity_files.h"

#include <string.h>

struct name {
    char text[13];
};

static struct name name_of(unsigned slot, enum thingpass_identity_item item) {
    static const struct name names[] = {
        {"KEYSLOT0.PEM"}, {"CRTSLOT0.PEM"}, {"RECSLOT0.TXT"}, {"PRFSLOT0.TXT"}};
    struct name name = names[item];
    name.text[7] = (char)('0' + slot);
    return name;
}

static int erase(void *ctx, unsigned slot, enum thingpass_identity_item item) {
    const struct thingpass_identity_files *f = ctx;
    struct name name = name_of(slot, item);
    int err = f->files->remove(f->files->ctx, name.text);
    return err == THINGPASS_ENOENT ? THINGPASS_OK : err;
}

static int write(void *ctx, unsigned slot, enum thingpass_identity_item item, const void *data,
                 size_t n) {
    const struct thingpass_identity_files *f = ctx;
    const struct thingpass_files *files = f->files;
    struct name name = name_of(slot, item);
    int err = erase(ctx, slot, item);
    int file = err < 0 ? err : files->open(files->ctx, name.text, THINGPASS_FILE_NEW);
    if (file < 0) {
        return file;
    }
    err = files->write(files->ctx, file, data, n);
    if (err >= 0) {
        err = files->sync(files->ctx, file);
    }
    int closed = files->close(files->ctx, file);
    return err < 0 ? err : closed;
}

// Reads all of a file into buf, which has room for it.
static int read_all(const struct thingpass_files *files, int file, char *buf, size_t n) {
    size_t done = 0;
    while (done < n) {
        int got = files->read(files->ctx, file, buf + done, n - done);
        if (got <= 0 || (size_t)got > n - done) {
            return got < 0 ? got : THINGPASS_EIO;
        }
        done += (size_t)got;
    }
    return (int)n;
}

static int read_file(const struct thingpass_identity_files *f, unsigned slot,
                     enum thingpass_identity_item item, void *buf, size_t cap, bool only_look) {
    const struct thingpass_files *files = f->files;
    struct name name = name_of(slot, item);
    uint64_t size;
    int file = files->open(files->ctx, name.text, THINGPASS_FILE_READ);
    if (file < 0) {
        return file;
    }
    int n = files->size(files->ctx, file, &size);
    if (n >= 0) {
        n = only_look    ? THINGPASS_OK
            : size > cap ? THINGPASS_ESPACE
                         : read_all(files, file, buf, (size_t)size);
    }
    (void)files->close(files->ctx, file);
    return n;
}

static int read(void *ctx, unsigned slot, enum thingpass_identity_item item, void *buf,
                size_t cap) {
    return read_file(ctx, slot, item, buf, cap, item == THINGPASS_IDENTITY_KEY);
}

static int make(void *ctx, unsigned slot, char *pem, size_t cap) {
    const struct thingpass_identity_files *f = ctx;
    return f->make_csr(f->make_ctx, slot, pem, cap);
}

void thingpass_identity_files_init(struct thingpass_identity_files *f,
                                   const struct thingpass_files *files,
                                   int (*make_csr)(void *ctx, unsigned slot, char *pem, size_t cap),
                                   void *make_ctx) {
    const struct thingpass_identity_files fresh = {.keeper = {f, make, write, read, erase},
                                                   .files = files,
                                                   .make_csr = make_csr,
                                                   .make_ctx = make_ctx};
    *f = fresh;
}

int thingpass_identity_files_read_key(const struct thingpass_identity_files *f, unsigned slot,
                                      void *buf, size_t cap) {
    return read_file(f, slot, THINGPASS_IDENTITY_KEY, buf, cap, false);
}

int thingpass_identity_files_write_key(const struct thingpass_identity_files *f, unsigned slot,
                                       const void *data, size_t n) {
    return write(f->keeper.ctx, slot, THINGPASS_IDENTITY_KEY, data, n);
}
