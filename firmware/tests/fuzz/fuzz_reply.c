// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Any bytes as a reply. What must hold: every span of a grant lies inside the
// reply and is harmless on the wire.

#include <stdlib.h>
#include <string.h>

#include "pass_reply.h"
#include "reply.h"
#include "url.h"

static void require(bool ok) {
    if (!ok) {
        abort();
    }
}

static void check_span(struct thingpass_span s, const char *text, size_t len) {
    require(s.n == 0 || (s.p >= text && s.p + s.n <= text + len));
}

// "Name: value\r\n" lines, and nothing that ends a line anywhere else.
static void check_lines(struct thingpass_span lines) {
    size_t i = 0;
    while (i < lines.n) {
        size_t name = 0;
        while (i < lines.n && lines.p[i] != ':') {
            require(lines.p[i] > ' ' && lines.p[i] < 0x7f);
            i++;
            name++;
        }
        require(name > 0 && i + 3 < lines.n && lines.p[i + 1] == ' ');
        i += 2;
        while (i < lines.n && lines.p[i] != '\r') {
            require(lines.p[i] >= ' ' && lines.p[i] < 0x7f);
            i++;
        }
        require(i + 1 < lines.n && lines.p[i + 1] == '\n');
        i += 2;
    }
}

static void check_grant(struct thingpass_json *json, int entry, const char *text, size_t len) {
    struct thingpass_grant_fields grant;
    struct thingpass_url url;
    int err = thingpass_grant_read(json, entry, &grant);
    check_span(grant.object_key, text, len);
    check_span(grant.url, text, len);
    check_span(grant.headers, text, len);
    check_lines(grant.headers);
    require(err == THINGPASS_OK || grant.url.n == 0);
    if (err < 0 || thingpass_url_parse(&url, grant.url, true) < 0) {
        return;
    }
    check_span(url.host, text, len);
    check_span(url.target, text, len);
    for (size_t i = 0; i < url.target.n; i++) {
        require(url.target.p[i] > ' ' && url.target.p[i] < 0x7f);
    }
}

// Names and values that may go into a form, and each name but once.
static void check_fields(struct thingpass_span fields) {
    struct thingpass_span name, value, left = fields;
    while (thingpass_header_next(&left, &name, &value)) {
        require(name.n > 0);
        for (size_t i = 0; i < name.n; i++) {
            require(name.p[i] > ' ' && name.p[i] < 0x7f && strchr("\"\\:;", name.p[i]) == NULL);
        }
        for (size_t i = 0; i < value.n; i++) {
            require(value.p[i] >= ' ' && value.p[i] < 0x7f);
        }
        require(!thingpass_header_is_in(left, name));
        require(!thingpass_span_is_nocase(name, "key") && !thingpass_span_is_nocase(name, "file"));
    }
    require(left.n == 0);
}

static void check_pass(struct thingpass_json *json, const char *text, size_t len) {
    struct thingpass_pass_fields pass;
    int err = thingpass_pass_read(json, &pass);
    check_span(pass.key_prefix, text, len);
    check_span(pass.key_suffix, text, len);
    check_span(pass.url, text, len);
    check_span(pass.fields, text, len);
    check_fields(pass.fields);
    require(pass.min_size <= pass.max_size);
    require((err == THINGPASS_OK) == (pass.key_prefix.n > 0));
    for (size_t i = 0; i < pass.key_prefix.n; i++) {
        require((unsigned char)pass.key_prefix.p[i] >= ' ');
    }
}

static void check_entries(struct thingpass_json *json, const char *text, size_t len) {
    int entry = thingpass_json_first(json, thingpass_json_find(json, 0, "objects"));
    for (; entry > 0; entry = thingpass_json_next(json, entry)) {
        struct thingpass_reply reply;
        (void)thingpass_reply_read(json, entry, &reply);
        check_grant(json, entry, text, len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char memory[20000];
    struct thingpass_json json;
    struct thingpass_reply reply;
    char *text = malloc(size > 0 ? size : 1);
    require(text != NULL);
    memcpy(text, data, size);
    int err = thingpass_json_parse(&json, text, size, memory, sizeof memory);
    if (err == THINGPASS_OK) {
        err = thingpass_reply_read(&json, 0, &reply);
        check_span(reply.id, text, size);
        check_span(reply.code, text, size);
        require(err == THINGPASS_OK || reply.id.n == 0);
        (void)thingpass_confirms(&json, 0, reply.id, 1);
        struct thingpass_span mode;
        if (thingpass_json_string(&json, 0, "mode", &mode) == THINGPASS_OK &&
            thingpass_span_is(mode, "pass")) {
            check_pass(&json, text, size);
        } else if ((size & 1) != 0) {
            check_entries(&json, text, size);
        } else {
            check_grant(&json, 0, text, size);
        }
    }
    free(text);
    return 0;
}
