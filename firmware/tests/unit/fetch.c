// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "fetch.h"

static struct fetch *of(const struct world *w) {
    return w->test;
}

static void put_served(struct world *w, const void *data, size_t n) {
    w->served = realloc(w->served, w->served_len + n + 1);
    assert_non_null(w->served);
    if (n > 0) {
        memcpy(w->served + w->served_len, data, n);
    }
    w->served_len += n;
}

static void put_body(struct world *w, size_t first) {
    const struct fetch *f = of(w);
    const uint8_t *body = w->bytes + first;
    size_t left = w->bytes_len - first;
    if (!f->chunked) {
        put_served(w, body, left);
        return;
    }
    while (left > 0) {
        char line[16];
        size_t n = left < 300 ? left : 300;
        put_served(w, line, (size_t)snprintf(line, sizeof line, "%zx\r\n", n));
        put_served(w, body, n);
        put_served(w, "\r\n", 2);
        body += n;
        left -= n;
    }
    put_served(w, "0\r\n\r\n", 5);
}

// S3's part: If-Match, Range, and what the test wants of it.
static void serve(struct world *w) {
    struct fetch *f = of(w);
    char head[300];
    char match[120];
    const char *range = strstr(w->head, "\r\nRange: bytes=");
    size_t first = range != NULL ? strtoul(range + 15, NULL, 10) : 0;
    snprintf(match, sizeof match, "\r\nIf-Match: %s\r\n", f->etag);
    w->served_len = 0;
    f->served++;
    assert_memory_equal(w->head, "GET ", 4);
    assert_null(strstr(w->head, "Content-Length"));
    if (range != NULL) {
        assert_true(first > 0);
        assert_memory_equal(range + 15 + strspn(range + 15, "0123456789"), "-\r\n", 3);
    }
    if (strstr(w->head, match) == NULL || first >= w->bytes_len) {
        const char *answer = first >= w->bytes_len ? world_error(416, "InvalidRange")
                                                   : world_error(412, "PreconditionFailed");
        put_served(w, answer, strlen(answer));
        return;
    }
    first = f->whole ? 0 : first;
    int n = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nETag: %s\r\n",
                     range != NULL && !f->whole ? "206 Partial Content" : "200 OK", f->etag);
    put_served(w, head, (size_t)n);
    if (range != NULL && !f->whole) {
        n = snprintf(head, sizeof head, "Content-Range: bytes %zu-%zu/%zu\r\n", first,
                     w->bytes_len - 1, w->bytes_len);
        put_served(w, head, (size_t)n);
    }
    n = snprintf(head, sizeof head, "Content-Length: %zu\r\n\r\n", w->bytes_len - first);
    const char *coding = f->chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
    const char *last = f->chunked || f->until_end ? coding : head;
    put_served(w, last, strlen(last));
    put_body(w, first);
    f->sent += w->bytes_len - first;
}

static int sink_begin(void *ctx, const char *version, uint32_t size, uint32_t offset) {
    struct fetch *f = ctx;
    if (f->begin_gives < 0) {
        return f->begin_gives;
    }
    assert_true(offset <= f->have_len && offset <= size);
    snprintf(f->version, sizeof f->version, "%s", version);
    f->have = realloc(f->have, size + 1);
    assert_non_null(f->have);
    f->have_size = size;
    f->have_len = offset;
    f->offset = offset;
    f->begins++;
    return THINGPASS_OK;
}

static int sink_write(void *ctx, const void *data, size_t n) {
    struct fetch *f = ctx;
    assert_true(n > 0 && f->begins > 0 && f->ends == 0 && n <= f->have_size - f->have_len);
    f->w->now_ms += f->write_ms;
    if (f->write_gives < 0 && f->have_len + n > f->write_fails_at) {
        return f->write_gives;
    }
    memcpy(f->have + f->have_len, data, n);
    f->have_len += n;
    return THINGPASS_OK;
}

static int sink_read(void *ctx, uint32_t offset, void *buf, size_t cap) {
    struct fetch *f = ctx;
    f->reads++;
    if (f->read_gives <= 0) {
        return f->read_gives;
    }
    assert_true(cap > 0 && offset < f->offset && cap <= f->offset - offset);
    size_t n = cap > 700 ? 700 : cap; // less than wanted, now and then
    memcpy(buf, f->have + offset, n);
    return (int)n;
}

static int sink_end(void *ctx, int err) {
    struct fetch *f = ctx;
    f->ends++;
    f->end_err = err;
    if (err == THINGPASS_OK) {
        assert_int_equal(f->have_len, f->have_size);
        f->in_use = f->end_gives == THINGPASS_OK;
    }
    return f->end_gives;
}

bool fetch_has_all(const struct fetch *f) {
    return f->have_len == f->w->bytes_len && memcmp(f->have, f->w->bytes, f->have_len) == 0;
}

void fetch_grant(struct fetch *f, const char *etag, bool with_sum) {
    uint8_t sum[32];
    char digits[65] = "";
    char field[90] = "";
    world_sum(f->w->bytes, f->w->bytes_len, sum);
    for (size_t i = 0; i < sizeof sum; i++) {
        snprintf(digits + 2 * i, 3, "%02x", sum[i]);
    }
    if (with_sum) {
        snprintf(field, sizeof field, "\"sha256\":\"%s\",", digits);
    }
    char quoted[100] = "";
    for (const char *c = etag; *c != '\0'; c++) {
        size_t n = strlen(quoted);
        snprintf(quoted + n, sizeof quoted - n, *c == '"' ? "\\\"" : "%c", *c);
    }
    f->etag = etag;
    snprintf(f->grant, sizeof f->grant,
             "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"mode\":\"get\","
             "\"objectKey\":\"$KEY\",\"downloadUrl\":\"https://s3.example.com/$KEY?sig=1\","
             "\"headers\":{\"If-Match\":\"%s\"},\"size\":%zu,\"contentType\":\"a/b\",%s"
             "\"etag\":\"%s\",\"expiresAt\":$EXPIRES}",
             quoted, f->w->bytes_len, field, quoted);
}

void fetch_replace(struct fetch *f, size_t len, const char *etag) {
    uint8_t *bytes = malloc(len + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(i * 11 + i / 253 + 1);
    }
    free((void *)(uintptr_t)f->w->bytes);
    f->w->bytes = bytes;
    f->w->bytes_len = len;
    fetch_grant(f, etag, true);
}

struct fetch *fetch_new(size_t len) {
    struct fetch *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->w = world_new(len);
    f->w->test = f;
    f->w->serve = serve;
    f->w->key = "firmware/cams/latest.bin";
    f->w->puts[0].answer = world_served;
    f->w->grants[0].text = f->grant;
    f->sink = (struct thingpass_sink){f, sink_begin, sink_write, sink_read, sink_end};
    f->job.kind = "firmware";
    f->job.sink = &f->sink;
    f->read_gives = 1;
    fetch_grant(f, "\"v1\"", true);
    return f;
}

void fetch_free(struct fetch *f) {
    world_free(f->w);
    free(f->have);
    free(f);
}

void fetch_start(struct fetch *f) {
    struct world *w = f->w;
    if (w->tp.config.stream == NULL) {
        assert_int_equal(thingpass_init(&w->tp, &w->config), THINGPASS_OK);
    }
    f->begins = f->ends = 0;
    f->in_use = false;
    assert_int_equal(thingpass_download_start(&w->tp, &f->job), THINGPASS_OK);
}

int fetch_run(struct fetch *f) {
    const struct thingpass_result *r = thingpass_result(&f->w->tp);
    fetch_start(f);
    int err = world_run_job(f->w);
    bool fetched = err == THINGPASS_OK && r->verified != THINGPASS_VERIFIED_UNCHANGED;
    assert_int_equal(f->ends, f->begins > 0);
    assert_int_equal(f->in_use, fetched);
    if (fetched) {
        assert_true(fetch_has_all(f));
        assert_int_equal(f->end_err, THINGPASS_OK);
        assert_int_equal(r->size, f->w->bytes_len);
    } else if (f->begins > 0) {
        assert_true(f->end_err < 0 || f->end_gives < 0);
    }
    return err;
}

void fetch_reboot(struct fetch *f) {
    struct world *w = f->w;
    if (w->connected) {
        w->stream.close(w->stream.ctx);
    }
    memset(&w->tp, 0, sizeof w->tp);
    memset(w->reply, 0xee, sizeof w->reply);
    memset(w->chunk, 0xee, sizeof w->chunk);
    w->inbox_count = 0;
    f->job.from = (uint32_t)f->have_len;
    f->job.from_version = f->version;
}
