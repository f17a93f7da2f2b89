// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_ESP_IDF_IDENTITY_NVS_H
#define THINGPASS_ESP_IDF_IDENTITY_NVS_H

#include "thingpass/provision.h"

// Identities in a namespace of NVS: the strings key0, cert0, rec0 and ok0 of the first
// slot, key1 and so on of the second. NVS replaces a string as a whole or not at all.
struct thingpass_nvs_keeper {
    struct thingpass_keeper keeper; // hand &keeper to the core
    const char *name_space;
};

// The struct must not move in memory.
void thingpass_nvs_keeper_init(struct thingpass_nvs_keeper *keeper, const char *name_space);

// A slot's key in PEM, in memory of its own, or NULL. rc tells why.
char *thingpass_nvs_keeper_key(const struct thingpass_nvs_keeper *keeper, unsigned slot, int *rc);

// Overwrites a text that is secret, and frees it. NULL does nothing.
void thingpass_nvs_wipe(char *text);

#endif
