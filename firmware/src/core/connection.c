// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// One connection, kept for the next object: TLS is the expensive part of an
// upload on a microcontroller.

#include <string.h>

#include "upload.h"

uint64_t thingpass_connection_idle_until_ms(const struct thingpass *tp) {
    const struct thingpass_connection *c = &tp->connection;
    return c->idle ? c->idle_since_ms + tp->config.timing.keep_alive_ms : 0;
}

void thingpass_connection_close(struct thingpass *tp) {
    if (tp->connection.open) {
        tp->connection.stream->close(tp->connection.stream->ctx);
    }
    memset(&tp->connection, 0, sizeof tp->connection);
}

static const struct thingpass_stream *stream_of(const struct thingpass *tp) {
    const struct thingpass_stream *own = tp->upload.grant.stream;
    return own != NULL ? own : tp->config.stream;
}

static bool leads_there(const struct thingpass_connection *c, const struct thingpass_grant *g) {
    return c->tls == g->tls && c->port == g->port && thingpass_span_is(g->host, c->host);
}

// A server may close an idle connection just as the next request is under way.
// A one-pass source could not be sent again then, so it gets a new one.
static bool may_use(const struct thingpass *tp) {
    const struct thingpass_connection *c = &tp->connection;
    if (c->stream != stream_of(tp) || !leads_there(c, &tp->upload.grant)) {
        return false;
    }
    if (!c->idle) {
        return !c->ready; // go on opening it
    }
    return tp->upload.object.source->rewindable &&
           thingpass_clock_ms(tp) < thingpass_connection_idle_until_ms(tp);
}

static void begin(struct thingpass *tp) {
    struct thingpass_connection *c = &tp->connection;
    const struct thingpass_grant *g = &tp->upload.grant;
    thingpass_copy_cut(c->host, sizeof c->host, g->host); // the URL's host fits
    c->open = true;
    c->stream = stream_of(tp);
    c->port = g->port;
    c->tls = g->tls;
    tp->result.connects++;
}

int thingpass_connection_open(struct thingpass *tp) {
    struct thingpass_connection *c = &tp->connection;
    if (c->open && !may_use(tp)) {
        thingpass_connection_close(tp);
    }
    tp->upload.reused = c->idle;
    if (c->idle) {
        c->idle = false;
        return THINGPASS_OK;
    }
    if (!c->open) {
        begin(tp);
    }
    const struct thingpass_stream *s = c->stream;
    int r = s->open(s->ctx, c->host, c->port, c->tls);
    if (r >= 0) {
        c->ready = true;
        return THINGPASS_OK;
    }
    return r == THINGPASS_EAGAIN ? THINGPASS_EAGAIN : THINGPASS_EIO;
}
