// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_TESTS_MINT_H
#define THINGPASS_TESTS_MINT_H

#include <stddef.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

// A CA or a certificate with its key, made in memory for one test. Everything
// here ends the test when it fails.
struct mint {
    mbedtls_pk_context key;
    mbedtls_x509_crt crt;
    char pem[2048];
    char key_pem[512];
};

// What a certificate says. Names are separated by one space: "a.example" is a
// dNSName, "ip:127.0.0.1" an iPAddress; NULL leaves the extension out.
struct mint_terms {
    const char *cn;
    const char *names;
    const char *not_before; // "20200101000000"; NULL: 2020
    const char *not_after;  // NULL: 2049
};

void mint_ca(struct mint *ca, const char *cn);
void mint_leaf(struct mint *leaf, const struct mint *ca, const struct mint_terms *terms);
void mint_free(struct mint *m);

// A random generator that is seeded on first use.
int mint_random(void *unused, unsigned char *out, size_t length);

#endif
