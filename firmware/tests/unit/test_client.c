// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What thingpass_init takes, and what an upload costs.

#include "guard.h"
#include "wire.h"
#include "world.h"

static int init_with(struct world *w) {
    struct thingpass tp;
    memset(&tp, 0xa5, sizeof tp);
    return thingpass_init(&tp, &w->config);
}

static void every_part_of_the_world_is_needed(void **state) {
    (void)state;
    struct world *w = world_new(1);
    assert_int_equal(init_with(w), THINGPASS_OK);
    void *const *parts[] = {
        (void *const *)&w->config.stream, (void *const *)&w->config.mqtt,
        (void *const *)&w->config.clock,  (void *const *)&w->config.random,
        (void *const *)&w->config.sha256, (void *const *)&w->config.reply,
        (void *const *)&w->config.chunk,  (void *const *)&w->config.thing,
    };
    for (size_t i = 0; i < COUNT(parts); i++) {
        void *kept = *parts[i];
        memset((void *)(uintptr_t)parts[i], 0, sizeof(void *));
        assert_int_equal(init_with(w), THINGPASS_EINVAL);
        memcpy((void *)(uintptr_t)parts[i], &kept, sizeof(void *));
        assert_int_equal(init_with(w), THINGPASS_OK);
    }
    assert_int_equal(thingpass_init(NULL, &w->config), THINGPASS_EINVAL);
    assert_int_equal(thingpass_init(&w->tp, NULL), THINGPASS_EINVAL);
    world_free(w);
}

static void every_function_of_the_world_is_needed(void **state) {
    (void)state;
    struct world *w = world_new(1);
    struct world whole = *w;
#define NEEDED(member)                                                                             \
    do {                                                                                           \
        w->member = NULL;                                                                          \
        assert_int_equal(init_with(w), THINGPASS_EINVAL);                                          \
        w->member = whole.member;                                                                  \
    } while (0)
    NEEDED(stream.open);
    NEEDED(stream.write);
    NEEDED(stream.read);
    NEEDED(stream.close);
    NEEDED(mqtt.publish);
    NEEDED(clock.now_ms);
    NEEDED(random.fill);
    NEEDED(sha256.init);
    NEEDED(sha256.update);
    NEEDED(sha256.final);
    assert_int_equal(init_with(w), THINGPASS_OK);
    world_free(w);
}

static void names_that_would_break_a_topic_are_refused(void **state) {
    (void)state;
    static char longest[129], too_long[130], root_fits[108], root_long[109];
    static const char *const things[] = {"", "a/b", "a+", "#", "a b", "caf\xc3\xa9", too_long};
    static const char *const roots[] = {"",    "/a",   "a/",  "a+b",  "a/#",
                                        "a b", "$aws", "a\n", "\x7f", root_long};
    memset(longest, 'n', 128);
    memset(too_long, 'n', 129);
    memset(root_fits, 'r', 107);
    memset(root_long, 'r', 108);
    struct world *w = world_new(1);
    for (size_t i = 0; i < COUNT(things); i++) {
        w->config.thing = things[i];
        CHECK(things[i], init_with(w) == THINGPASS_EINVAL);
    }
    w->config.thing = longest;
    for (size_t i = 0; i < COUNT(roots); i++) {
        w->config.root = roots[i];
        CHECK(roots[i], init_with(w) == THINGPASS_EINVAL);
    }
    w->config.root = root_fits;
    assert_int_equal(init_with(w), THINGPASS_OK);
    w->config.root = "site/thingpass";
    w->config.thing = "cam:1_A-b";
    assert_int_equal(init_with(w), THINGPASS_OK);
    world_free(w);
}

static void buffers_below_the_minimum_are_refused(void **state) {
    (void)state;
    struct world *w = world_new(1);
    w->config.reply_size = THINGPASS_REPLY_SIZE_MIN - 1;
    assert_int_equal(init_with(w), THINGPASS_ESPACE);
    w->config.reply_size = THINGPASS_REPLY_SIZE_MIN;
    w->config.chunk_size = THINGPASS_CHUNK_SIZE_MIN - 1;
    assert_int_equal(init_with(w), THINGPASS_ESPACE);
    w->config.chunk_size = THINGPASS_CHUNK_SIZE_MIN;
    assert_int_equal(init_with(w), THINGPASS_OK);
    world_free(w);
}

static void without_randomness_there_are_no_ids(void **state) {
    (void)state;
    struct world *w = world_new(1);
    w->no_random = true;
    assert_int_equal(init_with(w), THINGPASS_EIO);
    world_free(w);
}

static void the_response_topic_fits_or_is_refused(void **state) {
    (void)state;
    struct world *w = world_new(1);
    char topic[THINGPASS_TOPIC_MAX + 1];
    w->config.root = "site/tp";
    assert_int_equal(thingpass_init(&w->tp, &w->config), THINGPASS_OK);
    int n = thingpass_response_topic(&w->tp, topic, sizeof topic);
    assert_string_equal(topic, "site/tp/cam1/response");
    assert_int_equal(n, strlen(topic));
    for (size_t cap = 0; cap <= (size_t)n; cap++) {
        char *buf = guard_alloc(cap);
        assert_int_equal(thingpass_response_topic(&w->tp, buf, cap), THINGPASS_ESPACE);
        assert_true(cap == 0 || buf[0] == '\0');
        guard_free(buf, cap);
    }
    char *buf = guard_alloc((size_t)n + 1);
    assert_int_equal(thingpass_response_topic(&w->tp, buf, (size_t)n + 1), n);
    guard_free(buf, (size_t)n + 1);
    world_free(w);
}

static void before_anything_happens_there_is_an_empty_result(void **state) {
    (void)state;
    struct world *w = world_new(1);
    uint64_t wake;
    assert_int_equal(thingpass_init(&w->tp, &w->config), THINGPASS_OK);
    assert_string_equal(thingpass_result(&w->tp)->id, "");
    assert_string_equal(thingpass_result(&w->tp)->object_key, "");
    assert_string_equal(thingpass_phase_name(&w->tp), "idle");
    assert_int_equal(thingpass_step(&w->tp, &wake), THINGPASS_STEP_IDLE);
    assert_int_equal(wake, UINT64_MAX);
    assert_int_equal(thingpass_step(&w->tp, NULL), THINGPASS_STEP_IDLE);
    thingpass_cancel(&w->tp);
    thingpass_ask_again(&w->tp);
    assert_int_equal(thingpass_step(&w->tp, &wake), THINGPASS_STEP_IDLE);
    world_free(w);
}

// All memory of one upload in flight: the struct and both lent buffers. The
// struct is largest here, with 64-bit pointers.
static void an_upload_in_flight_takes_at_most_8_kb(void **state) {
    (void)state;
    size_t all = sizeof(struct thingpass) + THINGPASS_REPLY_SIZE + THINGPASS_CHUNK_SIZE;
    print_message("struct thingpass %u + reply %u + chunk %u = %u bytes\n",
                  (unsigned)sizeof(struct thingpass), (unsigned)THINGPASS_REPLY_SIZE,
                  (unsigned)THINGPASS_CHUNK_SIZE, (unsigned)all);
    assert_true(all <= 8192);
}

// The wire vectors' grants with a session token fit what is recommended, and
// the core stays inside buffers that end at forbidden pages.
static void a_grant_with_a_session_token_fits_the_recommended_buffers(void **state) {
    (void)state;
    struct wire_file f = wire_named("put-token.reply.json");
    struct world *w = world_new(48211);
    w->config.reply = guard_alloc(THINGPASS_REPLY_SIZE);
    w->config.chunk = guard_alloc(THINGPASS_CHUNK_SIZE);
    w->config.reply_size = THINGPASS_REPLY_SIZE;
    w->config.chunk_size = THINGPASS_CHUNK_SIZE;
    w->object.id = "b7Kq-000020";
    w->key = "cam1/photo/2026/11/23/b7Kq-000020.jpg";
    w->grants[0].text = f.data;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(w->stored_len, 48211);
    assert_memory_equal(w->stored, w->bytes, w->stored_len);
    assert_string_equal(w->host, "photos.s3.eu-central-1.amazonaws.com");
    guard_free(w->config.reply, THINGPASS_REPLY_SIZE);
    guard_free(w->config.chunk, THINGPASS_CHUNK_SIZE);
    world_free(w);
    free(f.data);
}

// Every reply buffer is either too small, and said to be, or works.
static void any_size_of_the_buffers_works_or_is_said_to_be_too_small(void **state) {
    (void)state;
    struct wire_file f = wire_named("put-token.reply.json");
    bool worked = false;
    for (size_t size = THINGPASS_REPLY_SIZE_MIN; size <= 4096; size += 53) {
        struct world *w = world_new(100);
        w->config.reply = guard_alloc(size);
        w->config.reply_size = size;
        w->object.id = "b7Kq-000020";
        w->key = "cam1/photo/2026/11/23/b7Kq-000020.jpg";
        w->grants[0].text = f.data;
        int err = world_upload(w);
        assert_true(err == (worked ? THINGPASS_OK : THINGPASS_ESPACE) || !worked);
        worked = worked || err == THINGPASS_OK;
        assert_true(!worked || size > f.len);
        guard_free(w->config.reply, size);
        world_free(w);
    }
    assert_true(worked);
    free(f.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_the_world_is_needed),
        cmocka_unit_test(every_function_of_the_world_is_needed),
        cmocka_unit_test(names_that_would_break_a_topic_are_refused),
        cmocka_unit_test(buffers_below_the_minimum_are_refused),
        cmocka_unit_test(without_randomness_there_are_no_ids),
        cmocka_unit_test(the_response_topic_fits_or_is_refused),
        cmocka_unit_test(before_anything_happens_there_is_an_empty_result),
        cmocka_unit_test(an_upload_in_flight_takes_at_most_8_kb),
        cmocka_unit_test(a_grant_with_a_session_token_fits_the_recommended_buffers),
        cmocka_unit_test(any_size_of_the_buffers_works_or_is_said_to_be_too_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
