// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Builds the metadata of an object [P-3.4], one pair at a time, without printf:
//
//     struct thingpass_metadata about;
//     char text[96];
//     thingpass_metadata_begin(&about, text, sizeof text);
//     thingpass_metadata_text(&about, THINGPASS_METADATA_FW, "1.4.2");
//     thingpass_metadata_int(&about, THINGPASS_METADATA_RSSI, -61);
//     thingpass_metadata_fixed(&about, THINGPASS_METADATA_TEMPERATURE, 2153, 2);
//     object.metadata = about.pairs;
//     object.metadata_count = about.count;
//
// A pair is added whole or not at all: what the broker would refuse is refused
// here, while the program still knows which value it was. Results may be left
// unread; an upload without one of its notes is better than none.

#ifndef THINGPASS_METADATA_H
#define THINGPASS_METADATA_H

#include <stddef.h>
#include <stdint.h>

#include "thingpass/types.h"

#ifdef __cplusplus
extern "C" {
#endif

// Names that mean the same on every thing. A kind of the broker takes only the
// names that its configuration lists.
#define THINGPASS_METADATA_FW           "fw"           // version of the firmware: 1.4.2
#define THINGPASS_METADATA_RSSI         "rssi"         // Wi-Fi or radio signal in dBm: -61
#define THINGPASS_METADATA_BATTERY_MV   "battery-mv"   // battery in millivolts: 3712
#define THINGPASS_METADATA_TEMPERATURE  "temperature"  // degrees Celsius, with a point: 21.53
#define THINGPASS_METADATA_BOOT         "boot"         // how many times it has booted: 17
#define THINGPASS_METADATA_RESET_REASON "reset-reason" // why the last time: brownout

// pairs and count go into an object, and stay here until its upload has ended.
struct thingpass_metadata {
    struct thingpass_pair pairs[THINGPASS_METADATA_MAX];
    size_t count;
    char *text; // the rest of the lent buffer
    size_t left;
    size_t total; // bytes of names and values
};

// Begins without pairs. The values, each with a NUL, will stand in the size bytes
// of text, which like metadata must outlive the upload.
void thingpass_metadata_begin(struct thingpass_metadata *metadata, char *text, size_t size);

// Add a pair. name is kept, not copied: a literal, or as long-lived as metadata;
// value is copied. Return THINGPASS_OK; THINGPASS_EINVAL when the pair breaks
// P-3.4, when the name is there already, or with the 17th pair or the 2,049th
// byte; THINGPASS_ESPACE when the lent text is full. Nothing is added then.
int thingpass_metadata_text(struct thingpass_metadata *metadata, const char *name,
                            const char *value);
int thingpass_metadata_int(struct thingpass_metadata *metadata, const char *name, int32_t value);

// The same for value / 10^decimals, written with that many decimals (0 to 9):
// 2153 with 2 becomes "21.53", -5 with 2 "-0.05".
int thingpass_metadata_fixed(struct thingpass_metadata *metadata, const char *name, int32_t value,
                             unsigned decimals);

#ifdef __cplusplus
}
#endif

#endif
