// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Storing objects with temporary credentials instead of a grant for each: the
// thing asks once an hour or so, and signs its requests to S3 itself (SigV4). For
// things that store often, or have no broker at hand.
//
// They may be had in three ways; each time the thing's certificate decides who it
// is, and the credentials are good below "<thing>/" only [P-14.5]:
//
//     config.provider                 credentials from
//     NULL                            the broker, over MQTT (mode `session`)
//     with a stream only              the provider that the broker names (P-14.3)
//     with all fields                 that provider, and no broker in the path
//
// They are kept at the beginning of the reply buffer, and renewed before they end
// or when S3 does not take them any more.
//
// The kinds' rules for types, sizes and metadata do not bind such an object
// [P-14.6]. Only what is stored under a key of the kind's layout can be reported,
// so THINGPASS_VERIFY_BROKER needs such a key; here the default layout is made,
// "<prefix><kind>/<yyyy>/<mm>/<dd>/<id><suffix>", or object.object_key is taken as
// it is.

#ifndef THINGPASS_CREDENTIALS_H
#define THINGPASS_CREDENTIALS_H

#include "thingpass/thingpass.h"

#ifdef __cplusplus
extern "C" {
#endif

// Credentials for many objects: sign, PUT, report. Where the broker does not give
// the time, a provider's answer does (Date).
//
// If-None-Match is signed, so an object that is there already stays; the SHA-256 is
// signed where it is known beforehand, as in the other modes. content_type NULL
// leaves it to S3, and must else have no two spaces in a row and none at its ends.
// Failures of a provider are told by result.code "provider-404" and the like.
extern const struct thingpass_mode thingpass_mode_credentials;

// Where to get credentials with the thing's certificate: AWS IoT's credential
// provider, or one of its form. Texts are NUL-terminated and must outlive the struct
// thingpass.
struct thingpass_provider {
    // Like config.stream, but shows the thing's certificate. It may share ctx with
    // config.stream: never are both open at once. Required.
    const struct thingpass_stream *stream;

    // With an endpoint, THINGPASS_VERIFY_S3 needs no broker at all: S3's 412 counts as
    // stored, too, because an id is used for one object only.
    // "https://<prefix>.credentials.iot.<region>.amazonaws.com". NULL: the broker
    // says this and all that follows.
    const char *endpoint;
    const char *role_alias;

    const char *s3_endpoint; // "https://s3.<region>.amazonaws.com", without the bucket
    const char *region;
    const char *bucket;
    bool path_style;    // the bucket goes into the path, not before the host's name
    const char *prefix; // NULL: "<thing>/"
};

// Forgets the credentials and wipes them from the lent buffers. While an upload is
// in flight it does nothing and returns THINGPASS_EBUSY, else THINGPASS_OK. Before
// deep sleep, for instance, or when the program's buffers are wanted back.
int thingpass_credentials_forget(struct thingpass *tp);

#ifdef __cplusplus
}
#endif

#endif
