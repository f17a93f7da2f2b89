// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_SAVE_H
#define THINGPASS_POSIX_SAVE_H

#include "camera.h"

// Makes the folder for copies, if it is not there.
int thingpass_save_folder(const char *folder, struct thingpass_why *why);

// Writes a copy of the photo to folder/<id>.jpg, whole or not at all, and
// rewinds the photo. Returns THINGPASS_OK or < 0.
int thingpass_save_photo(const char *folder, const char *id, const struct thingpass_photo *photo,
                         struct thingpass_why *why);

#endif
