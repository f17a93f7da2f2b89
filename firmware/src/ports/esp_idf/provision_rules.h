// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_ESP_IDF_PROVISION_RULES_H
#define THINGPASS_ESP_IDF_PROVISION_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "thingpass/esp.h"

// What NVS keeps of a thing: the names of the entries, and what they may hold.

enum {
    THINGPASS_NVS_KEY_MAX = 15,     // bytes of a name, a limit of NVS
    THINGPASS_NVS_STRING_MAX = 3999 // bytes of a string without its NUL, likewise
};

struct thingpass_provision_field {
    const char *name; // in NVS
    size_t offset;    // in struct thingpass_esp_provision
    bool needed;      // without it a thing cannot connect
    bool (*ok)(const char *text);
};

extern const struct thingpass_provision_field thingpass_provision_fields[];
extern const size_t thingpass_provision_field_count;

// The text of a field.
const char *thingpass_provision_text(const struct thingpass_esp_provision *provision,
                                     const struct thingpass_provision_field *field);

// Checks what is neither NULL nor "", and no longer than max bytes. Returns THINGPASS_OK,
// THINGPASS_EINVAL or THINGPASS_ESPACE, and the field that is wrong (NULL if none).
int thingpass_provision_check(const struct thingpass_esp_provision *provision, size_t max,
                              const struct thingpass_provision_field **wrong);

// Whether text is "mqtts://host" or "mqtts://host:port". There is no plain MQTT:
// the certificate is the thing's identity.
bool thingpass_server_uri_ok(const char *text);

#endif
