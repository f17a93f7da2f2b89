// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A fleet-provisioning service in memory, and a thing with a folder that loses power
// when told. Keys are numbers, and a certificate has its key's number in it.

#ifndef THINGPASS_TESTS_PROVISION_RIG_H
#define THINGPASS_TESTS_PROVISION_RIG_H

#include "ramfs.h"
#include "thingpass/identity_files.h"

enum { rig_certificates = 40, rig_topics = 4 };

struct rig_certificate {
    unsigned key;
    bool active;
    uint64_t token_ms; // when its token was given
    char id[65];
    char token[100];
};

struct provision_rig {
    struct ramfs fs;
    struct thingpass_identity_files folder;
    struct thingpass_keeper keeper; // the folder's, with what a test changes
    unsigned keys;                  // that were made
    bool check_pair;                // the keeper looks whether a certificate is for the key
    int csr_err;

    // The service.
    struct rig_certificate certificates[rig_certificates];
    unsigned issued;
    const char *thing; // that parameters make
    unsigned registered;
    unsigned csrs, registrations; // questions
    char topic[300];              // of the last question
    char question[5000];
    char reply_topic[320]; // of what it answers
    char reply[9000];      // "": nothing
    bool silent;           // answers get lost
    bool lose_registered;  // that of the first registration
    bool once;             // a name is given to one certificate only

    // Instead of what it would say, for so many questions; < 0: for ever.
    const char *refuse_csr, *refuse_registration;
    int refusals;

    // The connection.
    bool down;
    int subscribe_err;
    unsigned subscribe_waits; // EAGAINs before a yes
    int publish_err;
    char topics[rig_topics][120];
    unsigned subscribed;
    uint64_t now_ms;

    struct thingpass_provision p;
    struct thingpass_provision_config config;
    void *buffer; // guarded
    size_t buffer_size;
};

void rig_begin(struct provision_rig *r);
void rig_end(struct provision_rig *r);

// Steps until it has ended, with the clock going as it is told to. Returns the result's err.
int rig_run(struct provision_rig *r);

// thingpass_provision_start and rig_run.
int rig_provision(struct provision_rig *r);

// Hands a message on, from guarded memory.
int rig_give(struct provision_rig *r, const char *topic, const char *payload);

// The certificate of an identity, as the service knows it. Fails if there is none, or if
// it is for another key than the slot's.
const struct rig_certificate *rig_certificate_of(struct provision_rig *r,
                                                 const struct thingpass_identity *identity);

// Loads, and checks that it is an identity with which the thing would be let in. Returns
// what load says.
int rig_load(struct provision_rig *r, struct thingpass_identity *identity);

// The number of a slot's key; 0: it has none.
unsigned rig_key(struct provision_rig *r, unsigned slot);

#endif
