// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "credentials_reply.h"

#include <stddef.h>
#include <string.h>

#include "date.h"
#include "reply.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { root = 0 };

enum { key_rule = 0 }; // instead of a class: what thingpass_key_ok allows

// It becomes a segment of a path, unescaped.
static bool alias_ok(struct thingpass_span s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!thingpass_is(c, THINGPASS_ID) && c != '=' && c != ',' && c != '@') {
            return false;
        }
    }
    return true;
}

// A string that an object must have, and what it may be made of. Most go into
// headers and a hash: no reply can forge a line, or a part of a signature's scope.
struct field {
    const char *name;
    uint16_t offset; // of the span that it becomes
    uint16_t max;
    uint8_t class;
};

#define FIELD(type, member, name, max, class)                                                      \
    { name, offsetof(struct type, member), max, class }

static const struct field parts[] = {
    FIELD(thingpass_credentials_fields, access_key_id, "accessKeyId", 128, THINGPASS_ID),
    FIELD(thingpass_credentials_fields, secret, "secretAccessKey", 256, THINGPASS_TARGET),
    FIELD(thingpass_credentials_fields, token, "sessionToken", 8192, THINGPASS_TARGET),
};

static const struct field places[] = {
    FIELD(thingpass_place_fields, endpoint, "endpoint", 512, THINGPASS_TARGET),
    FIELD(thingpass_place_fields, region, "region", 63, THINGPASS_ID),
    FIELD(thingpass_place_fields, bucket, "bucket", 63, THINGPASS_HOST),
    FIELD(thingpass_place_fields, prefix, "prefix", THINGPASS_KEY_MAX, key_rule),
};

static const struct field pointers[] = {
    FIELD(thingpass_pointer_fields, endpoint, "endpoint", 512, THINGPASS_TARGET),
    FIELD(thingpass_pointer_fields, role_alias, "roleAlias", 128, THINGPASS_TARGET),
};

static bool read_fields(const struct thingpass_json *json, int object, const struct field *fields,
                        size_t n, void *out) {
    bool ok = object >= 0;
    for (size_t i = 0; ok && i < n; i++) {
        struct thingpass_span s;
        ok = thingpass_json_string(json, object, fields[i].name, &s) == THINGPASS_OK &&
             s.n <= fields[i].max &&
             (fields[i].class == key_rule
                  ? thingpass_key_ok(s)
                  : thingpass_span_all(s, SIZE_MAX, (enum thingpass_class)fields[i].class));
        memcpy((char *)out + fields[i].offset, &s, sizeof s);
    }
    return ok;
}

static int result(bool ok, void *out, size_t size) {
    if (ok) {
        return THINGPASS_OK;
    }
    memset(out, 0, size);
    return THINGPASS_EREPLY;
}

int thingpass_session_read(const struct thingpass_json *json,
                           struct thingpass_credentials_fields *session) {
    memset(session, 0, sizeof *session);
    bool ok = read_fields(json, root, parts, COUNT(parts), session) &&
              thingpass_json_time(json, root, "expiresAt", &session->expires_at) == THINGPASS_OK;
    return result(ok, session, sizeof *session);
}

int thingpass_provider_read(const struct thingpass_json *json,
                            struct thingpass_credentials_fields *session) {
    struct thingpass_span expiration;
    int object = thingpass_json_find(json, root, "credentials");
    memset(session, 0, sizeof *session);
    bool ok = object > 0 && read_fields(json, object, parts, COUNT(parts), session) &&
              thingpass_json_string(json, object, "expiration", &expiration) == THINGPASS_OK;
    session->expires_at = ok ? thingpass_date_iso(expiration) : 0;
    return result(session->expires_at != 0, session, sizeof *session);
}

// Absent is false.
static bool read_bool(const struct thingpass_json *json, const char *name, bool *value) {
    int node = thingpass_json_find(json, root, name);
    if (node <= 0 || thingpass_json_type(json, node) != THINGPASS_JSON_PRIMITIVE) {
        *value = false;
        return node == 0;
    }
    struct thingpass_span text = thingpass_json_text(json, node);
    *value = thingpass_span_is(text, "true");
    return *value || thingpass_span_is(text, "false");
}

int thingpass_place_read(const struct thingpass_json *json, struct thingpass_place_fields *place) {
    struct thingpass_span mode;
    memset(place, 0, sizeof *place);
    bool ok = thingpass_json_string(json, root, "mode", &mode) == THINGPASS_OK &&
              thingpass_span_is(mode, "credentials") &&
              read_fields(json, root, places, COUNT(places), place) &&
              read_bool(json, "pathStyle", &place->path_style);
    return result(ok, place, sizeof *place);
}

int thingpass_pointer_read(struct thingpass_json *json, struct thingpass_pointer_fields *pointer) {
    int object = thingpass_json_find(json, root, "provider");
    int headers = object > 0 ? thingpass_json_find(json, object, "headers") : 0;
    memset(pointer, 0, sizeof *pointer);
    bool ok = headers > 0 && read_fields(json, object, pointers, COUNT(pointers), pointer) &&
              alias_ok(pointer->role_alias);
    int err =
        ok ? thingpass_headers_pack(json, headers, thingpass_framing_headers, &pointer->headers)
           : THINGPASS_EREPLY;
    (void)result(err == THINGPASS_OK, pointer, sizeof *pointer);
    return err;
}
