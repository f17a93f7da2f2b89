// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "link_delay.h"

#include <string.h>

enum {
    ARRIVALS_MAX = sizeof((struct thingpass_link_delay *)0)->arrivals /
                   sizeof((struct thingpass_link_delay *)0)->arrivals[0]
};

void thingpass_link_delay_reset(struct thingpass_link_delay *delay) {
    delay->begin = 0;
    delay->end = 0;
    delay->arrival_count = 0;
    delay->ended = false;
}

static void note_arrival(struct thingpass_link_delay *d, size_t n, uint64_t now_ms) {
    d->end += n;
    d->arrival_count += d->arrival_count < ARRIVALS_MAX; // else the last comes a little later
    d->arrivals[d->arrival_count - 1].end = d->end;
    d->arrivals[d->arrival_count - 1].due_ms = now_ms + d->ms;
}

// Takes all that the server has sent by now.
static void take(struct thingpass_link_delay *d, const struct thingpass_stream *stream,
                 uint64_t now_ms) {
    while (!d->ended && d->end < sizeof d->bytes) {
        int n = stream->read(stream->ctx, d->bytes + d->end, sizeof d->bytes - d->end);
        if (n == THINGPASS_EAGAIN) {
            return;
        }
        if (n <= 0) {
            d->ended = true;
            d->verdict = n;
            d->ended_due_ms = now_ms + d->ms;
            return;
        }
        note_arrival(d, (size_t)n, now_ms);
    }
}

static int give(struct thingpass_link_delay *d, void *buffer, size_t cap) {
    size_t there = d->arrivals[0].end - d->begin;
    size_t n = cap < there ? cap : there;
    memcpy(buffer, d->bytes + d->begin, n);
    d->begin += n;
    if (n == there) {
        d->arrival_count--;
        memmove(d->arrivals, d->arrivals + 1, d->arrival_count * sizeof d->arrivals[0]);
    }
    if (d->arrival_count == 0) {
        d->begin = 0;
        d->end = 0;
    }
    return (int)n;
}

int thingpass_link_delay_read(struct thingpass_link_delay *delay,
                              const struct thingpass_stream *stream, void *buffer, size_t cap,
                              uint64_t now_ms, uint64_t *wake_ms) {
    if (delay->ms == 0) {
        return stream->read(stream->ctx, buffer, cap);
    }
    take(delay, stream, now_ms);
    bool data = delay->arrival_count > 0;
    if (!data && !delay->ended) {
        return THINGPASS_EAGAIN;
    }
    uint64_t due_ms = data ? delay->arrivals[0].due_ms : delay->ended_due_ms;
    if (now_ms < due_ms) {
        *wake_ms = due_ms;
        return THINGPASS_EAGAIN;
    }
    return data ? give(delay, buffer, cap) : delay->verdict;
}

#endif
