// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

// In each function of the port: what it takes is not the core's.
#define ENTER(ctx)                                                                                 \
    struct loop *l = ctx;                                                                          \
    uint64_t entered = machine_instructions()
#define LEAVE(value)                                                                               \
    do {                                                                                           \
        l->inside += machine_instructions() - entered;                                             \
        return value;                                                                              \
    } while (0)

static uint64_t now_ms(void *ctx) {
    (void)ctx;
    return 100000;
}

static int fill_random(void *ctx, void *buf, size_t len) {
    ENTER(ctx);
    memset(buf, 0, len);
    LEAVE(THINGPASS_OK);
}

static int hash_init(void *ctx) {
    ENTER(ctx);
    int err = l->hasher.init(l->hasher.ctx);
    LEAVE(err);
}

static int hash_update(void *ctx, const void *data, size_t len) {
    ENTER(ctx);
    int err = l->hasher.update(l->hasher.ctx, data, len);
    LEAVE(err);
}

static int hash_final(void *ctx, uint8_t sum[32]) {
    ENTER(ctx);
    int err = l->hasher.final(l->hasher.ctx, sum);
    LEAVE(err);
}

static int source_read(void *ctx, void *buf, size_t cap) {
    ENTER(ctx);
    size_t left = (size_t)l->source.size - l->read;
    size_t n = left < cap ? left : cap;
    memset(buf, 0x5a, n);
    l->read += n;
    LEAVE((int)n);
}

static int source_rewind(void *ctx) {
    ((struct loop *)ctx)->read = 0;
    return THINGPASS_OK;
}

static int source_seek(void *ctx, uint64_t offset) {
    ((struct loop *)ctx)->read = (size_t)offset;
    return THINGPASS_OK;
}

static int stream_open(void *ctx, const char *host, uint16_t port, bool tls) {
    (void)ctx;
    (void)host;
    (void)port;
    (void)tls;
    return THINGPASS_OK;
}

static void take_head(struct loop *l, char byte) {
    static const char length[] = "\r\nContent-Length: ";
    if (l->head_len + 1 == sizeof l->head) {
        abort();
    }
    l->head[l->head_len++] = byte;
    l->head[l->head_len] = '\0';
    if (byte == '\n' && l->head_len > 3 && strcmp(l->head + l->head_len - 4, "\r\n\r\n") == 0) {
        const char *line = strstr(l->head, length);
        l->body_left = line == NULL ? 0 : strtoul(line + sizeof length - 1, NULL, 10);
        l->whole = l->body_left == 0;
        l->head[0] = '\0';
    }
}

static int stream_write(void *ctx, const void *data, size_t len) {
    ENTER(ctx);
    const char *p = data;
    size_t i = 0;
    if (l->whole) { // the next request on this connection
        l->whole = false;
        l->head_len = l->answer_sent = 0;
    }
    while (i < len) {
        if (l->body_left > 0) {
            size_t n = len - i < l->body_left ? len - i : l->body_left;
            i += n;
            l->body_left -= n;
            l->whole = l->body_left == 0;
        } else {
            take_head(l, p[i++]);
        }
    }
    LEAVE((int)len);
}

static int stream_read(void *ctx, void *buf, size_t cap) {
    ENTER(ctx);
    size_t left = strlen(l->answer) - l->answer_sent;
    size_t n = left < cap ? left : cap;
    if (!l->whole || n == 0) {
        LEAVE(THINGPASS_EAGAIN);
    }
    memcpy(buf, l->answer + l->answer_sent, n);
    l->answer_sent += n;
    LEAVE((int)n);
}

static void stream_close(void *ctx) {
    struct loop *l = ctx;
    l->head_len = l->answer_sent = l->body_left = 0;
    l->whole = false;
}

static int publish(void *ctx, const char *topic, const void *payload, size_t len,
                   uint32_t expiry_s) {
    ENTER(ctx);
    (void)expiry_s;
    if (len >= sizeof l->published) {
        abort();
    }
    memcpy(l->published, payload, len);
    l->published[len] = '\0';
    *(strstr(topic, "-request") != NULL ? &l->asked : &l->reported) = true;
    LEAVE(THINGPASS_OK);
}

void loop_init(struct loop *l, size_t object_size) {
    memset(l, 0, sizeof *l);
    l->hasher = sha256_port(&l->hash);
    l->stream = (struct thingpass_stream){l, stream_open, stream_write, stream_read, stream_close};
    l->mqtt = (struct thingpass_mqtt){l, publish};
    l->clock = (struct thingpass_clock){l, now_ms};
    l->random = (struct thingpass_random){l, fill_random};
    l->sha256 = (struct thingpass_sha256){l, hash_init, hash_update, hash_final};
    l->source = (struct thingpass_source){
        l, object_size, "image/jpeg", true, true, source_read, source_rewind, NULL, source_seek};
    l->object.kind = "photo";
    l->object.source = &l->source;
    l->config.thing = "cam1";
    l->config.stream = &l->stream;
    l->config.mqtt = &l->mqtt;
    l->config.clock = &l->clock;
    l->config.random = &l->random;
    l->config.sha256 = &l->sha256;
    l->config.reply = l->reply;
    l->config.reply_size = sizeof l->reply;
    l->config.chunk = l->chunk;
    l->config.chunk_size = sizeof l->chunk;
}

// The four calls. What they call is counted between the two readings; nothing else
// is on the stack below machine_stack_of.
#define MEASURED(call)                                                                             \
    uint64_t inside = l->inside;                                                                   \
    uint64_t begun = machine_instructions();                                                       \
    l->said = call;                                                                                \
    l->insns = (uint32_t)(machine_instructions() - begun - (l->inside - inside))

static void call_init(void *arg) {
    struct loop *l = arg;
    MEASURED(thingpass_init(&l->tp, &l->config));
}

static void call_start(void *arg) {
    struct loop *l = arg;
    MEASURED(thingpass_upload_start(&l->tp, &l->object));
}

static void call_step(void *arg) {
    struct loop *l = arg;
    MEASURED(thingpass_step(&l->tp, NULL));
}

static void call_receive(void *arg) {
    static const char topic[] = "thingpass/cam1/response";
    struct loop *l = arg;
    size_t len = strlen(l->message);
    MEASURED(thingpass_receive(&l->tp, topic, sizeof topic - 1, l->message, len));
}

static void call(struct loop *l, const char *name, void (*f)(void *arg)) {
    uint32_t stack = machine_stack_of(f, l);
    for (size_t i = 0; i < loop_tallies; i++) {
        struct loop_tally *t = &l->tally[i];
        if (t->call == NULL || strcmp(t->call, name) == 0) {
            t->call = name;
            t->insns += l->insns;
            t->stack = stack > t->stack ? stack : t->stack;
            return;
        }
    }
    abort();
}

// The value of a string field in what was published.
static void field(const struct loop *l, const char *name, char *out, size_t cap) {
    const char *at = strstr(l->published, name);
    out[0] = '\0';
    if (at != NULL) {
        at += strlen(name);
        snprintf(out, cap, "%.*s", (int)strcspn(at, "\""), at);
    }
}

static void answer_question(struct loop *l) {
    char id[80];
    const char *old = strstr(l->grant, "\"id\":\"") + 6;
    field(l, "\"id\":\"", id, sizeof id);
    snprintf(l->message, sizeof l->message, "%.*s%s%s", (int)(old - l->grant), l->grant, id,
             old + strcspn(old, "\""));
    l->grant = l->later != NULL ? l->later : l->grant;
    call(l, "reply", call_receive);
}

static void answer_report(struct loop *l) {
    char id[80];
    char key[200];
    field(l, "\"id\":\"", id, sizeof id);
    field(l, "\"objectKey\":\"", key, sizeof key);
    snprintf(l->message, sizeof l->message,
             "{\"id\":\"%s\",\"status\":\"success\",\"time\":1795424400,\"objectKey\":\"%s\","
             "\"size\":%lu}",
             id, key, (unsigned long)l->source.size);
    call(l, "confirm", call_receive);
}

void loop_begin(struct loop *l) {
    call(l, "init", call_init);
}

int loop_run(struct loop *l) {
    call(l, "start", call_start);
    if (l->said < 0) {
        return l->said;
    }
    for (int i = 0; i < 100000; i++) {
        call(l, thingpass_phase_name(&l->tp), call_step);
        if (l->said == THINGPASS_STEP_DONE) {
            return thingpass_result(&l->tp)->err;
        }
        if (l->asked) {
            answer_question(l);
        } else if (l->reported) {
            answer_report(l);
        }
        l->asked = l->reported = false;
    }
    return THINGPASS_EDEADLINE;
}

const struct loop_tally *loop_tally_of(const struct loop *l, const char *name) {
    static const struct loop_tally none = {"", 0, 0};
    for (size_t i = 0; i < loop_tallies && l->tally[i].call != NULL; i++) {
        if (strcmp(l->tally[i].call, name) == 0) {
            return &l->tally[i];
        }
    }
    return &none;
}
