// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Reports that are kept and sent together [P-6]: one message for many objects
// that S3 has taken already, instead of one for each.
//
//     static struct thingpass_ledger ledger;
//     static char entries[2048];
//     thingpass_ledger_init(&ledger, entries, sizeof entries, on_verdict, NULL);
//     config.ledger = &ledger;             // before thingpass_init
//     object.verify = THINGPASS_VERIFY_LATER;
//
// Now and then, when no upload is in flight:
//
//     if (thingpass_ledger_due(&tp)) {
//         thingpass_ledger_send(&tp);      // then thingpass_step() as ever
//     }
//
// It lives in memory: what it holds when the thing loses power is never reported.
// S3 has those objects, the broker just does not announce them.

#ifndef THINGPASS_LEDGER_H
#define THINGPASS_LEDGER_H

#include "thingpass/thingpass.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    THINGPASS_LEDGER_MAX = 20,      // entries, and objects in one report [P-6]
    THINGPASS_LEDGER_AGE_S = 60,    // how old the oldest may get before it is due
    THINGPASS_LEDGER_SIZE_MIN = 256 // smallest buffer that init takes
};

// Tells what the broker said of one object: its key (not NUL-terminated), and a
// code: "" when all is well; "mismatch", "not-found" or another of the broker's
// [P-8]; "unreported" when the answer would not fit the reply buffer, not even
// alone. It must not call the core.
typedef void thingpass_verdict(void *ctx, const char *key, size_t key_len, const char *code);

// Yours to declare; its members are the core's.
struct thingpass_ledger {
    char *entries; // JSON objects with commas between them
    size_t size;
    size_t len;
    uint8_t count;
    uint8_t most; // entries that go into the next report
    bool full;    // something did not fit
    uint64_t oldest_ms;
    thingpass_verdict *verdict;
    void *ctx;
    bool (*add)(struct thingpass *tp);
};

// Prepares a ledger that keeps its entries in buf, about 150 bytes each; more than
// the chunk buffer holds is of no use. verdict is called for each object once the
// broker has looked; it may be NULL. Returns THINGPASS_OK, THINGPASS_EINVAL or
// THINGPASS_ESPACE.
int thingpass_ledger_init(struct thingpass_ledger *ledger, void *buf, size_t size,
                          thingpass_verdict *verdict, void *ctx);

// Whether it is time to send: the ledger is full, or its oldest entry has waited
// for THINGPASS_LEDGER_AGE_S.
bool thingpass_ledger_due(const struct thingpass *tp);

// Begins to send what the ledger holds, as an upload of its own kind: it ends in
// THINGPASS_STEP_DONE, and thingpass_result() says how. What was not answered stays
// in the ledger. Returns THINGPASS_OK, THINGPASS_EBUSY (an upload is in flight), or
// THINGPASS_EINVAL (there is no ledger, or nothing in it).
int thingpass_ledger_send(struct thingpass *tp);

// The core's: keeps a report of the upload that ends; false when it has no room.
bool thingpass_ledger_add(struct thingpass *tp);

#ifdef __cplusplus
}
#endif

#endif
