// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Any reply to a credentials-request and any answer of a provider. The input is one
// byte that chooses how credentials are had, the reply up to a NUL, then what the
// servers answer, each answer up to a NUL. Whatever they say, what leaves for S3 is
// one PUT, whose headers are those that it has always, each once, and printable.

#include <stdlib.h>
#include <string.h>

#include "thingpass/credentials.h"

struct chaos {
    const char *p, *end;
    uint64_t now_ms;
    bool open, provider;
    char request[12000];
    size_t len;
    unsigned requests;
};

static void require(bool ok) {
    if (!ok) {
        abort();
    }
}

// The input up to the next NUL.
static struct thingpass_span next_text(struct chaos *c) {
    const char *end = c->p < c->end ? memchr(c->p, '\0', (size_t)(c->end - c->p)) : NULL;
    struct thingpass_span s = {c->p, (size_t)((end != NULL ? end : c->end) - c->p)};
    c->p = end != NULL ? end + 1 : c->end;
    return s;
}

static int stream_open(void *ctx, const char *host, uint16_t port, bool tls) {
    struct chaos *c = ctx;
    require(strlen(host) > 0 && strlen(host) < 254 && port > 0 && tls);
    c->open = true;
    c->provider = false;
    c->len = 0;
    return 0;
}

static int provider_open(void *ctx, const char *host, uint16_t port, bool tls) {
    int r = stream_open(ctx, host, port, tls);
    ((struct chaos *)ctx)->provider = true;
    return r;
}

static int stream_write(void *ctx, const void *data, size_t len) {
    struct chaos *c = ctx;
    require(c->open && c->len + len < sizeof c->request);
    memcpy(c->request + c->len, data, len);
    c->len += len;
    return (int)len;
}

// The next line, without its end.
static struct thingpass_span line_of(const char **p, const char *end) {
    const char *at = *p;
    while (at + 1 < end && !(at[0] == '\r' && at[1] == '\n')) {
        require(at[0] >= 0x20 && at[0] <= 0x7e);
        at++;
    }
    require(at + 1 < end);
    struct thingpass_span s = {*p, (size_t)(at - *p)};
    *p = at + 2;
    return s;
}

static bool begins(struct thingpass_span s, const char *text) {
    return s.n >= strlen(text) && memcmp(s.p, text, strlen(text)) == 0;
}

static void check_put(const char *p, const char *end) {
    static const char *const names[] = {"host: ",
                                        "if-none-match: *",
                                        "x-amz-checksum-sha256: ",
                                        "x-amz-content-sha256: UNSIGNED-PAYLOAD",
                                        "x-amz-date: 20",
                                        "x-amz-meta-captured-at: ",
                                        "x-amz-meta-fw: 1",
                                        "x-amz-security-token: ",
                                        "Authorization: AWS4-HMAC-SHA256 Credential=",
                                        "Content-Length: 300"};
    struct thingpass_span line = line_of(&p, end);
    require(begins(line, "PUT /") && memchr(line.p + 4, ' ', line.n - 4) == line.p + line.n - 9);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        require(begins(line_of(&p, end), names[i]));
    }
    require(line_of(&p, end).n == 0 && end - p == 300);
}

static void check_get(const char *p, const char *end) {
    struct thingpass_span line = line_of(&p, end);
    require(begins(line, "GET /role-aliases/") &&
            memchr(line.p + 4, ' ', line.n - 4) == line.p + line.n - 9);
    require(begins(line_of(&p, end), "Host: "));
    while ((line = line_of(&p, end)).n > 0) {
        require(memchr(line.p, ':', line.n) != NULL && !begins(line, "Content-Length"));
    }
    require(p == end);
}

static int stream_read(void *ctx, void *buf, size_t cap) {
    struct chaos *c = ctx;
    if (c->len > 0) {
        const char *end = c->request + c->len;
        c->provider ? check_get(c->request, end) : check_put(c->request, end);
        c->len = 0;
        c->requests++;
    }
    struct thingpass_span s = next_text(c);
    size_t n = s.n < cap ? s.n : cap;
    if (n > 0) {
        memcpy(buf, s.p, n);
    }
    return (int)n;
}

static void stream_close(void *ctx) {
    ((struct chaos *)ctx)->open = false;
}

static int publish(void *ctx, const char *topic, const void *payload, size_t len,
                   uint32_t expiry_s) {
    (void)ctx;
    (void)expiry_s;
    require(strcmp(topic, "thingpass/cam1/credentials-request") == 0 ||
            strcmp(topic, "thingpass/cam1/upload-complete") == 0);
    require(((const char *)payload)[0] == '{' && ((const char *)payload)[len - 1] == '}');
    return 0;
}

static uint64_t now_ms(void *ctx) {
    return ((struct chaos *)ctx)->now_ms;
}

static int fill_random(void *ctx, void *buf, size_t len) {
    (void)ctx;
    memset(buf, 7, len);
    return 0;
}

static int hash_init(void *ctx) {
    (void)ctx;
    return 0;
}

static int hash_update(void *ctx, const void *data, size_t len) {
    (void)ctx;
    volatile char last = len > 0 ? ((const char *)data)[len - 1] : 0;
    (void)last;
    return 0;
}

static int hash_final(void *ctx, uint8_t sum[32]) {
    (void)ctx;
    memset(sum, 7, 32);
    return 0;
}

static int source_read(void *ctx, void *buf, size_t cap) {
    unsigned *left = ctx;
    size_t n = *left < cap ? *left : cap;
    memset(buf, 'x', n);
    *left -= (unsigned)n;
    return (int)n;
}

static int source_rewind(void *ctx) {
    *(unsigned *)ctx = 300;
    return 0;
}

// The reply shall count, so the question gets its id.
static void adopt_id(struct thingpass *tp, struct thingpass_span reply) {
    static const char name[] = "\"id\":\"";
    for (size_t i = 0; i + sizeof name - 1 < reply.n; i++) {
        if (memcmp(reply.p + i, name, sizeof name - 1) == 0) {
            size_t at = i + sizeof name - 1;
            size_t n = 0;
            while (at + n < reply.n && reply.p[at + n] != '"' && n + 1 < sizeof tp->upload.ask_id) {
                n++;
            }
            memcpy(tp->upload.ask_id, reply.p + at, n);
            tp->upload.ask_id[n] = '\0';
            return;
        }
    }
}

static void run(struct chaos *c, struct thingpass *tp, struct thingpass_span reply) {
    static const char topic[] = "thingpass/cam1/response";
    uint64_t wake;
    int todo;
    unsigned steps = 0;
    while ((todo = thingpass_step(tp, &wake)) != THINGPASS_STEP_DONE) {
        require(++steps < 100000 && wake >= c->now_ms);
        if (todo == THINGPASS_STEP_WAIT) {
            if (strcmp(thingpass_phase_name(tp), "ask") == 0) {
                adopt_id(tp, reply);
                (void)thingpass_receive(tp, topic, sizeof topic - 1, reply.p, reply.n);
            }
            c->now_ms = wake;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct chaos c;
    memset(&c, 0, sizeof c);
    uint8_t choice = size > 0 ? data[0] : 0;
    c.p = (const char *)data + (size > 0);
    c.end = (const char *)data + size;
    c.now_ms = 5000;
    unsigned left = 300;
    uint8_t *reply_buffer = malloc(3000); // exact, for the sanitizer's sake
    uint8_t *chunk = malloc(1024);
    const struct thingpass_stream stream = {&c, stream_open, stream_write, stream_read,
                                            stream_close};
    struct thingpass_stream mutual = stream;
    mutual.open = provider_open;
    const struct thingpass_mqtt mqtt = {&c, publish};
    const struct thingpass_clock clock = {&c, now_ms};
    const struct thingpass_random random = {&c, fill_random};
    const struct thingpass_sha256 sha256 = {&c, hash_init, hash_update, hash_final};
    const struct thingpass_source source = {&left,       300,           NULL, true, true,
                                            source_read, source_rewind, NULL, NULL};
    struct thingpass_provider provider = {&mutual, NULL, NULL, NULL, NULL, NULL, false, NULL};
    if (choice % 3 == 2) {
        provider.endpoint = "https://provider";
        provider.role_alias = "thingpass";
        provider.s3_endpoint = "https://s3.example.com";
        provider.region = "eu-central-1";
        provider.bucket = "photos";
    }
    const struct thingpass_pair pair = {"fw", "1"};
    struct thingpass_config config = {0};
    config.thing = "cam1";
    config.stream = &stream;
    config.mqtt = &mqtt;
    config.clock = &clock;
    config.random = &random;
    config.sha256 = &sha256;
    config.reply = reply_buffer;
    config.reply_size = 3000;
    config.chunk = chunk;
    config.chunk_size = 1024;
    config.provider = choice % 3 == 0 ? NULL : &provider;
    struct thingpass_object object = {0};
    object.kind = "photo";
    object.source = &source;
    object.mode = &thingpass_mode_credentials;
    object.verify = THINGPASS_VERIFY_S3;
    object.metadata = &pair;
    object.metadata_count = 1;
    static struct thingpass tp;
    require(reply_buffer != NULL && chunk != NULL && thingpass_init(&tp, &config) == 0);
    struct thingpass_span reply = next_text(&c);
    for (unsigned round = 0; round < 2; round++) {
        require(thingpass_upload_start(&tp, &object) == 0);
        run(&c, &tp, reply);
        require(thingpass_result(&tp)->err != THINGPASS_OK || c.requests > 0);
    }
    thingpass_cancel(&tp);
    require(!c.open);
    free(reply_buffer);
    free(chunk);
    return 0;
}
