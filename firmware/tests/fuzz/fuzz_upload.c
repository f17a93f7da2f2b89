// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Any behaviour of the world: the input decides what each function of the port
// returns and which replies and answers come. What must hold: the upload ends;
// it ends well only after a confirmation; source and stream are closed once for
// each time that they were opened; and the lent buffers are never overrun.

#include <stdlib.h>
#include <string.h>

#include "form_judge.h"
#include "thingpass/thingpass.h"

struct chaos {
    const uint8_t *p, *end;
    uint64_t now_ms;
    unsigned opened, closed, source_closed;
    bool open, confirmed;
    char request[4000]; // what was written on this connection, as far as it fits
    size_t request_len;
};

static void require(bool ok) {
    if (!ok) {
        abort();
    }
}

static uint8_t next(struct chaos *c) {
    return c->p < c->end ? *c->p++ : 0;
}

static int decide(struct chaos *c, size_t len) {
    uint8_t b = next(c);
    if (b < 0x40) {
        return len < 1 ? 0 : (int)len;
    }
    if (b < 0x60) {
        return THINGPASS_EAGAIN;
    }
    return b < 0x70 ? -b : (int)(len < b % 17U ? len : b % 17U);
}

static int stream_open(void *ctx, const char *host, uint16_t port, bool tls) {
    struct chaos *c = ctx;
    require(strlen(host) > 0 && strlen(host) < 254 && port > 0 && tls);
    c->opened += c->open ? 0 : 1;
    c->request_len = c->open ? c->request_len : 0;
    c->open = true;
    int r = decide(c, 0);
    return r > 0 ? 0 : r;
}

static int stream_write(void *ctx, const void *data, size_t len) {
    struct chaos *c = ctx;
    volatile uint8_t last = ((const uint8_t *)data)[len - 1];
    (void)last;
    require(c->open);
    int n = decide(c, len);
    for (int i = 0; i < n && c->request_len + 1 < sizeof c->request; i++) {
        c->request[c->request_len++] = ((const char *)data)[i];
    }
    return n;
}

// A request that was written whole is a form, if it is a POST: nothing that a
// reply says can make it something else.
static void check_form(struct chaos *c) {
    static struct form_reading form;
    char *end;
    c->request[c->request_len] = '\0';
    if (memcmp(c->request, "POST ", 5) != 0 || (end = strstr(c->request, "\r\n\r\n")) == NULL) {
        return;
    }
    const char *length = strstr(c->request, "\r\nContent-Length: ");
    require(length != NULL && length < end);
    size_t want = strtoul(length + 18, NULL, 10);
    size_t have = c->request_len - (size_t)(end + 4 - c->request);
    if (have < want) {
        return;
    }
    require(have == want || c->request_len + 1 >= sizeof c->request);
    end[2] = '\0';
    form_read(&form, c->request, end + 4, want);
    require(form.flaw == NULL && form.file_len == 300);
}

static int stream_read(void *ctx, void *buf, size_t cap) {
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 x\r\nContent-Length: 28\r\n\r\n<Code>SlowDown</Code>1234567",
        "HTTP/1.1 403 x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "HTTP/1.1 412 x\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 204 x\r\n\r\n",
    };
    struct chaos *c = ctx;
    require(c->open && cap > 0);
    check_form(c);
    c->request_len = 0;
    uint8_t b = next(c);
    if (b < 0x40) {
        const char *answer = answers[b % 5];
        size_t n = strlen(answer) < cap ? strlen(answer) : cap;
        memcpy(buf, answer, n);
        return (int)n;
    }
    if (b < 0x60) {
        return b < 0x50 ? THINGPASS_EAGAIN : -b;
    }
    size_t n = b % 33U < cap ? b % 33U : cap;
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)buf)[i] = next(c);
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
    struct chaos *c = ctx;
    require(expiry_s > 0);
    require(strncmp(topic, "thingpass/cam1/upload-", 22) == 0 && len > 2);
    require(((const char *)payload)[0] == '{' && ((const char *)payload)[len - 1] == '}');
    int r = decide(c, 0);
    return r > 0 ? 0 : r;
}

static uint64_t now_ms(void *ctx) {
    return ((struct chaos *)ctx)->now_ms;
}

static int fill_random(void *ctx, void *buf, size_t len) {
    memset(buf, next(ctx), len);
    return 0;
}

static int hash_init(void *ctx) {
    (void)ctx;
    return 0;
}

static int hash_update(void *ctx, const void *data, size_t len) {
    (void)ctx;
    (void)data;
    (void)len;
    return 0;
}

static int hash_final(void *ctx, uint8_t sum[32]) {
    (void)ctx;
    memset(sum, 7, 32);
    return 0;
}

static int source_read(void *ctx, void *buf, size_t cap) {
    memset(buf, 'x', cap);
    return decide(ctx, cap);
}

static int source_rewind(void *ctx) {
    return next(ctx) == 0xff ? -1 : 0;
}

static void source_close(void *ctx) {
    ((struct chaos *)ctx)->source_closed++;
}

// A reply of some sort for the upload at hand, or garbage.
static void deliver(struct chaos *c, struct thingpass *tp) {
    static const char *const parts[] = {
        ",\"status\":\"success\",\"time\":1795424400,\"objectKey\":\"k\",\"uploadUrl\":"
        "\"https://h/k\",\"headers\":{\"A\":\"b\"},\"expiresAt\":1795425300}",
        ",\"status\":\"success\",\"time\":1795424400,\"size\":300,\"objectKey\":\"",
        ",\"status\":\"success\",\"time\":1795424400,\"objectKey\":\"k\",\"size\":301}",
        ",\"status\":\"error\",\"time\":1795424400,\"code\":\"busy\",\"retryAfter\":3}",
        ",\"status\":\"error\",\"time\":1795424400,\"code\":\"not-found\"}",
        ",\"status\":\"error\",\"time\":1795424400,\"code\":\"mismatch\"}",
        ",\"status\":\"success\",\"time\":1795424400,\"objectKey\":\"kk\",\"uploadUrl\":"
        "\"https://h:444/k\",\"headers\":{},\"expiresAt\":1795424401}",
        ",\"status\":\"success\",\"time\":1795424400,\"mode\":\"pass\",\"keyPrefix\":\"k\","
        "\"keySuffix\":"
        "\"\",\"uploadUrl\":\"https://h/"
        "\",\"fields\":{\"policy\":\"p\"},\"minSize\":1,\"maxSize\":300,"
        "\"expiresAt\":1795425300}",
        ",\"status\":\"success\",\"time\":1795424400,\"mode\":\"pass\",\"keyPrefix\":\"a\","
        "\"keySuffix\":"
        "\"b\",\"uploadUrl\":\"https://h/\",\"fields\":{},\"minSize\":1,\"maxSize\":299,"
        "\"expiresAt\":1795424401}",
        ",\"status\":\"success\",\"time\":1795424400,\"mode\":\"multipart\",\"objectKey\":\"k\","
        "\"uploadId\":\"u\",\"checksum\":\"crc32\",\"partSize\":200,\"partCount\":2,\"expiresAt\":"
        "1795425300,\"parts\":[{\"number\":1,\"size\":200,\"uploadUrl\":\"https://h/"
        "1\"},{\"number\":2,\"size\":100,\"uploadUrl\":\"https://h/2\"}]}",
        ",\"status\":\"success\",\"time\":1795424400,\"mode\":\"multipart\",\"objectKey\":\"k\","
        "\"uploadId\":\"u\",\"checksum\":\"crc32\",\"partSize\":200,\"partCount\":2,\"expiresAt\":"
        "1795425300,\"parts\":[{\"number\":2,\"size\":100,\"uploadUrl\":\"https://h/2\"}]}",
        ",\"status\":\"success\",\"time\":1795424400,\"mode\":\"multipart\",\"objectKey\":\"k\","
        "\"uploadId\":\"u\",\"checksum\":\"crc32\",\"partSize\":200,\"partCount\":2,\"expiresAt\":"
        "1795425300,\"parts\":[]}",
        ",\"status\":\"error\",\"time\":1795424400,\"code\":\"parts-missing\"}",
        ",\"status\":\"error\",\"time\":1795424400,\"code\":\"no-such-upload\"}",
    };
    static const char topic[] = "thingpass/cam1/response";
    char text[700] = "{\"id\":\"";
    uint8_t b = next(c);
    bool asking = strcmp(thingpass_phase_name(tp), "ask") == 0;
    bool pass = tp->upload.mode == &thingpass_mode_pass;
    strcat(text, asking && pass ? tp->upload.ask_id : thingpass_result(tp)->id);
    strcat(text, "\"");
    size_t len = strlen(text);
    if (b < 0xc0) {
        strcat(text, parts[b % 14]);
        if (b % 14 == 1) { // what is in flight, as the broker would say it
            strcat(text, thingpass_result(tp)->object_key);
            strcat(text, "\"}");
        }
        len = strlen(text);
    } else {
        for (uint8_t n = next(c) / 2; n > 0; n--) {
            text[len++] = (char)next(c);
        }
    }
    bool reporting = strcmp(thingpass_phase_name(tp), "report") == 0;
    (void)thingpass_receive(tp, topic, sizeof topic - 1, text, len);
    text[len] = '\0';
    c->confirmed = c->confirmed || (reporting && strstr(text, "\"size\":300") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct chaos c;
    memset(&c, 0, sizeof c);
    c.p = data;
    c.end = data + size;
    c.now_ms = 5000;
    uint8_t *reply = malloc(1200); // exact, for the sanitizer's sake
    uint8_t *chunk = malloc(1024);
    const struct thingpass_stream stream = {&c, stream_open, stream_write, stream_read,
                                            stream_close};
    const struct thingpass_mqtt mqtt = {&c, publish};
    const struct thingpass_clock clock = {&c, now_ms};
    const struct thingpass_random random = {&c, fill_random};
    const struct thingpass_sha256 sha256 = {&c, hash_init, hash_update, hash_final};
    const uint8_t choice = next(&c);
    const bool rewindable = (choice & 1) != 0;
    const struct thingpass_source source = {
        &c,           300, "a/b", true, rewindable, source_read, rewindable ? source_rewind : NULL,
        source_close, NULL};
    struct thingpass_config config = {0};
    struct thingpass_object object = {0};
    struct thingpass tp;
    config.thing = "cam1";
    config.stream = &stream;
    config.mqtt = &mqtt;
    config.clock = &clock;
    config.random = &random;
    config.sha256 = &sha256;
    config.reply = reply;
    config.reply_size = 1200;
    config.chunk = chunk;
    config.chunk_size = 1024;
    object.kind = "photo";
    object.source = &source;
    static const struct thingpass_mode *const modes[] = {&thingpass_mode_put, &thingpass_mode_pass,
                                                         &thingpass_mode_multipart};
    object.mode = modes[(choice >> 1) % 3U];
    object.mode =
        rewindable || object.mode != &thingpass_mode_multipart ? object.mode : &thingpass_mode_pass;
    require(reply != NULL && chunk != NULL && thingpass_init(&tp, &config) == 0);
    // The second may reuse the connection and the pass; the third changes the mode.
    for (unsigned round = 0; round < 3; round++) {
        if (round == 2 && (choice & 0x80) != 0) {
            object.mode =
                object.mode == &thingpass_mode_put ? &thingpass_mode_pass : &thingpass_mode_put;
        }
        require(thingpass_upload_start(&tp, &object) == 0);
        c.confirmed = false;
        c.source_closed = 0;
        unsigned steps = 0;
        int todo;
        uint64_t wake;
        while ((todo = thingpass_step(&tp, &wake)) != THINGPASS_STEP_DONE) {
            require(++steps < 100000 && wake >= c.now_ms);
            if (todo == THINGPASS_STEP_WAIT && (next(&c) & 1) != 0) {
                deliver(&c, &tp);
            } else if (todo == THINGPASS_STEP_WAIT) {
                require(wake > c.now_ms);
                c.now_ms = wake;
            } else if (todo == THINGPASS_STEP_WAIT_STREAM) {
                c.now_ms += 1000;
            } else {
                require(todo == THINGPASS_STEP_RUN);
                c.now_ms += c.p == c.end ? 10 : 0; // a world that ran dry ages
            }
        }
        require(c.source_closed == 1);
        require(thingpass_result(&tp)->err != THINGPASS_OK || c.confirmed);
        require(c.opened == c.closed + (c.open ? 1 : 0));
    }
    thingpass_cancel(&tp);
    require(c.opened == c.closed && !c.open);
    free(reply);
    free(chunk);
    return 0;
}
