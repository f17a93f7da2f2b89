// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

// mbedTLS 2.28 matches host names but no IP addresses, although it keeps those
// that it finds. A laptop's S3 server is usually reached by address, so they are
// compared here rather than the verification being switched off.
#include "tls_name.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { SAN_DNS = 2, SAN_IP = 7 }; // RFC 5280, GeneralName

bool thingpass_ip_parse(const char *host, struct thingpass_ip *ip) {
    memset(ip, 0, sizeof *ip);
    if (inet_pton(AF_INET, host, ip->bytes) == 1) {
        ip->length = 4;
    } else if (inet_pton(AF_INET6, host, ip->bytes) == 1) {
        ip->length = 16;
    }
    return ip->length != 0;
}

static int san_type(const mbedtls_x509_sequence *name) {
    return name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK;
}

static const mbedtls_x509_sequence *first_name(const mbedtls_x509_crt *certificate) {
    const mbedtls_x509_sequence *names = &certificate->subject_alt_names;
    return names->buf.p != NULL ? names : NULL;
}

bool thingpass_certificate_has_ip(const mbedtls_x509_crt *certificate,
                                  const struct thingpass_ip *ip) {
    for (const mbedtls_x509_sequence *n = first_name(certificate); n != NULL; n = n->next) {
        if (ip->length != 0 && san_type(n) == SAN_IP && n->buf.len == ip->length &&
            memcmp(n->buf.p, ip->bytes, ip->length) == 0) {
            return true;
        }
    }
    return false;
}

// Writes one name as text; anything that is not plain ASCII becomes '?', since a
// server chooses these bytes and a terminal shows them.
static bool name_text(const mbedtls_x509_sequence *name, char *text, size_t cap) {
    if (san_type(name) == SAN_IP && (name->buf.len == 4 || name->buf.len == 16)) {
        int family = name->buf.len == 4 ? AF_INET : AF_INET6;
        return inet_ntop(family, name->buf.p, text, (socklen_t)cap) != NULL;
    }
    if (san_type(name) != SAN_DNS || name->buf.len >= cap) {
        return false;
    }
    for (size_t i = 0; i < name->buf.len; i++) {
        text[i] = isgraph(name->buf.p[i]) && name->buf.p[i] < 127 ? (char)name->buf.p[i] : '?';
    }
    text[name->buf.len] = '\0';
    return true;
}

void thingpass_certificate_names(const mbedtls_x509_crt *certificate, char *text, size_t cap) {
    size_t used = 0;
    text[0] = '\0';
    for (const mbedtls_x509_sequence *n = first_name(certificate); n != NULL; n = n->next) {
        char name[128];
        if (!name_text(n, name, sizeof name) || used + strlen(name) + 3 > cap) {
            continue;
        }
        used += (size_t)snprintf(text + used, cap - used, "%s%s", used > 0 ? ", " : "", name);
    }
    if (used == 0 && mbedtls_x509_dn_gets(text, cap, &certificate->subject) < 0) {
        (void)snprintf(text, cap, "nobody");
    }
}

#endif
