// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_CAMERA_FILES_H
#define THINGPASS_POSIX_CAMERA_FILES_H

#include <stddef.h>

#include "camera.h"

// The media type that a file's name suggests; "application/octet-stream" if it
// says nothing.
const char *thingpass_file_type(const char *path);

// The suffix that the broker gives keys of a media type; "" if it is not known.
const char *thingpass_type_suffix(const char *type);

// Opens a camera that gives these files in their order, each once and whatever it
// holds. type is the media type of all; NULL: what each name suggests. paths and
// type must outlive the camera, which must be closed. Returns THINGPASS_OK or < 0.
int thingpass_camera_files(struct thingpass_camera *camera, char *const *paths, size_t count,
                           const char *type, struct thingpass_why *why);

#endif
