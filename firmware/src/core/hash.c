// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Hashing the object before it is asked for.

#include "mode.h"
#include "reader.h"
#include "upload.h"

enum { source_poll_ms = 20 };

bool thingpass_sum_final(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    const struct thingpass_sha256 *sha = tp->config.sha256;
    if (sha->final(sha->ctx, u->sum) < 0) {
        thingpass_finish(tp, THINGPASS_EIO);
        return false;
    }
    u->have_sum = true;
    return true;
}

static int hash_begin(struct thingpass *tp) {
    const struct thingpass_sha256 *sha = tp->config.sha256;
    int err = thingpass_reader_begin(&tp->upload.reader, tp->upload.object.source);
    if (err == THINGPASS_OK && tp->upload.mode->scan == NULL && sha->init(sha->ctx) < 0) {
        err = THINGPASS_EIO;
    }
    tp->upload.hashing = true;
    return err;
}

// Reads and hashes one chunk, or shows it to the mode.
static int hash_next(struct thingpass *tp) {
    const struct thingpass_sha256 *sha = tp->config.sha256;
    struct thingpass_upload *u = &tp->upload;
    int n = thingpass_reader_next(&u->reader, tp->config.chunk, tp->config.chunk_size);
    if (n <= 0) {
        return n;
    }
    if (u->mode->scan != NULL) {
        u->mode->scan(tp, tp->config.chunk, (size_t)n);
        return n;
    }
    return sha->update(sha->ctx, tp->config.chunk, (size_t)n) < 0 ? THINGPASS_EIO : n;
}

static bool needs_hash(const struct thingpass *tp) {
    const struct thingpass_upload *u = &tp->upload;
    return u->object.source->rewindable && (!u->have_sum || u->mode->scan != NULL);
}

int thingpass_step_hash(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (!needs_hash(tp)) {
        thingpass_plan_leave(tp);
        return THINGPASS_STEP_RUN;
    }
    int r = u->hashing ? THINGPASS_OK : hash_begin(tp);
    if (r == THINGPASS_OK) {
        r = hash_next(tp);
    }
    if (r == THINGPASS_EAGAIN) {
        return thingpass_pause(tp, source_poll_ms);
    }
    if (r < 0) {
        return thingpass_finish(tp, r);
    }
    if (r == 0 && (u->mode->scan != NULL || thingpass_sum_final(tp))) {
        u->hashing = false;
        thingpass_plan_leave(tp);
    }
    return THINGPASS_STEP_RUN;
}
