// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_SENSORS_H
#define THINGPASS_POSIX_SENSORS_H

#include "options.h"
#include "thingpass/metadata.h"

// What is told of one photo. Must not move until its upload has ended.
struct thingpass_sensors {
    struct thingpass_metadata about;
    char text[2048 + THINGPASS_METADATA_MAX]; // all that P-3.4 allows, with NULs
};

// Takes down the options' metadata and, if they ask for sensors, what those of a
// device might say when it takes photo `number`. What finds no room is left out.
void thingpass_sensors_read(struct thingpass_sensors *sensors,
                            const struct thingpass_options *options, uint64_t number);

#endif
