// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

// A photo is read from its file in chunks, like an SD card's: it is never in
// memory as a whole. It stays open while it is uploaded, so that deleting or
// renaming the file does no harm then. Its length is fixed when it is opened;
// what a file does after that (it shrinks, it grows) shows while it is read.
#include "camera_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
    const char *path;
    bool loop;
    char **names;
    size_t count;
    size_t next;
    struct thingpass_photo *photo;
    char name[256];
    int fd;
    uint64_t at;
};

static bool is_photo(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot != NULL && dot != name &&
           (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void forget_names(struct folder *f) {
    for (size_t i = 0; i < f->count; i++) {
        free(f->names[i]);
    }
    free(f->names);
    f->names = NULL;
    f->count = 0;
    f->next = 0;
}

static bool add_name(struct folder *f, const char *name) {
    char **more = realloc(f->names, (f->count + 1) * sizeof *more);
    char *copy = strdup(name);
    if (more != NULL) {
        f->names = more;
    }
    if (more == NULL || copy == NULL) {
        free(copy);
        return false;
    }
    f->names[f->count++] = copy;
    return true;
}

static int list(struct folder *f, struct thingpass_why *why) {
    forget_names(f);
    DIR *dir = opendir(f->path);
    if (dir == NULL) {
        return thingpass_fail(why, THINGPASS_EINVAL, "open the camera folder %s: %s", f->path,
                              strerror(errno));
    }
    bool room = true;
    for (struct dirent *e = readdir(dir); room && e != NULL; e = readdir(dir)) {
        room = !is_photo(e->d_name) || add_name(f, e->d_name);
    }
    (void)closedir(dir);
    if (!room) {
        return thingpass_fail(why, THINGPASS_ESPACE, "list the camera folder %s: out of memory",
                              f->path);
    }
    if (f->count == 0) {
        return thingpass_fail(
            why, THINGPASS_EINVAL,
            "the camera folder %s has no *.jpg; put photos into it, or use --scene", f->path);
    }
    qsort(f->names, f->count, sizeof f->names[0], by_name);
    return THINGPASS_OK;
}

static void close_photo(void *ctx) {
    struct folder *f = ctx;
    if (f->fd >= 0) {
        (void)close(f->fd);
    }
    f->fd = -1;
}

static int read_photo(void *ctx, void *buffer, size_t cap) {
    struct folder *f = ctx;
    ssize_t n = pread(f->fd, buffer, cap, (off_t)f->at);
    if (n < 0) {
        return thingpass_fail(&f->photo->why, THINGPASS_ESOURCE, "read %s/%s: %s", f->path, f->name,
                              strerror(errno));
    }
    uint64_t size = f->photo->source.size;
    f->at += (uint64_t)n;
    if (f->at > size || (n == 0 && f->at < size)) {
        (void)thingpass_fail(&f->photo->why, 0,
                             "%s/%s was changed while it was read: it had %llu bytes at first",
                             f->path, f->name, (unsigned long long)size);
    }
    return (int)n;
}

static int rewind_photo(void *ctx) {
    struct folder *f = ctx;
    f->at = 0;
    return THINGPASS_OK;
}

static int seek_photo(void *ctx, uint64_t offset) {
    struct folder *f = ctx;
    f->at = offset;
    return THINGPASS_OK;
}

static const char *flaw(int fd, uint64_t size) {
    uint8_t head[2] = {0};
    uint8_t tail[2] = {0};
    if (size >= sizeof head &&
        (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head ||
         pread(fd, tail, sizeof tail, (off_t)size - 2) != (ssize_t)sizeof tail)) {
        return "it was changed while it was opened";
    }
    return thingpass_jpeg_flaw(size, head, tail);
}

// Opens the file and looks at it. O_NONBLOCK keeps a named pipe from stopping
// the whole thing.
static int open_photo(struct folder *f, uint64_t *size, struct thingpass_why *why) {
    char path[4096];
    struct stat st;
    if (snprintf(path, sizeof path, "%s/%s", f->path, f->name) >= (int)sizeof path) {
        return thingpass_fail(why, THINGPASS_ESOURCE, "open %s/…: the path is too long", f->path);
    }
    f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (f->fd < 0 || fstat(f->fd, &st) != 0) {
        return thingpass_fail(why, THINGPASS_ESOURCE, "open %s: %s", path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return thingpass_fail(why, THINGPASS_ESOURCE, "skip %s: it is not a regular file", path);
    }
    const char *wrong = flaw(f->fd, (uint64_t)st.st_size);
    if (wrong != NULL) {
        return thingpass_fail(why, THINGPASS_ESOURCE, "skip %s: %s", path, wrong);
    }
    *size = (uint64_t)st.st_size;
    return THINGPASS_OK;
}

static enum thingpass_capture capture(void *ctx, uint64_t number, struct thingpass_photo *photo) {
    struct folder *f = ctx;
    (void)number;
    *photo = (struct thingpass_photo){.name = f->path};
    close_photo(f);
    if (f->next == f->count) {
        if (!f->loop) {
            return THINGPASS_CAMERA_EMPTY;
        }
        if (list(f, &photo->why) != THINGPASS_OK) {
            return THINGPASS_CAPTURE_FAILED;
        }
    }
    (void)snprintf(f->name, sizeof f->name, "%s", f->names[f->next++]);
    photo->name = f->name;
    uint64_t size = 0;
    if (open_photo(f, &size, &photo->why) != THINGPASS_OK) {
        close_photo(f);
        return THINGPASS_CAPTURE_FAILED;
    }
    f->photo = photo;
    f->at = 0;
    photo->source = (struct thingpass_source){.ctx = f,
                                              .size = size,
                                              .content_type = "image/jpeg",
                                              .known_len = true,
                                              .rewindable = true,
                                              .read = read_photo,
                                              .rewind = rewind_photo,
                                              .close = close_photo,
                                              .seek = seek_photo};
    return THINGPASS_CAPTURED;
}

static void close_folder(void *ctx) {
    struct folder *f = ctx;
    close_photo(f);
    forget_names(f);
    free(f);
}

int thingpass_camera_folder(struct thingpass_camera *camera, const char *folder, bool loop,
                            struct thingpass_why *why) {
    struct folder *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return thingpass_fail(why, THINGPASS_ESPACE, "open the camera folder %s: out of memory",
                              folder);
    }
    f->path = folder;
    f->loop = loop;
    f->fd = -1;
    int rc = list(f, why);
    if (rc != THINGPASS_OK) {
        close_folder(f);
        return rc;
    }
    *camera = (struct thingpass_camera){f, capture, close_folder};
    return THINGPASS_OK;
}

#endif
