// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "reader.h"

#include <limits.h>

int thingpass_reader_begin(struct thingpass_reader *r, const struct thingpass_source *source) {
    if (!source->rewindable && r->touched) {
        return THINGPASS_ESPENT;
    }
    if (source->rewindable && source->rewind(source->ctx) < 0) {
        return THINGPASS_ESOURCE;
    }
    r->source = source;
    r->left = source->size;
    r->touched = false;
    r->probed = false;
    return THINGPASS_OK;
}

// Asks for one byte more than the size. Only a byte that comes is a fault: a
// source that cannot tell, or fails there, has given all that it promised.
static int probe(struct thingpass_reader *r) {
    char extra;
    if (r->probed) {
        return THINGPASS_OK;
    }
    r->touched = true;
    int n = r->source->read(r->source->ctx, &extra, 1);
    r->probed = n != THINGPASS_EAGAIN;
    return n > 0 ? THINGPASS_ELENGTH : THINGPASS_OK;
}

int thingpass_reader_next(struct thingpass_reader *r, void *buf, size_t cap) {
    if (r->left == 0) {
        return probe(r);
    }
    size_t want = cap < INT_MAX ? cap : INT_MAX;
    want = r->left < want ? (size_t)r->left : want;
    r->touched = true;
    int n = r->source->read(r->source->ctx, buf, want);
    if (n == 0) {
        return THINGPASS_ELENGTH;
    }
    if (n < 0 || (size_t)n > want) {
        return n == THINGPASS_EAGAIN ? THINGPASS_EAGAIN : THINGPASS_ESOURCE;
    }
    r->left -= (uint64_t)n;
    int err = r->left == 0 ? probe(r) : THINGPASS_OK;
    return err < 0 ? err : n;
}
