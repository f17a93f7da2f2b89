// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "thingpass/sources.h"

static int read_file(void *ctx, void *buf, size_t cap) {
    struct thingpass_file *f = ctx;
    return f->files->read(f->files->ctx, f->number, buf, cap);
}

static int seek_file(void *ctx, uint64_t offset) {
    struct thingpass_file *f = ctx;
    return f->files->seek(f->files->ctx, f->number, offset);
}

static int rewind_file(void *ctx) {
    return seek_file(ctx, 0);
}

static void close_file(void *ctx) {
    struct thingpass_file *f = ctx;
    (void)f->files->close(f->files->ctx, f->number);
}

int thingpass_source_file(struct thingpass_file *file, const struct thingpass_files *files,
                          const char *name, const char *content_type) {
    const struct thingpass_file fresh = {.source = {.ctx = file,
                                                    .content_type = content_type,
                                                    .known_len = true,
                                                    .rewindable = true,
                                                    .read = read_file,
                                                    .rewind = rewind_file,
                                                    .close = close_file,
                                                    .seek = seek_file},
                                         .files = files};
    *file = fresh;
    file->number = files->open(files->ctx, name, THINGPASS_FILE_READ);
    if (file->number < 0) {
        return file->number;
    }
    int err = files->size(files->ctx, file->number, &file->source.size);
    if (err < 0) {
        close_file(file);
    }
    return err < 0 ? err : THINGPASS_OK;
}
