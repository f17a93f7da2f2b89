// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Any behaviour of the world while something is fetched. What must hold: the download
// ends; the sink is told so once for each time that it began; it gets no byte beyond
// the size that it was told, nor one that does not follow the last; and it is told
// that all is well only if it has every byte of the object that was promised, with its
// checksum where there was one.

#include <stdlib.h>
#include <string.h>

#include "thingpass/download.h"

enum { object_size = 3000 };

struct chaos {
    const uint8_t *p, *end;
    uint64_t now_ms;
    unsigned opened, closed;
    bool open;
    char request[1500];
    size_t request_len;
    char answer[object_size + 400];
    size_t answer_len, answer_sent;
    uint64_t hash;

    bool begun;
    unsigned ends;
    uint32_t size, have_len;
    uint8_t have[object_size + 10];
    char version[40];
};

static void require(bool ok) {
    if (!ok) {
        abort();
    }
}

static uint8_t next(struct chaos *c) {
    return c->p < c->end ? *c->p++ : 0;
}

// Mostly all of it, so that something is ever done.
static int decide(struct chaos *c, size_t len) {
    uint8_t b = next(c);
    if (b < 0xa0) {
        return (int)len;
    }
    if (b < 0xc0) {
        return THINGPASS_EAGAIN;
    }
    return b < 0xc8 ? -b : (int)(len < b % 61U ? len : b % 61U);
}

static uint8_t object_byte(size_t i) {
    return (uint8_t)(i * 7 + i / 251);
}

static int stream_open(void *ctx, const char *host, uint16_t port, bool tls) {
    struct chaos *c = ctx;
    require(strlen(host) > 0 && port > 0 && tls);
    if (!c->open) {
        c->opened++;
        c->request_len = c->answer_len = c->answer_sent = 0;
    }
    c->open = true;
    int r = decide(c, 0);
    return r > 0 ? 0 : r;
}

static int stream_write(void *ctx, const void *data, size_t len) {
    struct chaos *c = ctx;
    require(c->open && len > 0);
    int n = decide(c, len);
    for (int i = 0; i < n; i++) {
        require(c->request_len + 1 < sizeof c->request);
        c->request[c->request_len++] = ((const char *)data)[i];
    }
    return n;
}

static void put(struct chaos *c, const char *text) {
    size_t n = strlen(text);
    memcpy(c->answer + c->answer_len, text, n);
    c->answer_len += n;
}

static void put_number(struct chaos *c, unsigned n) {
    char digits[12];
    size_t i = sizeof digits - 1;
    digits[i] = '\0';
    do {
        digits[--i] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    put(c, digits + i);
}

// An answer that is mostly right.
static void make_answer(struct chaos *c) {
    static const char *const others[] = {"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n",
                                         "HTTP/1.1 403 x\r\nContent-Length: 0\r\n\r\n",
                                         "HTTP/1.1 412 x\r\nContent-Length: 0\r\n\r\n",
                                         "HTTP/1.1 416 x\r\nContent-Length: 0\r\n\r\n",
                                         "HTTP/1.1 204 x\r\n\r\n",
                                         "HTTP/1.1 206 x\r\n\r\nabc",
                                         "HTTP/1.1 200 x\r\nConnection: close\r\n\r\n"};
    c->request[c->request_len] = '\0';
    require(memcmp(c->request, "GET /", 5) == 0);
    require(memcmp(c->request + c->request_len - 4, "\r\n\r\n", 4) == 0);
    const char *range = strstr(c->request, "\r\nRange: bytes=");
    unsigned first = range != NULL ? (unsigned)strtoul(range + 15, NULL, 10) : 0;
    require(first == c->have_len);
    uint8_t b = next(c);
    c->answer_len = c->answer_sent = 0;
    if (b < 14) {
        put(c, others[b % 7]);
        return;
    }
    first = b < 20 ? 0 : first;
    first += b == 20 ? 1 : 0;
    put(c, first > 0 ? "HTTP/1.1 206 x\r\n" : "HTTP/1.1 200 x\r\n");
    if (first > 0) {
        put(c, "Content-Range: bytes ");
        put_number(c, first);
        put(c, "-2999/");
        put_number(c, b == 21 ? 3001 : object_size);
        put(c, "\r\n");
    }
    if (b != 22) {
        put(c, "Content-Length: ");
        put_number(c, object_size + (b == 23 ? 1 : 0) - (b == 24 ? 1 : 0) - first);
        put(c, "\r\n");
    }
    put(c, "\r\n");
    for (unsigned i = first; i < object_size; i++) {
        c->answer[c->answer_len++] = (char)(object_byte(i) ^ (b == 25 && i == 2000 ? 1 : 0));
    }
}

static int stream_read(void *ctx, void *buf, size_t cap) {
    struct chaos *c = ctx;
    require(c->open && cap > 0);
    bool whole = c->request_len > 4 && memcmp(c->request + c->request_len - 4, "\r\n\r\n", 4) == 0;
    if (whole) {
        make_answer(c);
        c->request_len = 0;
    }
    uint8_t b = next(c);
    if (b >= 0xe0) {
        return b < 0xf0 ? THINGPASS_EAGAIN : b < 0xf4 ? 0 : b < 0xfa ? -b : 3000;
    }
    size_t left = c->answer_len - c->answer_sent;
    size_t n = left < cap ? left : cap;
    n = b > 0x80 && n > b ? b : n;
    memcpy(buf, c->answer + c->answer_sent, n);
    c->answer_sent += n;
    if (b == 1 && n > 0) {
        ((uint8_t *)buf)[next(c) % n] = next(c);
    }
    return (int)n;
}

static void stream_close(void *ctx) {
    struct chaos *c = ctx;
    require(c->open);
    c->open = false;
    c->closed++;
}

static int publish(void *ctx, const char *topic, const void *payload, size_t len,
                   uint32_t expiry_s) {
    require(strcmp(topic, "thingpass/cam1/download-request") == 0 && expiry_s > 0);
    require(len > 2 && ((const char *)payload)[0] == '{');
    int r = decide(ctx, 0);
    return r > 0 ? 0 : r;
}

static uint64_t now_ms(void *ctx) {
    return ((struct chaos *)ctx)->now_ms;
}

static int fill_random(void *ctx, void *buf, size_t len) {
    (void)ctx;
    memset(buf, 3, len);
    return 0;
}

static int hash_init(void *ctx) {
    ((struct chaos *)ctx)->hash = 14695981039346656037u;
    return 0;
}

static int hash_update(void *ctx, const void *data, size_t len) {
    struct chaos *c = ctx;
    for (size_t i = 0; i < len; i++) {
        c->hash = (c->hash ^ ((const uint8_t *)data)[i]) * 1099511628211u;
    }
    return 0;
}

static int hash_final(void *ctx, uint8_t sum[32]) {
    for (size_t i = 0; i < 32; i++) {
        sum[i] = (uint8_t)(((struct chaos *)ctx)->hash >> (i % 8 * 8));
    }
    return 0;
}

static int sink_begin(void *ctx, const char *version, uint32_t size, uint32_t offset) {
    struct chaos *c = ctx;
    require(offset <= size && offset <= c->have_len && strlen(version) > 0);
    require(offset == 0 || strcmp(version, c->version) == 0);
    if (next(c) == 0xff) {
        return -77;
    }
    strncpy(c->version, version, sizeof c->version - 1);
    c->begun = true;
    c->size = size;
    c->have_len = offset;
    return 0;
}

static int sink_write(void *ctx, const void *data, size_t n) {
    struct chaos *c = ctx;
    require(c->begun && n > 0 && n <= c->size - c->have_len);
    require(c->have_len + n <= sizeof c->have);
    memcpy(c->have + c->have_len, data, n);
    c->have_len += (uint32_t)n;
    return next(c) == 0xff ? -78 : 0;
}

static int sink_read(void *ctx, uint32_t offset, void *buf, size_t cap) {
    struct chaos *c = ctx;
    require(c->begun && cap > 0 && offset + cap <= c->have_len);
    int n = decide(c, cap);
    if (n > 0) {
        memcpy(buf, c->have + offset, (size_t)n);
    }
    return n;
}

static int sink_end(void *ctx, int err) {
    struct chaos *c = ctx;
    require(c->begun && c->ends++ == 0);
    require(err != THINGPASS_OK || c->have_len == c->size);
    return next(c) == 0xff ? -79 : 0;
}

// A reply of some sort, or garbage. sum is the object's, in hexadecimal.
static void deliver(struct chaos *c, struct thingpass *tp, const char *sum) {
#define BEGIN ",\"status\":\"success\",\"time\":1795424400,\"mode\":\"get\",\"objectKey\":\"k\""
#define END   ",\"downloadUrl\":\"https://h/k\",\"expiresAt\":1795425300"
    static const char *const parts[] = {
        BEGIN END ",\"size\":3000,\"etag\":\"\\\"v1\\\"\"",
        BEGIN END ",\"size\":3000,\"etag\":\"\\\"v1\\\"\",\"headers\":{\"If-Match\":\"v1\"}",
        BEGIN END ",\"size\":3000,\"etag\":\"\\\"v1\\\"\",\"versionId\":\"v2\"",
        BEGIN END ",\"size\":2999,\"etag\":\"\\\"v1\\\"\"",
        BEGIN END ",\"size\":0,\"etag\":\"\\\"v1\\\"\"",
        BEGIN ",\"unchanged\":true,\"size\":3000,\"etag\":\"\\\"v1\\\"\"",
        BEGIN ",\"size\":3000,\"etag\":\"\\\"v1\\\"\",\"downloadUrl\":\"https://h/"
              "k\",\"expiresAt\":1795424401",
        BEGIN END ",\"size\":3000",
        ",\"status\":\"error\",\"time\":1795424400,\"code\":\"busy\",\"retryAfter\":3",
        ",\"status\":\"error\",\"time\":1795424400,\"code\":\"no-such-upload\",\"retryAfter\":3",
        ",\"status\":\"error\",\"time\":1795424400,\"code\":\"not-found\"",
    };
    static const char topic[] = "thingpass/cam1/response";
    char text[900] = "{\"id\":\"";
    uint8_t b = next(c);
    strcat(text, thingpass_result(tp)->id);
    strcat(text, "\"");
    strcat(text, parts[b < 0x80 ? b % 3 : b % 11]);
    if ((b & 8) == 0) {
        strcat(text, ",\"sha256\":\"");
        strcat(text, sum);
        strcat(text, "\"");
    }
    strcat(text, "}");
    size_t len = strlen(text);
    if (b > 0xf0) {
        text[next(c) % len] = (char)next(c);
    }
    (void)thingpass_receive(tp, topic, sizeof topic - 1, text, len);
}

static void run(struct chaos *c, struct thingpass *tp, const char *sum) {
    unsigned steps = 0;
    int todo;
    uint64_t wake;
    while ((todo = thingpass_step(tp, &wake)) != THINGPASS_STEP_DONE) {
        require(++steps < 200000 && wake >= c->now_ms);
        if (todo == THINGPASS_STEP_WAIT && next(c) >= 0x40) {
            deliver(c, tp, sum);
        } else if (todo == THINGPASS_STEP_WAIT) {
            require(wake > c->now_ms);
            c->now_ms = wake;
        } else if (todo == THINGPASS_STEP_WAIT_STREAM) {
            c->now_ms += 1000;
        } else {
            require(todo == THINGPASS_STEP_RUN);
            c->now_ms += c->p == c->end ? 10 : 0; // a world that ran dry ages
        }
    }
}

static void check(const struct chaos *c, const struct thingpass_result *r) {
    require(c->ends == (c->begun ? 1 : 0));
    require(r->err != THINGPASS_OK || r->verified != THINGPASS_VERIFIED_NOT);
    if (r->verified == THINGPASS_VERIFIED_SIZE || r->verified == THINGPASS_VERIFIED_SHA256) {
        require(c->have_len == r->size);
    }
    for (size_t i = 0; r->verified == THINGPASS_VERIFIED_SHA256 && i < object_size; i++) {
        require(c->have[i] == object_byte(i));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct chaos c;
    memset(&c, 0, sizeof c);
    c.p = data;
    c.end = data + size;
    c.now_ms = 5000;
    uint8_t *reply = malloc(1024); // exact, for the sanitizer's sake
    uint8_t *chunk = malloc(1024);
    const struct thingpass_stream stream = {&c, stream_open, stream_write, stream_read,
                                            stream_close};
    const struct thingpass_mqtt mqtt = {&c, publish};
    const struct thingpass_clock clock = {&c, now_ms};
    const struct thingpass_random random = {&c, fill_random};
    const struct thingpass_sha256 sha256 = {&c, hash_init, hash_update, hash_final};
    const struct thingpass_sink sink = {&c, sink_begin, sink_write, sink_read, sink_end};
    struct thingpass_config config = {0};
    struct thingpass_download job = {0};
    struct thingpass tp;
    config.thing = "cam1";
    config.stream = &stream;
    config.mqtt = &mqtt;
    config.clock = &clock;
    config.random = &random;
    config.sha256 = &sha256;
    config.reply = reply;
    config.reply_size = 1024;
    config.chunk = chunk;
    config.chunk_size = 1024;
    job.kind = "firmware";
    job.sink = &sink;
    const uint8_t choice = next(&c);
    job.have_version = (choice & 1) != 0 ? "\"v0\"" : NULL;
    job.max_size = (choice & 6) == 6 ? 2999 : 0;
    char sum[65] = "";
    uint8_t bytes[object_size];
    uint8_t digest[32];
    for (size_t i = 0; i < object_size; i++) {
        bytes[i] = object_byte(i);
    }
    (void)hash_init(&c);
    (void)hash_update(&c, bytes, sizeof bytes);
    (void)hash_final(&c, digest);
    for (size_t i = 0; i < 64; i++) {
        sum[i] = "0123456789abcdef"[digest[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
    }
    require(reply != NULL && chunk != NULL && thingpass_init(&tp, &config) == 0);
    // The second goes on where the first was, if that is of any use.
    for (unsigned round = 0; round < 2; round++) {
        job.from = round == 1 && c.version[0] != '\0' ? c.have_len : 0;
        char before[sizeof c.version];
        memcpy(before, c.version, sizeof before);
        job.from_version = before;
        c.begun = false;
        c.ends = 0;
        require(thingpass_download_start(&tp, &job) == 0);
        run(&c, &tp, sum);
        check(&c, thingpass_result(&tp));
        require(c.opened == c.closed + (c.open ? 1 : 0));
    }
    thingpass_cancel(&tp);
    require(c.opened == c.closed && !c.open);
    free(reply);
    free(chunk);
    return 0;
}
