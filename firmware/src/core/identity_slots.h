// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Two slots for identities. A slot counts if its record is whole, its certificate is
// the one that the record tells of, and there is a key.

#ifndef THINGPASS_CORE_IDENTITY_SLOTS_H
#define THINGPASS_CORE_IDENTITY_SLOTS_H

#include "thingpass/provision.h"

// What a slot's record says.
struct thingpass_identity_record {
    uint32_t number;
    uint32_t cert_len;
    uint32_t cert_crc;
    const char *thing;
    const char *certificate_id;
};

// Chooses the slot that is needed least, empties it if an identity is or was there, and
// leaves the key there if there was none. memory is for certificates. *number is what
// the next identity gets. Returns THINGPASS_OK or what the keeper said.
int thingpass_identity_prepare(const struct thingpass_keeper *keeper, void *memory, size_t size,
                               uint8_t *slot, uint32_t *number);

// Writes the record, with which the slot counts. Returns THINGPASS_OK or what the keeper
// said.
int thingpass_identity_commit(const struct thingpass_keeper *keeper, unsigned slot,
                              const struct thingpass_identity_record *record);

#endif
