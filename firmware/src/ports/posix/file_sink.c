// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "file_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(struct thingpass_file_sink *s, const char *what, const char *path) {
    return thingpass_fail(&s->why, THINGPASS_EIO, "%s %s: %s", what, path, strerror(errno));
}

// Makes a rename or an unlink survive a power failure.
static int sync_folder(struct thingpass_file_sink *s) {
    char copy[THINGPASS_FILE_SINK_PATH];
    (void)snprintf(copy, sizeof copy, "%s", s->path);
    const char *folder = dirname(copy);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) != 0 ? failed(s, "sync the folder", folder) : THINGPASS_OK;
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

// What reached the disk is only known after fsync, so the state is written behind it.
static int save_state(struct thingpass_file_sink *s) {
    if (fsync(s->fd) != 0) {
        return failed(s, "sync", s->part);
    }
    FILE *out = fopen(s->next_state, "we");
    if (out == NULL) {
        return failed(s, "open", s->next_state);
    }
    bool ok = fprintf(out, "%u %s\n", s->len, s->version) > 0 && fflush(out) == 0 &&
              fsync(fileno(out)) == 0;
    if (fclose(out) != 0 || !ok || rename(s->next_state, s->state) != 0) {
        return failed(s, "write", s->state);
    }
    s->synced = s->len;
    return THINGPASS_OK;
}

static int begin(void *ctx, const char *version, uint32_t size, uint32_t offset) {
    struct thingpass_file_sink *s = ctx;
    (void)size;
    if (strlen(version) >= sizeof s->version) {
        return thingpass_fail(&s->why, THINGPASS_ESPACE, "the version's name is too long");
    }
    if (s->fd < 0) {
        s->fd = open(s->part, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    }
    // The old state must be gone before the bytes are that it tells of.
    if (s->fd < 0 || (offset == 0 && unlink(s->state) != 0 && errno != ENOENT)) {
        return failed(s, "open", s->part);
    }
    if (ftruncate(s->fd, offset) != 0) {
        return failed(s, "cut", s->part);
    }
    (void)memmove(s->version, version, strlen(version) + 1);
    s->len = offset;
    return save_state(s);
}

static int write_all(void *ctx, const void *data, size_t n) {
    struct thingpass_file_sink *s = ctx;
    const char *p = data;
    while (n > 0) {
        ssize_t done = pwrite(s->fd, p, n, s->len);
        if (done < 0 && errno != EINTR) {
            return failed(s, "write", s->part);
        }
        size_t taken = done > 0 ? (size_t)done : 0;
        p += taken;
        n -= taken;
        s->len += (uint32_t)taken;
    }
    return s->len - s->synced < THINGPASS_FILE_SINK_SYNC ? THINGPASS_OK : save_state(s);
}

static int read_back(void *ctx, uint32_t offset, void *buf, size_t cap) {
    struct thingpass_file_sink *s = ctx;
    ssize_t n = pread(s->fd, buf, cap < 1 << 20 ? cap : 1 << 20, offset);
    return n < 0 ? failed(s, "read", s->part) : (int)n;
}

static void forget(struct thingpass_file_sink *s) {
    (void)unlink(s->state);
    (void)unlink(s->part);
}

static int put_in_place(struct thingpass_file_sink *s) {
    if (fsync(s->fd) != 0) {
        return failed(s, "sync", s->part);
    }
    if (rename(s->part, s->path) != 0) {
        return failed(s, "put in place", s->path);
    }
    (void)unlink(s->state);
    return sync_folder(s);
}

static int end(void *ctx, int err) {
    struct thingpass_file_sink *s = ctx;
    int rc = THINGPASS_OK;
    if (err == THINGPASS_OK) {
        rc = put_in_place(s);
    } else if (err == THINGPASS_ECORRUPT) {
        forget(s);
    } else {
        rc = save_state(s);
    }
    thingpass_file_sink_close(s);
    return rc;
}

// Reads "<bytes> <version>\n"; whatever else stands there counts as nothing.
static void read_state(struct thingpass_file_sink *s) {
    char line[THINGPASS_KEY_MAX + 32];
    char *version = NULL;
    struct stat part;
    FILE *in = fopen(s->state, "re");
    bool ok = in != NULL && fgets(line, sizeof line, in) != NULL && fgetc(in) == EOF;
    if (in != NULL) {
        (void)fclose(in);
    }
    unsigned long n = ok && line[0] >= '0' && line[0] <= '9' ? strtoul(line, &version, 10) : 0;
    size_t len = version != NULL ? strlen(version) : 0;
    if (n == 0 || n > UINT32_MAX || len < 3 || *version != ' ' || version[len - 1] != '\n' ||
        len - 2 > THINGPASS_KEY_MAX || stat(s->part, &part) != 0 || (uint64_t)part.st_size < n) {
        return;
    }
    (void)memcpy(s->version, version + 1, len - 2);
    s->version[len - 2] = '\0';
    s->from = (uint32_t)n;
}

int thingpass_file_sink_open(struct thingpass_file_sink *s, const char *path) {
    memset(s, 0, sizeof *s);
    s->fd = -1;
    if (*path == '\0' || strlen(path) >= sizeof s->path) {
        return thingpass_fail(&s->why, THINGPASS_EINVAL, "a file's path has 1 to %d bytes",
                              THINGPASS_FILE_SINK_PATH - 1);
    }
    (void)snprintf(s->path, sizeof s->path, "%s", path);
    (void)snprintf(s->part, sizeof s->part, "%s.part", path);
    (void)snprintf(s->state, sizeof s->state, "%s.part.state", path);
    (void)snprintf(s->next_state, sizeof s->next_state, "%s.part.state.new", path);
    s->sink = (struct thingpass_sink){s, begin, write_all, read_back, end};
    read_state(s);
    return THINGPASS_OK;
}

void thingpass_file_sink_close(struct thingpass_file_sink *s) {
    if (s->fd >= 0) {
        (void)close(s->fd);
        s->fd = -1;
    }
}

#endif
