// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "check.h"
#include "guard.h"
#include "inbox.h"

enum { CAP = 64, FRAME = 9 }; // two lengths and a NUL for each message

struct box {
    struct thingpass_inbox inbox;
    uint8_t *bytes;
};

static void open_box(struct box *b) {
    b->bytes = guard_alloc(CAP);
    thingpass_inbox_init(&b->inbox, b->bytes, CAP);
}

static void close_box(struct box *b) {
    guard_free(b->bytes, CAP);
}

static bool put(struct box *b, const char *topic, const char *data, size_t offset, size_t total) {
    // The client gives no topic with what follows: nothing must be read there.
    struct thingpass_inbox_piece piece = {.topic = topic,
                                          .topic_len = topic != NULL ? strlen(topic) : 0,
                                          .data = data,
                                          .len = strlen(data),
                                          .offset = offset,
                                          .total = total};
    return thingpass_inbox_put(&b->inbox, &piece);
}

static void assert_first(const struct box *b, const char *topic, const char *payload) {
    struct thingpass_inbox_message m;
    assert_true(thingpass_inbox_peek(&b->inbox, &m));
    assert_string_equal(m.topic, topic);
    assert_int_equal(m.topic_len, strlen(topic));
    assert_int_equal(m.len, strlen(payload));
    assert_memory_equal(m.payload, payload, m.len);
}

static void a_retained_message_says_so(void **state) {
    (void)state;
    struct box b;
    struct thingpass_inbox_message m;
    open_box(&b);
    struct thingpass_inbox_piece piece = {
        .topic = "a/b", .topic_len = 3, .data = "x", .len = 1, .total = 1, .retained = true};
    assert_true(thingpass_inbox_put(&b.inbox, &piece));
    piece.retained = false;
    assert_true(thingpass_inbox_put(&b.inbox, &piece));
    for (int want = 1; want >= 0; want--) {
        assert_true(thingpass_inbox_peek(&b.inbox, &m));
        assert_int_equal(m.retained, want);
        assert_string_equal(m.topic, "a/b");
        assert_int_equal(m.topic_len, 3);
        assert_memory_equal(m.payload, "x", 1);
        thingpass_inbox_pop(&b.inbox);
    }
    assert_false(thingpass_inbox_peek(&b.inbox, &m));
    close_box(&b);
}

static void assert_empty(const struct box *b) {
    struct thingpass_inbox_message m;
    assert_false(thingpass_inbox_peek(&b->inbox, &m));
}

static void a_message_that_is_too_long_is_dropped_whole(void **state) {
    (void)state;
    struct box b;
    open_box(&b);
    assert_false(put(&b, "t", "0123456789", 0, CAP - FRAME)); // one byte too many
    assert_false(put(&b, NULL, "x", 10, CAP - FRAME));
    assert_false(put(&b, NULL, "x", 11, CAP - FRAME));
    assert_empty(&b);
    assert_int_equal(b.inbox.lost, 1);
    assert_true(put(&b, "t", "still works", 0, 11));
    assert_first(&b, "t", "still works");
    close_box(&b);
}

static void huge_lengths_are_refused_without_overflow(void **state) {
    (void)state;
    struct box b;
    open_box(&b);
    const size_t huge[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - FRAME, SIZE_MAX / 2, CAP};
    for (size_t i = 0; i < COUNT(huge); i++) {
        struct thingpass_inbox_piece piece = {
            .topic = "t", .topic_len = 1, .data = "x", .len = 1, .total = huge[i]};
        assert_false(thingpass_inbox_put(&b.inbox, &piece));
        piece.topic_len = huge[i];
        piece.total = 1;
        assert_false(thingpass_inbox_put(&b.inbox, &piece));
    }
    assert_empty(&b);
    assert_int_equal(b.inbox.lost, 2 * COUNT(huge));
    close_box(&b);
}

static void pieces_that_do_not_follow_each_other_are_dropped(void **state) {
    (void)state;
    const struct {
        size_t offset, total;
        const char *data;
    } wrong[] = {{4, 6, "def"}, {2, 6, "def"}, {4, 6, "ef"},  {2, 6, "ef"},
                 {3, 7, "def"}, {3, 5, "def"}, {3, 6, "defg"}};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct box b;
        open_box(&b);
        assert_false(put(&b, "t", "abc", 0, 6));
        assert_false(put(&b, NULL, wrong[i].data, wrong[i].offset, wrong[i].total));
        assert_false(put(&b, NULL, "def", 3, 6)); // too late
        assert_empty(&b);
        assert_int_equal(b.inbox.lost, 1);
        close_box(&b);
    }
}

static void a_lost_connection_takes_the_unfinished_message_with_it(void **state) {
    (void)state;
    struct box b;
    open_box(&b);
    assert_true(put(&b, "t", "whole", 0, 5));
    assert_false(put(&b, "t", "abc", 0, 6));
    thingpass_inbox_forget(&b.inbox);
    assert_false(put(&b, NULL, "def", 3, 6));
    assert_int_equal(b.inbox.lost, 1);
    assert_first(&b, "t", "whole");
    thingpass_inbox_forget(&b.inbox); // nothing to forget
    assert_int_equal(b.inbox.lost, 1);
    close_box(&b);
}

static void pieces_of_any_size_become_the_message(void **state) {
    (void)state;
    const char *text = "the quick brown fox jumps";
    size_t n = strlen(text);
    for (size_t step = 1; step <= n; step++) {
        struct box b;
        open_box(&b);
        for (size_t at = 0; at < n; at += step) {
            size_t len = step < n - at ? step : n - at;
            char *piece = guard_copy(text + at, len);
            struct thingpass_inbox_piece p = {.topic = at == 0 ? "a/b" : NULL,
                                              .topic_len = at == 0 ? 3 : 0,
                                              .data = piece,
                                              .len = len,
                                              .offset = at,
                                              .total = n};
            assert_int_equal(thingpass_inbox_put(&b.inbox, &p), at + len == n);
            guard_free(piece, len);
        }
        assert_first(&b, "a/b", text);
        close_box(&b);
    }
}

static void messages_come_out_in_order_also_while_one_is_put_together(void **state) {
    (void)state;
    struct box b;
    open_box(&b);
    assert_true(put(&b, "one", "1", 0, 1));
    assert_true(put(&b, "two", "", 0, 0));
    assert_false(put(&b, "three", "ab", 0, 4));
    assert_first(&b, "one", "1");
    thingpass_inbox_pop(&b.inbox);
    assert_first(&b, "two", "");
    thingpass_inbox_pop(&b.inbox);
    assert_empty(&b);
    assert_true(put(&b, NULL, "cd", 2, 4));
    assert_first(&b, "three", "abcd");
    thingpass_inbox_pop(&b.inbox);
    thingpass_inbox_pop(&b.inbox); // of nothing
    assert_empty(&b);
    assert_int_equal(b.inbox.lost, 0);
    close_box(&b);
}

static void the_last_byte_is_used(void **state) {
    (void)state;
    struct box b;
    open_box(&b);
    char text[CAP] = "";
    memset(text, 'x', CAP - FRAME - 1);
    assert_true(put(&b, "t", text, 0, CAP - FRAME - 1));
    assert_first(&b, "t", text);
    assert_false(put(&b, "t", "", 0, 0)); // not one more
    thingpass_inbox_pop(&b.inbox);
    assert_true(put(&b, "t", text, 0, CAP - FRAME - 1));
    close_box(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_retained_message_says_so),
        cmocka_unit_test(a_message_that_is_too_long_is_dropped_whole),
        cmocka_unit_test(huge_lengths_are_refused_without_overflow),
        cmocka_unit_test(pieces_that_do_not_follow_each_other_are_dropped),
        cmocka_unit_test(a_lost_connection_takes_the_unfinished_message_with_it),
        cmocka_unit_test(pieces_of_any_size_become_the_message),
        cmocka_unit_test(messages_come_out_in_order_also_while_one_is_put_together),
        cmocka_unit_test(the_last_byte_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
