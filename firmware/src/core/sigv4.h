// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// AWS Signature Version 4 in the Authorization header, for S3. Nothing is put
// together in memory: the canonical request goes to the hash piece by piece, and
// the head that says the same goes into whatever buffer there is, a window at a
// time. Both come from one walk over the request, so they cannot disagree.
//
// The port has one hash, for one message at a time. Here one message follows the
// other: first those of the signing key (eight, once a day), then the canonical
// request, then the two of the signature. Nobody else may be hashing meanwhile.

#ifndef THINGPASS_CORE_SIGV4_H
#define THINGPASS_CORE_SIGV4_H

#include "text.h"

struct thingpass_sigv4_walk;

// Who signs.
struct thingpass_sigv4_signer {
    struct thingpass_span access_key_id; // without ',' '/' and spaces, as is the region
    struct thingpass_span secret;
    struct thingpass_span region;
};

// What is signed and sent. All values are in canonical form already: printable,
// without spaces at either end and without two in a row.
struct thingpass_sigv4_request {
    const char *method;
    struct thingpass_span bucket;  // where it is part of the path; else empty
    struct thingpass_span key;     // as it is, not encoded
    struct thingpass_span query;   // "name=value&…", encoded and sorted; or empty
    struct thingpass_span payload; // the body's SHA-256 in hexadecimal, or "UNSIGNED-PAYLOAD"
    int64_t length;                // of the body, for the head; < 0: no Content-Length

    // Tells all headers that are to be signed to the walk, sorted by name: begins
    // each with thingpass_sigv4_name and adds its value by thingpass_sigv4_value.
    // host, x-amz-date and x-amz-content-sha256 must be among them, and with
    // temporary credentials x-amz-security-token.
    void (*headers)(const void *ctx, struct thingpass_sigv4_walk *walk);
    const void *ctx;
};

// The header's name, in lower case, in two parts; the second may be "".
void thingpass_sigv4_name(struct thingpass_sigv4_walk *walk, const char *name, const char *more);

// The next part of its value.
void thingpass_sigv4_value(struct thingpass_sigv4_walk *walk, struct thingpass_span value);

// Makes the key that is good for one day (UTC), region and secret. Returns
// THINGPASS_OK, or THINGPASS_EIO if the hash fails.
int thingpass_sigv4_day_key(const struct thingpass_sha256 *sha,
                            const struct thingpass_sigv4_signer *signer, uint32_t unix_s,
                            uint8_t key[32]);

// Signs. unix_s is the time that x-amz-date says, on the key's day. Returns as
// above.
int thingpass_sigv4_sign(const struct thingpass_sha256 *sha, const uint8_t key[32],
                         const struct thingpass_sigv4_signer *signer,
                         const struct thingpass_sigv4_request *request, uint32_t unix_s,
                         uint8_t signature[32]);

// Writes up to cap bytes of the head of the signed request, from offset on.
// Returns how many; 0 when offset is its end.
size_t thingpass_sigv4_head(const struct thingpass_sigv4_signer *signer,
                            const struct thingpass_sigv4_request *request, uint32_t unix_s,
                            const uint8_t signature[32], size_t offset, char *buf, size_t cap);

#endif
