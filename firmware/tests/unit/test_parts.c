// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Objects that are stored in parts, against a broker and an S3 that remember
// what was sent.

#define _GNU_SOURCE

#include "crc32.h"
#include "guard.h"
#include "wire.h"
#include "world.h"

enum { part_size = 1000, parts_max = 40 };

struct cloud {
    char upload_id[40];
    unsigned uploads; // begun
    bool stored[parts_max + 1];
    uint8_t parts[parts_max + 1][part_size];
    size_t len[parts_max + 1];
    unsigned part_puts[parts_max + 1];
    bool complete;
    size_t total;
    const char *padding; // makes URLs as long as with a session token
    bool forget;         // the upload, at the next question or report
    char text[8000];
};

static const char key[] = "cam1/log/2026/11/23/x.txt";

static unsigned count_of(const struct cloud *c) {
    return (unsigned)((c->total + part_size - 1) / part_size);
}

static void begin_upload(struct cloud *c) {
    memset(c->stored, 0, sizeof c->stored);
    snprintf(c->upload_id, sizeof c->upload_id, "VXBsb2Fk.%u_-", ++c->uploads);
}

static void put_refusal(struct cloud *c, const char *code) {
    snprintf(c->text, sizeof c->text,
             "{\"id\":\"$ID\",\"status\":\"error\",\"time\":$TIME,\"code\":\"%s\",\"error\":\"x\"}",
             code);
}

static const char *window(struct cloud *c, const char *payload) {
    const char *count = strstr(payload, "\"count\":");
    assert_non_null(count);
    unsigned left = (unsigned)strtoul(count + 8, NULL, 10);
    int n =
        snprintf(c->text, sizeof c->text,
                 "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"mode\":\"multipart\","
                 "\"objectKey\":\"%s\",\"uploadId\":\"%s\",\"checksum\":\"crc32\",\"partSize\":%u,"
                 "\"partCount\":%u,\"parts\":[",
                 key, c->upload_id, (unsigned)part_size, count_of(c));
    const char *comma = "";
    for (unsigned i = 1; i <= count_of(c) && left > 0; i++) {
        if (!c->stored[i]) {
            size_t size = i < count_of(c) ? part_size : c->total - (i - 1) * part_size;
            n += snprintf(c->text + n, sizeof c->text - (size_t)n,
                          "%s{\"number\":%u,\"size\":%u,\"uploadUrl\":"
                          "\"https://s3.example.com/%s?partNumber=%u&uploadId=%s%s\"}",
                          comma, i, (unsigned)size, key, i, c->upload_id, c->padding);
            comma = ",";
            left--;
        }
    }
    snprintf(c->text + n, sizeof c->text - (size_t)n, "]%s}",
             *comma != '\0' ? ",\"expiresAt\":$EXPIRES" : ""); // [P-12.2]
    return c->text;
}

static const char *answer_question(struct cloud *c, const char *payload) {
    const char *id = strstr(payload, "\"uploadId\":\"");
    if (c->forget) {
        c->forget = false;
        c->upload_id[0] = '\0';
    }
    if (id != NULL &&
        (c->upload_id[0] == '\0' || strncmp(id + 12, c->upload_id, strlen(c->upload_id)) != 0)) {
        put_refusal(c, "no-such-upload");
        return c->text;
    }
    if (c->upload_id[0] == '\0') {
        begin_upload(c);
    }
    return window(c, payload);
}

static const char *answer_report(struct world *w, struct cloud *c, const char *payload) {
    char want[120];
    snprintf(want, sizeof want, ",\"size\":%u,\"uploadId\":\"%s\",\"crc32\":\"%08x\"}",
             (unsigned)c->total, c->upload_id,
             (unsigned)thingpass_crc32(0, w->bytes, w->bytes_len));
    if (c->forget) {
        c->forget = false;
        c->upload_id[0] = '\0';
        put_refusal(c, "no-such-upload");
        return c->text;
    }
    assert_non_null(strstr(payload, want));
    for (unsigned i = 1; i <= count_of(c); i++) {
        if (!c->stored[i]) {
            put_refusal(c, "parts-missing");
            return c->text;
        }
    }
    c->complete = true;
    return world_confirm;
}

static const char *answer(struct world *w, const char *topic, const char *payload) {
    struct cloud *c = w->test;
    return strstr(topic, "/upload-request") != NULL ? answer_question(c, payload)
                                                    : answer_report(w, c, payload);
}

static unsigned number_in(const struct world *w) {
    const char *number = strstr(w->head, "?partNumber=");
    assert_true(strncmp(w->head, "PUT /", 5) == 0 && number != NULL);
    return (unsigned)strtoul(number + 12, NULL, 10);
}

static void keep(struct world *w) {
    struct cloud *c = w->test;
    unsigned i = number_in(w);
    assert_true(i >= 1 && i <= count_of(c) && w->stored_len <= part_size);
    memcpy(c->parts[i], w->stored, w->stored_len);
    c->len[i] = w->stored_len;
    c->stored[i] = true;
    c->part_puts[i]++;
}

static int seek(void *ctx, uint64_t offset) {
    struct world *w = ctx;
    w->bytes_read = (size_t)offset;
    return THINGPASS_OK;
}

static struct world *world_with_parts(struct cloud *c, size_t len) {
    struct world *w = world_new(len);
    memset(c, 0, sizeof *c);
    c->total = len;
    c->padding = "";
    w->test = c;
    w->answer = answer;
    w->keep = keep;
    w->key = key;
    w->object.mode = &thingpass_mode_multipart;
    w->object.kind = "log";
    return w;
}

static bool is_whole(const struct world *w, const struct cloud *c) {
    size_t at = 0;
    for (unsigned i = 1; i <= count_of(c); i++) {
        if (!c->stored[i] || c->len[i] > w->bytes_len - at ||
            memcmp(c->parts[i], w->bytes + at, c->len[i]) != 0) {
            return false;
        }
        at += c->len[i];
    }
    return c->complete && at == w->bytes_len;
}

static struct cloud cloud;

static void an_object_is_sent_in_parts_and_reported_whole(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 999, 1000, 1001, 2000, 2001, 3500, 9999};
    for (size_t i = 0; i < COUNT(sizes) * 4; i++) {
        struct world *w = world_with_parts(&cloud, sizes[i % COUNT(sizes)]);
        w->config.chunk_size = i / COUNT(sizes) % 2 ? 1024 : 1500;
        w->most = i / COUNT(sizes) / 2 ? 7 : 0;
        w->source.seek = i % 3 == 0 ? seek : NULL;
        assert_int_equal(world_upload(w), THINGPASS_OK);
        assert_true(is_whole(w, &cloud));
        assert_int_equal(w->opens, 1);
        assert_int_equal(w->stored_count, count_of(&cloud));
        assert_int_equal(w->asks, (count_of(&cloud) + 1) / 2 + 1);
        assert_int_equal(w->rewinds, w->source.seek != NULL ? 1 : 2); // all parts are in a row
        world_free(w);
    }
}

static void the_question_is_that_of_the_protocol(void **state) {
    (void)state;
    struct world *w = world_with_parts(&cloud, 2500);
    w->source.content_type = "text/plain";
    w->object.id = "boot-7";
    w->object.captured_at = 1795424398;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_string_equal(
        w->sent[0].payload,
        "{\"id\":\"boot-7\",\"kind\":\"log\",\"mode\":\"multipart\",\"contentType\":"
        "\"text/plain\",\"size\":2500,\"capturedAt\":1795424398,\"count\":2}");
    assert_string_equal(
        w->sent[1].payload,
        "{\"id\":\"boot-7\",\"kind\":\"log\",\"mode\":\"multipart\",\"contentType\":"
        "\"text/plain\",\"size\":2500,\"capturedAt\":1795424398,"
        "\"uploadId\":\"VXBsb2Fk.1_-\",\"count\":2}");
    char want[400];
    snprintf(want, sizeof want,
             "{\"id\":\"boot-7\",\"objectKey\":\"%s\",\"size\":2500,\"uploadId\":\"VXBsb2Fk.1_-\","
             "\"crc32\":\"%08x\"}",
             key, (unsigned)thingpass_crc32(0, w->bytes, w->bytes_len));
    assert_string_equal(w->sent[w->sent_count - 1].payload, want);
    assert_non_null(strstr(w->head, "\r\nContent-Length: 500\r\n\r\n"));
    world_free(w);
}

static void what_s3_has_is_not_sent_again_after_a_reboot(void **state) {
    (void)state;
    for (unsigned with_seek = 0; with_seek < 2; with_seek++) {
        struct world *w = world_with_parts(&cloud, 7300);
        w->source.seek = with_seek ? seek : NULL;
        w->object.id = "boot-7";
        world_start(w);
        for (unsigned i = 0; w->stored_count < 5; i++) {
            assert_true(i < 10000);
            (void)thingpass_step(&w->tp, NULL);
            w->now_ms++;
            if (w->inbox_count > 0) {
                w->inbox_count = 0;
                (void)world_deliver(w, w->inbox[0].payload);
            }
        }
        thingpass_cancel(&w->tp);
        memset(&w->tp, 0, sizeof w->tp); // the thing forgets everything
        w->put_index = 0;
        assert_int_equal(world_upload(w), THINGPASS_OK);
        assert_true(is_whole(w, &cloud));
        assert_int_equal(w->stored_count, 8);
        assert_int_equal(cloud.uploads, 1);
        world_free(w);
    }
}

static void a_part_that_breaks_off_is_sent_again_alone(void **state) {
    (void)state;
    for (unsigned with_seek = 0; with_seek < 2; with_seek++) {
        for (size_t at = 1; at < 1200; at += 37) {
            struct world *w = world_with_parts(&cloud, 3700);
            w->source.seek = with_seek ? seek : NULL;
            w->puts[2].break_after = at;
            w->puts[0].answer = w->puts[1].answer = w->puts[3].answer = world_ok;
            w->put_count = 4;
            assert_int_equal(world_upload(w), THINGPASS_OK);
            assert_true(is_whole(w, &cloud));
            assert_int_equal(w->stored_count, 4);
            world_free(w);
        }
    }
}

static void attempts_are_counted_for_each_part(void **state) {
    (void)state;
    struct world *w = world_with_parts(&cloud, 9000);
    for (size_t i = 0; i < 18; i++) {
        w->puts[i].answer = i % 2 ? world_ok : world_error(503, "SlowDown");
    }
    w->put_count = 18;
    w->config.timing.max_puts = 3;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_true(is_whole(w, &cloud));
    world_free(w);
    w = world_with_parts(&cloud, 9000);
    w->puts[0].answer = world_error(503, "SlowDown");
    w->config.timing.max_puts = 3;
    assert_int_equal(world_upload(w), THINGPASS_ERETRIES);
    assert_int_equal(thingpass_result(&w->tp)->puts, 3);
    world_free(w);
}

static void a_window_that_has_ended_is_asked_for_anew(void **state) {
    (void)state;
    struct world *w = world_with_parts(&cloud, 2500);
    w->ttl_s = 20;
    w->puts[0] = (struct world_put){.hang = true}; // 30 s
    w->puts[1].answer = world_ok;
    w->put_count = 2;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_true(is_whole(w, &cloud));
    assert_int_equal(w->asks, 4);
    world_free(w);
}

static const char *answer_once_lost(struct world *w, const char *topic, const char *payload) {
    struct cloud *c = w->test;
    c->forget = strstr(topic, "/upload-complete") != NULL && c->uploads == 1;
    return answer(w, topic, payload);
}

// Here an upload goes on without a transfer of its own before it.
static void what_s3_asked_of_another_upload_is_not_waited_for(void **state) {
    (void)state;
    struct world *w = world_with_parts(&cloud, 2500);
    w->puts[0].answer = "HTTP/1.1 503 Slow Down\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n";
    w->puts[1].answer = world_ok;
    w->put_count = 2;
    w->object.id = "boot-7";
    assert_int_equal(world_upload(w), THINGPASS_EDEADLINE);
    memset(cloud.stored, true, sizeof cloud.stored);
    w->answer = answer_once_lost;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_true(is_whole(w, &cloud));
    world_free(w);
}

static void an_upload_that_is_gone_is_begun_again(void **state) {
    (void)state;
    struct world *w = world_with_parts(&cloud, 4500);
    w->puts[0].answer = world_ok;
    w->puts[1].answer = world_error(404, "NoSuchUpload");
    w->puts[2].answer = world_ok;
    w->put_count = 3;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_true(is_whole(w, &cloud));
    world_free(w);

    w = world_with_parts(&cloud, 4500); // gone between two questions
    world_start(w);
    world_run_until(w, "send");
    cloud.forget = true;
    assert_int_equal(world_run(w), THINGPASS_OK);
    assert_true(is_whole(w, &cloud));
    assert_int_equal(cloud.uploads, 2);
    world_free(w);

    w = world_with_parts(&cloud, 1500); // gone before the report
    world_start(w);
    world_run_until(w, "report");
    cloud.forget = true;
    assert_int_equal(world_run(w), THINGPASS_OK);
    assert_true(is_whole(w, &cloud));
    assert_int_equal(cloud.uploads, 2);
    world_free(w);
}

static void parts_that_are_missing_at_the_end_are_sent(void **state) {
    (void)state;
    struct world *w = world_with_parts(&cloud, 4500);
    world_start(w);
    world_run_until(w, "report");
    cloud.stored[2] = cloud.stored[5] = false;
    assert_int_equal(world_run(w), THINGPASS_OK);
    assert_true(is_whole(w, &cloud));
    assert_int_equal(w->stored_count, 7);
    world_free(w);
}

static const char *hostile;

static const char *answer_hostile(struct world *w, const char *topic, const char *payload) {
    (void)w;
    (void)topic;
    (void)payload;
    return hostile;
}

static const char *answer_whole(struct world *w, const char *topic, const char *payload) {
    struct cloud *c = w->test;
    if (strstr(topic, "/upload-request") != NULL) {
        snprintf(c->text, sizeof c->text,
                 "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"mode\":\"multipart\","
                 "\"objectKey\":\"%s\",\"checksum\":\"crc32\",\"partSize\":1000,\"partCount\":5,"
                 "\"stored\":\"1-5\",\"parts\":[]}",
                 key);
        return c->text;
    }
    assert_null(strstr(payload, "uploadId"));
    assert_non_null(strstr(payload, ",\"size\":4500,\"crc32\":\""));
    return world_confirm;
}

static void an_object_that_is_there_already_is_only_reported(void **state) {
    (void)state;
    struct world *w = world_with_parts(&cloud, 4500);
    w->answer = answer_whole;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(w->opens, 0);
    assert_int_equal(w->sent_count, 2);
    world_free(w);
}

static void another_object_that_is_there_already_ends_it(void **state) {
    (void)state;
    struct world *w = world_with_parts(&cloud, 4500);
    w->answer = answer_hostile;
    hostile = world_refusal("mismatch", -1);
    assert_int_equal(world_upload(w), THINGPASS_EMISMATCH);
    assert_int_equal(w->asks, 1);
    world_free(w);
}

static void answers_that_end_it(void **state) {
    (void)state;
    static const struct {
        unsigned status;
        const char *code;
    } rows[] = {{412, "PreconditionFailed"}, {404, "NoSuchBucket"}, {400, "EntityTooSmall"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world *w = world_with_parts(&cloud, 4500);
        w->puts[0].answer = world_error(rows[i].status, rows[i].code);
        CHECK(rows[i].code, world_upload(w) == THINGPASS_EREJECTED);
        CHECK(rows[i].code, w->request_count == 1);
        world_free(w);
    }
}

static void two_urls_with_tokens_that_do_not_fit_come_one_by_one(void **state) {
    (void)state;
    static char padding[1501];
    memset(padding, 'x', sizeof padding - 1);
    memcpy(padding, "&t=", 3);
    for (size_t size = 1500; size < 5000; size += 100) {
        struct world *w = world_with_parts(&cloud, 4500);
        cloud.padding = padding;
        w->config.reply = guard_alloc(size);
        w->config.reply_size = size;
        int err = world_upload(w);
        assert_true(err == THINGPASS_OK || (err == THINGPASS_ESPACE && size < 2300));
        assert_true(err != THINGPASS_OK || is_whole(w, &cloud));
        assert_true(size < 4000 || w->asks == 4);
        guard_free(w->config.reply, size);
        world_free(w);
    }
}

static void a_source_that_changes_stores_nothing(void **state) {
    (void)state;
    for (size_t len = 0; len < 4500; len += 499) {
        struct world *w = world_with_parts(&cloud, 4500);
        world_start(w);
        world_run_until(w, "send");
        w->bytes_len = len;
        assert_int_equal(world_run(w), THINGPASS_ELENGTH);
        assert_false(cloud.complete);
        world_free(w);
    }
}

#define PARTS_HEAD                                                                                 \
    "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"mode\":\"multipart\",\"expiresAt\":"  \
    "$EXPIRES,"
#define NAMES "\"objectKey\":\"k\",\"uploadId\":\"u\",\"checksum\":\"crc32\","
#define SHAPE "\"partSize\":1000,\"partCount\":3,"
#define URL   "\"uploadUrl\":\"https://h/k?partNumber=1\"}"

static void windows_with_a_fault_end_the_upload(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int want;
    } rows[] = {
        {PARTS_HEAD NAMES SHAPE "\"parts\":{}}", THINGPASS_EREPLY},
        {PARTS_HEAD NAMES SHAPE "\"parts\":[1]}", THINGPASS_EREPLY},
        {PARTS_HEAD NAMES SHAPE "\"parts\":[{}]}", THINGPASS_EREPLY},
        {PARTS_HEAD NAMES SHAPE "\"parts\":[{\"number\":0,\"size\":1000," URL "]}",
         THINGPASS_EREPLY},
        {PARTS_HEAD NAMES SHAPE "\"parts\":[{\"number\":4,\"size\":1000," URL "]}",
         THINGPASS_EREPLY},
        {PARTS_HEAD NAMES SHAPE "\"parts\":[{\"number\":4294967297,\"size\":1000," URL "]}",
         THINGPASS_EREPLY},
        {PARTS_HEAD NAMES SHAPE "\"parts\":[{\"number\":1,\"size\":999," URL "]}",
         THINGPASS_EREPLY},
        {PARTS_HEAD NAMES SHAPE "\"parts\":[{\"number\":3,\"size\":1000," URL "]}",
         THINGPASS_EREPLY},
        {PARTS_HEAD NAMES SHAPE "\"parts\":[{\"number\":2,\"size\":1000," URL
                                ",{\"number\":2,\"size\":1000," URL "]}",
         THINGPASS_EREPLY},
        {PARTS_HEAD NAMES SHAPE
         "\"parts\":[{\"number\":1,\"size\":1000,\"uploadUrl\":\"http://h/\"}]}",
         THINGPASS_EURL},
        {PARTS_HEAD NAMES SHAPE
         "\"parts\":[{\"number\":1,\"size\":1000,\"uploadUrl\":\"https://h/\\r\\n\"}]}",
         THINGPASS_EURL},
        {PARTS_HEAD NAMES "\"partSize\":0,\"partCount\":3,\"parts\":[]}", THINGPASS_EREPLY},
        {PARTS_HEAD NAMES "\"partSize\":1000,\"partCount\":2,\"parts\":[]}", THINGPASS_EREPLY},
        {PARTS_HEAD NAMES "\"partSize\":1000,\"partCount\":4,\"parts\":[]}", THINGPASS_EREPLY},
        {PARTS_HEAD NAMES "\"partSize\":9999999999999999999,\"partCount\":0,\"parts\":[]}",
         THINGPASS_EREPLY},
        {PARTS_HEAD NAMES "\"parts\":[]}", THINGPASS_EREPLY},
        {PARTS_HEAD "\"objectKey\":\"k\",\"checksum\":\"crc32\"," SHAPE
                    "\"parts\":[{\"number\":1,\"size\":1000," URL "]}",
         THINGPASS_EREPLY},
        {"{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"mode\":\"multipart\"," NAMES SHAPE
         "\"parts\":[{\"number\":1,\"size\":1000," URL "]}",
         THINGPASS_EREPLY},
        {PARTS_HEAD "\"objectKey\":\"k\",\"uploadId\":\"a\\nb\",\"checksum\":\"crc32\"," SHAPE
                    "\"parts\":[]}",
         THINGPASS_EREPLY},
        {PARTS_HEAD "\"objectKey\":\"k\",\"uploadId\":\"u\",\"checksum\":\"sha256\"," SHAPE
                    "\"parts\":[]}",
         THINGPASS_EREPLY},
        {PARTS_HEAD "\"uploadId\":\"u\",\"checksum\":\"crc32\"," SHAPE "\"parts\":[]}",
         THINGPASS_EREPLY},
        {world_grant, THINGPASS_EREPLY},
        {world_pass, THINGPASS_EREPLY},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world *w = world_with_parts(&cloud, 2500);
        w->answer = answer_hostile;
        hostile = rows[i].text;
        int err = world_upload(w);
        if (err != rows[i].want) {
            print_error("%d\n", err);
        }
        CHECK(rows[i].text, err == rows[i].want);
        CHECK(rows[i].text, w->opens == 0);
        world_free(w);
    }
}

// Every window of the wire vectors leads to the next part or to the report, in
// the recommended buffers. Asking with fromPart is not what the core does, but
// what is answered to it is a window as well.
static void every_window_of_the_wire_vectors_is_understood(void **state) {
    (void)state;
    struct wire_file *files;
    size_t n = wire_read(".reply.json", &files);
    unsigned windows = 0;
    for (size_t i = 0; i < n; i++) {
        const char *text = files[i].data;
        if (strncmp(files[i].name, "multipart-", 10) != 0 || strstr(text, "\"crc32\"") == NULL) {
            continue;
        }
        char id[65];
        snprintf(id, sizeof id, "%.*s", (int)strcspn(text + 7, "\""), text + 7);
        struct world *w = world_with_parts(&cloud, 12582912);
        w->config.reply = guard_alloc(THINGPASS_REPLY_SIZE_PASS);
        w->config.reply_size = THINGPASS_REPLY_SIZE_PASS;
        w->object.id = id;
        w->answer = answer_hostile;
        hostile = NULL;
        world_start(w);
        world_run_until(w, "ask");
        assert_int_equal(thingpass_step(&w->tp, NULL), THINGPASS_STEP_WAIT);
        CHECK(files[i].name, world_deliver(w, text) == 1);
        bool all = strstr(text, "\"parts\":[]") != NULL;
        CHECK(files[i].name, strcmp(thingpass_phase_name(&w->tp), all ? "report" : "connect") == 0);
        CHECK(files[i].name, strstr(text, thingpass_result(&w->tp)->object_key) != NULL);
        thingpass_cancel(&w->tp);
        guard_free(w->config.reply, THINGPASS_REPLY_SIZE_PASS);
        world_free(w);
        windows++;
    }
    assert_true(windows >= 6);
    wire_free(files, n);
}

static void what_cannot_be_sent_in_parts_is_an_error_of_the_caller(void **state) {
    (void)state;
    struct world *w = world_with_parts(&cloud, 2500);
    assert_int_equal(thingpass_init(&w->tp, &w->config), THINGPASS_OK);
    w->source.rewindable = false;
    assert_int_equal(thingpass_upload_start(&w->tp, &w->object), THINGPASS_EINVAL);
    w->source.rewindable = true;
    w->source.size = 0;
    assert_int_equal(thingpass_upload_start(&w->tp, &w->object), THINGPASS_EINVAL);
    world_free(w);
}

static void the_crc_is_that_of_zip(void **state) {
    (void)state;
    assert_int_equal(thingpass_crc32(0, "", 0), 0);
    assert_int_equal(thingpass_crc32(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(thingpass_crc32(thingpass_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_sent_in_parts_and_reported_whole),
        cmocka_unit_test(the_question_is_that_of_the_protocol),
        cmocka_unit_test(what_s3_has_is_not_sent_again_after_a_reboot),
        cmocka_unit_test(a_part_that_breaks_off_is_sent_again_alone),
        cmocka_unit_test(attempts_are_counted_for_each_part),
        cmocka_unit_test(a_window_that_has_ended_is_asked_for_anew),
        cmocka_unit_test(what_s3_asked_of_another_upload_is_not_waited_for),
        cmocka_unit_test(an_upload_that_is_gone_is_begun_again),
        cmocka_unit_test(parts_that_are_missing_at_the_end_are_sent),
        cmocka_unit_test(an_object_that_is_there_already_is_only_reported),
        cmocka_unit_test(another_object_that_is_there_already_ends_it),
        cmocka_unit_test(answers_that_end_it),
        cmocka_unit_test(two_urls_with_tokens_that_do_not_fit_come_one_by_one),
        cmocka_unit_test(a_source_that_changes_stores_nothing),
        cmocka_unit_test(windows_with_a_fault_end_the_upload),
        cmocka_unit_test(every_window_of_the_wire_vectors_is_understood),
        cmocka_unit_test(what_cannot_be_sent_in_parts_is_an_error_of_the_caller),
        cmocka_unit_test(the_crc_is_that_of_zip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
