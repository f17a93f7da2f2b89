// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_DOWNLOAD_RUN_H
#define THINGPASS_POSIX_DOWNLOAD_RUN_H

#include <stdbool.h>

struct thingpass_virtual_thing;

// Fetches what the options name into a file: an update, a configuration. If the
// file is there, it is what the thing has already. Returns whether the file is now
// what the bucket holds.
bool thingpass_download_run(struct thingpass_virtual_thing *thing);

#endif
