// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_PROVIDER_H
#define THINGPASS_POSIX_PROVIDER_H

#include "options.h"
#include "thingpass/credentials.h"
#include "tls_stream.h"

// The link to a credential provider: HTTPS on which the thing shows its
// certificate. Must not move in memory.
struct thingpass_posix_provider {
    struct thingpass_provider port; // for config.provider
    struct thingpass_tls_stream stream;
    struct thingpass_tls_trust trust;
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
};

// Loads the thing's certificate and key, which identity.h has found good, and the
// CAs of S3. Returns THINGPASS_OK or < 0; free it in either case.
int thingpass_posix_provider_load(struct thingpass_posix_provider *provider,
                                  const struct thingpass_options *options,
                                  struct thingpass_why *why);

// Frees it; provider may be all zeros instead.
void thingpass_posix_provider_free(struct thingpass_posix_provider *provider);

#endif
