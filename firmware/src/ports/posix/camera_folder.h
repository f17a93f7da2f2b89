// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_CAMERA_FOLDER_H
#define THINGPASS_POSIX_CAMERA_FOLDER_H

#include "camera.h"

// A camera whose photos are the *.jpg and *.jpeg files of a folder, in the order
// of their names' bytes. The folder is listed at the start of each round; with
// loop there is another round after the last file.
//
// Opens camera on THINGPASS_OK; otherwise returns < 0 with the reason: the
// folder cannot be read, or has no such file.
int thingpass_camera_folder(struct thingpass_camera *camera, const char *folder, bool loop,
                            struct thingpass_why *why);

#endif
