// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The SPI bus to an Arducam Mega, and the settings of its sensor.

#ifndef MEGA_H
#define MEGA_H

#include "esp_err.h"
#include "thingpass/arducam.h"

enum { mega_burst = 2048 }; // bytes of one DMA transfer

extern const struct thingpass_arducam_spi mega_spi;

// Starts the bus, then as mega_set_up().
esp_err_t mega_start(void);

// Resets the camera and sets it to JPEG, 1600x1200: also for one that has lost its
// settings, by a dip of its supply, say. ESP_ERR_TIMEOUT: nobody answers.
esp_err_t mega_set_up(void);

#endif
