// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The signer against AWS's published examples and what other implementations make
// of many requests more: broker/testdata/sigv4.

#include "check.h"
#include "guard.h"
#include "json.h"
#include "sha256.h"
#include "sigv4.h"
#include "wire.h"

enum { headers_max = 40, head_max = 20000 };

struct header {
    char name[64];
    struct thingpass_span value;
};

// A request of the vectors.
struct vector {
    struct thingpass_span name, path, names, signature;
    char method[16];
    uint32_t time;
    struct thingpass_sigv4_signer signer;
    struct thingpass_sigv4_request request;
    struct header headers[headers_max];
    size_t header_count;
};

static void tell_headers(const void *ctx, struct thingpass_sigv4_walk *walk) {
    const struct vector *v = ctx;
    for (size_t i = 0; i < v->header_count; i++) {
        // In pieces, as the core has them.
        const char *dash = strrchr(v->headers[i].name, '-');
        char begin[64];
        size_t n = dash == NULL ? 0 : (size_t)(dash - v->headers[i].name);
        snprintf(begin, sizeof begin, "%.*s", (int)n, v->headers[i].name);
        thingpass_sigv4_name(walk, begin, v->headers[i].name + n);
        struct thingpass_span half = {v->headers[i].value.p, v->headers[i].value.n / 2};
        struct thingpass_span rest = {half.p + half.n, v->headers[i].value.n - half.n};
        thingpass_sigv4_value(walk, half);
        thingpass_sigv4_value(walk, rest);
    }
}

// A file of cases, which are parsed one by one: together they are more than any
// message may be.
struct file {
    struct wire_file text;
    struct thingpass_json json; // of the case at hand
    struct thingpass_json_node nodes[100];
    char *next;
};

static const char case_begin[] = "\n {\"name\":";

static struct file open_vectors(const char *name) {
    struct file f;
    char path[64];
    snprintf(path, sizeof path, "../sigv4/%s", name);
    f.text = wire_named(path);
    f.next = strstr(f.text.data, case_begin);
    assert_non_null(f.next);
    return f;
}

static void close_vectors(struct file *f) {
    free(f->text.data);
}

static void parse_next(struct file *f) {
    char *begin = f->next + 1;
    f->next = strstr(begin, case_begin);
    char *end = f->next != NULL ? f->next : f->text.data + f->text.len;
    while (end > begin && end[-1] != '}') { // the comma, or the end of the list
        end--;
    }
    if (f->next == NULL) { // the file's own brace
        end--;
        while (end > begin && end[-1] != '}') {
            end--;
        }
    }
    assert_int_equal(
        thingpass_json_parse(&f->json, begin, (size_t)(end - begin), f->nodes, sizeof f->nodes),
        THINGPASS_OK);
}

static struct thingpass_span string(const struct file *f, const char *name) {
    struct thingpass_span s;
    CHECK(name, thingpass_json_string(&f->json, 0, name, &s) == THINGPASS_OK);
    return s;
}

static void read_headers(const struct file *f, struct vector *v) {
    v->header_count = 0;
    int list = thingpass_json_find(&f->json, 0, "headers");
    for (int i = thingpass_json_first(&f->json, list); i > 0;
         i = thingpass_json_next(&f->json, i)) {
        assert_true(v->header_count < headers_max);
        struct header *h = &v->headers[v->header_count++];
        int name = thingpass_json_first(&f->json, i);
        struct thingpass_span text = thingpass_json_text(&f->json, name);
        snprintf(h->name, sizeof h->name, "%.*s", (int)text.n, text.p);
        h->value = thingpass_json_text(&f->json, thingpass_json_next(&f->json, name));
    }
}

static bool next_vector(struct file *f, struct vector *v) {
    uint64_t time;
    if (f->next == NULL) {
        return false;
    }
    parse_next(f);
    v->name = string(f, "name");
    v->path = string(f, "path");
    v->names = string(f, "signedHeaders");
    v->signature = string(f, "signature");
    assert_int_equal(thingpass_json_u64(&f->json, 0, "time", &time), THINGPASS_OK);
    v->time = (uint32_t)time;
    struct thingpass_span method = string(f, "method");
    snprintf(v->method, sizeof v->method, "%.*s", (int)method.n, method.p);
    v->signer = (struct thingpass_sigv4_signer){string(f, "accessKeyId"),
                                                string(f, "secretAccessKey"), string(f, "region")};
    v->request = (struct thingpass_sigv4_request){.method = v->method,
                                                  .bucket = string(f, "bucket"),
                                                  .key = string(f, "key"),
                                                  .query = string(f, "query"),
                                                  .payload = string(f, "payload"),
                                                  .length = 48211,
                                                  .headers = tell_headers,
                                                  .ctx = v};
    read_headers(f, v);
    return true;
}

static int sign(struct sha256_state *state, const struct vector *v, uint8_t signature[32]) {
    const struct thingpass_sha256 sha = sha256_port(state);
    uint8_t key[32];
    int err = thingpass_sigv4_day_key(&sha, &v->signer, v->time, key);
    return err < 0 ? err
                   : thingpass_sigv4_sign(&sha, key, &v->signer, &v->request, v->time, signature);
}

static void print(const struct vector *v) {
    print_error("vector: %.*s\n", (int)v->name.n, v->name.p);
}

static size_t check_signatures(const char *name) {
    struct file f = open_vectors(name);
    static struct vector v;
    size_t n = 0;
    for (; next_vector(&f, &v); n++) {
        struct sha256_state state = {0};
        uint8_t signature[32];
        char hex[65] = "";
        assert_int_equal(sign(&state, &v, signature), THINGPASS_OK);
        struct thingpass_writer w = {hex, 64, 0};
        thingpass_put_hex(&w, signature, 32);
        if (!thingpass_span_is(v.signature, hex)) {
            print(&v);
            fail_msg("signed %s", hex);
        }
        assert_false(state.begun); // every message was finished
    }
    close_vectors(&f);
    return n;
}

static void awss_examples_are_signed_as_printed(void **state) {
    (void)state;
    assert_int_equal(check_signatures("manual.json"), 4);
}

static void all_else_is_signed_as_the_sdk_signs_it(void **state) {
    (void)state;
    assert_true(check_signatures("sdk.json") > 70);
}

// What a head must say, put together the plain way.
static size_t wanted_head(const struct vector *v, char *out) {
    int n = snprintf(out, head_max, "%s %.*s%s%.*s HTTP/1.1\r\n", v->method, (int)v->path.n,
                     v->path.p, v->request.query.n > 0 ? "?" : "", (int)v->request.query.n,
                     v->request.query.n > 0 ? v->request.query.p : "");
    char date[17] = "";
    for (size_t i = 0; i < v->header_count; i++) {
        const struct header *h = &v->headers[i];
        n += snprintf(out + n, head_max - (size_t)n, "%s: %.*s\r\n", h->name, (int)h->value.n,
                      h->value.p);
        if (strcmp(h->name, "x-amz-date") == 0) {
            snprintf(date, sizeof date, "%.*s", (int)h->value.n, h->value.p);
        }
    }
    n += snprintf(out + n, head_max - (size_t)n,
                  "Authorization: AWS4-HMAC-SHA256 Credential=%.*s/%.8s/%.*s/s3/aws4_request,"
                  "SignedHeaders=%.*s,Signature=%.*s\r\n",
                  (int)v->signer.access_key_id.n, v->signer.access_key_id.p, date,
                  (int)v->signer.region.n, v->signer.region.p, (int)v->names.n, v->names.p,
                  (int)v->signature.n, v->signature.p);
    if (v->request.length >= 0) {
        n += snprintf(out + n, head_max - (size_t)n, "Content-Length: %lld\r\n",
                      (long long)v->request.length);
    }
    n += snprintf(out + n, head_max - (size_t)n, "\r\n");
    return (size_t)n;
}

static void check_head(const struct vector *v, size_t cap) {
    static char want[head_max];
    static char got[head_max];
    struct sha256_state state = {0};
    uint8_t signature[32];
    assert_int_equal(sign(&state, v, signature), THINGPASS_OK);
    size_t len = wanted_head(v, want);
    size_t have = 0;
    char *window = guard_alloc(cap);
    for (;;) {
        size_t n =
            thingpass_sigv4_head(&v->signer, &v->request, v->time, signature, have, window, cap);
        if (n == 0) {
            break;
        }
        assert_true(n <= cap && have + n <= sizeof got);
        assert_true(n == cap || have + n == len); // a window is full but for the last
        memcpy(got + have, window, n);
        have += n;
    }
    guard_free(window, cap);
    if (have != len || memcmp(got, want, len) != 0) {
        print(v);
        fail_msg("%.*s\nwanted\n%s", (int)have, got, want);
    }
}

static void the_head_says_what_was_signed_in_windows_of_any_size(void **state) {
    (void)state;
    static const size_t caps[] = {1, 7, 64, 1024, head_max};
    const char *const names[] = {"manual.json", "sdk.json"};
    for (size_t k = 0; k < 2; k++) {
        struct file f = open_vectors(names[k]);
        static struct vector v;
        for (size_t i = 0; next_vector(&f, &v); i++) {
            v.request.length = i % 3 == 0 ? -1 : i % 3 == 1 ? 0 : INT64_MAX;
            for (size_t c = v.path.n + v.names.n < 1000 ? 0 : 2; c < COUNT(caps); c++) {
                check_head(&v, caps[c]);
            }
        }
        close_vectors(&f);
    }
}

// Which hash call fails does not matter: it is told, and nothing is read that was
// never written.
static void a_hash_that_fails_is_told(void **state) {
    (void)state;
    struct file f = open_vectors("manual.json");
    static struct vector v;
    assert_true(next_vector(&f, &v));
    struct sha256_state sound = {0};
    uint8_t signature[32];
    assert_int_equal(sign(&sound, &v, signature), THINGPASS_OK);
    for (unsigned n = 1; n < sound.calls; n++) {
        struct sha256_state failing = {.fails_after = n};
        assert_int_equal(sign(&failing, &v, signature), THINGPASS_EIO);
    }
    close_vectors(&f);
}

// A change of any byte that goes in changes the signature.
static void every_byte_that_is_signed_matters(void **state) {
    (void)state;
    struct file f = open_vectors("manual.json");
    static struct vector v;
    assert_true(next_vector(&f, &v));
    struct thingpass_span *const spans[] = {&v.signer.secret,    &v.signer.region,
                                            &v.request.key,      &v.request.payload,
                                            &v.headers[0].value, &v.headers[3].value};
    uint8_t good[32];
    uint8_t bad[32];
    struct sha256_state hash = {0};
    assert_int_equal(sign(&hash, &v, good), THINGPASS_OK);
    for (size_t i = 0; i < COUNT(spans); i++) {
        for (size_t k = 0; k < spans[i]->n; k++) {
            char *byte = (char *)(uintptr_t)spans[i]->p + k;
            *byte ^= 1;
            assert_int_equal(sign(&hash, &v, bad), THINGPASS_OK);
            assert_memory_not_equal(good, bad, 32);
            *byte ^= 1;
        }
        spans[i]->n--; // or one less
        assert_int_equal(sign(&hash, &v, bad), THINGPASS_OK);
        assert_memory_not_equal(good, bad, 32);
        spans[i]->n++;
    }
    v.time += 86400;
    assert_int_equal(sign(&hash, &v, bad), THINGPASS_OK);
    assert_memory_not_equal(good, bad, 32);
    close_vectors(&f);
}

static void no_byte_behind_a_span_is_read(void **state) {
    (void)state;
    struct file f = open_vectors("sdk.json");
    static struct vector v;
    struct sha256_state hash = {0};
    uint8_t signature[32];
    while (next_vector(&f, &v)) {
        struct thingpass_span *const spans[] = {
            &v.signer.access_key_id, &v.signer.secret, &v.signer.region,  &v.request.bucket,
            &v.request.key,          &v.request.query, &v.request.payload};
        for (size_t i = 0; i < COUNT(spans); i++) {
            spans[i]->p = guard_copy(spans[i]->p, spans[i]->n);
        }
        assert_int_equal(sign(&hash, &v, signature), THINGPASS_OK);
        check_head(&v, 4096);
        for (size_t i = 0; i < COUNT(spans); i++) {
            guard_free((void *)(uintptr_t)spans[i]->p, spans[i]->n);
        }
    }
    close_vectors(&f);
}

// The signature takes one message after the other, and no more than it needs: with
// the day's key at hand the request's and two for the signature.
static void one_message_at_a_time_suffices(void **state) {
    (void)state;
    struct file f = open_vectors("manual.json");
    static struct vector v;
    assert_true(next_vector(&f, &v));
    struct sha256_state hash = {0};
    const struct thingpass_sha256 sha = sha256_port(&hash);
    uint8_t key[32];
    uint8_t signature[32];
    assert_int_equal(thingpass_sigv4_day_key(&sha, &v.signer, v.time, key), THINGPASS_OK);
    assert_int_equal(hash.inits, 8);
    assert_int_equal(thingpass_sigv4_sign(&sha, key, &v.signer, &v.request, v.time, signature),
                     THINGPASS_OK);
    assert_int_equal(hash.inits, 11);
    close_vectors(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(awss_examples_are_signed_as_printed),
        cmocka_unit_test(all_else_is_signed_as_the_sdk_signs_it),
        cmocka_unit_test(the_head_says_what_was_signed_in_windows_of_any_size),
        cmocka_unit_test(a_hash_that_fails_is_told),
        cmocka_unit_test(every_byte_that_is_signed_matters),
        cmocka_unit_test(no_byte_behind_a_span_is_read),
        cmocka_unit_test(one_message_at_a_time_suffices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
