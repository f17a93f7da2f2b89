// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "world.h"

#include "upload.h"

const char world_grant[] =
    "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"mode\":\"put\",\"objectKey\":\"$KEY\","
    "\"uploadUrl\":\"https://s3.example.com/$KEY?X-Amz-Signature=abc\","
    "\"headers\":{\"Content-Type\":\"image/jpeg\",\"If-None-Match\":\"*\"},\"expiresAt\":$EXPIRES}";
const char world_pass[] =
    "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"mode\":\"pass\","
    "\"keyPrefix\":\"cam1/photo/2026/11/23/\",\"keySuffix\":\".jpg\","
    "\"uploadUrl\":\"https://s3.example.com/\",\"fields\":{\"Content-Type\":\"image/jpeg\","
    "\"policy\":\"eyJ9\",\"x-amz-signature\":\"abc\"},\"minSize\":1,\"maxSize\":8388608,"
    "\"expiresAt\":$EXPIRES}";
const char world_posted[] = "HTTP/1.1 204 No Content\r\nETag: \"x\"\r\n\r\n";
const char world_confirm[] = "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,"
                             "\"objectKey\":\"$KEY\",\"size\":$SIZE}";
const char world_ok[] = "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: 0\r\n\r\n";

const char world_served[] = "";

static char texts[16][400];
static size_t texts_used;

static char *new_text(void) {
    char *text = texts[texts_used % COUNT(texts)];
    texts_used++;
    return text;
}

const char *world_refusal(const char *code, int retry_after_s) {
    char *text = new_text();
    char retry[40] = "";
    if (retry_after_s >= 0) {
        snprintf(retry, sizeof retry, ",\"retryAfter\":%d", retry_after_s);
    }
    snprintf(
        text, sizeof texts[0],
        "{\"id\":\"$ID\",\"status\":\"error\",\"time\":$TIME,\"code\":\"%s\",\"error\":\"x\"%s}",
        code, retry);
    return text;
}

const char *world_error(unsigned status, const char *code) {
    char *text = new_text();
    char body[200] = "";
    if (code != NULL) {
        snprintf(body, sizeof body, "<?xml version=\"1.0\"?><Error><Code>%s</Code></Error>", code);
    }
    snprintf(text, sizeof texts[0], "HTTP/1.1 %u x\r\nContent-Length: %u\r\n\r\n%s", status,
             (unsigned)strlen(body), body);
    return text;
}

// Whether this call is one of those that come too early.
static bool too_early(struct world *w) {
    w->calls++;
    return w->eagain != 0 && w->calls % w->eagain == 0;
}

static uint64_t now_ms(void *ctx) {
    return ((struct world *)ctx)->now_ms;
}

static int fill_random(void *ctx, void *buf, size_t len) {
    struct world *w = ctx;
    memset(buf, w->dice, len); // 0: no jitter, so that waits are exact
    return w->no_random ? THINGPASS_EIO : THINGPASS_OK;
}

enum { hash_prime = 16777619 };

static uint64_t hash_bytes(uint64_t hash, const uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ data[i]) * hash_prime;
    }
    return hash;
}

static void spread(uint64_t hash, uint8_t sum[32]) {
    for (size_t i = 0; i < 32; i++) {
        sum[i] = (uint8_t)(hash >> (i % 8 * 8));
    }
}

void world_sum(const uint8_t *data, size_t len, uint8_t sum[32]) {
    spread(hash_bytes(14695981039346656037u, data, len), sum);
}

static int hash_init(void *ctx) {
    struct world *w = ctx;
    w->hash = 14695981039346656037u;
    return w->no_hash ? -77 : THINGPASS_OK;
}

static int hash_update(void *ctx, const void *data, size_t len) {
    struct world *w = ctx;
    w->hash = hash_bytes(w->hash, data, len);
    return THINGPASS_OK;
}

static int hash_final(void *ctx, uint8_t sum[32]) {
    spread(((struct world *)ctx)->hash, sum);
    return THINGPASS_OK;
}

static int source_read(void *ctx, void *buf, size_t cap) {
    struct world *w = ctx;
    assert_int_equal(w->closes, 0);
    assert_true(cap > 0);
    if (too_early(w)) {
        return THINGPASS_EAGAIN;
    }
    if (w->read_fails_at != 0 && w->bytes_read >= w->read_fails_at) {
        return -99;
    }
    size_t left = w->bytes_len - w->bytes_read;
    size_t n = left < cap ? left : cap;
    n = w->most != 0 && n > w->most ? w->most : n;
    if (n > 0) {
        memcpy(buf, w->bytes + w->bytes_read, n);
    }
    w->bytes_read += n;
    return (int)n;
}

static int source_rewind(void *ctx) {
    struct world *w = ctx;
    w->rewinds++;
    w->bytes_read = 0;
    return w->rewind_fails ? -5 : THINGPASS_OK;
}

static void source_close(void *ctx) {
    ((struct world *)ctx)->closes++;
}

// Each connection uses up one entry of the script, and so does each further
// request on the same connection.
static const struct world_put *put_now(const struct world *w) {
    size_t i = w->put_index;
    return &w->puts[i < w->put_count ? i : w->put_count - 1];
}

static void begin_request(struct world *w) {
    w->head_done = w->answered = w->write_broke = false;
    w->head_len = w->written = w->answer_sent = 0;
}

static int stream_open(void *ctx, const char *host, uint16_t port, bool tls) {
    struct world *w = ctx;
    if (!w->connected) {
        w->opens++;
        w->connected = true;
        begin_request(w);
        snprintf(w->host, sizeof w->host, "%s", host);
    }
    assert_string_equal(w->host, host);
    w->port = port;
    w->tls = tls;
    if (put_now(w)->refuse_open) {
        return -111;
    }
    return put_now(w)->hang_open || too_early(w) ? THINGPASS_EAGAIN : THINGPASS_OK;
}

static uint64_t content_length(const struct world *w) {
    const char *line = strstr(w->head, "Content-Length: ");
    return line == NULL ? 0 : strtoull(line + 16, NULL, 10);
}

// The answer to the request at hand.
static const void *answer_of(const struct world *w, size_t *len) {
    const char *answer = put_now(w)->answer;
    *len = answer == world_served ? w->served_len : strlen(answer);
    return answer == world_served ? (const void *)w->served : answer;
}

static void request_is_whole(struct world *w) {
    const struct world_put *p = put_now(w);
    w->answered = true;
    if (p->answer == world_served) {
        w->serve(w);
        return;
    }
    const void *object = w->body;
    size_t len = w->body_len;
    if (strncmp(w->head, "POST ", 5) == 0) {
        form_read(&w->form, w->head, (const char *)w->body, w->body_len);
        CHECK(w->form.flaw, w->form.flaw == NULL);
        w->key = w->form.key;
        object = w->form.file;
        len = w->form.file_len;
    }
    if (p->answer == NULL || (strncmp(p->answer, "HTTP/1.1 200", 12) != 0 &&
                              strncmp(p->answer, "HTTP/1.1 204", 12) != 0)) {
        return;
    }
    w->stored = realloc(w->stored, len + 1);
    assert_non_null(w->stored);
    if (len > 0) {
        memcpy(w->stored, object, len);
    }
    w->stored_len = len;
    w->stored_count++;
    if (w->keep != NULL) {
        w->keep(w);
    }
}

static void head_is_whole(struct world *w) {
    w->head_done = true;
    w->request_count++;
    w->body_len = 0;
    w->body = realloc(w->body, (size_t)content_length(w) + 1);
    assert_non_null(w->body);
}

static void take_byte(struct world *w, uint8_t byte) {
    w->written++;
    if (w->head_done) {
        w->body[w->body_len++] = byte;
    } else {
        assert_true(w->head_len + 1 < sizeof w->head);
        w->head[w->head_len++] = (char)byte;
        w->head[w->head_len] = '\0';
        if (w->head_len >= 4 && strcmp(w->head + w->head_len - 4, "\r\n\r\n") == 0) {
            head_is_whole(w);
        }
    }
    if (w->head_done && w->body_len == content_length(w)) {
        request_is_whole(w);
    }
}

static int stream_write(void *ctx, const void *data, size_t len) {
    struct world *w = ctx;
    assert_true(w->connected && len > 0);
    if (w->answered) { // the next request on the same connection
        size_t answer_len;
        (void)answer_of(w, &answer_len);
        assert_int_equal(w->answer_sent, answer_len);
        w->put_index++;
        begin_request(w);
    }
    const struct world_put *p = put_now(w);
    if (p->full || too_early(w)) {
        return w->calls % 2 ? 0 : THINGPASS_EAGAIN;
    }
    size_t n = w->most != 0 && len > w->most ? w->most : len;
    for (size_t i = 0; i < n; i++) {
        if (p->break_after != 0 && w->written + 1 >= p->break_after) {
            w->write_broke = true;
            return -32;
        }
        take_byte(w, ((const uint8_t *)data)[i]);
    }
    return (int)n;
}

static int stream_read(void *ctx, void *buf, size_t cap) {
    struct world *w = ctx;
    const struct world_put *p = put_now(w);
    assert_true(w->connected && cap > 0);
    bool may_answer = w->write_broke ? p->early : w->answered;
    if (p->hang || too_early(w) || (!may_answer && !w->write_broke)) {
        return THINGPASS_EAGAIN;
    }
    if (!may_answer || p->answer == NULL) {
        return w->write_broke ? -104 : 0;
    }
    size_t len;
    const char *answer = answer_of(w, &len);
    size_t end = p->answer_cut != 0 && p->answer_cut < len ? p->answer_cut : len;
    size_t n = end - w->answer_sent < cap ? end - w->answer_sent : cap;
    n = w->most != 0 && n > w->most ? w->most : n;
    if (n > 0) {
        memcpy(buf, answer + w->answer_sent, n);
    }
    w->answer_sent += n;
    if (n == 0 && p->stall) {
        return THINGPASS_EAGAIN;
    }
    return n == 0 && p->reset_after_answer ? -104 : (int)n;
}

static void stream_close(void *ctx) {
    struct world *w = ctx;
    assert_true(w->connected);
    w->stream_closes++;
    w->connected = false;
    w->put_index++;
}

static void put_field(char *out, size_t cap, const char *value) {
    assert_true(strlen(out) + strlen(value) < cap);
    strcat(out, value);
}

static void id_of(const char *payload, char *id, size_t cap) {
    const char *p = strstr(payload, "\"id\":\"");
    id[0] = '\0';
    if (p != NULL) {
        snprintf(id, cap, "%.*s", (int)strcspn(p + 6, "\""), p + 6);
    }
}

// Fills in the $WORDS of a script.
static void expand(const struct world *w, const char *text, const char *id, char *out, size_t cap) {
    out[0] = '\0';
    while (*text != '\0') {
        char piece[64] = {*text, '\0'};
        size_t used = 1;
        int64_t time = w->epoch_s + (int64_t)(w->now_ms / 1000);
        if (strncmp(text, "$ID", 3) == 0) {
            put_field(out, cap, id);
            piece[0] = '\0';
            used = 3;
        } else if (strncmp(text, "$KEY", 4) == 0) {
            put_field(out, cap, w->key);
            piece[0] = '\0';
            used = 4;
        } else if (strncmp(text, "$TIME", 5) == 0) {
            snprintf(piece, sizeof piece, "%lld", (long long)time);
            used = 5;
        } else if (strncmp(text, "$EXPIRES", 8) == 0) {
            snprintf(piece, sizeof piece, "%lld", (long long)(time + w->ttl_s));
            used = 8;
        } else if (strncmp(text, "$SIZE", 5) == 0) {
            snprintf(piece, sizeof piece, "%llu", (unsigned long long)w->source.size);
            used = 5;
        }
        put_field(out, cap, piece);
        text += used;
    }
}

static void post(struct world *w, const struct world_reply *reply, const char *request) {
    if (reply->text == NULL) {
        return;
    }
    assert_true(w->inbox_count < COUNT(w->inbox));
    char id[80];
    id_of(request, id, sizeof id);
    struct world_message *m = &w->inbox[w->inbox_count];
    expand(w, reply->text, id, m->payload, sizeof m->payload);
    w->inbox_at[w->inbox_count++] = w->now_ms + reply->delay_ms;
}

static int publish(void *ctx, const char *topic, const void *payload, size_t len,
                   uint32_t expiry_s) {
    struct world *w = ctx;
    if (w->mqtt_down > 0) {
        w->mqtt_down--;
        return w->mqtt_error;
    }
    assert_true(w->sent_count < COUNT(w->sent));
    struct world_message *m = &w->sent[w->sent_count++];
    assert_true(strlen(topic) < sizeof m->topic && len < sizeof m->payload);
    strcpy(m->topic, topic);
    memcpy(m->payload, payload, len);
    m->payload[len] = '\0';
    m->at_ms = w->now_ms;
    m->expiry_s = expiry_s;
    bool ask = strstr(topic, "/upload-complete") == NULL;
    size_t i = ask ? w->asks++ : w->reports_sent++;
    size_t count = ask ? w->grant_count : w->report_count;
    const struct world_reply *script = ask ? w->grants : w->reports;
    if (w->answer != NULL) {
        const struct world_reply reply = {w->answer(w, m->topic, m->payload), 0};
        post(w, &reply, m->payload);
        return THINGPASS_OK;
    }
    post(w, &script[i < count ? i : count - 1], m->payload);
    return THINGPASS_OK;
}

struct world *world_new(size_t len) {
    struct world *w = calloc(1, sizeof *w);
    uint8_t *bytes = malloc(len + 1);
    assert_true(w != NULL && bytes != NULL);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    }
    w->bytes = bytes;
    w->bytes_len = len;
    w->now_ms = 100000;
    w->epoch_s = 1795424400;
    w->ttl_s = 900;
    w->key = "cam1/photo/2026/11/23/x.jpg";
    w->grants[0].text = world_grant;
    w->reports[0].text = world_confirm;
    w->puts[0].answer = world_ok;
    w->grant_count = w->report_count = w->put_count = 1;
    w->mqtt_error = THINGPASS_EAGAIN;
    w->stream = (struct thingpass_stream){w, stream_open, stream_write, stream_read, stream_close};
    w->mqtt = (struct thingpass_mqtt){w, publish};
    w->clock = (struct thingpass_clock){w, now_ms};
    w->random = (struct thingpass_random){w, fill_random};
    w->sha256 = (struct thingpass_sha256){w, hash_init, hash_update, hash_final};
    w->source = (struct thingpass_source){w,           len,           "image/jpeg", true, true,
                                          source_read, source_rewind, source_close, NULL};
    w->object.kind = "photo";
    w->object.source = &w->source;
    w->config.thing = "cam1";
    w->config.stream = &w->stream;
    w->config.mqtt = &w->mqtt;
    w->config.clock = &w->clock;
    w->config.random = &w->random;
    w->config.sha256 = &w->sha256;
    w->config.reply = w->reply;
    w->config.reply_size = sizeof w->reply;
    w->config.chunk = w->chunk;
    w->config.chunk_size = sizeof w->chunk;
    return w;
}

void world_use_pass(struct world *w) {
    w->object.mode = &thingpass_mode_pass;
    w->grants[0].text = world_pass;
    w->puts[0].answer = world_posted;
}

void world_free(struct world *w) {
    if (w->connected) {
        thingpass_cancel(&w->tp);
    }
    assert_int_equal(w->opens, w->stream_closes);
    free((void *)(uintptr_t)w->bytes);
    free(w->body);
    free(w->stored);
    free(w->served);
    free(w);
}

void world_start(struct world *w) {
    if (w->tp.config.stream == NULL) {
        assert_int_equal(thingpass_init(&w->tp, &w->config), THINGPASS_OK);
    }
    w->closes = 0;
    w->bytes_read = 0;
    assert_int_equal(thingpass_upload_start(&w->tp, &w->object), THINGPASS_OK);
}

static const char response_topic[] = "thingpass/cam1/response";

int world_deliver(struct world *w, const char *text) {
    char payload[8200];
    expand(w, text, thingpass_awaited_id(&w->tp), payload, sizeof payload);
    return thingpass_receive(&w->tp, response_topic, strlen(response_topic), payload,
                             strlen(payload));
}

static uint64_t next_message_at(const struct world *w) {
    uint64_t at = UINT64_MAX;
    for (size_t i = 0; i < w->inbox_count; i++) {
        at = w->inbox_at[i] < at ? w->inbox_at[i] : at;
    }
    return at;
}

static void deliver_due(struct world *w) {
    for (size_t i = 0; i < w->inbox_count;) {
        if (w->inbox_at[i] > w->now_ms) {
            i++;
            continue;
        }
        struct world_message m = w->inbox[i];
        w->inbox_count--;
        memmove(&w->inbox[i], &w->inbox[i + 1], (w->inbox_count - i) * sizeof m);
        memmove(&w->inbox_at[i], &w->inbox_at[i + 1], (w->inbox_count - i) * sizeof(uint64_t));
        (void)thingpass_receive(&w->tp, response_topic, strlen(response_topic), m.payload,
                                strlen(m.payload));
    }
}

int world_step(struct world *w) {
    uint64_t wake = 0;
    int todo = w->step != NULL ? w->step(w, &wake) : thingpass_step(&w->tp, &wake);
    if (todo == THINGPASS_STEP_WAIT_STREAM) {
        assert_true(wake > w->now_ms && wake <= w->now_ms + 30000);
        w->now_ms += 10;
    } else if (todo == THINGPASS_STEP_WAIT) {
        uint64_t message = next_message_at(w);
        assert_true(wake > w->now_ms && (wake != UINT64_MAX || message != UINT64_MAX));
        wake = message < wake ? message : wake;
        w->now_ms = wake > w->now_ms ? wake : w->now_ms;
    }
    deliver_due(w);
    return todo;
}

int world_run(struct world *w) {
    int err = world_run_job(w);
    assert_int_equal(w->closes, 1);
    return err;
}

int world_run_job(struct world *w) {
    for (unsigned i = 0; i < 2000000; i++) {
        if (world_step(w) == THINGPASS_STEP_DONE) {
            assert_string_equal(thingpass_phase_name(&w->tp), "idle");
            return thingpass_result(&w->tp)->err;
        }
    }
    fail_msg("the upload does not end");
    return 0;
}

void world_run_until(struct world *w, const char *phase) {
    for (unsigned i = 0; i < 100000; i++) {
        if (strcmp(thingpass_phase_name(&w->tp), phase) == 0) {
            return;
        }
        assert_int_not_equal(world_step(w), THINGPASS_STEP_DONE);
    }
    fail_msg("the upload never comes to %s", phase);
}

int world_upload(struct world *w) {
    world_start(w);
    return world_run(w);
}
