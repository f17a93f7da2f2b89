// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "link_faults.h"

#include <string.h>

#include "posix_world.h"

enum { SLICE_MS = 20 }; // a slow link moves something about so often

static size_t smaller(uint64_t a, uint64_t b) {
    return (size_t)(a < b ? a : b);
}

// How many bytes may pass now.
static uint64_t allowed(struct thingpass_link_faults *f) {
    uint64_t rate = f->settings.rate;
    if (rate == 0) {
        return UINT64_MAX;
    }
    uint64_t now = thingpass_posix_now_ms();
    double slice = (double)rate * SLICE_MS / 1000;
    double most = slice > 1 ? slice : 1; // what was not used is lost
    f->allowance += (double)(now - f->since_ms) * (double)rate / 1000;
    f->allowance = f->allowance < most ? f->allowance : most;
    f->since_ms = now;
    if (f->allowance >= 1) {
        return (uint64_t)f->allowance;
    }
    f->wake_ms = now + 1 + (uint64_t)((1 - f->allowance) * 1000 / (double)rate);
    return 0;
}

static int moved(struct thingpass_link_faults *f, int n) {
    if (n > 0) {
        f->moved += (uint64_t)n;
        f->allowance -= n;
    }
    return n;
}

// SplitMix64, which takes any seed.
static uint64_t draw(struct thingpass_link_faults *f) {
    uint64_t z = (f->random += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

// Half of the random cuts swallow an answer: the server has acted, and we do not
// know.
static void choose_cut(struct thingpass_link_faults *f) {
    const struct thingpass_link_settings *s = &f->settings;
    f->opening = true;
    f->cut_at = s->cuts > 0 ? s->cut_after : 0;
    f->cut_the_answer = false;
    if (s->cuts > 0 && s->cut_within > 0) {
        uint64_t random = draw(f);
        f->cut_at = 1 + (random >> 1) % s->cut_within;
        f->cut_the_answer = (random & 1) != 0;
    }
}

static int cut(struct thingpass_link_faults *f, const char *option) {
    thingpass_tls_stream_cut(f->stream);
    thingpass_link_delay_reset(&f->delay);
    return thingpass_fail(&f->stream->why, THINGPASS_EIO, "%s: cut the link after %llu bytes",
                          option, (unsigned long long)f->moved);
}

static bool is_too_old(const struct thingpass_link_faults *f) {
    return f->settings.cut_every_ms > 0 &&
           thingpass_posix_now_ms() - f->open_ms >= f->settings.cut_every_ms;
}

// Whether the connection has had its bytes.
static bool is_due(const struct thingpass_link_faults *f, bool answered) {
    return f->cut_at > 0 && f->moved >= f->cut_at && (answered || !f->cut_the_answer);
}

static int cut_by_bytes(struct thingpass_link_faults *f) {
    f->settings.cuts--;
    f->cut_at = 0;
    return cut(f, f->settings.cut_within > 0 ? "--cut-random" : "--cut-after");
}

static int faulty_write(void *ctx, const void *data, size_t length) {
    struct thingpass_link_faults *f = ctx;
    f->wake_ms = 0;
    if (f->down) {
        return cut(f, "--offline");
    }
    if (is_too_old(f)) {
        return cut(f, "--cut-every");
    }
    if (is_due(f, false)) {
        return cut_by_bytes(f);
    }
    if (f->promised == 0) {
        f->promised = smaller(length, allowed(f));
        if (f->cut_at > 0 && !f->cut_the_answer) {
            f->promised = smaller(f->promised, f->cut_at - f->moved);
        }
    }
    if (f->promised == 0) {
        return THINGPASS_EAGAIN;
    }
    int n = moved(f, f->stream->port.write(f->stream->port.ctx, data, f->promised));
    f->promised = n > 0 ? 0 : f->promised;
    return n;
}

static int faulty_read(void *ctx, void *buffer, size_t cap) {
    struct thingpass_link_faults *f = ctx;
    f->wake_ms = 0;
    if (f->down) {
        return cut(f, "--offline");
    }
    if (is_too_old(f)) {
        return cut(f, "--cut-every");
    }
    if (is_due(f, false)) {
        return cut_by_bytes(f);
    }
    cap = smaller(cap, allowed(f));
    if (f->cut_at > 0 && !f->cut_the_answer) {
        cap = smaller(cap, f->cut_at - f->moved);
    }
    if (cap == 0) {
        return THINGPASS_EAGAIN;
    }
    uint64_t now_ms = thingpass_posix_now_ms();
    int n = moved(f, thingpass_link_delay_read(&f->delay, &f->stream->port, buffer, cap, now_ms,
                                               &f->wake_ms));
    return n > 0 && is_due(f, true) && f->cut_the_answer ? cut_by_bytes(f) : n;
}

// TCP shakes hands in one round trip, TLS 1.2 in two, or one when it resumes.
static uint64_t handshake_ms(const struct thingpass_link_faults *f) {
    return f->settings.latency_ms * (uint64_t)(f->stream->resumed ? 2 : 3);
}

static int faulty_open(void *ctx, const char *host, uint16_t port, bool tls) {
    struct thingpass_link_faults *f = ctx;
    f->wake_ms = 0;
    if (f->down) {
        return thingpass_fail(&f->stream->why, THINGPASS_EIO, "--offline: there is no network");
    }
    if (!f->opening) {
        choose_cut(f);
    }
    if (f->open_ms == 0) {
        int rc = f->stream->port.open(f->stream->port.ctx, host, port, tls);
        if (rc != THINGPASS_OK) {
            return rc;
        }
        f->open_ms = thingpass_posix_now_ms() + handshake_ms(f);
    }
    if (thingpass_posix_now_ms() < f->open_ms) {
        f->wake_ms = f->open_ms;
        return THINGPASS_EAGAIN;
    }
    return THINGPASS_OK;
}

static void faulty_close(void *ctx) {
    struct thingpass_link_faults *f = ctx;
    f->stream->port.close(f->stream->port.ctx);
    thingpass_link_delay_reset(&f->delay);
    f->opening = false;
    f->open_ms = 0;
    f->moved = 0;
    f->promised = 0;
}

void thingpass_link_faults_init(struct thingpass_link_faults *faults,
                                struct thingpass_tls_stream *stream,
                                const struct thingpass_link_settings *settings) {
    memset(faults, 0, sizeof *faults);
    faults->stream = stream;
    faults->settings = *settings;
    faults->random = settings->cut_seed;
    faults->port =
        (struct thingpass_stream){faults, faulty_open, faulty_write, faulty_read, faulty_close};
    faults->delay.ms = settings->latency_ms;
    faults->since_ms = thingpass_posix_now_ms();
}

#endif
