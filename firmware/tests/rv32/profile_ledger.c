// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "profile.h"
#include "thingpass/ledger.h"

// Put, and reports that are sent together.
int main(void) {
    static struct thingpass_ledger ledger;
    static char entries[2048];
    profile_config.ledger = &ledger;
    return thingpass_ledger_init(&ledger, entries, sizeof entries, NULL, NULL) +
           profile_upload(NULL) + thingpass_ledger_due(&profile_tp) +
           thingpass_ledger_send(&profile_tp);
}
