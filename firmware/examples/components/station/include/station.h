// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Wi-Fi for the examples: joins a network, and joins it again whenever it is lost.

#ifndef STATION_H
#define STATION_H

#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

// Starts NVS, the network stack and Wi-Fi, and returns at once; thingpass waits
// for the network by itself. Name and password come from the NVS namespace "wifi"
// ("ssid", "password"), else from menuconfig. ESP_ERR_NOT_FOUND: from neither.
esp_err_t station_start(void);

// Signal strength in dBm; 0 while there is no network.
int station_rssi(void);

#ifdef __cplusplus
}
#endif

#endif
