// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "pass_reply.h"

#include <string.h>

#include "header.h"
#include "reply.h"

enum { root = 0, fields_max = 40, name_max = 128 };

bool thingpass_field_next(struct thingpass_span *fields, struct thingpass_span *name,
                          struct thingpass_span *value) {
    struct thingpass_span *const parts[] = {name, value};
    for (size_t i = 0; i < 2; i++) {
        const char *end = fields->n > 0 ? memchr(fields->p, '\0', fields->n) : NULL;
        if (end == NULL) {
            return false;
        }
        parts[i]->p = fields->p;
        parts[i]->n = (size_t)(end - fields->p);
        fields->p = end + 1;
        fields->n -= parts[i]->n + 1;
    }
    return true;
}

static bool equal_nocase(struct thingpass_span a, struct thingpass_span b) {
    bool same = a.n == b.n;
    for (size_t i = 0; same && i < a.n; i++) {
        same = thingpass_lower(a.p[i]) == thingpass_lower(b.p[i]);
    }
    return same;
}

bool thingpass_field_is_in(struct thingpass_span fields, struct thingpass_span name) {
    struct thingpass_span other;
    struct thingpass_span value;
    while (thingpass_field_next(&fields, &other, &value)) {
        if (equal_nocase(other, name)) {
            return true;
        }
    }
    return false;
}

// A name goes between quotes and a value onto a line of its own: a token and
// printable ASCII, so that no reply can forge a part of the form. Neither may it
// name the object or its bytes, nor send us elsewhere once they are stored.
static bool may_send(struct thingpass_span name, struct thingpass_span value) {
    static const char *const refused[] = {"key", "file", "redirect", "success_action_redirect"};
    if (!thingpass_span_all(name, name_max, THINGPASS_TOKEN) ||
        (value.n > 0 && !thingpass_span_all(value, SIZE_MAX, THINGPASS_PRINT))) {
        return false;
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (thingpass_span_is_nocase(name, refused[i])) {
            return false;
        }
    }
    return true;
}

// Rewrites {"a":"b","c":"d"} into "a\0b\0c\0d\0" where it stands, which takes
// two characters less for each text.
static int pack_fields(struct thingpass_json *json, int node, struct thingpass_span *packed) {
    char *begin = json->text + (thingpass_json_text(json, node).p - json->text);
    size_t len = 0;
    int n = 0;
    for (int i = thingpass_json_first(json, node); i > 0; i = thingpass_json_next(json, i)) {
        if (thingpass_json_type(json, i) != THINGPASS_JSON_STRING ||
            thingpass_json_type(json, i + 1) != THINGPASS_JSON_STRING) {
            return THINGPASS_EREPLY;
        }
        struct thingpass_span name = thingpass_json_text(json, i);
        struct thingpass_span value = thingpass_json_text(json, i + 1);
        struct thingpass_span before = {begin, len};
        if (++n > fields_max || !may_send(name, value) || thingpass_field_is_in(before, name)) {
            return THINGPASS_EHEADER;
        }
        memmove(begin + len, name.p, name.n);
        len += name.n;
        begin[len++] = '\0';
        memmove(begin + len, value.p, value.n);
        len += value.n;
        begin[len++] = '\0';
    }
    packed->p = begin;
    packed->n = len;
    return THINGPASS_OK;
}

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

static int read_pass(struct thingpass_json *json, struct thingpass_pass_fields *pass) {
    struct thingpass_span mode;
    int fields = thingpass_json_find(json, root, "fields");
    if (thingpass_json_string(json, root, "mode", &mode) < 0 || !thingpass_span_is(mode, "pass") ||
        fields <= 0 || thingpass_json_type(json, fields) != THINGPASS_JSON_OBJECT ||
        thingpass_json_string(json, root, "keyPrefix", &pass->key_prefix) < 0 ||
        thingpass_json_string(json, root, "keySuffix", &pass->key_suffix) < 0 ||
        !key_part_ok(pass->key_prefix, 1) || !key_part_ok(pass->key_suffix, 0) ||
        thingpass_json_string(json, root, "uploadUrl", &pass->url) < 0 ||
        thingpass_json_u64(json, root, "minSize", &pass->min_size) < 0 ||
        thingpass_json_u64(json, root, "maxSize", &pass->max_size) < 0 ||
        pass->min_size > pass->max_size ||
        thingpass_reply_time(json, root, "expiresAt", &pass->expires_at) < 0) {
        return THINGPASS_EREPLY;
    }
    return pack_fields(json, fields, &pass->fields);
}

int thingpass_pass_read(struct thingpass_json *json, struct thingpass_pass_fields *pass) {
    memset(pass, 0, sizeof *pass);
    int err = read_pass(json, pass);
    if (err < 0) {
        memset(pass, 0, sizeof *pass);
    }
    return err;
}
