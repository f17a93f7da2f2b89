// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "profile.h"
#include "thingpass/outbox.h"

static int use_name(void *ctx, const char *name, enum thingpass_file_use use) {
    return ctx == NULL && name != NULL ? (int)use : THINGPASS_EIO;
}

static int take(void *ctx, int file, const void *data, size_t len) {
    return ctx == NULL && data != NULL ? file + (int)len : THINGPASS_EIO;
}

static int give(void *ctx, int file, void *buf, size_t cap) {
    return ctx == NULL && buf != NULL ? file + (int)cap : THINGPASS_EIO;
}

static int seek(void *ctx, int file, uint64_t offset) {
    return ctx == NULL && offset > 0 ? file : THINGPASS_EIO;
}

static int size(void *ctx, int file, uint64_t *bytes) {
    *bytes = 0;
    return ctx == NULL ? file : THINGPASS_EIO;
}

static int sync_or_close(void *ctx, int file) {
    return ctx == NULL ? file : THINGPASS_EIO;
}

static int erase(void *ctx, const char *name) {
    return ctx == NULL && name != NULL ? THINGPASS_OK : THINGPASS_EIO;
}

static int list(void *ctx, thingpass_file_name *each, void *each_ctx) {
    each(each_ctx, "1");
    return ctx == NULL ? THINGPASS_OK : THINGPASS_EIO;
}

static const struct thingpass_files files = {NULL, use_name,      give,          take,  seek,
                                             size, sync_or_close, sync_or_close, erase, list};

// Put, the spool, and the outbox that serves both.
int main(void) {
    static struct thingpass_spool spool;
    static struct thingpass_outbox outbox;
    static struct thingpass_outbox_config config;
    static uint8_t chunk[1024];
    static uint8_t buffer[2048];
    struct thingpass_spool_config spool_config = {0};
    struct thingpass_object object = {0};
    uint64_t wake_ms;
    int err = profile_begin();
    spool_config.files = &files;
    spool_config.sha256 = profile_config.sha256;
    spool_config.chunk = chunk;
    spool_config.chunk_size = sizeof chunk;
    spool_config.buffer = buffer;
    spool_config.buffer_size = sizeof buffer;
    config.tp = &profile_tp;
    config.spool = &spool;
    config.spool_config = &spool_config;
    err += thingpass_outbox_init(&outbox, &config);
    thingpass_outbox_link(&outbox, true);
    err += thingpass_outbox_put(&outbox, &object, 0);
    err += thingpass_outbox_step(&outbox, &wake_ms);
    return err + profile_run() + (int)thingpass_outbox_waiting(&outbox);
}
