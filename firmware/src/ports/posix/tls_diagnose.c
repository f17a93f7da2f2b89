// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "tls_diagnose.h"

#include <poll.h>

#include "posix_world.h"
#include "tls_stream.h"

bool thingpass_tls_diagnose(const struct thingpass_tls_trust *trust, const char *host,
                            uint16_t port, int patience_ms, struct thingpass_why *why) {
    struct thingpass_tls_stream stream;
    thingpass_tls_stream_init(&stream, trust);
    uint64_t end_ms = thingpass_posix_now_ms() + (uint64_t)patience_ms;
    int rc = THINGPASS_EAGAIN;
    for (uint64_t now = 0; rc == THINGPASS_EAGAIN && now < end_ms; now = thingpass_posix_now_ms()) {
        rc = stream.port.open(stream.port.ctx, host, port, true);
        struct pollfd p = {.fd = thingpass_tls_stream_fd(&stream), .events = stream.wants};
        stream.wants = 0;
        (void)poll(&p, rc == THINGPASS_EAGAIN ? 1 : 0, 100);
    }
    // Only the certificate counts: this handshake shows none of ours, so how it
    // ends otherwise says nothing.
    bool found = stream.peer.flaws != 0;
    if (found) {
        *why = stream.why;
    }
    thingpass_tls_stream_free(&stream);
    return found;
}

#endif
