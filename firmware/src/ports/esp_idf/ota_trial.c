// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

#include <esp_ota_ops.h>

#include "thingpass/esp.h"

bool thingpass_esp_ota_is_on_trial(void) {
    esp_ota_img_states_t state;
    const esp_partition_t *running = esp_ota_get_running_partition();
    return running != NULL && esp_ota_get_state_partition(running, &state) == ESP_OK &&
           state == ESP_OTA_IMG_PENDING_VERIFY;
}

int thingpass_esp_ota_accept(void) {
    return esp_ota_mark_app_valid_cancel_rollback() == ESP_OK ? THINGPASS_OK : THINGPASS_EIO;
}

#endif
