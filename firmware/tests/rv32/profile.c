// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "profile.h"

struct thingpass profile_tp;
struct thingpass_config profile_config;

static uint8_t reply[THINGPASS_REPLY_SIZE];
static uint8_t chunk[THINGPASS_CHUNK_SIZE];
static char topic[THINGPASS_TOPIC_MAX + 1];

static int stream_open(void *ctx, const char *host, uint16_t port, bool tls) {
    return ctx == NULL && host != NULL && port != 0 && tls ? THINGPASS_OK : THINGPASS_EAGAIN;
}

static int stream_write(void *ctx, const void *data, size_t len) {
    return ctx == NULL && data != NULL ? (int)len : THINGPASS_EIO;
}

static int stream_read(void *ctx, void *buf, size_t cap) {
    return ctx == NULL && buf != NULL ? (int)cap : THINGPASS_EIO;
}

static void stream_close(void *ctx) {
    (void)ctx;
}

static int publish(void *ctx, const char *to, const void *payload, size_t len, uint32_t expiry_s) {
    return ctx == NULL && to != NULL && payload != NULL && len > expiry_s ? 0 : THINGPASS_EIO;
}

static uint64_t now_ms(void *ctx) {
    return ctx == NULL ? 1 : 0;
}

static int fill(void *ctx, void *buf, size_t len) {
    return ctx == NULL && buf != NULL && len > 0 ? THINGPASS_OK : THINGPASS_EIO;
}

static int hash_init(void *ctx) {
    return ctx == NULL ? THINGPASS_OK : THINGPASS_EIO;
}

static int hash_final(void *ctx, uint8_t sum[32]) {
    return ctx == NULL && sum != NULL ? THINGPASS_OK : THINGPASS_EIO;
}

static const struct thingpass_stream stream = {NULL, stream_open, stream_write, stream_read,
                                               stream_close};
static const struct thingpass_mqtt mqtt = {NULL, publish};
static const struct thingpass_clock clock = {NULL, now_ms};
static const struct thingpass_random random = {NULL, fill};
static const struct thingpass_sha256 sha256 = {NULL, hash_init, stream_write, hash_final};
static const struct thingpass_source source = {NULL,        1000,      "image/jpeg", true, true,
                                               stream_read, hash_init, stream_close, NULL};

int profile_begin(void) {
    struct thingpass_config *c = &profile_config;
    c->thing = "cam1";
    c->stream = &stream;
    c->mqtt = &mqtt;
    c->clock = &clock;
    c->random = &random;
    c->sha256 = &sha256;
    c->reply = reply;
    c->reply_size = sizeof reply;
    c->chunk = chunk;
    c->chunk_size = sizeof chunk;
    int err = thingpass_init(&profile_tp, c);
    return err < 0 ? err : thingpass_response_topic(&profile_tp, topic, sizeof topic);
}

int profile_run(void) {
    uint64_t wake_ms;
    thingpass_ask_again(&profile_tp);
    while (thingpass_step(&profile_tp, &wake_ms) != THINGPASS_STEP_DONE) {
        (void)thingpass_receive(&profile_tp, topic, sizeof topic, reply, sizeof reply);
    }
    return thingpass_result(&profile_tp)->err;
}

int profile_upload(const struct thingpass_mode *mode) {
    struct thingpass_object object = {0};
    object.kind = "photo";
    object.mode = mode;
    object.source = &source;
    if (profile_begin() < 0 || thingpass_upload_start(&profile_tp, &object) < 0) {
        return -1;
    }
    return profile_run();
}
