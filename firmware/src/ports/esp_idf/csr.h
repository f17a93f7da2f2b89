// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_ESP_IDF_CSR_H
#define THINGPASS_ESP_IDF_CSR_H

#include <stdbool.h>
#include <stddef.h>

// Keys, and signing requests for them, all in PEM.

// Makes a key on P-256, in memory of its own. NULL: *rc tells why.
char *thingpass_csr_new_key(int *rc);

// Whether a text is a key that can be read.
bool thingpass_csr_key_ok(const char *key);

// Writes a request and a NUL. Returns its length, THINGPASS_EIO, or THINGPASS_EINVAL
// where the build has no such function.
int thingpass_csr_write(const char *key, char *pem, size_t cap);

// THINGPASS_OK if a certificate is for a key, else THINGPASS_EMISMATCH.
int thingpass_csr_check_pair(const char *key, const char *cert);

#endif
