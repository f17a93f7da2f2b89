// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include <limits.h>
#include <string.h>

#include "thingpass/sources.h"

static int read_memory(void *ctx, void *buf, size_t cap) {
    struct thingpass_memory *m = ctx;
    size_t n = m->size - m->at;
    n = n < cap ? n : cap;
    n = n < INT_MAX ? n : INT_MAX;
    if (n > 0) {
        memcpy(buf, m->data + m->at, n);
    }
    m->at += n;
    return (int)n;
}

static int rewind_memory(void *ctx) {
    struct thingpass_memory *m = ctx;
    m->at = 0;
    return THINGPASS_OK;
}

static int seek_memory(void *ctx, uint64_t offset) {
    struct thingpass_memory *m = ctx;
    if (offset > m->size) {
        return THINGPASS_EINVAL;
    }
    m->at = (size_t)offset;
    return THINGPASS_OK;
}

static void close_memory(void *ctx) {
    struct thingpass_memory *m = ctx;
    if (m->release != NULL) {
        m->release(m->release_ctx);
    }
}

struct thingpass_source *thingpass_source_memory(struct thingpass_memory *memory, const void *data,
                                                 size_t size, const char *content_type) {
    const struct thingpass_memory fresh = {.source = {.ctx = memory,
                                                      .size = size,
                                                      .content_type = content_type,
                                                      .known_len = true,
                                                      .rewindable = true,
                                                      .read = read_memory,
                                                      .rewind = rewind_memory,
                                                      .close = close_memory,
                                                      .seek = seek_memory},
                                           .data = data,
                                           .size = size};
    *memory = fresh;
    return &memory->source;
}
