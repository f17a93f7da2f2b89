// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Why a picture is worth an upload: it moved, it is time, or somebody asks.

#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>

#include "thingpass/esp_camera_source.h"

// Prepares the motion gate; heartbeat_s is how often a photo is sent of a scene in
// which nothing happens.
int watch_start(unsigned heartbeat_s);

// Looks at a picture. Returns a word for its metadata ("motion", "heartbeat"), or
// NULL if it is not worth an upload.
const char *watch_look(const struct thingpass_esp_picture *picture);

#endif
