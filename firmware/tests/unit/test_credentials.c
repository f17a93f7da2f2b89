// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Objects that the thing signs itself, in a world of scripts: where it gets its
// credentials, how long it keeps them, and what leaves.

#include "guard.h"
#include "sha256.h"
#include "sigv4_judge.h"
#include "thingpass/credentials.h"
#include "upload.h"
#include "wire.h"
#include "world.h"

#define SECRET       "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY"
#define OTHER_SECRET "oThErSeCrEt0123456789/0123456789+EXAMPLE"
#define PARTS        "\"accessKeyId\":\"ASIAIOSFODNN7EXAMPLE\",\"secretAccessKey\":\"" SECRET "\","
#define PLACE                                                                                      \
    "\"endpoint\":\"https://s3.example.com\",\"region\":\"eu-central-1\",\"bucket\":\"photos\","   \
    "\"prefix\":\"cam1/\""
#define REPLY "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"mode\":\"credentials\","

static const char session[] =
    REPLY PARTS "\"sessionToken\":\"IQoJb3JpZ2luX2VjEXAMPLE+/=\"," PLACE ",\"expiresAt\":$EXPIRES}";
static const char other_session[] =
    REPLY "\"accessKeyId\":\"ASIAOTHER\",\"secretAccessKey\":\"" OTHER_SECRET
          "\",\"sessionToken\":\"other\"," PLACE ",\"expiresAt\":$EXPIRES}";
static const char path_session[] =
    REPLY PARTS "\"sessionToken\":\"t\",\"endpoint\":\"https://127.0.0.1:9000\",\"region\":"
                "\"us-east-1\",\"bucket\":\"photos\",\"pathStyle\":true,\"prefix\":\"cam1/\","
                "\"expiresAt\":$EXPIRES}";
static const char pointer[] =
    REPLY "\"provider\":{\"endpoint\":\"https://abc.credentials.iot.eu-central-1.amazonaws.com\","
          "\"roleAlias\":\"thingpass\",\"headers\":{\"x-amzn-iot-thingname\":\"cam1\"}}," PLACE "}";

#define ANSWER_BODY                                                                                \
    "{\"credentials\":{" PARTS "\"sessionToken\":\"IQoJprovider\",\"expiration\":"                 \
    "\"2026-11-23T10:00:00Z\"}}"
#define ANSWER_DATE "Date: Mon, 23 Nov 2026 09:02:00 GMT\r\n"

static char answer[2][3000];

// A provider's 200 with that body.
static const char *answer_with(const char *headers, const char *text) {
    static unsigned n;
    char *out = answer[n++ % 2];
    snprintf(out, sizeof answer[0], "HTTP/1.1 200 OK\r\n%sContent-Length: %u\r\n\r\n%s", headers,
             (unsigned)strlen(text), text);
    return out;
}

struct creds_world {
    struct world *w;
    struct sha256_state hash;
    struct thingpass_sha256 sha;
    struct thingpass_stream stream; // the provider's
    struct thingpass_provider provider;
    unsigned provider_opens, closes;
    char heads[8][8192]; // of the requests that were answered, in order
    size_t head_count;
};

static int provider_open(void *ctx, const char *host, uint16_t port, bool tls) {
    struct creds_world *c = ((struct world *)ctx)->test;
    c->provider_opens += ((struct world *)ctx)->connected ? 0 : 1;
    return c->w->stream.open(ctx, host, port, tls);
}

static void keep_head(struct world *w) {
    struct creds_world *c = w->test;
    if (c->head_count < COUNT(c->heads)) {
        snprintf(c->heads[c->head_count++], sizeof c->heads[0], "%s", w->head);
    }
}

static struct creds_world *creds_new(size_t len) {
    struct creds_world *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->w = world_new(len);
    c->w->test = c;
    c->w->keep = keep_head;
    c->sha = sha256_port(&c->hash);
    c->w->config.sha256 = &c->sha;
    c->w->object.mode = &thingpass_mode_credentials;
    c->w->object.suffix = ".jpg";
    c->w->object.verify = THINGPASS_VERIFY_S3;
    c->w->grants[0].text = session;
    c->w->ttl_s = 3600;
    c->w->key = "cam1/photo/2026/11/23/aaaaaaaaaa-000001.jpg"; // what is reported
    c->stream = c->w->stream;
    c->stream.open = provider_open;
    c->provider.stream = &c->stream;
    return c;
}

// The broker points to a provider, which answers the first request.
static struct creds_world *creds_with_provider(size_t len) {
    struct creds_world *c = creds_new(len);
    c->w->config.provider = &c->provider;
    c->w->grants[0].text = pointer;
    c->w->puts[0].answer = answer_with("", ANSWER_BODY);
    c->w->puts[1].answer = world_ok;
    c->w->put_count = 2;
    return c;
}

// The program names the provider, and there is no broker.
static struct creds_world *creds_without_broker(size_t len) {
    struct creds_world *c = creds_with_provider(len);
    c->provider.endpoint = "https://abc.credentials.iot.eu-central-1.amazonaws.com";
    c->provider.role_alias = "thingpass";
    c->provider.s3_endpoint = "https://s3.example.com";
    c->provider.region = "eu-central-1";
    c->provider.bucket = "photos";
    c->w->mqtt_down = UINT32_MAX;
    c->w->puts[0].answer = answer_with(ANSWER_DATE, ANSWER_BODY);
    return c;
}

static void creds_free(struct creds_world *c) {
    world_free(c->w);
    free(c);
}

static void upload_ok(struct creds_world *c) {
    assert_int_equal(world_upload(c->w), THINGPASS_OK);
    const char *flaw = sigv4_judge(c->w->head, SECRET);
    CHECK(flaw, flaw == NULL);
    assert_int_equal(c->w->stored_len, c->w->bytes_len);
    assert_memory_equal(c->w->stored, c->w->bytes, c->w->bytes_len);
}

static bool contains(const void *data, size_t len, const char *text) {
    const char *p = data;
    size_t n = strlen(text);
    for (size_t i = 0; i + n <= len; i++) {
        if (memcmp(p + i, text, n) == 0) {
            return true;
        }
    }
    return false;
}

static bool buffers_contain(const struct creds_world *c, const char *text) {
    return contains(c->w->reply, sizeof c->w->reply, text) ||
           contains(c->w->chunk, sizeof c->w->chunk, text) ||
           contains(&c->w->tp, sizeof c->w->tp, text);
}

static void one_question_serves_many_objects(void **state) {
    (void)state;
    struct creds_world *c = creds_new(5000);
    for (unsigned i = 0; i < 20; i++) {
        upload_ok(c);
        assert_int_equal(thingpass_result(&c->w->tp)->asks, i == 0 ? 1 : 0);
    }
    assert_int_equal(c->w->sent_count, 1);
    assert_string_equal(c->w->sent[0].topic, "thingpass/cam1/credentials-request");
    assert_string_equal(c->w->sent[0].payload,
                        "{\"id\":\"aaaaaaaaaa-000002\",\"mode\":\"session\"}");
    assert_int_equal(c->w->opens, 1);
    assert_string_equal(c->w->host, "photos.s3.example.com");
    assert_int_equal(c->w->port, 443);
    assert_true(c->w->tls);
    creds_free(c);
}

// Every byte that a plain upload sends.
static void a_request_says_what_it_should(void **state) {
    (void)state;
    struct creds_world *c = creds_new(0);
    upload_ok(c);
    const char *want =
        "PUT /cam1/photo/2026/11/23/aaaaaaaaaa-000001.jpg HTTP/1.1\r\n"
        "content-type: image/jpeg\r\nhost: photos.s3.example.com\r\nif-none-match: *\r\n"
        "x-amz-checksum-sha256: 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\r\n"
        "x-amz-content-sha256: UNSIGNED-PAYLOAD\r\nx-amz-date: 20261123T090140Z\r\n"
        "x-amz-meta-captured-at: 1795424500\r\nx-amz-security-token: IQoJb3JpZ2luX2VjEXAMPLE+/=\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=ASIAIOSFODNN7EXAMPLE/20261123/eu-central-1/s3/"
        "aws4_request,SignedHeaders=content-type;host;if-none-match;x-amz-checksum-sha256;"
        "x-amz-content-sha256;x-amz-date;x-amz-meta-captured-at;x-amz-security-token,Signature=";
    assert_memory_equal(c->w->head, want, strlen(want));
    assert_string_equal(c->w->head + strlen(want) + 64, "\r\nContent-Length: 0\r\n\r\n");
    assert_string_equal(thingpass_result(&c->w->tp)->object_key,
                        "cam1/photo/2026/11/23/aaaaaaaaaa-000001.jpg");
    assert_int_equal(thingpass_result(&c->w->tp)->captured_at, 1795424500);
    creds_free(c);
}

static void the_bucket_goes_into_the_path_where_it_is_told_to(void **state) {
    (void)state;
    struct creds_world *c = creds_new(10);
    c->w->grants[0].text = path_session;
    upload_ok(c);
    assert_string_equal(c->w->host, "127.0.0.1");
    assert_int_equal(c->w->port, 9000);
    assert_non_null(strstr(c->w->head, "PUT /photos/cam1/photo/2026/11/23/"));
    assert_non_null(strstr(c->w->head, "\r\nhost: 127.0.0.1:9000\r\n"));
    creds_free(c);
}

static void metadata_is_signed_in_order(void **state) {
    (void)state;
    static const struct thingpass_pair pairs[] = {
        {"room", "a b"}, {"captured", "x"}, {"fw", "1.4.2"}, {"captured-att", "y"}, {"a", "z"}};
    struct creds_world *c = creds_new(10);
    c->w->object.metadata = pairs;
    c->w->object.metadata_count = COUNT(pairs);
    upload_ok(c);
    assert_non_null(strstr(c->w->head, "\r\nx-amz-meta-a: z\r\nx-amz-meta-captured: x\r\n"
                                       "x-amz-meta-captured-at: 1795424500\r\n"
                                       "x-amz-meta-captured-att: y\r\nx-amz-meta-fw: 1.4.2\r\n"
                                       "x-amz-meta-room: a b\r\nx-amz-security-token"));
    creds_free(c);
}

static void without_a_content_type_none_is_sent(void **state) {
    (void)state;
    struct creds_world *c = creds_new(10);
    c->w->source.content_type = NULL;
    upload_ok(c);
    assert_null(strstr(c->w->head, "content-type"));
    creds_free(c);
}

static void objects_that_cannot_be_signed_are_refused(void **state) {
    (void)state;
    static const char *const types[] = {"", " image/jpeg", "image/jpeg ", "a/b;  c=d"};
    static const char *const keys[] = {"", "a\nb", "\x7f"};
    static const struct thingpass_pair pair = {"a", "b"};
    struct creds_world *c = creds_new(10);
    assert_int_equal(thingpass_init(&c->w->tp, &c->w->config), THINGPASS_OK);
    for (size_t i = 0; i < COUNT(types); i++) {
        c->w->source.content_type = types[i];
        CHECK(types[i], thingpass_upload_start(&c->w->tp, &c->w->object) == THINGPASS_EINVAL);
    }
    c->w->source.content_type = NULL;
    for (size_t i = 0; i < COUNT(keys); i++) {
        c->w->object.object_key = keys[i];
        CHECK(keys[i], thingpass_upload_start(&c->w->tp, &c->w->object) == THINGPASS_EINVAL);
        c->w->object.object_key = NULL;
        c->w->object.suffix = keys[i];
        CHECK(keys[i],
              i == 0 || thingpass_upload_start(&c->w->tp, &c->w->object) == THINGPASS_EINVAL);
        c->w->object.suffix = NULL;
    }
    c->w->object.pass_metadata = &pair;
    c->w->object.pass_metadata_count = 1;
    assert_int_equal(thingpass_upload_start(&c->w->tp, &c->w->object), THINGPASS_EINVAL);
    creds_free(c);
}

static void a_key_of_the_programs_own_is_taken_as_it_is(void **state) {
    (void)state;
    struct creds_world *c = creds_new(10);
    c->w->object.object_key = "cam1/odd/ a+b~%/../\xc3\xbc//x";
    upload_ok(c);
    assert_non_null(strstr(c->w->head, "PUT /cam1/odd/%20a%2Bb~%25/../%C3%BC//x HTTP/1.1\r\n"));
    assert_string_equal(thingpass_result(&c->w->tp)->object_key, c->w->object.object_key);
    creds_free(c);
}

static void the_longest_key_is_sent_and_a_longer_one_is_not(void **state) {
    (void)state;
    static char key[1025];
    static char suffix[1025];
    struct creds_world *c = creds_new(10);
    memset(key, '+', 1024);
    c->w->object.object_key = key;
    upload_ok(c);
    assert_int_equal(strspn(strchr(c->w->head, '%'), "%2B"), 3 * 1024);
    c->w->object.object_key = NULL;
    c->w->object.suffix = suffix;
    memset(suffix, '.', 1024 - strlen("cam1/photo/2026/11/23/aaaaaaaaaa-000001"));
    upload_ok(c);
    assert_int_equal(strlen(thingpass_result(&c->w->tp)->object_key), 1024);
    suffix[strlen(suffix)] = '.';
    assert_int_equal(world_upload(c->w), THINGPASS_EINVAL);
    creds_free(c);
}

static void a_one_pass_source_is_signed_first_and_hashed_while_it_is_sent(void **state) {
    (void)state;
    struct creds_world *c = creds_new(5000);
    c->w->source.rewindable = false;
    c->w->object.verify = THINGPASS_VERIFY_BROKER;
    upload_ok(c);
    assert_null(strstr(c->w->head, "x-amz-checksum-sha256"));
    uint8_t sum[32];
    char hex[65] = "";
    struct sha256_state state2 = {0};
    const struct thingpass_sha256 sha = sha256_port(&state2);
    sha.init(sha.ctx);
    sha.update(sha.ctx, c->w->bytes, c->w->bytes_len);
    sha.final(sha.ctx, sum);
    struct thingpass_writer w = {hex, 64, 0};
    thingpass_put_hex(&w, sum, 32);
    assert_int_equal(c->w->reports_sent, 1);
    assert_non_null(strstr(c->w->sent[1].payload, hex));
    creds_free(c);
}

static void the_broker_is_told_if_it_shall_verify(void **state) {
    (void)state;
    struct creds_world *c = creds_new(5000);
    c->w->object.verify = THINGPASS_VERIFY_BROKER;
    upload_ok(c);
    assert_int_equal(c->w->reports_sent, 1);
    assert_string_equal(c->w->sent[1].topic, "thingpass/cam1/upload-complete");
    assert_non_null(strstr(c->w->sent[1].payload, c->w->key));
    creds_free(c);
}

static void credentials_are_renewed_before_they_end(void **state) {
    (void)state;
    struct creds_world *c = creds_new(100);
    upload_ok(c);
    c->w->now_ms += 3539 * 1000;
    upload_ok(c);
    assert_int_equal(c->w->asks, 1);
    c->w->now_ms += 1000;
    upload_ok(c);
    assert_int_equal(c->w->asks, 2);
    upload_ok(c);
    assert_int_equal(c->w->asks, 2);
    creds_free(c);
}

static void the_days_key_is_made_once(void **state) {
    (void)state;
    struct creds_world *c = creds_new(0);
    c->w->ttl_s = 7 * 86400;
    upload_ok(c);
    unsigned before = c->hash.inits;
    upload_ok(c);
    assert_int_equal(c->hash.inits - before, 1 + 3); // the object, and the request
    c->w->now_ms += 86400000;
    before = c->hash.inits;
    upload_ok(c);
    assert_int_equal(c->hash.inits - before, 1 + 8 + 3);
    assert_non_null(strstr(c->w->head, "/20261124/eu-central-1/"));
    assert_non_null(strstr(c->w->head, "PUT /cam1/photo/2026/11/24/"));
    assert_int_equal(c->w->asks, 1);
    creds_free(c);
}

static void what_s3_does_not_take_any_more_is_forgotten_and_wiped(void **state) {
    (void)state;
    static const struct {
        unsigned status;
        const char *code;
    } rows[] = {{400, "ExpiredToken"},          {400, "InvalidToken"},
                {400, "TokenRefreshRequired"},  {403, "InvalidAccessKeyId"},
                {403, "ExpiredToken"},          {403, "InvalidToken"},
                {403, "SignatureDoesNotMatch"}, {403, NULL}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct creds_world *c = creds_new(100);
        c->w->grants[1].text = other_session;
        c->w->grant_count = 2;
        c->w->puts[0].answer = world_error(rows[i].status, rows[i].code);
        c->w->puts[1].answer = world_ok;
        c->w->put_count = 2;
        CHECK(rows[i].code, world_upload(c->w) == THINGPASS_OK);
        CHECK(rows[i].code, c->w->asks == 2);
        CHECK(rows[i].code, sigv4_judge(c->w->head, OTHER_SECRET) == NULL);
        CHECK(rows[i].code, !buffers_contain(c, SECRET));
        CHECK(rows[i].code, buffers_contain(c, OTHER_SECRET)); // the test can see it
        assert_int_equal(thingpass_credentials_forget(&c->w->tp), THINGPASS_OK);
        CHECK(rows[i].code, !buffers_contain(c, OTHER_SECRET));
        creds_free(c);
    }
}

static void what_is_denied_is_not_tried_again_but_the_next_one_asks_anew(void **state) {
    (void)state;
    struct creds_world *c = creds_new(100);
    c->w->puts[0].answer = world_error(403, "AccessDenied");
    c->w->puts[1].answer = world_ok;
    c->w->put_count = 2;
    assert_int_equal(world_upload(c->w), THINGPASS_EREJECTED);
    assert_string_equal(thingpass_result(&c->w->tp)->code, "AccessDenied");
    assert_int_equal(c->w->request_count, 1);
    assert_false(buffers_contain(c, SECRET));
    upload_ok(c);
    assert_int_equal(c->w->asks, 2);
    creds_free(c);
}

static void credentials_that_never_work_end_the_upload(void **state) {
    (void)state;
    struct creds_world *c = creds_new(100);
    c->w->puts[0].answer = world_error(403, "InvalidAccessKeyId");
    assert_int_equal(world_upload(c->w), THINGPASS_ERETRIES);
    assert_int_equal(c->w->asks, 5);
    creds_free(c);
}

static const char skewed[] =
    "HTTP/1.1 403 Forbidden\r\nDate: Mon, 23 Nov 2026 12:00:00 GMT\r\nContent-Length: 33\r\n\r\n"
    "<Code>RequestTimeTooSkewed</Code>";

static void s3_may_correct_the_clock_once(void **state) {
    (void)state;
    struct creds_world *c = creds_new(100);
    c->w->puts[0].answer = skewed;
    c->w->puts[1].answer = world_ok;
    c->w->puts[2].answer = skewed;
    c->w->put_count = 3;
    c->w->ttl_s = 5 * 3600;
    upload_ok(c);
    assert_non_null(strstr(c->w->head, "\r\nx-amz-date: 20261123T120001Z\r\n")); // a second later
    assert_int_equal(c->w->asks, 1);
    int64_t now = 0;
    assert_int_equal(thingpass_now(&c->w->tp, &now), THINGPASS_OK);
    assert_in_range(now, 1795435200, 1795435260);
    assert_int_equal(world_upload(c->w), THINGPASS_EREJECTED);
    assert_string_equal(thingpass_result(&c->w->tp)->code, "RequestTimeTooSkewed");
    creds_free(c);
}

static void a_skew_without_a_date_ends_the_upload(void **state) {
    (void)state;
    struct creds_world *c = creds_new(100);
    c->w->puts[0].answer = world_error(403, "RequestTimeTooSkewed");
    assert_int_equal(world_upload(c->w), THINGPASS_EREJECTED);
    assert_int_equal(c->w->request_count, 1);
    creds_free(c);
}

static void a_broken_transfer_is_signed_anew(void **state) {
    (void)state;
    struct creds_world *c = creds_new(5000);
    c->w->puts[0].break_after = 3000;
    c->w->puts[0].answer = NULL;
    c->w->puts[1].answer = world_error(503, "SlowDown");
    c->w->puts[2].answer = world_ok;
    c->w->put_count = 3;
    upload_ok(c);
    assert_int_equal(c->w->asks, 1);
    assert_int_equal(thingpass_result(&c->w->tp)->puts, 3);
    creds_free(c);
}

static void what_is_stored_already_is_reported(void **state) {
    (void)state;
    struct creds_world *c = creds_new(100);
    c->w->puts[0].answer = world_error(412, "PreconditionFailed");
    assert_int_equal(world_upload(c->w), THINGPASS_OK);
    assert_int_equal(c->w->reports_sent, 1);
    creds_free(c);
}

static void refusals_of_the_broker_are_told_or_waited_for(void **state) {
    (void)state;
    struct creds_world *c = creds_new(100);
    c->w->grants[0].text = world_refusal("mode-not-allowed", -1);
    assert_int_equal(world_upload(c->w), THINGPASS_EREFUSED);
    assert_string_equal(thingpass_result(&c->w->tp)->code, "mode-not-allowed");
    c->w->asks = 0;
    c->w->grants[0].text = world_refusal("unavailable", 5);
    c->w->grants[1].text = session;
    c->w->grant_count = 2;
    uint64_t before = c->w->now_ms;
    upload_ok(c);
    assert_true(c->w->now_ms - before >= 5000);
    assert_string_equal(c->w->sent[1].payload, c->w->sent[2].payload); // the same id
    creds_free(c);
}

// A cut reply is none, wherever it is cut, and its buffer ends at a forbidden page.
static void a_truncated_session_is_no_session(void **state) {
    (void)state;
    const char *const texts[] = {session, path_session, pointer};
    for (size_t k = 0; k < COUNT(texts); k++) {
        for (size_t n = 0; n < strlen(texts[k]); n++) {
            struct creds_world *c = k == 2 ? creds_with_provider(10) : creds_new(10);
            char text[1000];
            snprintf(text, sizeof text, "%.*s", (int)n, texts[k]);
            c->w->grants[0].text = NULL;
            c->w->config.reply = guard_alloc(2048);
            c->w->config.reply_size = 2048;
            world_start(c->w);
            world_run_until(c->w, "ask");
            (void)thingpass_step(&c->w->tp, NULL);
            int r = world_deliver(c->w, text);
            CHECK(text, r < 0 || strcmp(thingpass_phase_name(&c->w->tp), "ask") == 0);
            thingpass_cancel(&c->w->tp);
            guard_free(c->w->config.reply, 2048);
            creds_free(c);
        }
    }
}

static void a_damaged_session_is_refused(void **state) {
    (void)state;
    static const char *const damage[][2] = {
        {"\"mode\":\"credentials\"", "\"mode\":\"put\""},
        {"ASIAIOSFODNN7EXAMPLE", ""},
        {"ASIAIOSFODNN7EXAMPLE", "ASIA/20261123"},
        {"ASIAIOSFODNN7EXAMPLE", "ASIA,Signature=0"},
        {"ASIAIOSFODNN7EXAMPLE", "ASIA\\r\\nX: y"},
        {"IQoJb3JpZ2luX2VjEXAMPLE+/=", ""},
        {"IQoJb3JpZ2luX2VjEXAMPLE+/=", "a b"},
        {"IQoJb3JpZ2luX2VjEXAMPLE+/=", "a\\nb"},
        {"IQoJb3JpZ2luX2VjEXAMPLE+/=", "\xc3\xbc"},
        {SECRET, ""},
        {SECRET, "\\u0001"},
        {"\"eu-central-1\"", "\"eu/central\""},
        {"\"eu-central-1\"", "\"\""},
        {"\"eu-central-1\"", "7"},
        {"\"photos\"", "\"pho?tos\""},
        {"\"photos\"", "\"a/b\""},
        {"\"photos\"", "\"\""},
        {"\"photos\"", "\"evil.example.com#\""},
        {"\"cam1/\"", "\"\""},
        {"\"cam1/\"", "\"a\\u000ab\""},
        {"https://s3.example.com", "http://s3.example.com"},
        {"https://s3.example.com", "https://s3.example.com/"},
        {"https://s3.example.com", "https://s3.example.com/x"},
        {"https://s3.example.com", "https://a@s3.example.com"},
        {"https://s3.example.com", "https://s3.example.com:0"},
        {"https://s3.example.com", ""},
        {"\"prefix\"", "\"pathStyle\":1,\"prefix\""},
        {"\"prefix\"", "\"pathStyle\":\"true\",\"prefix\""},
        {"\"prefix\"", "\"pathStyle\":null,\"prefix\""},
        {"\"prefix\"", "\"prefix\":\"x\",\"prefix\""},
        {"$EXPIRES", "$TIME"},
        {"$EXPIRES", "1"},
        {"$EXPIRES", "\"1795428000\""},
        {",\"expiresAt\":$EXPIRES", ""},
    };
    for (size_t i = 0; i < COUNT(damage); i++) {
        struct creds_world *c = creds_new(10);
        char text[1000];
        const char *at = strstr(session, damage[i][0]);
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - session), session, damage[i][1],
                 at + strlen(damage[i][0]));
        c->w->grants[0].text = text;
        int err = world_upload(c->w);
        CHECK(damage[i][1], err == THINGPASS_EREPLY || err == THINGPASS_EURL);
        CHECK(damage[i][1], c->w->opens == 0);
        CHECK(damage[i][1], !buffers_contain(c, SECRET));
        creds_free(c);
    }
}

static void credentials_in_their_last_minute_are_not_used(void **state) {
    (void)state;
    for (int64_t ttl = 59; ttl <= 62; ttl++) {
        struct creds_world *c = creds_new(10);
        c->w->ttl_s = ttl;
        assert_int_equal(world_upload(c->w), ttl <= 60 ? THINGPASS_EREPLY : THINGPASS_OK);
        creds_free(c);
    }
}

// Tokens have no promised length.
static void a_token_of_any_length_that_fits_is_sent(void **state) {
    (void)state;
    static char reply[12000];
    static char text[10000];
    static char token[8194];
    for (size_t n = 1; n <= 8192; n += n < 64 ? 1 : n < 6000 ? 997 : 8192 - n > 0 ? 8192 - n : 1) {
        struct creds_world *c = creds_new(10);
        memset(token, 't', n);
        token[n] = '\0';
        snprintf(text, sizeof text,
                 REPLY PARTS "\"sessionToken\":\"%s\"," PLACE ",\"expiresAt\":$EXPIRES}", token);
        bool fits = n < 7000; // in this world's own buffers
        c->w->grants[0].text = fits ? text : session;
        c->w->config.reply = reply;
        c->w->config.reply_size = n < 2600 ? 4096 : sizeof reply;
        upload_ok(c);
        assert_true(!fits || contains(c->w->head, strlen(c->w->head), token));
        creds_free(c);
    }
}

static void a_reply_that_does_not_fit_is_told(void **state) {
    (void)state;
    int last = THINGPASS_ESPACE;
    for (size_t size = 1024; size < 2048; size += 7) {
        struct creds_world *c = creds_new(10);
        static char text[2000];
        snprintf(text, sizeof text,
                 REPLY PARTS "\"sessionToken\":\"%0500d\"," PLACE ",\"expiresAt\":$EXPIRES}", 1);
        c->w->grants[0].text = text;
        c->w->config.reply = guard_alloc(size);
        c->w->config.reply_size = size;
        int err = world_upload(c->w);
        assert_true(err == THINGPASS_OK || (err == THINGPASS_ESPACE && last == err));
        assert_true(size > 1024 || err == THINGPASS_ESPACE);
        last = err;
        assert_int_equal(thingpass_credentials_forget(&c->w->tp), THINGPASS_OK);
        assert_false(contains(c->w->config.reply, size, SECRET));
        thingpass_cancel(&c->w->tp);
        guard_free(c->w->config.reply, size);
        creds_free(c);
    }
    assert_int_equal(last, THINGPASS_OK);
}

static void slow_and_small_streams_change_nothing(void **state) {
    (void)state;
    static const size_t most[] = {0, 1, 3, 100};
    for (size_t i = 0; i < COUNT(most) * 4; i++) {
        struct creds_world *c = i % 2 ? creds_with_provider(3000) : creds_new(3000);
        c->w->most = most[i / 4];
        c->w->eagain = i % 4 < 2 ? 0 : 3;
        c->w->config.chunk_size = 1024;
        upload_ok(c);
        creds_free(c);
    }
}

static void an_object_of_another_mode_takes_their_place(void **state) {
    (void)state;
    struct creds_world *c = creds_new(100);
    upload_ok(c);
    c->w->grants[0].text = world_grant;
    c->w->object.mode = NULL;
    c->w->object.suffix = NULL;
    assert_int_equal(world_upload(c->w), THINGPASS_OK);
    assert_false(buffers_contain(c, SECRET));
    c->w->grants[0].text = session;
    c->w->object.mode = &thingpass_mode_credentials;
    upload_ok(c);
    assert_int_equal(c->w->asks, 3);
    creds_free(c);
}

static void credentials_are_not_forgotten_in_flight(void **state) {
    (void)state;
    struct creds_world *c = creds_new(100);
    world_start(c->w);
    world_run_until(c->w, "send");
    assert_int_equal(thingpass_credentials_forget(&c->w->tp), THINGPASS_EBUSY);
    assert_int_equal(world_run(c->w), THINGPASS_OK);
    assert_true(buffers_contain(c, SECRET));
    creds_free(c);
}

static void a_hash_that_fails_ends_the_upload(void **state) {
    (void)state;
    struct creds_world *c = creds_new(0);
    upload_ok(c);
    unsigned calls = c->hash.calls;
    creds_free(c);
    for (unsigned n = 1; n < calls; n++) {
        c = creds_new(0);
        c->hash.fails_after = n;
        assert_int_equal(world_upload(c->w), THINGPASS_EIO);
        creds_free(c);
    }
}

static void the_provider_that_the_broker_names_is_asked(void **state) {
    (void)state;
    struct creds_world *c = creds_with_provider(5000);
    for (unsigned i = 0; i < 5; i++) {
        upload_ok(c);
    }
    assert_int_equal(c->w->sent_count, 1);
    assert_string_equal(c->w->sent[0].payload,
                        "{\"id\":\"aaaaaaaaaa-000002\",\"mode\":\"provider\"}");
    assert_string_equal(c->heads[0], "GET /role-aliases/thingpass/credentials HTTP/1.1\r\n"
                                     "Host: abc.credentials.iot.eu-central-1.amazonaws.com\r\n"
                                     "x-amzn-iot-thingname: cam1\r\n\r\n");
    assert_int_equal(c->provider_opens, 1);
    assert_int_equal(c->w->opens, 2);
    assert_string_equal(c->w->host, "photos.s3.example.com");
    creds_free(c);
}

static void no_broker_is_needed_with_a_provider_of_the_programs_own(void **state) {
    (void)state;
    struct creds_world *c = creds_without_broker(5000);
    for (unsigned i = 0; i < 5; i++) {
        upload_ok(c);
    }
    assert_int_equal(c->w->sent_count, 0);
    assert_int_equal(c->provider_opens, 1);
    assert_string_equal(c->heads[0], "GET /role-aliases/thingpass/credentials HTTP/1.1\r\n"
                                     "Host: abc.credentials.iot.eu-central-1.amazonaws.com\r\n"
                                     "x-amzn-iot-thingname: cam1\r\n\r\n");
    // The clock came with the provider's answer.
    assert_non_null(strstr(c->heads[1], "PUT /cam1/photo/2026/11/23/"));
    assert_non_null(strstr(c->heads[1], "\r\nx-amz-date: 20261123T090200Z\r\n"));
    creds_free(c);
}

static void without_a_broker_what_is_there_already_is_stored(void **state) {
    (void)state;
    struct creds_world *c = creds_without_broker(10);
    c->w->puts[1].answer = world_error(412, "PreconditionFailed");
    assert_int_equal(world_upload(c->w), THINGPASS_OK);
    assert_int_equal(c->w->sent_count, 0);
    assert_string_equal(thingpass_result(&c->w->tp)->code, "");
    creds_free(c);
}

static void a_configured_prefix_and_path_style_are_used(void **state) {
    (void)state;
    struct creds_world *c = creds_without_broker(10);
    c->provider.prefix = "site/cam1/";
    c->provider.path_style = true;
    c->provider.s3_endpoint = "https://s3.example.com:9000";
    upload_ok(c);
    assert_non_null(strstr(c->w->head, "PUT /photos/site/cam1/photo/2026/11/23/"));
    assert_string_equal(c->w->host, "s3.example.com");
    creds_free(c);
}

static void a_configuration_that_leads_nowhere_is_told(void **state) {
    (void)state;
    static const char *const bad[] = {"", "abc", "http://abc", "https://abc/", "https://", NULL};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct creds_world *c = creds_without_broker(10);
        c->provider.s3_endpoint = bad[i];
        assert_int_equal(world_upload(c->w), THINGPASS_EURL);
        creds_free(c);
        c = creds_without_broker(10);
        c->provider.endpoint = bad[i] != NULL ? bad[i] : "https:/x";
        assert_int_equal(world_upload(c->w), THINGPASS_EURL);
        assert_int_equal(c->w->opens, 0);
        creds_free(c);
    }
}

static void without_any_clock_nothing_is_signed(void **state) {
    (void)state;
    static const char *const dates[] = {
        "", "Date: yesterday\r\n", "Date: Mon, 23 Nov 2009 09:02:00 GMT\r\n",
        "Date: Mon, 23 Nov 2026 09:02:00 GMT and so on, longer\r\n"};
    for (size_t i = 0; i < COUNT(dates); i++) {
        struct creds_world *c = creds_without_broker(10);
        c->w->puts[0].answer = answer_with(dates[i], ANSWER_BODY);
        CHECK(dates[i], world_upload(c->w) == THINGPASS_ENOCLOCK);
        CHECK(dates[i], !buffers_contain(c, SECRET));
        creds_free(c);
    }
}

// As with the other modes: an object of another boot, say, that lay in the spool.
static void where_nobody_knows_when_it_was_taken_the_key_has_the_date_of_leave(void **state) {
    (void)state;
    struct creds_world *c = creds_new(10);
    c->w->object.captured_ms = UINT64_MAX;
    for (unsigned i = 0; i < 2; i++) { // asking, and with credentials at hand
        upload_ok(c);
        const struct thingpass_result *r = thingpass_result(&c->w->tp);
        assert_memory_equal(r->object_key, "cam1/photo/2026/11/23/", 22);
        assert_in_range(r->captured_at, 1795424500, 1795424600);
    }
    creds_free(c);
}

static void the_provider_is_asked_again_without_the_broker(void **state) {
    (void)state;
    struct creds_world *c = creds_with_provider(100);
    c->w->puts[1].answer = world_error(403, "InvalidAccessKeyId");
    c->w->puts[2].answer = answer_with("", ANSWER_BODY);
    c->w->puts[3].answer = world_ok;
    c->w->put_count = 4;
    upload_ok(c);
    assert_int_equal(c->w->asks, 1);
    assert_int_equal(c->provider_opens, 2);
    // They ended meanwhile.
    c->w->put_index = 1;
    c->w->puts[1].answer = world_ok;
    c->w->puts[2].answer =
        answer_with("Date: Mon, 23 Nov 2026 10:00:00 GMT\r\n",
                    "{\"credentials\":{" PARTS
                    "\"sessionToken\":\"x\",\"expiration\":\"2026-11-23T11:00:00Z\"}}");
    c->w->now_ms += 3600000;
    upload_ok(c);
    assert_int_equal(c->w->asks, 1);
    assert_int_equal(c->provider_opens, 3);
    creds_free(c);
}

static void a_provider_that_refuses_ends_the_upload(void **state) {
    (void)state;
    static const struct {
        unsigned status;
        const char *code;
    } rows[] = {{403, "provider-403"}, {404, "provider-404"}, {400, "provider-400"},
                {405, "provider-405"}, {301, "provider-301"}, {412, "provider-412"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct creds_world *c = creds_with_provider(10);
        c->w->puts[2] = c->w->puts[1];
        c->w->puts[1] = c->w->puts[0];
        c->w->puts[0].answer = world_error(rows[i].status, NULL);
        c->w->put_count = 3;
        assert_int_equal(world_upload(c->w), THINGPASS_EREFUSED);
        assert_string_equal(thingpass_result(&c->w->tp)->code, rows[i].code);
        assert_int_equal(thingpass_result(&c->w->tp)->status, rows[i].status);
        assert_int_equal(c->provider_opens, 1);
        // Next time the broker is asked where to go.
        upload_ok(c);
        assert_int_equal(c->w->asks, 2);
        creds_free(c);
    }
}

static void a_provider_in_trouble_is_asked_again_later(void **state) {
    (void)state;
    static const unsigned statuses[] = {429, 500, 503, 408};
    for (size_t i = 0; i < COUNT(statuses); i++) {
        struct creds_world *c = creds_with_provider(10);
        char text[200];
        snprintf(text, sizeof text,
                 "HTTP/1.1 %u x\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}", statuses[i]);
        c->w->puts[2] = c->w->puts[1];
        c->w->puts[1] = c->w->puts[0];
        c->w->puts[0].answer = text;
        c->w->put_count = 3;
        uint64_t before = c->w->now_ms;
        upload_ok(c);
        assert_true(c->w->now_ms - before >= 7000);
        creds_free(c);
        c = creds_with_provider(10);
        c->w->puts[0].answer = text;
        c->w->put_count = 1;
        assert_int_equal(world_upload(c->w), THINGPASS_ERETRIES);
        assert_int_equal(strncmp(thingpass_result(&c->w->tp)->code, "provider-", 9), 0);
        creds_free(c);
    }
}

static void half_an_answer_is_asked_for_again(void **state) {
    (void)state;
    size_t len = strlen(answer_with("", ANSWER_BODY));
    for (size_t n = 0; n < len; n++) {
        struct creds_world *c = creds_with_provider(10);
        c->w->puts[2] = c->w->puts[1];
        c->w->puts[1] = c->w->puts[0];
        c->w->puts[0].answer_cut = n;
        c->w->puts[0].answer = n == 0 ? NULL : c->w->puts[0].answer;
        c->w->put_count = 3;
        upload_ok(c);
        assert_int_equal(c->provider_opens, 2);
        creds_free(c);
    }
}

static void an_answer_that_is_none_is_refused(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "",
        "{}",
        "[]",
        "{\"credentials\":null}",
        "{\"credentials\":[]}",
        "{\"credentials\":{}}",
        "{\"credentials\":{" PARTS "\"sessionToken\":\"t\"}}",
        "{\"credentials\":{" PARTS "\"expiration\":\"2026-11-23T10:00:00Z\"}}",
        "{\"credentials\":{" PARTS "\"sessionToken\":\"t\",\"expiration\":\"tomorrow\"}}",
        "{\"credentials\":{" PARTS "\"sessionToken\":\"t\",\"expiration\":1795428000}}",
        "{\"credentials\":{" PARTS
        "\"sessionToken\":\"t\",\"expiration\":\"2026-11-23T09:00:00Z\"}}",
        "{\"credentials\":{" PARTS
        "\"sessionToken\":\"a b\",\"expiration\":\"2026-11-23T10:00:00Z\"}}",
        "{" PARTS "\"sessionToken\":\"t\",\"expiration\":\"2026-11-23T10:00:00Z\"}",
        ANSWER_BODY "x",
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct creds_world *c = creds_with_provider(10);
        c->w->puts[0].answer = answer_with("", bodies[i]);
        CHECK(bodies[i], world_upload(c->w) == THINGPASS_EREPLY);
        CHECK(bodies[i], !buffers_contain(c, SECRET));
        creds_free(c);
    }
}

static void an_answer_may_come_in_chunks(void **state) {
    (void)state;
    struct creds_world *c = creds_with_provider(10);
    char text[3000] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const char *p = ANSWER_BODY; *p != '\0'; p++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "1\r\n%c\r\n", *p);
    }
    strcat(text, "0\r\n\r\n");
    c->w->puts[0].answer = text;
    upload_ok(c);
    creds_free(c);
}

static void an_answer_that_does_not_fit_is_told(void **state) {
    (void)state;
    for (size_t n = 100; n < 1500; n += 13) {
        struct creds_world *c = creds_with_provider(10);
        static char text[2500];
        snprintf(text, sizeof text,
                 "{\"credentials\":{" PARTS "\"sessionToken\":\"%0*d\",\"expiration\":"
                 "\"2026-11-23T10:00:00Z\"}}",
                 (int)n, 1);
        c->w->puts[0].answer = answer_with("", text);
        c->w->config.reply = guard_alloc(2000);
        c->w->config.reply_size = 2000;
        int err = world_upload(c->w);
        assert_true(n < 700 ? err == THINGPASS_OK : err == THINGPASS_ESPACE || err == THINGPASS_OK);
        assert_true(n < 1450 || err == THINGPASS_ESPACE);
        thingpass_cancel(&c->w->tp);
        guard_free(c->w->config.reply, 2000);
        creds_free(c);
    }
}

// The object of a one-pass source is not touched by the request before it.
static void a_one_pass_source_goes_with_a_provider(void **state) {
    (void)state;
    struct creds_world *c = creds_with_provider(3000);
    c->w->source.rewindable = false;
    c->w->object.verify = THINGPASS_VERIFY_BROKER;
    c->w->puts[2] = c->w->puts[1];
    c->w->puts[1] = c->w->puts[0];
    c->w->puts[0].answer = world_error(503, NULL);
    c->w->put_count = 3;
    upload_ok(c);
    assert_int_equal(c->w->rewinds, 0);
    assert_null(strstr(c->w->head, "x-amz-checksum-sha256")); // nothing was hashed before
    creds_free(c);
}

// What came from the provider is not left in the chunk buffer either.
static void the_secret_stays_in_one_place(void **state) {
    (void)state;
    struct creds_world *c = creds_with_provider(10);
    char pad[1100] = "X-Pad: ";
    memset(pad + strlen(pad), 'x', 1000);
    strcat(pad, "\r\n");
    c->w->puts[0].answer = answer_with(pad, ANSWER_BODY);
    upload_ok(c);
    assert_false(contains(c->w->chunk, sizeof c->w->chunk, SECRET));
    assert_true(contains(c->w->reply, sizeof c->w->reply, SECRET));
    assert_int_equal(thingpass_credentials_forget(&c->w->tp), THINGPASS_OK);
    assert_false(buffers_contain(c, SECRET));
    creds_free(c);
}

// Attempts of the provider's are not the object's.
static void attempts_are_counted_apart(void **state) {
    (void)state;
    struct creds_world *c = creds_with_provider(10);
    for (unsigned i = 0; i < 5; i++) {
        c->w->puts[i].answer = world_error(503, NULL);
        c->w->puts[6 + i].answer = world_error(503, NULL);
    }
    c->w->puts[5].answer = answer_with("", ANSWER_BODY);
    c->w->puts[11].answer = world_ok;
    c->w->put_count = 12;
    upload_ok(c);
    assert_int_equal(thingpass_result(&c->w->tp)->puts, 12);
    creds_free(c);
}

// One shows the certificate and the other does not.
static void the_providers_connection_is_not_used_for_s3(void **state) {
    (void)state;
    struct creds_world *c = creds_without_broker(10);
    c->provider.endpoint = "https://s3.example.com";
    c->provider.path_style = true;
    upload_ok(c);
    assert_int_equal(c->provider_opens, 1);
    assert_int_equal(c->w->opens, 2);
    creds_free(c);
}

static void a_hint_before_the_answer_changes_nothing(void **state) {
    (void)state;
    struct creds_world *c = creds_without_broker(10);
    char text[1000];
    snprintf(text, sizeof text, "HTTP/1.1 103 Early Hints\r\n\r\n%s", c->w->puts[0].answer);
    c->w->puts[0].answer = text;
    world_start(c->w);
    assert_int_equal(world_run(c->w), THINGPASS_OK);
    creds_free(c);
}

static void progress(void *ctx, uint64_t done, uint64_t size) {
    uint64_t *last = ctx;
    assert_true(done <= size);
    assert_true(done >= *last);
    *last = done;
}

static void progress_is_the_objects(void **state) {
    (void)state;
    struct creds_world *c = creds_with_provider(5000);
    uint64_t last = 0;
    c->w->object.progress = progress;
    c->w->object.progress_ctx = &last;
    upload_ok(c);
    assert_int_equal(last, 5000);
    creds_free(c);
}

// The vectors' id is not one that the core would draw.
static void requests_are_those_of_the_wire_vectors(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint32_t counter;
    } rows[] = {{"credentials-session-asked", 1}, {"credentials-provider", 2}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char name[80];
        snprintf(name, sizeof name, "%s.request.json", rows[i].name);
        struct wire_file request = wire_named(name);
        snprintf(name, sizeof name, "%s.reply.json", rows[i].name);
        struct wire_file reply = wire_named(name);
        struct creds_world *c = i == 0 ? creds_new(10) : creds_with_provider(10);
        c->w->grants[0].text = reply.data;
        c->w->now_ms = 0;
        c->w->object.id = "photo-1";
        assert_int_equal(thingpass_init(&c->w->tp, &c->w->config), THINGPASS_OK);
        strcpy(c->w->tp.ids.prefix, "boot9");
        c->w->tp.ids.counter = rows[i].counter;
        upload_ok(c);
        assert_string_equal(c->w->sent[0].payload, request.data);
        assert_string_equal(c->w->host, "photos.s3.eu-central-1.amazonaws.com");
        creds_free(c);
        free(request.data);
        free(reply.data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_question_serves_many_objects),
        cmocka_unit_test(a_request_says_what_it_should),
        cmocka_unit_test(the_bucket_goes_into_the_path_where_it_is_told_to),
        cmocka_unit_test(metadata_is_signed_in_order),
        cmocka_unit_test(without_a_content_type_none_is_sent),
        cmocka_unit_test(objects_that_cannot_be_signed_are_refused),
        cmocka_unit_test(a_key_of_the_programs_own_is_taken_as_it_is),
        cmocka_unit_test(the_longest_key_is_sent_and_a_longer_one_is_not),
        cmocka_unit_test(a_one_pass_source_is_signed_first_and_hashed_while_it_is_sent),
        cmocka_unit_test(the_broker_is_told_if_it_shall_verify),
        cmocka_unit_test(credentials_are_renewed_before_they_end),
        cmocka_unit_test(the_days_key_is_made_once),
        cmocka_unit_test(what_s3_does_not_take_any_more_is_forgotten_and_wiped),
        cmocka_unit_test(what_is_denied_is_not_tried_again_but_the_next_one_asks_anew),
        cmocka_unit_test(credentials_that_never_work_end_the_upload),
        cmocka_unit_test(s3_may_correct_the_clock_once),
        cmocka_unit_test(a_skew_without_a_date_ends_the_upload),
        cmocka_unit_test(a_broken_transfer_is_signed_anew),
        cmocka_unit_test(what_is_stored_already_is_reported),
        cmocka_unit_test(refusals_of_the_broker_are_told_or_waited_for),
        cmocka_unit_test(a_truncated_session_is_no_session),
        cmocka_unit_test(a_damaged_session_is_refused),
        cmocka_unit_test(credentials_in_their_last_minute_are_not_used),
        cmocka_unit_test(a_token_of_any_length_that_fits_is_sent),
        cmocka_unit_test(a_reply_that_does_not_fit_is_told),
        cmocka_unit_test(slow_and_small_streams_change_nothing),
        cmocka_unit_test(an_object_of_another_mode_takes_their_place),
        cmocka_unit_test(credentials_are_not_forgotten_in_flight),
        cmocka_unit_test(a_hash_that_fails_ends_the_upload),
        cmocka_unit_test(the_provider_that_the_broker_names_is_asked),
        cmocka_unit_test(no_broker_is_needed_with_a_provider_of_the_programs_own),
        cmocka_unit_test(without_a_broker_what_is_there_already_is_stored),
        cmocka_unit_test(a_configured_prefix_and_path_style_are_used),
        cmocka_unit_test(a_configuration_that_leads_nowhere_is_told),
        cmocka_unit_test(without_any_clock_nothing_is_signed),
        cmocka_unit_test(where_nobody_knows_when_it_was_taken_the_key_has_the_date_of_leave),
        cmocka_unit_test(the_provider_is_asked_again_without_the_broker),
        cmocka_unit_test(a_provider_that_refuses_ends_the_upload),
        cmocka_unit_test(a_provider_in_trouble_is_asked_again_later),
        cmocka_unit_test(half_an_answer_is_asked_for_again),
        cmocka_unit_test(an_answer_that_is_none_is_refused),
        cmocka_unit_test(an_answer_may_come_in_chunks),
        cmocka_unit_test(an_answer_that_does_not_fit_is_told),
        cmocka_unit_test(a_one_pass_source_goes_with_a_provider),
        cmocka_unit_test(the_secret_stays_in_one_place),
        cmocka_unit_test(attempts_are_counted_apart),
        cmocka_unit_test(the_providers_connection_is_not_used_for_s3),
        cmocka_unit_test(a_hint_before_the_answer_changes_nothing),
        cmocka_unit_test(progress_is_the_objects),
        cmocka_unit_test(requests_are_those_of_the_wire_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
