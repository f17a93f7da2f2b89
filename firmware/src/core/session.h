// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The credentials at hand, and where they are good. What they came with stays at
// the beginning of the reply buffer; what is made of it is put behind it there.

#ifndef THINGPASS_CORE_SESSION_H
#define THINGPASS_CORE_SESSION_H

#include "credentials_reply.h"
#include "sigv4.h"

// What the payload is said to be: TLS keeps it whole on its way, and the checksum
// is another header.
#define THINGPASS_SESSION_PAYLOAD "UNSIGNED-PAYLOAD"

// Begins anew: a reply fills the first len bytes of the reply buffer.
void thingpass_session_begin(struct thingpass *tp, size_t len);

// Keep what a reply or the program says. Return THINGPASS_OK, THINGPASS_EURL, or
// THINGPASS_ESPACE when it does not fit the reply buffer.
int thingpass_session_place(struct thingpass *tp, const struct thingpass_place_fields *place);
int thingpass_session_provider(struct thingpass *tp,
                               const struct thingpass_pointer_fields *pointer);
int thingpass_session_config(struct thingpass *tp, const struct thingpass_provider *provider);

// Keeps credentials. Returns THINGPASS_OK; THINGPASS_ENOCLOCK; or THINGPASS_EREPLY
// when they have ended, or as good as.
int thingpass_session_take(struct thingpass *tp, const struct thingpass_credentials_fields *fields);

// Forgets them, but not where there are others, and wipes them.
void thingpass_session_forget(struct thingpass *tp);

// Whether there are some that have not ended.
bool thingpass_session_is_valid(const struct thingpass *tp);

// Lead the grant to S3, or to the provider.
void thingpass_session_use(struct thingpass *tp);
void thingpass_session_fetch(struct thingpass *tp);

// Signs a request with them, for now, and writes its head as thingpass_sigv4_head
// does, from upload.head_sent on. Must be called in this order, with the same
// request. thingpass_session_sign returns THINGPASS_OK, THINGPASS_ENOCLOCK or
// THINGPASS_EIO. It uses the port's hash, so nothing else may be hashed meanwhile.
int thingpass_session_sign(struct thingpass *tp, const struct thingpass_sigv4_request *request);
size_t thingpass_session_head(struct thingpass *tp, const struct thingpass_sigv4_request *request,
                              char *buf, size_t cap);

// For a request's headers function: those that every request has, in their places.
// Between the first two goes what sorts between "host" and "x-amz-content-sha256",
// and between the last two the metadata.
void thingpass_session_host(const struct thingpass *tp, struct thingpass_sigv4_walk *walk);
void thingpass_session_date(const struct thingpass *tp, struct thingpass_sigv4_walk *walk);
void thingpass_session_token(const struct thingpass *tp, struct thingpass_sigv4_walk *walk);

#endif
