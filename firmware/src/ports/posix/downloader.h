// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_DOWNLOADER_H
#define THINGPASS_POSIX_DOWNLOADER_H

#include "virtual_thing.h"

// Fetches an object to the file that the options name, unless the file is that
// already; goes on where an earlier run was. Returns whether the file is what is
// there now.
bool thingpass_downloader_run(struct thingpass_virtual_thing *thing);

#endif
