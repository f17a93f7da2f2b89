// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "link_faults.h"

#include "posix_world.h"

enum { SLICE_MS = 20 }; // a slow link moves something about so often

static size_t smaller(uint64_t a, uint64_t b) {
    return (size_t)(a < b ? a : b);
}

// How many bytes may go out now.
static uint64_t allowed(struct thingpass_link_faults *f) {
    if (f->rate == 0) {
        return UINT64_MAX;
    }
    uint64_t now = thingpass_posix_now_ms();
    double slice = (double)f->rate * SLICE_MS / 1000;
    double most = slice > 1 ? slice : 1; // what was not used is lost
    f->allowance += (double)(now - f->since_ms) * (double)f->rate / 1000;
    f->allowance = f->allowance < most ? f->allowance : most;
    f->since_ms = now;
    if (f->allowance >= 1) {
        return (uint64_t)f->allowance;
    }
    f->wake_ms = now + 1 + (uint64_t)((1 - f->allowance) * 1000 / (double)f->rate);
    return 0;
}

static int faulty_write(void *ctx, const void *data, size_t length) {
    struct thingpass_link_faults *f = ctx;
    bool cutting = f->cut_after > 0 && f->cuts > 0;
    f->wake_ms = 0;
    if (cutting && f->sent >= f->cut_after) {
        f->cuts--;
        thingpass_tls_stream_cut(f->stream);
        return thingpass_fail(&f->stream->why, THINGPASS_EIO,
                              "--cut-after: cut the link after %llu bytes",
                              (unsigned long long)f->sent);
    }
    if (f->promised == 0) {
        f->promised = smaller(length, allowed(f));
        f->promised = cutting ? smaller(f->promised, f->cut_after - f->sent) : f->promised;
    }
    if (f->promised == 0) {
        return THINGPASS_EAGAIN;
    }
    int n = f->stream->port.write(f->stream->port.ctx, data, f->promised);
    if (n > 0) {
        f->sent += (uint64_t)n;
        f->allowance -= n;
        f->promised = 0;
    }
    return n;
}

static int faulty_open(void *ctx, const char *host, uint16_t port, bool tls) {
    struct thingpass_link_faults *f = ctx;
    return f->stream->port.open(f->stream->port.ctx, host, port, tls);
}

static int faulty_read(void *ctx, void *buffer, size_t cap) {
    struct thingpass_link_faults *f = ctx;
    return f->stream->port.read(f->stream->port.ctx, buffer, cap);
}

static void faulty_close(void *ctx) {
    struct thingpass_link_faults *f = ctx;
    f->stream->port.close(f->stream->port.ctx);
    f->sent = 0;
    f->promised = 0;
}

void thingpass_link_faults_init(struct thingpass_link_faults *faults,
                                struct thingpass_tls_stream *stream, uint64_t rate,
                                uint64_t cut_after, unsigned cuts) {
    *faults = (struct thingpass_link_faults){
        .stream = stream, .rate = rate, .cut_after = cut_after, .cuts = cuts};
    faults->port =
        (struct thingpass_stream){faults, faulty_open, faulty_write, faulty_read, faulty_close};
    faults->since_ms = thingpass_posix_now_ms();
}

#endif
