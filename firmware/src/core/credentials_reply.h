// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The answer to a credentials-request [P-14], and a credential provider's. Every
// span points into the parsed text.

#ifndef THINGPASS_CORE_CREDENTIALS_REPLY_H
#define THINGPASS_CORE_CREDENTIALS_REPLY_H

#include "json.h"

// Temporary credentials: three parts, none of them empty.
struct thingpass_credentials_fields {
    struct thingpass_span access_key_id;
    struct thingpass_span secret;
    struct thingpass_span token;
    int64_t expires_at;
};

// Where they are good.
struct thingpass_place_fields {
    struct thingpass_span endpoint;
    struct thingpass_span region;
    struct thingpass_span bucket;
    struct thingpass_span prefix;
    bool path_style;
};

// Where to get some [P-14.3].
struct thingpass_pointer_fields {
    struct thingpass_span endpoint;
    struct thingpass_span role_alias;
    struct thingpass_span headers; // "Name: value\r\n" for each, ready to send
};

// All return THINGPASS_OK or THINGPASS_EREPLY, the third also THINGPASS_EHEADER as
// thingpass_headers_pack does, and it can be called once only. Without
// THINGPASS_OK the output is zero.
int thingpass_session_read(const struct thingpass_json *json,
                           struct thingpass_credentials_fields *session);
int thingpass_place_read(const struct thingpass_json *json, struct thingpass_place_fields *place);
int thingpass_pointer_read(struct thingpass_json *json, struct thingpass_pointer_fields *pointer);

// Reads {"credentials":{…}}, a provider's answer [P-14.7].
int thingpass_provider_read(const struct thingpass_json *json,
                            struct thingpass_credentials_fields *session);

#endif
