// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_ESP_IDF_ESP_WORLD_H
#define THINGPASS_ESP_IDF_ESP_WORLD_H

#include <psa/crypto.h>

#include "thingpass/port.h"

// The parts of port.h that need no network.

extern const struct thingpass_clock thingpass_esp_port_clock;   // esp_timer
extern const struct thingpass_random thingpass_esp_port_random; // esp_fill_random

// SHA-256 by PSA, which uses the hardware.
struct thingpass_esp_sha256 {
    struct thingpass_sha256 port; // hand &port to the core
    psa_hash_operation_t state;
};

// The struct must not move in memory until it is freed. Returns THINGPASS_OK or
// THINGPASS_EIO.
int thingpass_esp_sha256_init(struct thingpass_esp_sha256 *sha256);
void thingpass_esp_sha256_free(struct thingpass_esp_sha256 *sha256);

// Keeps the time in memory that outlives deep sleep, and finds it there: 0 if
// there is none.
void thingpass_esp_rtc_save(int64_t now_s);
int64_t thingpass_esp_rtc_load(void);

#endif
