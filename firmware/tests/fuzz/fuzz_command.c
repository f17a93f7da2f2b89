// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Any bytes as a command. What must hold: what is taken for one has an id, a verb and
// names of valid characters, has not expired, and is not taken twice; what is refused
// is answered once, with that id; nothing else is published.

#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "thingpass/command.h"

enum { now_s = 1795424400 };

static unsigned published;
static char last[400];

static void require(bool ok) {
    if (!ok) {
        abort();
    }
}

static int publish(void *ctx, const char *topic, const void *payload, size_t len,
                   uint32_t expiry_s) {
    (void)ctx;
    require(strcmp(topic, "thingpass/cam1/command-result") == 0 && expiry_s > 0);
    require(len < sizeof last);
    memcpy(last, payload, len);
    last[len] = '\0';
    published++;
    return 0;
}

static uint64_t now_ms(void *ctx) {
    (void)ctx;
    return 5000;
}

static int fill_random(void *ctx, void *buf, size_t len) {
    (void)ctx;
    memset(buf, 7, len);
    return 0;
}

static int any_open(void *ctx, const char *host, uint16_t port, bool tls) {
    (void)ctx, (void)host, (void)port, (void)tls;
    return THINGPASS_EIO;
}

static int any_write(void *ctx, const void *data, size_t len) {
    (void)ctx, (void)data, (void)len;
    return THINGPASS_EIO;
}

static int any_read(void *ctx, void *buf, size_t cap) {
    (void)ctx, (void)buf, (void)cap;
    return THINGPASS_EIO;
}

static void any_close(void *ctx) {
    (void)ctx;
}

static int any_hash(void *ctx) {
    (void)ctx;
    return THINGPASS_EIO;
}

static int any_update(void *ctx, const void *data, size_t len) {
    (void)ctx, (void)data, (void)len;
    return THINGPASS_EIO;
}

static int any_final(void *ctx, uint8_t sum[32]) {
    (void)ctx, (void)sum;
    return THINGPASS_EIO;
}

static void begin(struct thingpass *tp) {
    static const struct thingpass_stream stream = {NULL, any_open, any_write, any_read, any_close};
    static const struct thingpass_mqtt mqtt = {NULL, publish};
    static const struct thingpass_clock clock = {NULL, now_ms};
    static const struct thingpass_random random = {NULL, fill_random};
    static const struct thingpass_sha256 sha256 = {NULL, any_hash, any_update, any_final};
    static char reply[1024], chunk[1024];
    struct thingpass_config config = {0};
    config.thing = "cam1";
    config.stream = &stream;
    config.mqtt = &mqtt;
    config.clock = &clock;
    config.random = &random;
    config.sha256 = &sha256;
    config.reply = reply;
    config.reply_size = sizeof reply;
    config.chunk = chunk;
    config.chunk_size = sizeof chunk;
    require(thingpass_init(tp, &config) == 0);
    require(thingpass_set_now(tp, now_s) == 0);
}

static void check_command(const struct thingpass_command *c) {
    require(c->verb == THINGPASS_CAPTURE || c->verb == THINGPASS_DOWNLOAD);
    require(c->expires_at > now_s);
    require(c->kind[0] == '\0' || thingpass_text_all(c->kind, 32, THINGPASS_KIND));
    require(c->verb == THINGPASS_CAPTURE ? c->name[0] == '\0' : c->kind[0] != '\0');
    require(c->name[0] != '.' && strpbrk(c->name, "/\\\"%+# ") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct thingpass tp;
    static const char topic[] = "thingpass/cam1/command";
    struct thingpass_commands commands = {.does = THINGPASS_CAPTURE | THINGPASS_DOWNLOAD};
    struct thingpass_command command;
    begin(&tp);
    published = 0;
    char *copy = malloc(size > 0 ? size : 1); // exact, for the sanitizer's sake
    require(copy != NULL);
    memcpy(copy, data, size);
    const struct thingpass_message m = {topic, sizeof topic - 1, copy, size, false};
    int got = thingpass_command_receive(&tp, &commands, &m, &command);
    require(got == 0 || got == 1 || got == THINGPASS_EREPLY);
    require(published == (got < 0));
    require(memcmp(copy, data, size) == 0);
    if (got != 0) {
        require(thingpass_text_all(command.id, THINGPASS_ID_MAX, THINGPASS_ID));
        require(got < 0 || thingpass_command_answer(&tp, command.id, "failed") == THINGPASS_OK);
        require(strncmp(last, "{\"id\":\"", 7) == 0);
        require(strncmp(last + 7, command.id, strlen(command.id)) == 0);
    }
    if (got > 0) {
        check_command(&command);
    }
    require(thingpass_command_receive(&tp, &commands, &m, &command) == 0);
    free(copy);
    return 0;
}
