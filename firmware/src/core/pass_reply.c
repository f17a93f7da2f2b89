// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "pass_reply.h"

#include <stddef.h>
#include <string.h>

#include "header.h"

enum { root = 0 };

// S3 would put a name of its own choice into "${filename}".
static bool key_part_ok(struct thingpass_span s, size_t least) {
    if (s.n < least || s.n > THINGPASS_KEY_MAX) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ||
            (s.p[i] == '$' && i + 1 < s.n && s.p[i + 1] == '{')) {
            return false;
        }
    }
    return true;
}

static int read_pass(const struct thingpass_json *json, struct thingpass_pass_fields *pass) {
#define FIELD(name, type, member)                                                                  \
    { name, THINGPASS_JSON_##type, false, offsetof(struct thingpass_pass_fields, member) }
    static const struct thingpass_json_field fields[] = {
        FIELD("mode", STRING, mode),
        FIELD("keyPrefix", STRING, key_prefix),
        FIELD("keySuffix", STRING, key_suffix),
        FIELD("uploadUrl", STRING, url),
        FIELD("minSize", PRIMITIVE, min_size),
        FIELD("maxSize", PRIMITIVE, max_size),
        FIELD("expiresAt", TIME, expires_at),
    };
    // Neither may a field name the object or its bytes, nor send us elsewhere once
    // they are stored.
    static const char refused[] = "key\0file\0redirect\0success_action_redirect\0";
    int err = thingpass_json_read(json, root, fields, sizeof fields / sizeof *fields, pass);
    if (err < 0 || !thingpass_span_is(pass->mode, "pass") || !key_part_ok(pass->key_prefix, 1) ||
        !key_part_ok(pass->key_suffix, 0) || pass->min_size > pass->max_size) {
        return THINGPASS_EREPLY;
    }
    return thingpass_headers_pack(json, thingpass_json_find(json, root, "fields"), refused,
                                  &pass->fields);
}

int thingpass_pass_read(struct thingpass_json *json, struct thingpass_pass_fields *pass) {
    int err = read_pass(json, pass);
    if (err < 0) {
        memset(pass, 0, sizeof *pass);
    }
    return err;
}
