// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "camera_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "file_source.h"

struct folder {
    const char *path;
    bool loop;
    char **names;
    size_t count;
    size_t next;
    char name[256];
    struct thingpass_file_source file;
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

static const char *flaw(const struct thingpass_file_source *file) {
    uint8_t head[2] = {0};
    uint8_t tail[2] = {0};
    if (file->size >= sizeof head &&
        (pread(file->fd, head, sizeof head, 0) != (ssize_t)sizeof head ||
         pread(file->fd, tail, sizeof tail, (off_t)file->size - 2) != (ssize_t)sizeof tail)) {
        return "it was changed while it was opened";
    }
    return thingpass_jpeg_flaw(file->size, head, tail);
}

// Opens the file and looks at it.
static int open_photo(struct folder *f, struct thingpass_why *why) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", f->path, f->name) >= (int)sizeof path) {
        return thingpass_fail(why, THINGPASS_ESOURCE, "open %s/…: the path is too long", f->path);
    }
    int rc = thingpass_file_source_open(&f->file, path, why);
    const char *wrong = rc == THINGPASS_OK ? flaw(&f->file) : NULL;
    return wrong != NULL ? thingpass_fail(why, THINGPASS_ESOURCE, "skip %s: %s", path, wrong) : rc;
}

static enum thingpass_capture capture(void *ctx, uint64_t number, struct thingpass_photo *photo) {
    struct folder *f = ctx;
    (void)number;
    *photo = (struct thingpass_photo){.name = f->path};
    thingpass_file_source_close(&f->file);
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
    if (open_photo(f, &photo->why) != THINGPASS_OK) {
        thingpass_file_source_close(&f->file);
        return THINGPASS_CAPTURE_FAILED;
    }
    photo->source = thingpass_file_source(&f->file, "image/jpeg", &photo->why);
    return THINGPASS_CAPTURED;
}

static void close_folder(void *ctx) {
    struct folder *f = ctx;
    thingpass_file_source_close(&f->file);
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
    f->file.fd = -1;
    int rc = list(f, why);
    if (rc != THINGPASS_OK) {
        close_folder(f);
        return rc;
    }
    *camera = (struct thingpass_camera){f, capture, close_folder};
    return THINGPASS_OK;
}

#endif
