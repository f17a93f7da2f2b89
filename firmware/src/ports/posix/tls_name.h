// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_TLS_NAME_H
#define THINGPASS_POSIX_TLS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mbedtls/x509_crt.h>

// An IP address as certificates hold it: 4 or 16 bytes; length 0 is none.
struct thingpass_ip {
    uint8_t bytes[16];
    size_t length;
};

// Reads host as an IPv4 or IPv6 address. Returns false for a name.
bool thingpass_ip_parse(const char *host, struct thingpass_ip *ip);

// Tells whether the certificate was issued for this address: whether one of
// its iPAddress alternative names has exactly these bytes. The common name does
// not count (RFC 9110, 4.3.4).
bool thingpass_certificate_has_ip(const mbedtls_x509_crt *certificate,
                                  const struct thingpass_ip *ip);

// Writes the names that the certificate is for, for a message: "a.example,
// 127.0.0.1", or its subject if it has none. What does not fit is left out.
void thingpass_certificate_names(const mbedtls_x509_crt *certificate, char *text, size_t cap);

#endif
