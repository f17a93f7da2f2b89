// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_TLS_WORDS_H
#define THINGPASS_POSIX_TLS_WORDS_H

#include "tls_stream.h"

// Puts a failed TLS handshake into words: what is wrong with whose certificate,
// and what to do about it. rc is mbedTLS's. Returns THINGPASS_EIO.
int thingpass_tls_handshake_words(struct thingpass_tls_stream *stream, int rc);

// The same for an established connection that broke while doing `what`.
int thingpass_tls_broken_words(struct thingpass_tls_stream *stream, const char *what, int rc);

#endif
