// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// This folder belongs to every port: the calls are the same on Linux and under
// ESP-IDF's VFS. Only two things are asked for where there is a Linux: that the
// folder itself is synced, which the file systems of the VFS do with every file
// that they make or remove.

#if !defined(ESP_PLATFORM)
#define _POSIX_C_SOURCE   200809L
#define _FILE_OFFSET_BITS 64
#endif

#include "thingpass/posix_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { name_max = 15, most_at_once = 1 << 30 };

static int error(void) {
    switch (errno) {
    case ENOSPC:
    case EFBIG:
#ifdef EDQUOT
    case EDQUOT:
#endif
        return THINGPASS_EFULL;
    case ENODEV:
    case ENXIO:
        return THINGPASS_EMEDIUM;
    case ENOENT:
        return THINGPASS_ENOENT;
    case EEXIST:
        return THINGPASS_EEXIST;
    default:
        return THINGPASS_EIO;
    }
}

struct path {
    char text[THINGPASS_POSIX_FOLDER_MAX + 1 + name_max + 1];
};

static int join(struct path *path, const char *folder, const char *name) {
    size_t n = strlen(folder);
    size_t m = strlen(name);
    if (m > name_max) {
        return THINGPASS_EINVAL;
    }
    memcpy(path->text, folder, n);
    path->text[n] = '/';
    memcpy(path->text + n + 1, name, m + 1);
    return THINGPASS_OK;
}

// FAT says ENOENT of a card that was taken out, too: with its folder gone nothing
// is there any more.
static int error_in(const char *folder) {
    int err = error();
    struct stat st;
    if (err == THINGPASS_ENOENT && stat(folder, &st) != 0) {
        return THINGPASS_EMEDIUM;
    }
    return err;
}

static int open_file(void *ctx, const char *name, enum thingpass_file_use use) {
    static const int flags[] = {O_RDONLY, O_WRONLY | O_CREAT | O_EXCL,
                                O_WRONLY | O_CREAT | O_APPEND};
    const struct thingpass_posix_files *posix = ctx;
    struct path path;
    if (join(&path, posix->folder, name) < 0) {
        return THINGPASS_EINVAL;
    }
    int file = open(path.text, flags[use], 0644);
    return file < 0 ? error_in(posix->folder) : file;
}

static int read_file(void *ctx, int file, void *buf, size_t cap) {
    (void)ctx;
    ssize_t n = read(file, buf, cap < most_at_once ? cap : most_at_once);
    return n < 0 ? error() : (int)n;
}

// FAT writes what fits and only then says that it is full.
static int write_file(void *ctx, int file, const void *data, size_t len) {
    (void)ctx;
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(file, p, len < most_at_once ? len : most_at_once);
        if (n <= 0) {
            return n == 0 ? THINGPASS_EFULL : error();
        }
        p += n;
        len -= (size_t)n;
    }
    return THINGPASS_OK;
}

static int seek_file(void *ctx, int file, uint64_t offset) {
    (void)ctx;
    off_t to = (off_t)offset; // 32 bits of it under ESP-IDF
    if (to < 0 || (uint64_t)to != offset) {
        return THINGPASS_EINVAL;
    }
    return lseek(file, to, SEEK_SET) == to ? THINGPASS_OK : error();
}

static int size_of_file(void *ctx, int file, uint64_t *size) {
    (void)ctx;
    off_t at = lseek(file, 0, SEEK_CUR);
    off_t end = lseek(file, 0, SEEK_END);
    if (at < 0 || end < 0 || lseek(file, at, SEEK_SET) != at) {
        return error();
    }
    *size = (uint64_t)end;
    return THINGPASS_OK;
}

#if defined(ESP_PLATFORM)
static int sync_folder(const char *folder) {
    (void)folder;
    return THINGPASS_OK;
}
#else
static int sync_folder(const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    if (fd < 0) {
        return error();
    }
    int err = fsync(fd) == 0 ? THINGPASS_OK : error();
    (void)close(fd);
    return err;
}
#endif

static int sync_file(void *ctx, int file) {
    const struct thingpass_posix_files *posix = ctx;
    return fsync(file) == 0 ? sync_folder(posix->folder) : error();
}

static int close_file(void *ctx, int file) {
    (void)ctx;
    return close(file) == 0 ? THINGPASS_OK : error();
}

static int remove_file(void *ctx, const char *name) {
    const struct thingpass_posix_files *posix = ctx;
    struct path path;
    if (join(&path, posix->folder, name) < 0) {
        return THINGPASS_EINVAL;
    }
    return unlink(path.text) == 0 ? sync_folder(posix->folder) : error_in(posix->folder);
}

static int list_folder(void *ctx, thingpass_file_name *each, void *each_ctx) {
    const struct thingpass_posix_files *posix = ctx;
    DIR *dir = opendir(posix->folder);
    if (dir == NULL) {
        int err = error();
        return err == THINGPASS_ENOENT ? THINGPASS_EMEDIUM : err;
    }
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(dir)) != NULL) {
        each(each_ctx, entry->d_name);
    }
    int err = errno == 0 ? THINGPASS_OK : error();
    (void)closedir(dir);
    return err;
}

int thingpass_posix_files_init(struct thingpass_posix_files *posix, const char *folder) {
    if (posix == NULL || folder == NULL || strlen(folder) > THINGPASS_POSIX_FOLDER_MAX) {
        return THINGPASS_EINVAL;
    }
    const struct thingpass_files files = {posix,       open_file,    read_file, write_file,
                                          seek_file,   size_of_file, sync_file, close_file,
                                          remove_file, list_folder};
    posix->files = files;
    posix->folder = folder;
    return THINGPASS_OK;
}
