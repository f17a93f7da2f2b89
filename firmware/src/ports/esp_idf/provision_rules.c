// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Nothing of ESP-IDF here: tests/esp runs it on a PC.

#include "provision_rules.h"

#include <string.h>

static bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool thing_ok(const char *text) {
    size_t n = 0;
    while (is_alnum(text[n]) || (text[n] != '\0' && strchr(":_-", text[n]) != NULL)) {
        n++;
    }
    return text[n] == '\0' && n > 0 && n <= THINGPASS_THING_MAX;
}

static bool port_ok(const char *text) {
    unsigned port = 0;
    size_t n = 0;
    for (; text[n] >= '0' && text[n] <= '9' && n < 5; n++) {
        port = port * 10 + (unsigned)(text[n] - '0');
    }
    return n > 0 && text[n] == '\0' && port > 0 && port <= 65535;
}

bool thingpass_server_uri_ok(const char *text) {
    static const char scheme[] = "mqtts://";
    if (text == NULL || strncmp(text, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    text += sizeof scheme - 1;
    size_t n = 0;
    while (is_alnum(text[n]) || text[n] == '.' || text[n] == '-') {
        n++;
    }
    if (n == 0 || n > 253 || text[0] == '.' || text[0] == '-') {
        return false;
    }
    return text[n] == '\0' || (text[n] == ':' && port_ok(text + n + 1));
}

// Text that begins with this PEM heading, has its end, and nothing that is not
// text: DER, or a file name, is the usual mistake.
static bool pem_ok(const char *text, const char *kind) {
    size_t n = strlen(text);
    const char *head = strstr(text, "-----BEGIN ");
    const char *line = head != NULL ? strchr(head, '\n') : NULL;
    const char *what = head != NULL ? strstr(head, kind) : NULL;
    const char *end = what != NULL ? strstr(what, "\n-----END ") : NULL;
    if (end == NULL || line == NULL || what > line) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x7F || (c < 0x20 && c != '\n' && c != '\r' && c != '\t')) {
            return false;
        }
    }
    return true;
}

static bool certificate_ok(const char *text) {
    return pem_ok(text, "CERTIFICATE-----");
}

// "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"; an encrypted one would need
// a password that had to lie beside it.
static bool key_ok(const char *text) {
    return pem_ok(text, "PRIVATE KEY-----") && strstr(text, "ENCRYPTED") == NULL;
}

#define FIELD(name, needed, ok)                                                                    \
    { #name, offsetof(struct thingpass_esp_provision, name), needed, ok }

const struct thingpass_provision_field thingpass_provision_fields[] = {
    FIELD(server, true, thingpass_server_uri_ok),
    FIELD(thing, true, thing_ok),
    FIELD(cert, true, certificate_ok),
    FIELD(key, false, key_ok), // not with a key in hardware
    FIELD(ca, false, certificate_ok),
    FIELD(s3_ca, false, certificate_ok),
};

const size_t thingpass_provision_field_count =
    sizeof thingpass_provision_fields / sizeof thingpass_provision_fields[0];

const char *thingpass_provision_text(const struct thingpass_esp_provision *provision,
                                     const struct thingpass_provision_field *field) {
    const char *text;
    memcpy(&text, (const char *)provision + field->offset, sizeof text);
    return text;
}

int thingpass_provision_check(const struct thingpass_esp_provision *provision, size_t max,
                              const struct thingpass_provision_field **wrong) {
    for (size_t i = 0; i < thingpass_provision_field_count; i++) {
        const struct thingpass_provision_field *field = &thingpass_provision_fields[i];
        const char *text = thingpass_provision_text(provision, field);
        *wrong = field;
        if (text == NULL || text[0] == '\0') {
            continue;
        }
        if (strlen(text) > max) {
            return THINGPASS_ESPACE;
        }
        if (!field->ok(text)) {
            return THINGPASS_EINVAL;
        }
    }
    *wrong = NULL;
    return THINGPASS_OK;
}
