// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "check.h"
#include "guard.h"
#include "pass_reply.h"
#include "reply.h"
#include "url.h"
#include "wire.h"

enum { memory_size = 4096 };

static char memory[memory_size];

// What decoding found, with the spans still in their place.
struct decoded {
    int err;
    struct thingpass_reply reply;
    struct thingpass_grant_fields grant;
    struct thingpass_pass_fields pass;
    struct thingpass_url url;
    bool granted;
};

static bool is_inside(struct thingpass_span s, const char *text, size_t len) {
    return s.n == 0 || (s.p >= text && s.n <= len && s.p + s.n <= text + len);
}

static bool is_pass(const struct thingpass_json *json) {
    struct thingpass_span mode;
    return thingpass_json_string(json, 0, "mode", &mode) == THINGPASS_OK &&
           thingpass_span_is(mode, "pass");
}

// Whether they are lines of name and value, and each may go into a form.
static bool fields_ok(struct thingpass_span fields) {
    struct thingpass_span name, value;
    while (thingpass_header_next(&fields, &name, &value)) {
        for (size_t i = 0; i < name.n; i++) {
            if (strchr("\"\\\r\n: ", name.p[i]) != NULL) {
                return false;
            }
        }
        for (size_t i = 0; i < value.n; i++) {
            if (value.p[i] < 0x20 || value.p[i] > 0x7e) {
                return false;
            }
        }
        if (name.n == 0) {
            return false;
        }
    }
    return fields.n == 0;
}

static void decode_pass(struct decoded *d, struct thingpass_json *json, const char *text,
                        size_t len) {
    d->err = thingpass_pass_read(json, &d->pass);
    assert_true(is_inside(d->pass.key_prefix, text, len));
    assert_true(is_inside(d->pass.key_suffix, text, len));
    assert_true(is_inside(d->pass.url, text, len));
    assert_true(is_inside(d->pass.fields, text, len));
    assert_true(fields_ok(d->pass.fields));
    assert_true(d->pass.min_size <= d->pass.max_size);
    d->granted =
        d->err == THINGPASS_OK && thingpass_url_parse(&d->url, d->pass.url, false) == THINGPASS_OK;
}

// Decodes as far as it goes and checks what must hold for any input.
static struct decoded decode(char *text, size_t len, size_t mem) {
    struct decoded d;
    struct thingpass_json json;
    memset(&d, 0, sizeof d);
    d.err = thingpass_json_parse(&json, text, len, memory, mem);
    if (d.err == THINGPASS_OK) {
        d.err = thingpass_reply_read(&json, 0, &d.reply);
    }
    if (d.err < 0 || !d.reply.success) {
        return d;
    }
    if (is_pass(&json)) {
        decode_pass(&d, &json, text, len);
        return d;
    }
    d.err = thingpass_grant_read(&json, 0, &d.grant);
    assert_true(is_inside(d.grant.object_key, text, len));
    assert_true(is_inside(d.grant.url, text, len));
    assert_true(is_inside(d.grant.headers, text, len));
    assert_true(is_inside(d.reply.id, text, len));
    if (d.err == THINGPASS_OK && thingpass_url_parse(&d.url, d.grant.url, false) == THINGPASS_OK) {
        assert_true(is_inside(d.url.host, text, len));
        assert_true(is_inside(d.url.target, text, len));
        d.granted = true;
    }
    return d;
}

static bool begins_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

// Whether it is "Name: value\r\n" lines and nothing else.
static bool lines_ok(struct thingpass_span lines) {
    size_t ends = 0;
    for (size_t i = 0; i < lines.n; i++) {
        bool lf = lines.p[i] == '\n';
        if (lf != (i > 0 && lines.p[i - 1] == '\r')) {
            return false;
        }
        ends = lf ? i + 1 : ends;
    }
    return lines.n > 0 && ends == lines.n;
}

// What the vectors' names promise; `objects` is for a later mode.
static bool is_grant_file(const char *name) {
    return begins_with(name, "put-") && !begins_with(name, "put-objects");
}

static void every_grant_of_the_wire_vectors_is_understood(void **state) {
    (void)state;
    struct wire_file *files;
    size_t n = wire_read(".reply.json", &files);
    size_t grants = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_grant_file(files[i].name)) {
            continue;
        }
        char *text = guard_copy(files[i].data, files[i].len);
        struct decoded d = decode(text, files[i].len, memory_size);
        CHECK(files[i].name, d.err == THINGPASS_OK && d.granted);
        CHECK(files[i].name, d.reply.time == 1795424400);
        CHECK(files[i].name, thingpass_span_is(d.url.host, "photos.s3.eu-central-1.amazonaws.com"));
        CHECK(files[i].name, d.url.port == 443 && d.url.tls);
        CHECK(files[i].name, d.grant.expires_at > d.reply.time);
        CHECK(files[i].name,
              d.url.target.n > d.grant.object_key.n + 1 &&
                  memcmp(d.url.target.p + 1, d.grant.object_key.p, d.grant.object_key.n) == 0);
        CHECK(files[i].name, lines_ok(d.grant.headers));
        guard_free(text, files[i].len);
        grants++;
    }
    assert_true(grants >= 8);
    wire_free(files, n);
}

static void every_refusal_of_the_wire_vectors_has_its_code(void **state) {
    (void)state;
    struct wire_file *files;
    size_t n = wire_read(".reply.json", &files);
    size_t refusals = 0;
    for (size_t i = 0; i < n; i++) {
        if (!begins_with(files[i].name, "refused-") &&
            !begins_with(files[i].name, "pass-refused-")) {
            continue;
        }
        bool has_id = strstr(files[i].data, "\"id\"") != NULL;
        char *text = guard_copy(files[i].data, files[i].len);
        struct decoded d = decode(text, files[i].len, memory_size);
        CHECK(files[i].name, d.err == (has_id ? THINGPASS_OK : THINGPASS_EREPLY));
        CHECK(files[i].name, !has_id || (!d.reply.success && d.reply.code.n > 0));
        guard_free(text, files[i].len);
        refusals++;
    }
    assert_true(refusals >= 8);
    wire_free(files, n);
}

static bool has(struct thingpass_span fields, const char *name) {
    return thingpass_header_is_in(fields, thingpass_span_of(name));
}

static void every_pass_of_the_wire_vectors_is_understood(void **state) {
    (void)state;
    struct wire_file *files;
    size_t n = wire_read(".reply.json", &files);
    size_t passes = 0;
    for (size_t i = 0; i < n; i++) {
        if (!begins_with(files[i].name, "pass-") || begins_with(files[i].name, "pass-refused-")) {
            continue;
        }
        char *text = guard_copy(files[i].data, files[i].len);
        struct decoded d = decode(text, files[i].len, memory_size);
        CHECK(files[i].name, d.err == THINGPASS_OK && d.granted);
        CHECK(files[i].name, d.reply.time == 1795424400 && d.pass.expires_at > d.reply.time);
        CHECK(files[i].name, d.url.port == 443 && d.url.tls && d.url.host.n > 0);
        CHECK(files[i].name,
              d.pass.key_prefix.n > 11 && memcmp(d.pass.key_prefix.p, "cam1/", 5) == 0);
        CHECK(files[i].name, d.pass.max_size >= d.pass.min_size && d.pass.max_size > 0);
        CHECK(files[i].name, has(d.pass.fields, "policy") && has(d.pass.fields, "content-type") &&
                                 has(d.pass.fields, "X-Amz-Signature"));
        CHECK(files[i].name, has(d.pass.fields, "x-amz-security-token") ==
                                 begins_with(files[i].name, "pass-token"));
        CHECK(files[i].name, !has(d.pass.fields, "x-amz-meta-captured-at") &&
                                 !has(d.pass.fields, "x-amz-checksum-sha256"));
        guard_free(text, files[i].len);
        passes++;
    }
    assert_true(passes >= 4);
    wire_free(files, n);
}

static void a_grant_gives_ready_header_lines(void **state) {
    (void)state;
    struct wire_file f = wire_named("put-one.reply.json");
    struct decoded d = decode(f.data, f.len, memory_size);
    assert_int_equal(d.err, THINGPASS_OK);
    assert_true(thingpass_span_is(d.reply.id, "b7Kq-000017"));
    assert_true(thingpass_span_is(d.grant.object_key, "cam1/photo/2026/11/23/b7Kq-000017.jpg"));
    assert_int_equal(d.grant.expires_at, 1795425300);
    assert_true(thingpass_span_is(
        d.grant.headers,
        "Content-Type: image/jpeg\r\nIf-None-Match: *\r\n"
        "x-amz-checksum-sha256: n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\r\n"
        "x-amz-meta-captured-at: 1795424398\r\nx-amz-meta-fw: 1.4.2\r\nx-amz-meta-rssi: -61\r\n"));
    free(f.data);
}

static void escapes_in_a_grant_are_decoded(void **state) {
    (void)state;
    struct wire_file f = wire_named("put-escapes.reply.json");
    struct decoded d = decode(f.data, f.len, memory_size);
    assert_int_equal(d.err, THINGPASS_OK);
    assert_true(thingpass_span_is(
        d.grant.headers,
        "Content-Type: image/jpeg\r\nIf-None-Match: *\r\nx-amz-meta-note: a&b \"c\" \\ d\r\n"));
    free(f.data);
}

static void every_truncation_of_every_reply_is_refused(void **state) {
    (void)state;
    struct wire_file *files;
    size_t n = wire_read(".reply.json", &files);
    for (size_t i = 0; i < n; i++) {
        for (size_t len = 0; len < files[i].len; len++) {
            char *text = guard_copy(files[i].data, len);
            struct decoded d = decode(text, len, memory_size);
            CHECK(files[i].name, d.err == THINGPASS_EREPLY && !d.granted);
            guard_free(text, len);
        }
    }
    wire_free(files, n);
}

// A flipped bit may leave a valid reply; decode() asserts what must hold then.
static void no_flipped_bit_leads_outside_the_reply(void **state) {
    (void)state;
    struct wire_file *files;
    size_t n = wire_read(".reply.json", &files);
    for (size_t i = 0; i < n; i++) {
        char *text = guard_alloc(files[i].len);
        for (size_t bit = 0; bit < files[i].len * 8; bit += THINGPASS_TESTS_EVERY) {
            memcpy(text, files[i].data, files[i].len);
            text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
            (void)decode(text, files[i].len, memory_size);
        }
        guard_free(text, files[i].len);
    }
    wire_free(files, n);
}

static void every_memory_that_is_too_small_is_noticed(void **state) {
    (void)state;
    struct wire_file f = wire_named("put-one.reply.json");
    char *text = guard_alloc(f.len);
    size_t enough = 0;
    for (size_t size = 0; size <= memory_size; size += 4) {
        memcpy(text, f.data, f.len);
        int err = decode(text, f.len, size).err;
        assert_true(err == (enough == 0 ? THINGPASS_ESPACE : THINGPASS_OK) ||
                    (enough == 0 && err == THINGPASS_OK));
        enough = enough == 0 && err == THINGPASS_OK ? size : enough;
    }
    assert_in_range(enough, 200, 300); // 29 values and names of 8 bytes
    guard_free(text, f.len);
    free(f.data);
}

#define HEAD "{\"id\":\"a\",\"status\":\"success\",\"time\":1795424400,"
#define TAIL "\"objectKey\":\"k\",\"uploadUrl\":\"https://h/k\",\"expiresAt\":1795425300}"

static void replies_with_a_fault_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int want;
    } rows[] = {
        {HEAD "\"headers\":{}," TAIL, THINGPASS_OK},
        {HEAD "\"mode\":\"put\",\"future\":[{}],\"headers\":{\"A\":\"b\"}," TAIL, THINGPASS_OK},
        {HEAD "\"mode\":\"pass\",\"headers\":{}," TAIL, THINGPASS_EREPLY},
        {HEAD "\"mode\":1,\"headers\":{}," TAIL, THINGPASS_EREPLY},
        {HEAD "\"id\":\"b\",\"headers\":{}," TAIL, THINGPASS_EREPLY},
        {HEAD "\"time\":1795424400,\"headers\":{}," TAIL, THINGPASS_EREPLY},
        {HEAD "\"status\":\"error\",\"headers\":{}," TAIL, THINGPASS_EREPLY},
        {HEAD "\"uploadUrl\":\"https://evil/\",\"headers\":{}," TAIL, THINGPASS_EREPLY},
        {HEAD "\"headers\":{},\"headers\":{}," TAIL, THINGPASS_EREPLY},
        {HEAD TAIL, THINGPASS_EREPLY},
        {HEAD "\"headers\":[]," TAIL, THINGPASS_EREPLY},
        {HEAD "\"headers\":null," TAIL, THINGPASS_EREPLY},
        {HEAD "\"headers\":{\"A\":1}," TAIL, THINGPASS_EREPLY},
        {HEAD "\"headers\":{\"A\":{}}," TAIL, THINGPASS_EREPLY},
        {HEAD "\"headers\":{\"A\":\"\\u0000\"}," TAIL, THINGPASS_EREPLY},
        {HEAD "\"headers\":{\"A\":\"b\",\"a\":\"c\"}," TAIL, THINGPASS_EHEADER},
        {HEAD "\"headers\":{\"A\":\"b\\r\\nX: y\"}," TAIL, THINGPASS_EHEADER},
        {HEAD "\"headers\":{\"A: b\\r\\nC\":\"d\"}," TAIL, THINGPASS_EHEADER},
        {HEAD "\"headers\":{\"\":\"d\"}," TAIL, THINGPASS_EHEADER},
        {HEAD "\"headers\":{\"host\":\"evil\"}," TAIL, THINGPASS_EHEADER},
        {HEAD "\"headers\":{\"Transfer-Encoding\":\"chunked\"}," TAIL, THINGPASS_EHEADER},
        {HEAD "\"headers\":{\"Content-Length\":\"1\"}," TAIL, THINGPASS_EHEADER},
        {"{\"id\":\"a\",\"status\":\"success\",\"time\":1795424400}", THINGPASS_EREPLY},
        {"{\"id\":\"a\",\"status\":\"Success\",\"time\":1795424400}", THINGPASS_EREPLY},
        {"{\"id\":\"a\",\"status\":true,\"time\":1795424400}", THINGPASS_EREPLY},
        {"{\"id\":\"a\",\"time\":1795424400}", THINGPASS_EREPLY},
        {"{\"id\":\"a\",\"status\":\"error\",\"code\":\"busy\"}", THINGPASS_EREPLY},
        {"{\"id\":\"a\",\"status\":\"error\",\"time\":0,\"code\":\"busy\"}", THINGPASS_EREPLY},
        {"{\"id\":\"a\",\"status\":\"error\",\"time\":99999999999999,\"code\":\"busy\"}",
         THINGPASS_EREPLY},
        {"{\"id\":\"a\",\"status\":\"error\",\"time\":1795424400}", THINGPASS_EREPLY},
        {"{\"id\":\"a\",\"status\":\"error\",\"time\":1795424400,\"code\":\"\"}", THINGPASS_EREPLY},
        {"{\"id\":\"a\",\"status\":\"error\",\"time\":1795424400,\"code\":\"Bad Code\"}",
         THINGPASS_EREPLY},
        {"{\"id\":\"a\",\"status\":\"error\",\"time\":1795424400,\"code\":\"x\",\"retryAfter\":-1}",
         THINGPASS_EREPLY},
        {"{\"id\":\"a\",\"status\":\"error\",\"time\":1795424400,\"code\":\"x\",\"retryAfter\":"
         "\"1\"}",
         THINGPASS_EREPLY},
        {"{\"status\":\"error\",\"time\":1795424400,\"code\":\"x\"}", THINGPASS_EREPLY},
        {"{\"id\":\"\",\"status\":\"error\",\"time\":1795424400,\"code\":\"x\"}", THINGPASS_EREPLY},
        {"{\"id\":7,\"status\":\"error\",\"time\":1795424400,\"code\":\"x\"}", THINGPASS_EREPLY},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t n = strlen(rows[i].text);
        char *text = guard_copy(rows[i].text, n);
        struct decoded d = decode(text, n, memory_size);
        CHECK(rows[i].text, d.err == rows[i].want);
        struct thingpass_grant_fields none = {{0}, {0}, {0}, 0};
        CHECK(rows[i].text, d.err == THINGPASS_OK || memcmp(&d.grant, &none, sizeof none) == 0);
        guard_free(text, n);
    }
}

#define PASS HEAD "\"mode\":\"pass\","
#define KEY  "\"keyPrefix\":\"p/\",\"keySuffix\":\".jpg\","
#define REST "\"uploadUrl\":\"https://h/\",\"minSize\":1,\"maxSize\":9,\"expiresAt\":1795425300}"

static void passes_with_a_fault_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int want;
    } rows[] = {
        {PASS KEY "\"fields\":{}," REST, THINGPASS_OK},
        {PASS KEY "\"fields\":{\"a\":\"b\",\"c\":\"\"},\"future\":1," REST, THINGPASS_OK},
        {PASS KEY REST, THINGPASS_EREPLY},
        {PASS KEY "\"fields\":[]," REST, THINGPASS_EREPLY},
        {PASS KEY "\"fields\":{},\"fields\":{}," REST, THINGPASS_EREPLY},
        {PASS KEY "\"fields\":{},\"mode\":\"pass\"," REST, THINGPASS_EREPLY},
        {PASS KEY "\"fields\":{},\"maxSize\":9," REST, THINGPASS_EREPLY},
        {PASS KEY "\"fields\":{\"a\":1}," REST, THINGPASS_EREPLY},
        {PASS KEY "\"fields\":{\"a\":[\"b\"]}," REST, THINGPASS_EREPLY},
        {PASS KEY "\"fields\":{\"a\":\"b\",\"A\":\"c\"}," REST, THINGPASS_EHEADER},
        {PASS KEY "\"fields\":{\"\":\"b\"}," REST, THINGPASS_EHEADER},
        {PASS KEY "\"fields\":{\"a b\":\"b\"}," REST, THINGPASS_EHEADER},
        {PASS KEY "\"fields\":{\"a\\\"b\":\"b\"}," REST, THINGPASS_EHEADER},
        {PASS KEY "\"fields\":{\"a\\\\b\":\"b\"}," REST, THINGPASS_EHEADER},
        {PASS KEY "\"fields\":{\"a\\r\":\"b\"}," REST, THINGPASS_EHEADER},
        {PASS KEY "\"fields\":{\"a\":\"b\\n\"}," REST, THINGPASS_EHEADER},
        {PASS KEY "\"fields\":{\"a\":\"b\\rc\"}," REST, THINGPASS_EHEADER},
        {PASS KEY "\"fields\":{\"a\":\"\xc3\xa9\"}," REST, THINGPASS_EHEADER},
        {PASS KEY "\"fields\":{\"a\":\"\\u0000\"}," REST, THINGPASS_EREPLY},
        {PASS KEY "\"fields\":{\"key\":\"x\"}," REST, THINGPASS_EHEADER},
        {PASS KEY "\"fields\":{\"File\":\"x\"}," REST, THINGPASS_EHEADER},
        {PASS KEY "\"fields\":{\"success_action_redirect\":\"http://x\"}," REST, THINGPASS_EHEADER},
        {PASS KEY "\"fields\":{\"redirect\":\"http://x\"}," REST, THINGPASS_EHEADER},
        {PASS "\"fields\":{},\"keyPrefix\":\"p/\"," REST, THINGPASS_EREPLY},
        {PASS "\"fields\":{},\"keySuffix\":\"p/\"," REST, THINGPASS_EREPLY},
        {PASS "\"fields\":{},\"keyPrefix\":\"p/\",\"keySuffix\":\"\"," REST, THINGPASS_OK},
        {PASS "\"fields\":{},\"keyPrefix\":\"\",\"keySuffix\":\".jpg\"," REST, THINGPASS_EREPLY},
        {PASS "\"fields\":{},\"keyPrefix\":\"p\\r\\n\",\"keySuffix\":\"\"," REST, THINGPASS_EREPLY},
        {PASS "\"fields\":{},\"keyPrefix\":\"p/${filename}\",\"keySuffix\":\"\"," REST,
         THINGPASS_EREPLY},
        {PASS "\"fields\":{},\"keyPrefix\":\"p/\",\"keySuffix\":\"\\n\"," REST, THINGPASS_EREPLY},
        {PASS KEY "\"fields\":{},\"uploadUrl\":\"https://h/\",\"minSize\":9,\"maxSize\":8,"
                  "\"expiresAt\":1795425300}",
         THINGPASS_EREPLY},
        {PASS KEY "\"fields\":{},\"uploadUrl\":\"https://h/\",\"minSize\":-1,\"maxSize\":8,"
                  "\"expiresAt\":1795425300}",
         THINGPASS_EREPLY},
        {PASS KEY "\"fields\":{},\"uploadUrl\":\"https://h/\",\"minSize\":1,\"maxSize\":8.5,"
                  "\"expiresAt\":1795425300}",
         THINGPASS_EREPLY},
        {PASS KEY "\"fields\":{},\"uploadUrl\":\"https://h/\",\"minSize\":1,\"maxSize\":8,"
                  "\"expiresAt\":5}",
         THINGPASS_EREPLY},
        {PASS KEY "\"fields\":{},\"uploadUrl\":7,\"minSize\":1,\"maxSize\":8,"
                  "\"expiresAt\":1795425300}",
         THINGPASS_EREPLY},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t n = strlen(rows[i].text);
        char *text = guard_copy(rows[i].text, n);
        struct decoded d = decode(text, n, memory_size);
        CHECK(rows[i].text, d.err == rows[i].want);
        struct thingpass_pass_fields none;
        memset(&none, 0, sizeof none);
        CHECK(rows[i].text, d.err == THINGPASS_OK || memcmp(&d.pass, &none, sizeof none) == 0);
        guard_free(text, n);
    }
}

static void there_is_a_limit_to_fields(void **state) {
    (void)state;
    for (size_t n = 39; n <= 41; n++) {
        char text[3000] = PASS KEY "\"fields\":{";
        for (size_t i = 0; i < n; i++) {
            sprintf(text + strlen(text), "%s\"f%u\":\"v\"", i == 0 ? "" : ",", (unsigned)i);
        }
        strcat(text, "}," REST);
        int err = decode(text, strlen(text), memory_size).err;
        assert_int_equal(err, n <= 40 ? THINGPASS_OK : THINGPASS_EHEADER);
    }
}

static void retry_after_is_read_and_bounded(void **state) {
    (void)state;
    char text[] = "{\"id\":\"a\",\"status\":\"error\",\"time\":1795424400,\"code\":\"busy\","
                  "\"retryAfter\":3}";
    struct decoded d = decode(text, sizeof text - 1, memory_size);
    assert_int_equal(d.err, THINGPASS_OK);
    assert_true(d.reply.may_retry && d.reply.retry_after_s == 3);
    assert_true(thingpass_span_is(d.reply.code, "busy"));
    char never[] =
        "{\"id\":\"a\",\"status\":\"error\",\"time\":1795424400,\"code\":\"unknown-kind\"}";
    assert_false(decode(never, sizeof never - 1, memory_size).reply.may_retry);
    char ages[] = "{\"id\":\"a\",\"status\":\"error\",\"time\":1795424400,\"code\":\"busy\","
                  "\"retryAfter\":9999999999999}";
    assert_int_equal(decode(ages, sizeof ages - 1, memory_size).reply.retry_after_s, 86400);
}

static void keys_with_control_characters_or_of_no_length_are_refused(void **state) {
    (void)state;
    static const char *const keys[] = {"", "a\\nb", "a\\u0001", "a\\u007f"};
    for (size_t i = 0; i < COUNT(keys); i++) {
        char text[300];
        int n = snprintf(text, sizeof text,
                         HEAD "\"headers\":{},\"objectKey\":\"%s\",\"uploadUrl\":\"https://h/k\","
                              "\"expiresAt\":1795425300}",
                         keys[i]);
        CHECK(keys[i], decode(text, (size_t)n, memory_size).err == THINGPASS_EREPLY);
    }
}

static bool confirms(const char *text, const char *key, uint64_t size) {
    char copy[300];
    struct thingpass_json json;
    strcpy(copy, text);
    assert_int_equal(thingpass_json_parse(&json, copy, strlen(copy), memory, memory_size),
                     THINGPASS_OK);
    return thingpass_confirms(&json, 0, thingpass_span_of(key), size);
}

static void a_report_is_confirmed_by_key_and_size_and_not_by_a_grant(void **state) {
    (void)state;
    struct wire_file f = wire_named("complete-one.reply.json");
    const char *key = "cam1/photo/2026/11/23/b7Kq-000017.jpg";
    assert_true(confirms(f.data, key, 48211));
    assert_false(confirms(f.data, key, 48212));
    assert_false(confirms(f.data, "cam1/photo/2026/11/23/b7Kq-000018.jpg", 48211));
    free(f.data);
    assert_true(confirms("{\"objectKey\":\"k\",\"size\":1}", "k", 1));
    assert_false(confirms("{\"objectKey\":\"k\",\"size\":1,\"uploadUrl\":\"x\"}", "k", 1));
    assert_false(confirms("{\"objectKey\":\"k\",\"objectKey\":\"k\",\"size\":1}", "k", 1));
    assert_false(confirms("{\"objectKey\":\"k\"}", "k", 0));
}

static void entries_of_a_batch_can_be_read_one_by_one(void **state) {
    (void)state;
    struct wire_file f = wire_named("put-objects.reply.json");
    struct thingpass_json json;
    assert_int_equal(thingpass_json_parse(&json, f.data, f.len, memory, memory_size), THINGPASS_OK);
    int entry = thingpass_json_first(&json, thingpass_json_find(&json, 0, "objects"));
    const bool granted[] = {true, false, true};
    for (size_t i = 0; i < COUNT(granted); i++) {
        struct thingpass_reply reply;
        struct thingpass_grant_fields grant;
        assert_int_equal(thingpass_reply_read(&json, entry, &reply), THINGPASS_OK);
        assert_true(reply.success == granted[i]);
        assert_int_equal(thingpass_grant_read(&json, entry, &grant),
                         granted[i] ? THINGPASS_OK : THINGPASS_EREPLY);
        entry = thingpass_json_next(&json, entry);
    }
    assert_int_equal(entry, 0);
    free(f.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_grant_of_the_wire_vectors_is_understood),
        cmocka_unit_test(every_refusal_of_the_wire_vectors_has_its_code),
        cmocka_unit_test(every_pass_of_the_wire_vectors_is_understood),
        cmocka_unit_test(passes_with_a_fault_are_refused),
        cmocka_unit_test(there_is_a_limit_to_fields),
        cmocka_unit_test(a_grant_gives_ready_header_lines),
        cmocka_unit_test(escapes_in_a_grant_are_decoded),
        cmocka_unit_test(every_truncation_of_every_reply_is_refused),
        cmocka_unit_test(no_flipped_bit_leads_outside_the_reply),
        cmocka_unit_test(every_memory_that_is_too_small_is_noticed),
        cmocka_unit_test(replies_with_a_fault_are_refused),
        cmocka_unit_test(retry_after_is_read_and_bounded),
        cmocka_unit_test(keys_with_control_characters_or_of_no_length_are_refused),
        cmocka_unit_test(a_report_is_confirmed_by_key_and_size_and_not_by_a_grant),
        cmocka_unit_test(entries_of_a_batch_can_be_read_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
