// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "file_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void thingpass_file_source_close(struct thingpass_file_source *file) {
    if (file->fd >= 0) {
        (void)close(file->fd);
    }
    file->fd = -1;
}

// O_NONBLOCK keeps a named pipe from stopping the whole thing.
int thingpass_file_source_open(struct thingpass_file_source *file, const char *path,
                               struct thingpass_why *why) {
    struct stat st;
    if (snprintf(file->path, sizeof file->path, "%s", path) >= (int)sizeof file->path) {
        return thingpass_fail(why, THINGPASS_ESOURCE, "open %.80s…: the path is too long", path);
    }
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0 || fstat(file->fd, &st) != 0) {
        (void)thingpass_fail(why, 0, "open %s: %s", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        (void)thingpass_fail(why, 0, "skip %s: it is not a regular file", path);
    } else {
        file->size = (uint64_t)st.st_size;
        file->modified_at = st.st_mtim.tv_sec;
        file->at = 0;
        return THINGPASS_OK;
    }
    thingpass_file_source_close(file);
    return THINGPASS_ESOURCE;
}

static int read_file(void *ctx, void *buffer, size_t cap) {
    struct thingpass_file_source *f = ctx;
    ssize_t n = pread(f->fd, buffer, cap, (off_t)f->at);
    if (n < 0) {
        return thingpass_fail(f->why, THINGPASS_ESOURCE, "read %s: %s", f->path, strerror(errno));
    }
    f->at += (uint64_t)n;
    if (f->at > f->size || (n == 0 && f->at < f->size)) {
        (void)thingpass_fail(f->why, 0,
                             "%s was changed while it was read: it had %llu bytes at first",
                             f->path, (unsigned long long)f->size);
    }
    return (int)n;
}

static int seek_file(void *ctx, uint64_t offset) {
    struct thingpass_file_source *f = ctx;
    f->at = offset;
    return THINGPASS_OK;
}

static int rewind_file(void *ctx) {
    return seek_file(ctx, 0);
}

static void close_file(void *ctx) {
    thingpass_file_source_close(ctx);
}

struct thingpass_source thingpass_file_source(struct thingpass_file_source *file,
                                              const char *content_type, struct thingpass_why *why) {
    file->why = why;
    return (struct thingpass_source){.ctx = file,
                                     .size = file->size,
                                     .content_type = content_type,
                                     .known_len = true,
                                     .rewindable = true,
                                     .read = read_file,
                                     .rewind = rewind_file,
                                     .close = close_file,
                                     .seek = seek_file};
}

#endif
