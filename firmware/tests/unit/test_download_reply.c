// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A download as the broker and the program see it: what is asked, what is answered,
// and how it goes on after a reboot.

#include "download.h"
#include "fetch.h"
#include "guard.h"
#include "http_range.h"
#include "wire.h"

static const struct thingpass_result *result(const struct fetch *f) {
    return thingpass_result(&f->w->tp);
}

static const uint8_t vector_sum[32] = {
    0x9f, 0x86, 0xd0, 0x81, 0x88, 0x4c, 0x7d, 0x65, 0x9a, 0x2f, 0xea, 0xa0, 0xc5, 0x5a, 0xd0, 0x15,
    0xa3, 0xbf, 0x4f, 0x1b, 0x2b, 0x0b, 0x82, 0x2c, 0xd1, 0x5d, 0x6c, 0x15, 0xb0, 0xf0, 0x0a, 0x08};

// What a thing says to get the vectors' requests, and what it makes of the replies.
static const struct {
    const char *name;
    struct thingpass_download job;
    int err; // EAGAIN: it goes on to fetch
    const char *code;
    const char *version;
    uint64_t size;
} vectors[] = {
    {"get-firmware",
     {.kind = "firmware", .name = "1.4.3"},
     THINGPASS_EAGAIN,
     "",
     "\"900150983cd24fb0d6963f7d28e17f72\"",
     917504},
    {"get-latest",
     {.kind = "firmware"},
     THINGPASS_EAGAIN,
     "",
     "\"900150983cd24fb0d6963f7d28e17f72-1\"",
     917504},
    {"get-own",
     {.kind = "log", .object_key = "cam1/log/2026/11/23/boot-7.gz"},
     THINGPASS_EAGAIN,
     "",
     "\"7d793037a0760186574b0282f2f435e7\"",
     16777216},
    {"get-changed",
     {.kind = "firmware",
      .group = "cams",
      .name = "1.4.3",
      .have_version = "\"0cc175b9c0f1b6a831c399e269772661\""},
     THINGPASS_EAGAIN,
     "",
     "\"900150983cd24fb0d6963f7d28e17f72\"",
     917504},
    {"get-versioned",
     {.kind = "settings"},
     THINGPASS_EAGAIN,
     "",
     "3HL4kqtJlcpXroDTDmJ-rmSpXd3dIbrHY",
     512},
    {"get-unchanged",
     {.kind = "firmware", .name = "1.4.3", .have_sha256 = vector_sum},
     THINGPASS_OK,
     "",
     "\"900150983cd24fb0d6963f7d28e17f72\"",
     917504},
    {"get-unchanged-version",
     {.kind = "settings", .have_version = "3HL4kqtJlcpXroDTDmJ-rmSpXd3dIbrHY"},
     THINGPASS_OK,
     "",
     "3HL4kqtJlcpXroDTDmJ-rmSpXd3dIbrHY",
     512},
    {"get-absent", {.kind = "firmware", .name = "9.9.9"}, THINGPASS_EREFUSED, "not-found", "", 0},
    {"get-refused-group",
     {.kind = "firmware", .group = "beta"},
     THINGPASS_EREFUSED,
     "key-not-allowed",
     "",
     0},
    {"get-refused-mode",
     {.kind = "photo", .object_key = "cam1/photo/2026/11/23/b7Kq-000017.jpg"},
     THINGPASS_EREFUSED,
     "mode-not-allowed",
     "",
     0},
    {"get-refused-name",
     {.kind = "firmware", .name = "../beta/1.4.3"},
     THINGPASS_EREFUSED,
     "bad-request",
     "",
     0},
    {"get-refused-neighbour",
     {.kind = "log", .object_key = "cam2/log/2026/11/23/boot-7.gz"},
     THINGPASS_EREFUSED,
     "key-not-allowed",
     "",
     0},
    {"get-refused-stranger", {.kind = "bells"}, THINGPASS_EREFUSED, "key-not-allowed", "", 0},
};

static struct wire_file vector(const char *name, const char *suffix) {
    char path[80];
    snprintf(path, sizeof path, "%s%s", name, suffix);
    return wire_named(path);
}

static void every_request_of_the_wire_vectors_is_sent_so(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        struct wire_file want = vector(vectors[i].name, ".request.json");
        for (size_t cap = 0; cap <= want.len; cap++) {
            char *text = guard_alloc(cap);
            struct thingpass_writer w = {text, cap, 0};
            thingpass_put_download_request(&w, "g-1", &vectors[i].job);
            bool fits = cap == want.len;
            CHECK(want.name, w.len == (fits ? want.len : SIZE_MAX));
            CHECK(want.name, !fits || memcmp(text, want.data, cap) == 0);
            guard_free(text, cap);
        }
        free(want.data);
    }
}

static void no_vector_is_left_out(void **state) {
    (void)state;
    struct wire_file *files;
    size_t n = wire_read(".request.json", &files);
    size_t gets = 0;
    for (size_t i = 0; i < n; i++) {
        gets += strncmp(files[i].name, "get-", 4) == 0;
    }
    wire_free(files, n);
    assert_int_equal(gets, COUNT(vectors));
}

// Gives the reply, under the id that is awaited, with buffers that end at a page that
// must not be touched. Returns what the download became: EAGAIN, or how it ended.
static int answer_with(struct fetch *f, const char *reply, size_t len) {
    static const char topic[] = "thingpass/cam1/response";
    struct world *w = f->w;
    char *text = guard_alloc(len + 64);
    char *id = strstr(reply, "\"g-1\"");
    size_t before = id != NULL ? (size_t)(id - reply) + 1 : len;
    size_t n = before < len ? before : len;
    memcpy(text, reply, n);
    if (before + 3 <= len) {
        n += (size_t)snprintf(text + n, 64, "%s", result(f)->id);
        memcpy(text + n, reply + before + 3, len - before - 3);
        n += len - before - 3;
    }
    char *exact = guard_copy(text, n);
    (void)thingpass_receive(&w->tp, topic, sizeof topic - 1, exact, n);
    guard_free(exact, n);
    guard_free(text, len + 64);
    if (strcmp(thingpass_phase_name(&w->tp), "ended") != 0) {
        return THINGPASS_EAGAIN;
    }
    assert_int_equal(thingpass_step(&w->tp, NULL), THINGPASS_STEP_DONE);
    return result(f)->err;
}

static void ask(struct fetch *f) {
    f->w->grants[0].text = NULL;
    fetch_start(f);
    (void)thingpass_step(&f->w->tp, NULL);
    assert_int_equal(f->w->sent_count, 1);
}

static struct fetch *fetch_of(const struct thingpass_download *job, size_t reply_size) {
    struct fetch *f = fetch_new(10);
    const struct thingpass_sink *sink = f->job.sink;
    f->job = *job;
    f->job.sink = sink;
    f->w->config.reply = guard_alloc(reply_size);
    f->w->config.reply_size = reply_size;
    return f;
}

static void drop(struct fetch *f) {
    thingpass_cancel(&f->w->tp);
    void *reply = f->w->config.reply;
    size_t size = f->w->config.reply_size;
    fetch_free(f);
    guard_free(reply, size);
}

static void every_reply_of_the_wire_vectors_is_taken_so(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        struct wire_file reply = vector(vectors[i].name, ".reply.json");
        struct fetch *f = fetch_of(&vectors[i].job, 2048);
        ask(f);
        CHECK(reply.name, answer_with(f, reply.data, reply.len) == vectors[i].err);
        CHECK(reply.name, strcmp(result(f)->code, vectors[i].code) == 0);
        CHECK(reply.name, result(f)->size == vectors[i].size);
        CHECK(reply.name, strcmp(thingpass_download_version(&f->w->tp), vectors[i].version) == 0);
        bool unchanged = vectors[i].err == THINGPASS_OK;
        CHECK(reply.name, (result(f)->verified == THINGPASS_VERIFIED_UNCHANGED) == unchanged);
        CHECK(reply.name, f->begins == 0);
        drop(f);
        free(reply.data);
    }
}

static void no_truncation_is_taken(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        struct wire_file reply = vector(vectors[i].name, ".reply.json");
        struct fetch *f = fetch_of(&vectors[i].job, 2048);
        ask(f);
        for (size_t len = 0; len < reply.len; len++) {
            CHECK(reply.name, answer_with(f, reply.data, len) == THINGPASS_EAGAIN);
            CHECK(reply.name, strcmp(thingpass_phase_name(&f->w->tp), "ask") == 0);
        }
        drop(f);
        free(reply.data);
    }
}

#define HEAD  "{\"id\":\"g-1\",\"status\":\"success\",\"time\":1795424400"
#define NAMES ",\"mode\":\"get\",\"objectKey\":\"k\",\"size\":10,\"etag\":\"\\\"v\\\"\""
#define URL   ",\"downloadUrl\":\"https://h/k\""
#define UNTIL ",\"expiresAt\":1795425300}"

static void a_small_reply_buffer_is_told_never_overrun(void **state) {
    (void)state;
    char reply[1500];
    size_t first_that_fits = 0;
    int n = snprintf(reply, sizeof reply, "%s%0900d%s", HEAD NAMES ",\"downloadUrl\":\"https://h/",
                     0, "\"" UNTIL);
    size_t len = (size_t)n;
    for (size_t size = THINGPASS_REPLY_SIZE_MIN; size < 1200; size++) {
        struct fetch *f = fetch_of(&vectors[0].job, size);
        ask(f);
        int err = answer_with(f, reply, len);
        assert_true(err == THINGPASS_ESPACE || err == THINGPASS_EAGAIN);
        if (err == THINGPASS_EAGAIN && first_that_fits == 0) {
            first_that_fits = size;
        }
        assert_true(first_that_fits == 0 || err == THINGPASS_EAGAIN);
        drop(f);
    }
    assert_true(first_that_fits > THINGPASS_REPLY_SIZE_MIN);
}

static void damaged_replies_end_it(void **state) {
    (void)state;
    static const struct {
        const char *reply;
        int err;
    } cases[] = {
        {HEAD NAMES URL UNTIL, THINGPASS_EAGAIN},
        {HEAD NAMES URL ",\"headers\":{}" UNTIL, THINGPASS_EAGAIN},
        {HEAD NAMES URL ",\"unchanged\":false" UNTIL, THINGPASS_EAGAIN},
        {HEAD NAMES URL ",\"what\":{\"size\":11}" UNTIL, THINGPASS_EAGAIN},
        {HEAD NAMES URL ",\"versionId\":\"3H\"" UNTIL, THINGPASS_EAGAIN},
        {HEAD NAMES URL "}", THINGPASS_EREPLY},
        {HEAD NAMES UNTIL, THINGPASS_EREPLY},
        {HEAD NAMES URL ",\"expiresAt\":1795424400}", THINGPASS_EREPLY},
        {HEAD NAMES URL ",\"headers\":[]" UNTIL, THINGPASS_EREPLY},
        {HEAD NAMES URL ",\"headers\":{\"A\":1}" UNTIL, THINGPASS_EREPLY},
        {HEAD NAMES URL ",\"headers\":{\"range\":\"bytes=0-\"}" UNTIL, THINGPASS_EHEADER},
        {HEAD NAMES URL ",\"headers\":{\"A\":\"b\\r\\nRange: bytes=0-\"}" UNTIL, THINGPASS_EHEADER},
        {HEAD NAMES URL ",\"headers\":{\"Host\":\"x\"}" UNTIL, THINGPASS_EHEADER},
        {HEAD NAMES ",\"downloadUrl\":\"http://h/k\"" UNTIL, THINGPASS_EURL},
        {HEAD NAMES ",\"downloadUrl\":\"https://h/k HTTP/1.1\"" UNTIL, THINGPASS_EURL},
        {HEAD NAMES URL ",\"sha256\":\"9f86\"" UNTIL, THINGPASS_EREPLY},
        {HEAD NAMES URL ",\"sha256\":1" UNTIL, THINGPASS_EREPLY},
        {HEAD NAMES URL
         ",\"sha256\":"
         "\"9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"" UNTIL,
         THINGPASS_EREPLY},
        {HEAD NAMES URL ",\"versionId\":7" UNTIL, THINGPASS_EREPLY},
        {HEAD NAMES URL ",\"versionId\":\"a\\n\"" UNTIL, THINGPASS_EREPLY},
        {HEAD NAMES URL ",\"size\":10" UNTIL, THINGPASS_EREPLY},
        {HEAD NAMES ",\"unchanged\":true}", THINGPASS_EREPLY}, // nothing was told
        {HEAD ",\"mode\":\"put\",\"objectKey\":\"k\",\"size\":10,\"etag\":\"v\"" URL UNTIL,
         THINGPASS_EREPLY},
        {HEAD ",\"objectKey\":\"k\",\"size\":10,\"etag\":\"v\"" URL UNTIL, THINGPASS_EREPLY},
        {HEAD ",\"mode\":\"get\",\"size\":10,\"etag\":\"v\"" URL UNTIL, THINGPASS_EREPLY},
        {HEAD ",\"mode\":\"get\",\"objectKey\":\"k\",\"etag\":\"v\"" URL UNTIL, THINGPASS_EREPLY},
        {HEAD ",\"mode\":\"get\",\"objectKey\":\"k\",\"size\":-1,\"etag\":\"v\"" URL UNTIL,
         THINGPASS_EREPLY},
        {HEAD ",\"mode\":\"get\",\"objectKey\":\"k\",\"size\":10" URL UNTIL, THINGPASS_EREPLY},
        {HEAD ",\"mode\":\"get\",\"objectKey\":\"k\",\"size\":10,\"etag\":\"\"" URL UNTIL,
         THINGPASS_EREPLY},
        {HEAD ",\"mode\":\"get\",\"objectKey\":\"k\",\"size\":4294967296,\"etag\":\"v\"" URL UNTIL,
         THINGPASS_EREFUSED},
        {HEAD ",\"mode\":\"get\",\"objectKey\":\"k\",\"size\":4294967295,\"etag\":\"v\"" URL UNTIL,
         THINGPASS_EAGAIN},
    };
    const struct thingpass_download job = {.kind = "firmware"};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fetch *f = fetch_of(&job, 1024);
        ask(f);
        CHECK(cases[i].reply,
              answer_with(f, cases[i].reply, strlen(cases[i].reply)) == cases[i].err);
        CHECK(cases[i].reply, f->begins == 0);
        drop(f);
    }
}

static void what_is_too_large_is_not_fetched(void **state) {
    (void)state;
    struct fetch *f = fetch_new(5001);
    f->job.max_size = 5000;
    assert_int_equal(fetch_run(f), THINGPASS_EREFUSED);
    assert_string_equal(result(f)->code, "size-not-allowed");
    assert_int_equal(result(f)->size, 5001);
    assert_int_equal(f->w->opens, 0);
    assert_int_equal(f->begins, 0);
    f->job.max_size = 5001;
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    fetch_free(f);
}

static void a_refusal_that_may_pass_is_waited_for(void **state) {
    (void)state;
    struct fetch *f = fetch_new(500);
    f->w->grants[0].text = world_refusal("busy", 7);
    f->w->grants[1].text = f->grant;
    f->w->grant_count = 2;
    uint64_t began = f->w->now_ms;
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    assert_true(f->w->now_ms - began >= 7000);
    fetch_free(f);
}

// [P-9.1]: under the same id, until there is an answer.
static void a_question_without_an_answer_is_asked_again(void **state) {
    (void)state;
    struct fetch *f = fetch_new(500);
    f->w->grants[0].text = NULL;
    f->w->grants[1].text = NULL;
    f->w->grants[2].text = f->grant;
    f->w->grant_count = 3;
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    assert_int_equal(f->w->sent_count, 3);
    assert_string_equal(f->w->sent[0].payload, f->w->sent[2].payload);
    fetch_free(f);
}

// Another question has another id, so a late answer to the first is no answer.
static void an_answer_to_an_earlier_question_is_ignored(void **state) {
    (void)state;
    struct fetch *f = fetch_new(500);
    f->w->puts[0].answer = world_error(403, NULL);
    f->w->puts[1].answer = world_served;
    f->w->put_count = 2;
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    assert_int_equal(f->w->sent_count, 2);
    assert_string_not_equal(f->w->sent[0].payload, f->w->sent[1].payload);
    fetch_free(f);
}

static void headers_are_those_of_the_last_grant(void **state) {
    (void)state;
    struct fetch *f = fetch_new(10);
    memcpy((void *)(uintptr_t)f->w->bytes, "0123456789", 10);
    f->w->puts[0].answer = world_error(403, NULL);
    f->w->puts[1].answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
    f->w->put_count = 2;
    f->w->grants[1].text =
        "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"mode\":\"get\",\"objectKey\":"
        "\"$KEY\",\"downloadUrl\":\"https://s3.example.com/$KEY?versionId=7&sig=1\",\"size\":10,"
        "\"versionId\":\"7\",\"expiresAt\":$EXPIRES}";
    f->w->grant_count = 2;
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    assert_null(strstr(f->w->head, "If-Match"));
    assert_string_equal(f->version, "7");
    fetch_free(f);
}

static void what_becomes_unchanged_on_the_way_is_not_put_to_use(void **state) {
    (void)state;
    static const char unchanged[] =
        "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"mode\":\"get\",\"objectKey\":"
        "\"$KEY\",\"unchanged\":true,\"size\":9000,\"etag\":\"\\\"v0\\\"\"}";
    struct fetch *f = fetch_new(9000);
    f->job.have_version = "\"v0\"";
    f->w->puts[0].answer_cut = 4000;
    f->w->puts[1].answer = world_error(412, NULL);
    f->w->put_count = 2;
    f->w->grants[1].text = unchanged;
    f->w->grant_count = 2;
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    assert_int_equal(result(f)->verified, THINGPASS_VERIFIED_UNCHANGED);
    assert_int_equal(f->end_err, THINGPASS_ECANCELLED);
    fetch_free(f);
}

// The power fails at every chunk, and nothing is fetched twice.
static void a_reboot_at_every_chunk_costs_nothing_but_questions(void **state) {
    (void)state;
    struct fetch *f = fetch_new(50000);
    f->w->config.chunk_size = 1024;
    for (;;) {
        size_t had = f->have_len;
        int todo = THINGPASS_STEP_RUN;
        f->w->sent_count = 0;
        fetch_start(f);
        for (unsigned steps = 0; todo != THINGPASS_STEP_DONE && f->have_len <= had; steps++) {
            uint64_t wake;
            assert_true(steps < 1000);
            todo = thingpass_step(&f->w->tp, &wake);
            if (f->w->inbox_count > 0) {
                f->w->inbox_count = 0;
                (void)world_deliver(f->w, f->grant);
            }
        }
        assert_int_equal(f->begins, 1);
        assert_int_equal(f->offset, had);
        if (todo == THINGPASS_STEP_DONE) {
            break;
        }
        fetch_reboot(f);
    }
    assert_int_equal(result(f)->err, THINGPASS_OK);
    assert_int_equal(result(f)->verified, THINGPASS_VERIFIED_SHA256);
    assert_true(f->in_use && fetch_has_all(f));
    assert_true(f->reads > 1000);
    fetch_free(f);
}

static void half_of(struct fetch *f, size_t n) {
    f->have = malloc(f->w->bytes_len + 1);
    assert_non_null(f->have);
    memcpy(f->have, f->w->bytes, n);
    f->have_len = n;
    snprintf(f->version, sizeof f->version, "\"v1\"");
    fetch_reboot(f);
}

static void bytes_of_another_version_are_not_kept(void **state) {
    (void)state;
    static const struct {
        const char *from_version;
        uint32_t from, offset;
    } cases[] = {{"\"v1\"", 3000, 3000}, {"\"v2\"", 3000, 0}, {"v1", 3000, 0},
                 {"", 3000, 0},          {"\"v1\"", 0, 0},    {"\"v1\"", 5000, 5000}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fetch *f = fetch_new(5000);
        half_of(f, cases[i].from);
        f->job.from_version = cases[i].from_version;
        assert_int_equal(fetch_run(f), THINGPASS_OK);
        CHECK(cases[i].from_version, f->offset == cases[i].offset && f->begins == 1);
        CHECK(cases[i].from_version, f->w->request_count == (cases[i].offset < 5000));
        fetch_free(f);
    }
}

static void more_bytes_than_there_are_cannot_be_of_this_object(void **state) {
    (void)state;
    struct fetch *f = fetch_new(5000);
    half_of(f, 5000);
    f->job.from = 5001;
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    assert_int_equal(f->offset, 0);
    fetch_free(f);
}

static void what_the_sink_lost_or_spoilt_is_told(void **state) {
    (void)state;
    struct fetch *f = fetch_new(5000);
    half_of(f, 3000);
    f->have[1234] ^= 1;
    assert_int_equal(fetch_run(f), THINGPASS_ECORRUPT);
    assert_int_equal(f->end_err, THINGPASS_ECORRUPT);
    f->have[1234] ^= 1;
    f->have_len = 3000;
    f->read_gives = 0;
    assert_int_equal(fetch_run(f), THINGPASS_ECORRUPT);
    f->have_len = 3000;
    f->read_gives = -1237;
    assert_int_equal(fetch_run(f), -1237);
    f->have_len = 3000;
    f->read_gives = 1;
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    fetch_free(f);
}

static void a_job_that_breaks_its_contract_does_not_begin(void **state) {
    (void)state;
    static char long_name[2100];
    memset(long_name, 'n', sizeof long_name - 1);
    struct fetch *f = fetch_new(10);
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    struct thingpass *tp = &f->w->tp;
    const struct thingpass_download good = f->job;
    const struct thingpass_sink sink = f->sink;
    assert_int_equal(thingpass_download_start(tp, NULL), THINGPASS_EINVAL);
    f->job.kind = NULL;
    assert_int_equal(thingpass_download_start(tp, &f->job), THINGPASS_EINVAL);
    f->job = good;
    f->job.sink = NULL;
    assert_int_equal(thingpass_download_start(tp, &f->job), THINGPASS_EINVAL);
    f->job = good;
    f->job.from = 1;
    assert_int_equal(thingpass_download_start(tp, &f->job), THINGPASS_EINVAL);
    f->job.from_version = "v";
    f->sink.read = NULL;
    assert_int_equal(thingpass_download_start(tp, &f->job), THINGPASS_EINVAL);
    f->job = good;
    f->sink.begin = NULL;
    assert_int_equal(thingpass_download_start(tp, &f->job), THINGPASS_EINVAL);
    f->sink = sink;
    f->sink.write = NULL;
    assert_int_equal(thingpass_download_start(tp, &f->job), THINGPASS_EINVAL);
    f->sink = sink;
    f->sink.end = NULL;
    assert_int_equal(thingpass_download_start(tp, &f->job), THINGPASS_EINVAL);
    f->sink = sink;
    f->job.name = long_name;
    assert_int_equal(thingpass_download_start(tp, &f->job), THINGPASS_ESPACE);
    f->job = good;
    assert_int_equal(fetch_run(f), THINGPASS_OK);
    fetch_start(f);
    assert_int_equal(thingpass_download_start(tp, &f->job), THINGPASS_EBUSY);
    assert_int_equal(thingpass_upload_start(tp, &f->w->object), THINGPASS_EBUSY);
    thingpass_cancel(tp);
    fetch_free(f);
}

static void content_range_is_read_strictly(void **state) {
    (void)state;
    static const struct {
        const char *value;
        bool ok;
        uint32_t first, size;
    } cases[] = {
        {"bytes 0-0/1", true, 0, 1},
        {"bytes 5-9/10", true, 5, 10},
        {"bytes 4294967294-4294967294/4294967295", true, 4294967294, 4294967295},
        {"bytes 0-4294967295/4294967296", false, 0, 0},
        {"bytes 4294967296-4294967297/1", false, 0, 0},
        {"bytes 9-5/10", false, 0, 0},
        {"bytes 5-10/10", false, 0, 0},
        {"bytes 5-9/", false, 0, 0},
        {"bytes 5-/10", false, 0, 0},
        {"bytes -9/10", false, 0, 0},
        {"bytes 5-9", false, 0, 0},
        {"bytes 5", false, 0, 0},
        {"bytes ", false, 0, 0},
        {"bytes", false, 0, 0},
        {"", false, 0, 0},
        {"bytes  5-9/10", false, 0, 0},
        {"bytes 5 -9/10", false, 0, 0},
        {"bytes 5-9/10 ", false, 0, 0},
        {"bytes 5-9/10,", false, 0, 0},
        {"bytes 5-9/*", false, 0, 0},
        {"bytes */10", false, 0, 0},
        {"bytes +5-9/10", false, 0, 0},
        {"Bytes 5-9/10", false, 0, 0},
        {"items 5-9/10", false, 0, 0},
        {"bytes=5-9/10", false, 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = strlen(cases[i].value);
        char *copy = guard_copy(cases[i].value, n);
        struct thingpass_http_response r;
        memset(&r, 0, sizeof r);
        const struct thingpass_span value = {copy, n};
        thingpass_http_range(&r, thingpass_span_of("Content-Type"), value);
        CHECK(cases[i].value, r.ranges == 0);
        thingpass_http_range(&r, thingpass_span_of("content-RANGE"), value);
        CHECK(cases[i].value, r.ranges == (cases[i].ok ? 1 : 2));
        CHECK(cases[i].value,
              !cases[i].ok || (r.range_first == cases[i].first && r.range_size == cases[i].size));
        thingpass_http_range(&r, thingpass_span_of("Content-Range"), value);
        CHECK(cases[i].value, r.ranges == 2);
        guard_free(copy, n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_of_the_wire_vectors_is_sent_so),
        cmocka_unit_test(no_vector_is_left_out),
        cmocka_unit_test(every_reply_of_the_wire_vectors_is_taken_so),
        cmocka_unit_test(no_truncation_is_taken),
        cmocka_unit_test(a_small_reply_buffer_is_told_never_overrun),
        cmocka_unit_test(damaged_replies_end_it),
        cmocka_unit_test(what_is_too_large_is_not_fetched),
        cmocka_unit_test(a_refusal_that_may_pass_is_waited_for),
        cmocka_unit_test(a_question_without_an_answer_is_asked_again),
        cmocka_unit_test(an_answer_to_an_earlier_question_is_ignored),
        cmocka_unit_test(headers_are_those_of_the_last_grant),
        cmocka_unit_test(what_becomes_unchanged_on_the_way_is_not_put_to_use),
        cmocka_unit_test(a_reboot_at_every_chunk_costs_nothing_but_questions),
        cmocka_unit_test(bytes_of_another_version_are_not_kept),
        cmocka_unit_test(more_bytes_than_there_are_cannot_be_of_this_object),
        cmocka_unit_test(what_the_sink_lost_or_spoilt_is_told),
        cmocka_unit_test(a_job_that_breaks_its_contract_does_not_begin),
        cmocka_unit_test(content_range_is_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
