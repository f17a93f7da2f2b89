// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A keeper of identities (provision.h) in a folder of files. Whoever reads the folder
// has the key, if make_csr writes it there.

#ifndef THINGPASS_IDENTITY_FILES_H
#define THINGPASS_IDENTITY_FILES_H

#include "thingpass/files.h"
#include "thingpass/provision.h"

#ifdef __cplusplus
extern "C" {
#endif

struct thingpass_identity_files {
    struct thingpass_keeper keeper; // give a pointer to this
    const struct thingpass_files *files;
    int (*make_csr)(void *ctx, unsigned slot, char *pem, size_t cap);
    void *make_ctx;
};

// Prepares a keeper over files, which must outlive it. make_csr is yours: as in struct
// thingpass_keeper, with a context of its own. Opens nothing.
void thingpass_identity_files_init(struct thingpass_identity_files *f,
                                   const struct thingpass_files *files,
                                   int (*make_csr)(void *ctx, unsigned slot, char *pem, size_t cap),
                                   void *make_ctx);

// A slot's key in PEM, or whatever make_csr keeps of it. As read and write in struct
// thingpass_keeper, but with the bytes.
int thingpass_identity_files_read_key(const struct thingpass_identity_files *f, unsigned slot,
                                      void *buf, size_t cap);
int thingpass_identity_files_write_key(const struct thingpass_identity_files *f, unsigned slot,
                                       const void *data, size_t n);

#ifdef __cplusplus
}
#endif

#endif
