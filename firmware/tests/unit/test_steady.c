// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What an upload costs when all goes well, what it says of its progress, and how
// long its questions are good for.

#include "world.h"

// Uploads n objects one after the other and returns how many messages that took.
static size_t upload_more(struct world *w, unsigned n) {
    size_t before = w->sent_count;
    for (unsigned i = 0; i < n; i++) {
        w->closes = 0;
        assert_int_equal(thingpass_upload_start(&w->tp, &w->object), THINGPASS_OK);
        assert_int_equal(world_run(w), THINGPASS_OK);
    }
    return w->sent_count - before;
}

static void a_put_that_s3_confirms_takes_one_message_and_no_connection_more(void **state) {
    (void)state;
    struct world *w = world_new(5000);
    w->object.verify = THINGPASS_VERIFY_S3;
    world_start(w);
    assert_int_equal(world_run(w), THINGPASS_OK);
    assert_int_equal(upload_more(w, 5), 5);
    assert_int_equal(w->reports_sent, 0);
    assert_int_equal(w->opens, 1);
    assert_int_equal(w->stored_count, 6);
    world_free(w);
}

static void a_pass_that_s3_confirms_takes_no_message_at_all(void **state) {
    (void)state;
    struct world *w = world_new(5000);
    world_use_pass(w);
    w->object.verify = THINGPASS_VERIFY_S3;
    world_start(w);
    assert_int_equal(world_run(w), THINGPASS_OK);
    assert_int_equal(upload_more(w, 20), 0);
    assert_int_equal(w->opens, 1);
    assert_int_equal(w->stored_count, 21);
    world_free(w);
}

// 412 says that something is stored under the key, not that it is this object.
static void what_s3_does_not_say_plainly_is_asked_of_the_broker(void **state) {
    (void)state;
    struct world *w = world_new(5000);
    w->object.verify = THINGPASS_VERIFY_S3;
    w->puts[0].answer = world_error(412, "PreconditionFailed");
    w->put_count = 1;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(w->reports_sent, 1);
    world_free(w);
}

static void a_one_pass_source_without_an_answer_is_asked_of_the_broker(void **state) {
    (void)state;
    struct world *w = world_new(5000);
    w->object.verify = THINGPASS_VERIFY_S3;
    w->source.rewindable = false;
    w->puts[0] = (struct world_put){0};
    w->put_count = 1;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(w->reports_sent, 1);
    world_free(w);
}

struct course {
    uint64_t last;
    uint64_t size;
    unsigned calls;
    unsigned restarts;
};

static void on_progress(void *ctx, uint64_t done, uint64_t size) {
    struct course *c = ctx;
    c->restarts += done < c->last ? 1 : 0;
    assert_true(done <= size);
    c->last = done;
    c->size = size;
    c->calls++;
}

static void progress_goes_from_nothing_to_all(void **state) {
    (void)state;
    for (size_t most = 0; most < 3000; most += 700) {
        struct course c = {0};
        struct world *w = world_new(9000);
        w->most = most;
        w->object.progress = on_progress;
        w->object.progress_ctx = &c;
        assert_int_equal(world_upload(w), THINGPASS_OK);
        assert_int_equal(c.last, 9000);
        assert_int_equal(c.size, 9000);
        assert_int_equal(c.restarts, 0);
        assert_true(c.calls >= 9000 / w->config.chunk_size);
        world_free(w);
    }
}

static void progress_begins_anew_when_bytes_are_sent_again(void **state) {
    (void)state;
    struct course c = {0};
    struct world *w = world_new(9000);
    w->puts[0].break_after = 7000;
    w->puts[1].answer = world_ok;
    w->put_count = 2;
    w->object.progress = on_progress;
    w->object.progress_ctx = &c;
    assert_int_equal(world_upload(w), THINGPASS_OK);
    assert_int_equal(c.last, 9000);
    assert_int_equal(c.restarts, 1);
    world_free(w);
}

// [P-9.6]: until it is asked again, and never beyond the deadline.
static void a_question_expires_when_it_is_asked_again(void **state) {
    (void)state;
    struct world *w = world_new(100);
    w->grants[0].text = NULL;
    w->grant_count = 1;
    w->object.deadline_ms = 60000;
    assert_int_equal(world_upload(w), THINGPASS_EDEADLINE);
    uint64_t end_ms = w->sent[0].at_ms + 60000;
    assert_true(w->sent_count > 3);
    for (size_t i = 0; i < w->sent_count; i++) {
        uint64_t again_ms = i + 1 < w->sent_count ? w->sent[i + 1].at_ms : end_ms;
        uint64_t expires_ms = w->sent[i].at_ms + w->sent[i].expiry_s * 1000U;
        assert_true(expires_ms >= again_ms && expires_ms <= again_ms + 1000);
    }
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_that_s3_confirms_takes_one_message_and_no_connection_more),
        cmocka_unit_test(a_pass_that_s3_confirms_takes_no_message_at_all),
        cmocka_unit_test(what_s3_does_not_say_plainly_is_asked_of_the_broker),
        cmocka_unit_test(a_one_pass_source_without_an_answer_is_asked_of_the_broker),
        cmocka_unit_test(progress_goes_from_nothing_to_all),
        cmocka_unit_test(progress_begins_anew_when_bytes_are_sent_again),
        cmocka_unit_test(a_question_expires_when_it_is_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
