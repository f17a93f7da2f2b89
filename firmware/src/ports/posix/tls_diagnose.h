// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_TLS_DIAGNOSE_H
#define THINGPASS_POSIX_TLS_DIAGNOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "tls_trust.h"
#include "why.h"

// Begins a TLS handshake with host:port only to find out what is wrong with its
// certificate. Waits, for patience_ms at most. Returns whether something was
// found, and says it in why.
bool thingpass_tls_diagnose(const struct thingpass_tls_trust *trust, const char *host,
                            uint16_t port, int patience_ms, struct thingpass_why *why);

#endif
