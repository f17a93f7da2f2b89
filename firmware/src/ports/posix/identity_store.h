// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_IDENTITY_STORE_H
#define THINGPASS_POSIX_IDENTITY_STORE_H

#include "say.h"
#include "thingpass/identity_files.h"
#include "thingpass/posix_files.h"
#include "why.h"

// A folder with the identity that a thing got by itself: its keys (mode 0700), which are
// made there, its certificates, and which of them count.
struct thingpass_identity_store {
    struct thingpass_keeper keeper; // hand &keeper to the core
    struct thingpass_posix_files folder;
    struct thingpass_identity_files files;

    // Once it is loaded.
    struct thingpass_identity identity;
    char cert[4096];
    char cert_file[THINGPASS_POSIX_FOLDER_MAX + 16];
    char key_file[THINGPASS_POSIX_FOLDER_MAX + 16];
};

// Opens a folder; with make it is made if it is not there. The store must not move in
// memory. Returns THINGPASS_OK or < 0.
int thingpass_identity_store_open(struct thingpass_identity_store *store, const char *folder,
                                  bool make, struct thingpass_why *why);

// Loads the identity that counts. Returns THINGPASS_OK, THINGPASS_ENOENT, or < 0.
int thingpass_identity_store_load(struct thingpass_identity_store *store,
                                  struct thingpass_why *why);

// The server has let the loaded identity in. What fails is said, and no more: it is noted
// at another connection.
void thingpass_identity_store_prove(struct thingpass_identity_store *store,
                                    const struct thingpass_say *say);

#endif
