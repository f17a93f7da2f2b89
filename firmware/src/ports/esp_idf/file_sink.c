// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A download into a file, over POSIX calls: ESP-IDF's VFS has them, and so has
// Linux, where tests/esp runs it.
//
// Beside "/sd/fw.bin" lie "/sd/fw.prt", the bytes so far, and "/sd/fw.ver", which
// version they are of: names that FAT takes without long ones. fw.ver goes before
// fw.prt is begun anew, and comes after that, so that it never speaks of other
// bytes.

#if !defined(ESP_PLATFORM)
#define _POSIX_C_SOURCE   200809L
#define _FILE_OFFSET_BITS 64
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "thingpass/download.h"
#include "thingpass/esp.h"

enum { PATH_MAX_BYTES = 120, VERSION_MAX = 200, SYNC_EVERY = 65536 };

struct file {
    struct thingpass_sink sink;
    char path[PATH_MAX_BYTES + 1];
    char part[PATH_MAX_BYTES + 5];
    char label[PATH_MAX_BYTES + 5];
    char version[VERSION_MAX + 1]; // of what lies in part; "" if nobody knows
    int fd;                        // of part; -1 while closed
    size_t unsynced;
};

static int failed(void) {
    return errno == ENOSPC ? THINGPASS_EFULL : THINGPASS_EIO;
}

static int write_all(int fd, const void *data, size_t n) {
    const char *p = data;
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done <= 0) {
            return failed();
        }
        p += done;
        n -= (size_t)done;
    }
    return THINGPASS_OK;
}

static void close_part(struct file *f) {
    if (f->fd >= 0) {
        (void)close(f->fd);
    }
    f->fd = -1;
}

static void write_label(struct file *f, const char *version) {
    size_t n = strlen(version);
    if (n == 0 || n > VERSION_MAX) {
        return;
    }
    int fd = open(f->label, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0) {
        return; // without it the next download begins anew
    }
    bool whole = write_all(fd, version, n) == THINGPASS_OK && fsync(fd) == 0;
    (void)close(fd);
    if (!whole) {
        (void)unlink(f->label);
    }
}

static int begin(void *ctx, const char *version, uint32_t size, uint32_t offset) {
    struct file *f = ctx;
    (void)size;
    close_part(f);
    f->unsynced = 0;
    if (offset == 0) {
        (void)unlink(f->label);
    }
    f->fd = open(f->part, O_RDWR | O_CREAT | (offset == 0 ? O_TRUNC : 0), 0666);
    if (f->fd < 0 || lseek(f->fd, (off_t)offset, SEEK_SET) < 0) {
        return failed();
    }
    if (offset == 0) {
        write_label(f, version);
    }
    return THINGPASS_OK;
}

static int put(void *ctx, const void *data, size_t n) {
    struct file *f = ctx;
    int rc = write_all(f->fd, data, n);
    f->unsynced += n;
    if (rc == THINGPASS_OK && f->unsynced >= SYNC_EVERY) {
        f->unsynced = 0;
        rc = fsync(f->fd) == 0 ? THINGPASS_OK : failed();
    }
    return rc;
}

static int get(void *ctx, uint32_t offset, void *buf, size_t cap) {
    struct file *f = ctx;
    // begin comes before, and what is written goes on where it was.
    off_t here = lseek(f->fd, 0, SEEK_CUR);
    if (here < 0 || lseek(f->fd, (off_t)offset, SEEK_SET) < 0) {
        return failed();
    }
    ssize_t n = read(f->fd, buf, cap);
    if (n < 0 || lseek(f->fd, here, SEEK_SET) < 0) {
        return failed();
    }
    return (int)n;
}

static int put_in_place(struct file *f) {
    bool synced = fsync(f->fd) == 0;
    close_part(f);
    if (!synced) {
        return failed();
    }
    // FAT does not rename over a file that is there.
    if (rename(f->part, f->path) != 0 && (unlink(f->path) != 0 || rename(f->part, f->path) != 0)) {
        return failed();
    }
    (void)unlink(f->label);
    return THINGPASS_OK;
}

static int end(void *ctx, int err) {
    struct file *f = ctx;
    if (err == THINGPASS_OK) {
        return put_in_place(f);
    }
    if (f->fd >= 0) {
        (void)fsync(f->fd);
    }
    close_part(f);
    if (err == THINGPASS_ECORRUPT) {
        (void)unlink(f->label);
        (void)unlink(f->part);
    }
    return THINGPASS_OK;
}

// Replaces the extension of the last part of path.
static void name_beside(char *name, const char *path, const char *extension) {
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(path, '.');
    size_t n =
        dot != NULL && (slash == NULL || dot > slash + 1) ? (size_t)(dot - path) : strlen(path);
    memcpy(name, path, n);
    memcpy(name + n, extension, strlen(extension) + 1);
}

// What an earlier download has left.
static void find(struct file *f, struct thingpass_download *download) {
    struct stat about;
    int fd = open(f->label, O_RDONLY);
    if (fd < 0) {
        return;
    }
    ssize_t n = read(fd, f->version, VERSION_MAX);
    (void)close(fd);
    f->version[n > 0 ? n : 0] = '\0';
    if (f->version[0] != '\0' && stat(f->part, &about) == 0 && about.st_size > 0 &&
        (uint64_t)about.st_size <= UINT32_MAX) {
        download->from = (uint32_t)about.st_size;
        download->from_version = f->version;
    }
}

int thingpass_esp_file_open(struct thingpass_esp_file *file, const char *path,
                            struct thingpass_download *download) {
    memset(file, 0, sizeof *file);
    size_t n = path != NULL ? strlen(path) : 0;
    if (n == 0 || n > PATH_MAX_BYTES) {
        return THINGPASS_EINVAL;
    }
    struct file *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return THINGPASS_ESPACE;
    }
    memcpy(f->path, path, n + 1);
    name_beside(f->part, path, ".prt");
    name_beside(f->label, path, ".ver");
    f->fd = -1;
    f->sink = (struct thingpass_sink){f, begin, put, get, end};
    download->sink = &f->sink;
    download->from = 0;
    download->from_version = NULL;
    find(f, download);
    file->sink = &f->sink;
    file->path = path;
    file->own = f;
    return THINGPASS_OK;
}

void thingpass_esp_file_close(struct thingpass_esp_file *file) {
    if (file->own != NULL) {
        close_part(file->own);
        free(file->own);
    }
    memset(file, 0, sizeof *file);
}
