// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_IDENTITY_H
#define THINGPASS_POSIX_IDENTITY_H

#include <mbedtls/pk.h>

#include "say.h"
#include "why.h"

// Checks the thing's certificate and key before anything is connected. Returns
// THINGPASS_OK, or THINGPASS_EINVAL when they cannot be read or do not belong
// together. What the servers will judge (an expired certificate, another name
// than `name`, if that is not NULL) is only noted: a thing has no clock and no say in it.
int thingpass_identity_check(const char *cert_file, const char *key_file, const char *name,
                             const struct thingpass_say *say, struct thingpass_why *why);

// Loads a private key. Returns 0, or mbedTLS's number.
int thingpass_identity_key(mbedtls_pk_context *key, const char *file);

#endif
