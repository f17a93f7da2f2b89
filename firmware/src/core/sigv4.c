// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "sigv4.h"

#include <string.h>

#include "date.h"

enum { sum_size = 32, block_size = 64 };

#define ALGORITHM "AWS4-HMAC-SHA256"

// Where a walk's text goes: into the hash, or into a window of the head.
struct thingpass_sigv4_walk {
    const struct thingpass_sha256 *sha; // NULL: into the window
    int err;
    size_t skip; // bytes still to come before the window
    char *buf;
    size_t cap;
    size_t len;
    bool names; // only the headers' names are wanted
    bool begun; // one of them has been told
};

static void put(struct thingpass_sigv4_walk *w, struct thingpass_span s) {
    if (w->sha != NULL) {
        if (w->err >= 0 && s.n > 0) {
            w->err = w->sha->update(w->sha->ctx, s.p, s.n);
        }
        return;
    }
    if (w->skip >= s.n) {
        w->skip -= s.n;
        return;
    }
    size_t left = s.n - w->skip;
    size_t n = left < w->cap - w->len ? left : w->cap - w->len;
    memcpy(w->buf + w->len, s.p + w->skip, n);
    w->len += n;
    w->skip = 0;
}

static void put_text(struct thingpass_sigv4_walk *w, const char *text) {
    put(w, thingpass_span_of(text));
}

static void put_hex(struct thingpass_sigv4_walk *w, const uint8_t sum[sum_size]) {
    char text[2 * sum_size];
    struct thingpass_writer hex = {text, sizeof text, 0};
    thingpass_put_hex(&hex, sum, sum_size);
    struct thingpass_span s = {text, sizeof text};
    put(w, s);
}

static bool is_unreserved(char c) {
    return thingpass_is(c, THINGPASS_HOST) || c == '~' || c == '/';
}

// URI-encodes once, as S3 wants it, and leaves the slashes.
static void put_path(struct thingpass_sigv4_walk *w, struct thingpass_span s) {
    static const char digits[] = "0123456789ABCDEF";
    size_t start = 0;
    for (size_t i = 0; i <= s.n; i++) {
        if (i < s.n && is_unreserved(s.p[i])) {
            continue;
        }
        struct thingpass_span plain = {s.p + start, i - start};
        put(w, plain);
        start = i + 1;
        if (i < s.n) {
            uint8_t byte = (uint8_t)s.p[i];
            const char escape[] = {'%', digits[byte >> 4], digits[byte & 15]};
            struct thingpass_span e = {escape, sizeof escape};
            put(w, e);
        }
    }
}

void thingpass_sigv4_name(struct thingpass_sigv4_walk *w, const char *name, const char *more) {
    if (w->begun) {
        put_text(w, w->names ? ";" : w->sha != NULL ? "\n" : "\r\n");
    }
    w->begun = true;
    put_text(w, name);
    put_text(w, more);
    if (!w->names) {
        put_text(w, w->sha != NULL ? ":" : ": ");
    }
}

void thingpass_sigv4_value(struct thingpass_sigv4_walk *w, struct thingpass_span value) {
    if (!w->names) {
        put(w, value);
    }
}

static void put_headers(struct thingpass_sigv4_walk *w,
                        const struct thingpass_sigv4_request *request, bool names) {
    w->names = names;
    w->begun = false;
    request->headers(request->ctx, w);
}

// What the canonical request and the head begin with. In a URL an empty query
// needs no '?'.
static void put_target(struct thingpass_sigv4_walk *w,
                       const struct thingpass_sigv4_request *request) {
    bool hashed = w->sha != NULL;
    put_text(w, request->method);
    put_text(w, hashed ? "\n/" : " /");
    if (request->bucket.n > 0) {
        put(w, request->bucket);
        put_text(w, "/");
    }
    put_path(w, request->key);
    put_text(w, hashed ? "\n" : request->query.n > 0 ? "?" : "");
    put(w, request->query);
}

// As x-amz-date has it, or its first n characters.
static void put_date(struct thingpass_sigv4_walk *w, uint32_t unix_s, size_t n) {
    char text[THINGPASS_DATE_TIME];
    struct thingpass_writer date = {text, sizeof text, 0};
    thingpass_put_date_time(&date, unix_s);
    struct thingpass_span s = {text, n};
    put(w, s);
}

static void put_scope(struct thingpass_sigv4_walk *w, uint32_t unix_s,
                      struct thingpass_span region) {
    put_date(w, unix_s, THINGPASS_DATE_DAY);
    put_text(w, "/");
    put(w, region);
    put_text(w, "/s3/aws4_request");
}

static void hash_begin(struct thingpass_sigv4_walk *w) {
    w->err = w->err < 0 ? w->err : w->sha->init(w->sha->ctx);
}

static void hash_end(struct thingpass_sigv4_walk *w, uint8_t sum[sum_size]) {
    w->err = w->err < 0 ? w->err : w->sha->final(w->sha->ctx, sum);
}

// Begins the inner or the outer message of an HMAC. The key is shorter than a
// block here.
static void hmac_pad(struct thingpass_sigv4_walk *w, const uint8_t *key, size_t n, uint8_t with) {
    char block[block_size];
    memset(block, with, sizeof block);
    for (size_t i = 0; i < n; i++) {
        block[i] = (char)(key[i] ^ with);
    }
    struct thingpass_span s = {block, sizeof block};
    hash_begin(w);
    put(w, s);
}

static void hmac_begin(struct thingpass_sigv4_walk *w, const uint8_t *key, size_t n) {
    hmac_pad(w, key, n, 0x36);
}

// sum may be the key.
static void hmac_end(struct thingpass_sigv4_walk *w, const uint8_t *key, size_t n,
                     uint8_t sum[sum_size]) {
    uint8_t inner[sum_size];
    struct thingpass_span s = {(const char *)inner, sizeof inner};
    hash_end(w, inner);
    hmac_pad(w, key, n, 0x5c);
    put(w, s);
    hash_end(w, sum);
}

// A secret that is longer than a block is hashed, as HMAC does it (RFC 2104).
static size_t first_key(struct thingpass_sigv4_walk *w, struct thingpass_span secret,
                        uint8_t key[block_size]) {
    static const char prefix[] = "AWS4";
    size_t n = sizeof prefix - 1;
    if (secret.n <= block_size - n) {
        memcpy(key, prefix, n);
        memcpy(key + n, secret.p, secret.n);
        return n + secret.n;
    }
    hash_begin(w);
    put_text(w, prefix);
    put(w, secret);
    hash_end(w, key);
    return sum_size;
}

int thingpass_sigv4_day_key(const struct thingpass_sha256 *sha,
                            const struct thingpass_sigv4_signer *signer, uint32_t unix_s,
                            uint8_t key[sum_size]) {
    struct thingpass_sigv4_walk w = {.sha = sha};
    uint8_t begin[block_size];
    size_t n = first_key(&w, signer->secret, begin);
    const uint8_t *from = begin;
    for (unsigned i = 0; i < 4; i++) {
        hmac_begin(&w, from, n);
        switch (i) {
        case 0:
            put_date(&w, unix_s, THINGPASS_DATE_DAY);
            break;
        case 1:
            put(&w, signer->region);
            break;
        default:
            put_text(&w, i == 2 ? "s3" : "aws4_request");
            break;
        }
        hmac_end(&w, from, n, key);
        from = key;
        n = sum_size;
    }
    return w.err < 0 ? THINGPASS_EIO : THINGPASS_OK;
}

int thingpass_sigv4_sign(const struct thingpass_sha256 *sha, const uint8_t key[sum_size],
                         const struct thingpass_sigv4_signer *signer,
                         const struct thingpass_sigv4_request *request, uint32_t unix_s,
                         uint8_t signature[sum_size]) {
    struct thingpass_sigv4_walk w = {.sha = sha};
    hash_begin(&w);
    put_target(&w, request);
    put_text(&w, "\n");
    put_headers(&w, request, false);
    put_text(&w, "\n\n");
    put_headers(&w, request, true);
    put_text(&w, "\n");
    put(&w, request->payload);
    hash_end(&w, signature);

    hmac_begin(&w, key, sum_size);
    put_text(&w, ALGORITHM "\n");
    put_date(&w, unix_s, THINGPASS_DATE_TIME);
    put_text(&w, "\n");
    put_scope(&w, unix_s, signer->region);
    put_text(&w, "\n");
    put_hex(&w, signature);
    hmac_end(&w, key, sum_size, signature);
    return w.err < 0 ? THINGPASS_EIO : THINGPASS_OK;
}

size_t thingpass_sigv4_head(const struct thingpass_sigv4_signer *signer,
                            const struct thingpass_sigv4_request *request, uint32_t unix_s,
                            const uint8_t signature[sum_size], size_t offset, char *buf,
                            size_t cap) {
    struct thingpass_sigv4_walk w = {.skip = offset, .buf = buf, .cap = cap};
    char text[20];
    put_target(&w, request);
    put_text(&w, " HTTP/1.1\r\n");
    put_headers(&w, request, false);
    put_text(&w, "\r\nAuthorization: " ALGORITHM " Credential=");
    put(&w, signer->access_key_id);
    put_text(&w, "/");
    put_scope(&w, unix_s, signer->region);
    put_text(&w, ",SignedHeaders=");
    put_headers(&w, request, true);
    put_text(&w, ",Signature=");
    put_hex(&w, signature);
    if (request->length >= 0) {
        struct thingpass_writer digits = {text, sizeof text, 0};
        thingpass_put_u64(&digits, (uint64_t)request->length);
        struct thingpass_span s = {text, digits.len};
        put_text(&w, "\r\nContent-Length: ");
        put(&w, s);
    }
    put_text(&w, "\r\n\r\n");
    return w.len;
}
