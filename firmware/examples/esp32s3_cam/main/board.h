// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The camera's pins, and its start.

#ifndef BOARD_H
#define BOARD_H

#include "esp_err.h"

// Starts the camera for JPEGs of SVGA size, two frame buffers in PSRAM.
esp_err_t board_camera_start(void);

// Ends it: an update does not go together with a camera that writes to PSRAM.
void board_camera_stop(void);

#endif
