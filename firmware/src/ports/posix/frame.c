// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "frame.h"

#include <stdlib.h>
#include <string.h>

static int read_frame(void *ctx, void *buffer, size_t cap) {
    struct thingpass_frame *f = ctx;
    size_t left = f->size - f->at;
    size_t n = cap < left ? cap : left;
    memcpy(buffer, f->bytes + f->at, n);
    f->at += n;
    return (int)n;
}

static int seek_frame(void *ctx, uint64_t offset) {
    struct thingpass_frame *f = ctx;
    f->at = (size_t)offset;
    return THINGPASS_OK;
}

static int rewind_frame(void *ctx) {
    return seek_frame(ctx, 0);
}

static void close_frame(void *ctx) {
    struct thingpass_frame *f = ctx;
    f->busy = false;
}

static int copy(struct thingpass_frame *f, const struct thingpass_source *source) {
    int n = source->rewind(source->ctx);
    while (n >= 0 && f->at < f->size) {
        n = source->read(source->ctx, f->bytes + f->at, f->size - f->at);
        n = n == 0 ? THINGPASS_ELENGTH : n;
        f->at += n > 0 ? (size_t)n : 0;
    }
    f->at = 0;
    return n < 0 ? n : THINGPASS_OK;
}

int thingpass_frame_fill(struct thingpass_frame *frame, const struct thingpass_photo *photo,
                         bool rewindable, struct thingpass_why *why) {
    thingpass_frame_free(frame);
    frame->size = (size_t)photo->source.size;
    frame->bytes = malloc(frame->size > 0 ? frame->size : 1);
    if (frame->bytes == NULL) {
        return thingpass_fail(why, THINGPASS_ESPACE, "take a photo: out of memory");
    }
    int rc = copy(frame, &photo->source);
    if (rc != THINGPASS_OK) {
        return thingpass_fail(
            why, rc, "%s", photo->why.text[0] != '\0' ? photo->why.text : thingpass_strerror(rc));
    }
    frame->source = (struct thingpass_source){.ctx = frame,
                                              .size = frame->size,
                                              .content_type = photo->source.content_type,
                                              .known_len = true,
                                              .rewindable = rewindable,
                                              .read = read_frame,
                                              .rewind = rewind_frame,
                                              .close = close_frame,
                                              .seek = seek_frame};
    frame->busy = true;
    return THINGPASS_OK;
}

void thingpass_frame_free(struct thingpass_frame *frame) {
    free(frame->bytes);
    frame->bytes = NULL;
    frame->size = 0;
    frame->at = 0;
    frame->busy = false;
}

#endif
