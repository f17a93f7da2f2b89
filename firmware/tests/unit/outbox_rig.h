// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// An outbox between a spool in memory, a broker that names keys as P-3.2 says, and a
// bucket that remembers everything.

#ifndef THINGPASS_TESTS_OUTBOX_RIG_H
#define THINGPASS_TESTS_OUTBOX_RIG_H

#include "spool_rig.h"
#include "thingpass/outbox.h"
#include "world.h"

enum { bucket_max = 32, news_max = 64 };

struct bucket_object {
    char key[120];
    char id[24];
    unsigned puts; // how often it came
};

struct outbox_news {
    enum thingpass_outbox_news news;
    int err;
    char id[24]; // "" if it was of none
};

struct outbox_rig {
    struct rig rig;
    struct world *w;
    struct thingpass_outbox outbox;
    struct thingpass_outbox_config config;

    struct bucket_object bucket[bucket_max];
    size_t stored;
    struct outbox_news news[news_max];
    size_t news_count;
    const char *refused;    // the broker's code
    const char *refused_id; // for this id only; NULL: for all
    const char *garbage_id; // gets a reply that is none
    char asked[24];         // the id of the last question
    bool pass;              // use that mode
};

void outbox_rig_new(struct outbox_rig *o);
void outbox_rig_free(struct outbox_rig *o);

// Boots: everything in memory is gone.
void outbox_boot(struct outbox_rig *o);

// An object whose bytes follow from its id; its source counts closes.
void outbox_object(struct rig_object *object, const char *id, size_t len);

// Steps until there is nothing more to do before until_ms (of the world), or until
// so many steps are done. Returns the steps.
unsigned outbox_run(struct outbox_rig *o, uint64_t for_ms, unsigned steps);

// The object of that id in the bucket; it must be whole, right, and under one key.
struct bucket_object *outbox_find(struct outbox_rig *o, const char *id);

// How often that news came of an id ("": of any, also of none).
unsigned outbox_told(const struct outbox_rig *o, enum thingpass_outbox_news news, const char *id);

#endif
