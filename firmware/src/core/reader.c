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
    r->pos = 0;
    r->skip = 0;
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

// Reads up to cap of the want bytes that must be there.
static int read_some(struct thingpass_reader *r, void *buf, size_t cap, uint64_t want) {
    size_t most = cap < INT_MAX ? cap : INT_MAX;
    most = want < most ? (size_t)want : most;
    r->touched = true;
    int n = r->source->read(r->source->ctx, buf, most);
    if (n == 0) {
        return THINGPASS_ELENGTH;
    }
    if (n < 0 || (size_t)n > most) {
        return n == THINGPASS_EAGAIN ? THINGPASS_EAGAIN : THINGPASS_ESOURCE;
    }
    r->pos += (uint64_t)n;
    return n;
}

int thingpass_reader_next(struct thingpass_reader *r, void *buf, size_t cap) {
    if (r->left == 0) {
        return probe(r);
    }
    int n = read_some(r, buf, cap, r->left);
    if (n < 0) {
        return n;
    }
    r->left -= (uint64_t)n;
    int err = r->left == 0 ? probe(r) : THINGPASS_OK;
    return err < 0 ? err : n;
}

int thingpass_reader_range(struct thingpass_reader *r, uint64_t offset, uint64_t len) {
    const struct thingpass_source *s = r->source;
    int err = THINGPASS_OK;
    if (r->pos != offset && s->seek != NULL) {
        err = s->seek(s->ctx, offset);
        r->pos = offset;
    } else if (r->pos > offset) {
        err = s->rewind(s->ctx);
        r->pos = 0;
    }
    r->skip = offset - r->pos;
    r->left = len;
    r->probed = offset + len < s->size; // more is no fault before the end
    return err < 0 ? THINGPASS_ESOURCE : THINGPASS_OK;
}

int thingpass_reader_skip(struct thingpass_reader *r, void *buf, size_t cap) {
    if (r->skip == 0) {
        return THINGPASS_OK;
    }
    int n = read_some(r, buf, cap, r->skip);
    if (n < 0) {
        return n;
    }
    r->skip -= (uint64_t)n;
    return r->skip > 0 ? 1 : THINGPASS_OK;
}
