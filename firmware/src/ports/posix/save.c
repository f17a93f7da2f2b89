// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "save.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int thingpass_save_folder(const char *folder, struct thingpass_why *why) {
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) {
        return thingpass_fail(why, THINGPASS_EINVAL, "--save: make the folder %s: %s", folder,
                              strerror(errno));
    }
    return THINGPASS_OK;
}

static int copy(FILE *out, const struct thingpass_source *source) {
    uint8_t chunk[4096];
    int n = source->rewind(source->ctx);
    while (n >= 0 && (n = source->read(source->ctx, chunk, sizeof chunk)) > 0) {
        if (fwrite(chunk, 1, (size_t)n, out) != (size_t)n) {
            return THINGPASS_EIO;
        }
    }
    int again = source->rewind(source->ctx);
    return n < 0 ? n : again;
}

int thingpass_save_photo(const char *folder, const char *id, const struct thingpass_photo *photo,
                         struct thingpass_why *why) {
    char path[4096];
    char part[4104];
    (void)snprintf(path, sizeof path, "%s/%s.jpg", folder, id);
    (void)snprintf(part, sizeof part, "%s.part", path);
    FILE *out = fopen(part, "wbe");
    if (out == NULL) {
        return thingpass_fail(why, THINGPASS_EIO, "--save: open %s: %s", part, strerror(errno));
    }
    errno = 0;
    int rc = copy(out, &photo->source);
    if (fclose(out) != 0 || rc < 0 || rename(part, path) != 0) {
        (void)thingpass_fail(why, 0, "--save: write %s: %s", path,
                             errno != 0 ? strerror(errno) : "the photo cannot be read");
        (void)unlink(part);
        return THINGPASS_EIO;
    }
    return THINGPASS_OK;
}

#endif
