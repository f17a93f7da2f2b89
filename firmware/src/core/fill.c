// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The request as it is sent: what the mode puts before the object, the object, and
// what comes behind it. Nothing but the chunk at hand stands in memory.

#include "mode.h"
#include "reader.h"
#include "upload.h"

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
    const struct thingpass_mode *mode = u->mode;
    size_t n = u->head_done ? 0 : mode->head(tp, chunk, tp->config.chunk_size);
    if (n < tp->config.chunk_size) {
        u->head_done = true;
        int r = thingpass_reader_next(&u->reader, chunk + n, tp->config.chunk_size - n);
        if (r < 0 && !(r == THINGPASS_EAGAIN && n > 0)) {
            return r;
        }
        if (r > 0 && hash_more(tp, chunk + n, (size_t)r) < 0) {
            return THINGPASS_EIO;
        }
        n += r > 0 ? (size_t)r : 0;
        if (r == 0 && mode->tail != NULL) {
            n += mode->tail(tp, chunk + n, tp->config.chunk_size - n);
        }
    }
    u->chunk_len = n;
    u->chunk_sent = 0;
    return n > 0;
}
