// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include <limits.h>

#include "thingpass/sources.h"

// One read of the device. Returns a length, THINGPASS_EAGAIN, or < 0 for good.
static int read_once(struct thingpass_fifo *f, uint8_t *buf, size_t cap) {
    size_t most = cap < f->left ? cap : f->left;
    most = most < f->max_read ? most : f->max_read;
    int n = f->read(f->ctx, buf, most);
    if (n == THINGPASS_EAGAIN) {
        return n;
    }
    if (n <= 0 || (size_t)n > most) { // also: it ends before its length
        return THINGPASS_ESOURCE;
    }
    f->left -= (uint32_t)n;
    if (f->check_jpeg) {
        thingpass_jpeg_feed(&f->jpeg, buf, (size_t)n);
        if (thingpass_jpeg_is_broken(&f->jpeg) ||
            (f->left == 0 && thingpass_jpeg_length(&f->jpeg) == 0)) {
            return THINGPASS_ESOURCE;
        }
    }
    return n;
}

static int read_fifo(void *ctx, void *buf, size_t cap) {
    struct thingpass_fifo *f = ctx;
    uint8_t *p = buf;
    size_t got = 0;
    cap = cap < INT_MAX ? cap : INT_MAX;
    while (f->err == THINGPASS_OK && got < cap && f->left > 0) {
        int n = read_once(f, p + got, cap - got);
        if (n == THINGPASS_EAGAIN) {
            return got > 0 ? (int)got : n;
        }
        if (n < 0) {
            f->err = n;
        } else {
            got += (size_t)n;
        }
    }
    return f->err < 0 ? f->err : (int)got;
}

static void close_fifo(void *ctx) {
    struct thingpass_fifo *f = ctx;
    if (f->release != NULL) {
        f->release(f->ctx);
    }
}

struct thingpass_source *thingpass_source_fifo(struct thingpass_fifo *fifo, uint32_t size,
                                               uint16_t max_read,
                                               int (*read)(void *ctx, uint8_t *buf, size_t cap),
                                               void *ctx, const char *content_type) {
    const struct thingpass_fifo fresh = {.source = {.ctx = fifo,
                                                    .size = size,
                                                    .content_type = content_type,
                                                    .known_len = true,
                                                    .read = read_fifo,
                                                    .close = close_fifo},
                                         .read = read,
                                         .ctx = ctx,
                                         .max_read = max_read,
                                         .left = size};
    *fifo = fresh;
    thingpass_jpeg_begin(&fifo->jpeg);
    return &fifo->source;
}
