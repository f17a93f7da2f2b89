// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_TLS_TRUST_H
#define THINGPASS_POSIX_TLS_TRUST_H

#include <stddef.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "thingpass/error.h"
#include "why.h"

// Whom a TLS client believes, and the settings that its connections share.
// Must not move in memory once it is loaded.
struct thingpass_tls_trust {
    const char *ca_name; // the CA file's name, for messages; the caller's
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_x509_crt ca;
    mbedtls_ssl_config config;
};

// Loads the CA certificates of a PEM file. Returns THINGPASS_OK or < 0; free it
// in either case.
int thingpass_tls_trust_load(struct thingpass_tls_trust *trust, const char *ca_file,
                             struct thingpass_why *why);

// The same from memory: length counts the NUL at the end of the PEM text.
int thingpass_tls_trust_parse(struct thingpass_tls_trust *trust, const char *name, const void *pem,
                              size_t length, struct thingpass_why *why);

// Says why mbedTLS could not load a PEM file; error is errno of that moment.
// Returns THINGPASS_EINVAL.
int thingpass_tls_load_error(const char *what, const char *file, int rc, int error,
                             struct thingpass_why *why);

void thingpass_tls_trust_free(struct thingpass_tls_trust *trust);

#endif
