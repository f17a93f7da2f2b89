// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "camera_files.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "file_source.h"

static const struct {
    const char *extension, *type, *suffix;
} types[] = {
    {"jpg", "image/jpeg", ".jpg"},
    {"jpeg", "image/jpeg", ".jpg"},
    {"png", "image/png", ".png"},
    {"webp", "image/webp", ".webp"},
    {"log", "text/plain", ".txt"},
    {"txt", "text/plain", ".txt"},
    {"csv", "text/csv", ".csv"},
    {"json", "application/json", ".json"},
    {"gz", "application/gzip", ".gz"},
    {"zip", "application/zip", ".zip"},
    {"wav", "audio/wav", ".wav"},
    {"mp4", "video/mp4", ".mp4"},
    {"bin", "application/octet-stream", ".bin"},
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

const char *thingpass_type_suffix(const char *type) {
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(type, types[i].type) == 0) {
            return types[i].suffix;
        }
    }
    return "";
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
