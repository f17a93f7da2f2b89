// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The request as it is sent: head, then the object, with a form around it under
// a pass. Nothing but the chunk at hand stands in memory.

#include "http_request.h"
#include "parts.h"
#include "pass.h"
#include "reader.h"
#include "upload.h"

static size_t fill_head(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    const struct thingpass_grant *g = &u->grant;
    const struct thingpass_http_request request = {
        "PUT",
        g->target,
        g->host,
        g->port,
        g->tls,
        g->headers,
        thingpass_wants_parts(tp) ? thingpass_part_size(tp) : u->object.source->size};
    size_t n =
        thingpass_http_put_head(&request, u->head_sent, tp->config.chunk, tp->config.chunk_size);
    u->head_sent += n;
    return n;
}

static size_t fill_post_head(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    const struct thingpass_grant *g = &u->grant;
    char line[80];
    struct thingpass_writer w = {line, sizeof line, 0};
    thingpass_put_text(&w, "Content-Type: multipart/form-data; boundary=");
    thingpass_put_text(&w, u->boundary);
    thingpass_put_text(&w, "\r\n");
    const struct thingpass_span headers = {line, w.len};
    const struct thingpass_http_request request = {
        "POST", g->target, g->host, g->port, g->tls, headers, u->object.source->size + u->form_len};
    size_t n =
        thingpass_http_put_head(&request, u->head_sent, tp->config.chunk, tp->config.chunk_size);
    u->head_sent += n;
    return n;
}

// What comes before the object, and what behind it.
static size_t fill_before(struct thingpass *tp) {
    if (!thingpass_wants_pass(tp)) {
        return fill_head(tp);
    }
    const struct thingpass_form form = thingpass_pass_form(tp);
    size_t n = fill_post_head(tp);
    return n + thingpass_form_before(&form, &tp->upload.form_sent, (char *)tp->config.chunk + n,
                                     tp->config.chunk_size - n);
}

static size_t fill_after(struct thingpass *tp, size_t n) {
    if (!thingpass_wants_pass(tp)) {
        return 0;
    }
    const struct thingpass_form form = thingpass_pass_form(tp);
    return thingpass_form_after(&form, &tp->upload.tail_sent, (char *)tp->config.chunk + n,
                                tp->config.chunk_size - n);
}

static int hash_more(struct thingpass *tp, const char *p, size_t n) {
    const struct thingpass_sha256 *sha = tp->config.sha256;
    if (!tp->upload.hashing) {
        return THINGPASS_OK;
    }
    return sha->update(sha->ctx, p, n) < 0 ? THINGPASS_EIO : THINGPASS_OK;
}

int thingpass_fill(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    char *chunk = tp->config.chunk;
    size_t n = fill_before(tp);
    if (n < tp->config.chunk_size) {
        int r = thingpass_reader_next(&u->reader, chunk + n, tp->config.chunk_size - n);
        if (r < 0 && !(r == THINGPASS_EAGAIN && n > 0)) {
            return r;
        }
        if (r > 0 && hash_more(tp, chunk + n, (size_t)r) < 0) {
            return THINGPASS_EIO;
        }
        n += r > 0 ? (size_t)r : r == 0 ? fill_after(tp, n) : 0;
    }
    u->chunk_len = n;
    u->chunk_sent = 0;
    return n > 0;
}
