// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "camera_files.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "file_source.h"

static const struct {
    const char *extension, *type;
} types[] = {
    {"jpg", "image/jpeg"},        {"jpeg", "image/jpeg"},     {"png", "image/png"},
    {"log", "text/plain"},        {"txt", "text/plain"},      {"csv", "text/csv"},
    {"json", "application/json"}, {"gz", "application/gzip"}, {"mp4", "video/mp4"},
    {"avi", "video/x-msvideo"},
};

const char *thingpass_file_type(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash != NULL ? slash : path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof types[0]; i++) {
        if (strcasecmp(dot + 1, types[i].extension) == 0) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

struct file_list {
    char *const *paths;
    size_t count;
    size_t next;
    const char *type;
    struct thingpass_file_source file;
};

static enum thingpass_capture capture(void *ctx, uint64_t number, struct thingpass_photo *photo) {
    struct file_list *l = ctx;
    (void)number;
    *photo = (struct thingpass_photo){.name = ""};
    thingpass_file_source_close(&l->file);
    if (l->next == l->count) {
        return THINGPASS_CAMERA_EMPTY;
    }
    photo->name = l->paths[l->next++];
    if (thingpass_file_source_open(&l->file, photo->name, &photo->why) != THINGPASS_OK) {
        return THINGPASS_CAPTURE_FAILED;
    }
    const char *type = l->type != NULL ? l->type : thingpass_file_type(photo->name);
    photo->source = thingpass_file_source(&l->file, type, &photo->why);
    photo->captured_at = l->file.modified_at;
    return THINGPASS_CAPTURED;
}

static void close_list(void *ctx) {
    struct file_list *l = ctx;
    thingpass_file_source_close(&l->file);
    free(l);
}

int thingpass_camera_files(struct thingpass_camera *camera, char *const *paths, size_t count,
                           const char *type, struct thingpass_why *why) {
    struct file_list *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return thingpass_fail(why, THINGPASS_ESPACE, "open the files: out of memory");
    }
    *l = (struct file_list){.paths = paths, .count = count, .type = type, .file = {.fd = -1}};
    *camera = (struct thingpass_camera){l, capture, close_list};
    return THINGPASS_OK;
}

#endif
