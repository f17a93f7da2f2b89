// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "sensors.h"

// Made up, but the same for the same photo: the signal trembles, the battery goes
// down and is changed, the sun rises and sets.
static void make_up(struct thingpass_metadata *about, uint64_t number) {
    int32_t n = (int32_t)(number % 100000);
    (void)thingpass_metadata_text(about, THINGPASS_METADATA_FW, "virtual-1");
    (void)thingpass_metadata_int(about, THINGPASS_METADATA_RSSI, -55 - n * 7 % 20);
    (void)thingpass_metadata_int(about, THINGPASS_METADATA_BATTERY_MV, 4180 - n % 880);
    (void)thingpass_metadata_fixed(about, THINGPASS_METADATA_TEMPERATURE,
                                   1500 + 5 * (n % 480 < 240 ? n % 240 : 240 - n % 240), 2);
}

void thingpass_sensors_read(struct thingpass_sensors *sensors,
                            const struct thingpass_options *options, uint64_t number) {
    thingpass_metadata_begin(&sensors->about, sensors->text, sizeof sensors->text);
    for (size_t i = 0; i < options->metadata_count; i++) {
        const struct thingpass_pair *p = &options->metadata[i];
        (void)thingpass_metadata_text(&sensors->about, p->name, p->value);
    }
    if (options->sensors) {
        make_up(&sensors->about, number);
    }
}

#endif
