// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "check.h"
#include "clock_pair.h"
#include "mqtt_session.h"
#include "topic_filter.h"

// ── Topic filters ──

static void what_is_no_filter_of_a_thing_is_refused(void **state) {
    (void)state;
    char long_one[300];
    memset(long_one, 'a', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = '\0';
    const char *bad[] = {NULL, "",           "a+",   "+a",       "a/+b",  "a/b+/c",
                         "a#", "a/#/b",      "a/b#", "#/a",      "##",    "$share/group/a",
                         "++", "$share/g/#", "#+",   "$queue/a", long_one};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(thingpass_topic_filter_ok(bad[i]));
    }
    const char *good[] = {"a", "a/b", "+", "#", "a/+/b", "+/+", "a/#", "$aws/things/x/#",
                          "/", "a//b"};
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(thingpass_topic_filter_ok(good[i]));
    }
}

static void a_filter_names_these_topics_and_no_others(void **state) {
    (void)state;
    const struct {
        const char *filter, *topic;
        bool yes;
    } cases[] = {
        {"a/b", "a/b", true},       {"a/b", "a/bc", false},  {"a/bc", "a/b", false},
        {"a/b", "A/b", false},      {"a/+", "a/b", true},    {"a/+", "a/b/c", false},
        {"a/+", "a", false},        {"a/+", "a/", true},     {"+", "a", true},
        {"+", "/a", false},         {"+/+", "/a", true},     {"a/+/c", "a/b/c", true},
        {"a/+/c", "a/b/d", false},  {"a/+/c", "a//c", true}, {"#", "a/b/c", true},
        {"a/#", "a/b/c", true},     {"a/#", "a", true},      {"a/#", "ab", false},
        {"a/#", "b/a", false},      {"#", "$SYS/x", false},  {"+/x", "$SYS/x", false},
        {"$SYS/#", "$SYS/x", true}, {"a/b/#", "a/b", true},  {"a/b/#", "a", false},
        {"a/+/#", "a/b", true},     {"a/+/#", "a", false},   {"a", "", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(thingpass_topic_filter_matches(cases[i].filter, cases[i].topic),
                         cases[i].yes);
    }
}

// ── The clock across deep sleep ──

static void memory_that_was_never_written_is_no_time(void **state) {
    (void)state;
    struct thingpass_clock_pair pair;
    for (int fill = 0; fill < 256; fill++) {
        memset(&pair, fill, sizeof pair);
        assert_int_equal(thingpass_clock_pair_get(&pair, UINT64_MAX / 2), 0);
    }
}

static void a_flipped_bit_is_no_time(void **state) {
    (void)state;
    struct thingpass_clock_pair pair;
    thingpass_clock_pair_set(&pair, 1795424400, 5000000);
    uint8_t *fields[] = {(uint8_t *)&pair.mark, (uint8_t *)&pair.unix_s,
                         (uint8_t *)&pair.counter_us, (uint8_t *)&pair.check};
    const size_t sizes[] = {4, 8, 8, 4};
    for (size_t f = 0; f < COUNT(fields); f++) {
        for (size_t bit = 0; bit < sizes[f] * 8; bit++) {
            fields[f][bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(thingpass_clock_pair_get(&pair, 6000000), 0);
            fields[f][bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    assert_int_equal(thingpass_clock_pair_get(&pair, 6000000), 1795424401);
}

static void a_counter_that_began_anew_or_ran_too_long_is_no_time(void **state) {
    (void)state;
    struct thingpass_clock_pair pair;
    thingpass_clock_pair_set(&pair, 1795424400, 5000000);
    assert_int_equal(thingpass_clock_pair_get(&pair, 4999999), 0);
    assert_int_equal(thingpass_clock_pair_get(&pair, 0), 0);
    assert_int_equal(thingpass_clock_pair_get(&pair, 5000000), 1795424400);
    const uint64_t day_us = 24ull * 3600 * 1000000;
    assert_int_equal(thingpass_clock_pair_get(&pair, 5000000 + day_us), 1795424400 + 24 * 3600);
    assert_int_equal(thingpass_clock_pair_get(&pair, 5000000 + day_us + 1000000), 0);
    assert_int_equal(thingpass_clock_pair_get(&pair, UINT64_MAX), 0);
}

// ── The way from a connection to the first request ──

#define NEXT(s, now) thingpass_mqtt_session_next(&(s), now)

static void nothing_is_ready_before_the_suback(void **state) {
    (void)state;
    struct thingpass_mqtt_session s = {0};
    assert_int_equal(NEXT(s, 0), THINGPASS_MQTT_SESSION_NOTHING);
    thingpass_mqtt_session_on_suback(&s, false); // of an earlier connection
    thingpass_mqtt_session_on_connected(&s);
    assert_int_equal(NEXT(s, 0), THINGPASS_MQTT_SESSION_SUBSCRIBE);
    assert_int_equal(NEXT(s, 1000000), THINGPASS_MQTT_SESSION_NOTHING);
    thingpass_mqtt_session_on_suback(&s, false);
    assert_int_equal(NEXT(s, 0), THINGPASS_MQTT_SESSION_READY);
    assert_int_equal(NEXT(s, 0), THINGPASS_MQTT_SESSION_NOTHING);
}

static void a_denial_is_told_and_tried_again_later(void **state) {
    (void)state;
    struct thingpass_mqtt_session s = {0};
    thingpass_mqtt_session_on_connected(&s);
    assert_int_equal(NEXT(s, 0), THINGPASS_MQTT_SESSION_SUBSCRIBE);
    thingpass_mqtt_session_on_suback(&s, true);
    assert_int_equal(NEXT(s, 500), THINGPASS_MQTT_SESSION_DENIED);
    assert_int_equal(NEXT(s, 500 + THINGPASS_MQTT_SESSION_AGAIN_MS - 1),
                     THINGPASS_MQTT_SESSION_NOTHING);
    assert_int_equal(NEXT(s, 500 + THINGPASS_MQTT_SESSION_AGAIN_MS),
                     THINGPASS_MQTT_SESSION_SUBSCRIBE);
    thingpass_mqtt_session_on_suback(&s, false);
    assert_int_equal(NEXT(s, 0), THINGPASS_MQTT_SESSION_READY);
}

static void a_topic_of_the_programs_that_is_denied_changes_nothing(void **state) {
    (void)state;
    struct thingpass_mqtt_session s = {0};
    thingpass_mqtt_session_on_connected(&s);
    (void)NEXT(s, 0);
    thingpass_mqtt_session_on_suback(&s, false);
    (void)NEXT(s, 0);
    thingpass_mqtt_session_on_suback(&s, true);
    assert_int_equal(NEXT(s, UINT64_MAX), THINGPASS_MQTT_SESSION_NOTHING);
    assert_true(s.ready);
}

static void a_subscribe_that_was_not_sent_is_sent_again(void **state) {
    (void)state;
    struct thingpass_mqtt_session s = {0};
    thingpass_mqtt_session_on_connected(&s);
    assert_int_equal(NEXT(s, 0), THINGPASS_MQTT_SESSION_SUBSCRIBE);
    thingpass_mqtt_session_not_sent(&s, 0);
    assert_int_equal(NEXT(s, 999), THINGPASS_MQTT_SESSION_NOTHING);
    assert_int_equal(NEXT(s, 1000), THINGPASS_MQTT_SESSION_SUBSCRIBE);
}

static void a_loss_is_told_once_also_when_it_was_over_before_we_looked(void **state) {
    (void)state;
    struct thingpass_mqtt_session s = {0};
    thingpass_mqtt_session_on_disconnected(&s);
    assert_int_equal(NEXT(s, 0), THINGPASS_MQTT_SESSION_NOTHING); // there was nothing to lose
    thingpass_mqtt_session_on_connected(&s);
    (void)NEXT(s, 0);
    thingpass_mqtt_session_on_suback(&s, false);
    assert_int_equal(NEXT(s, 0), THINGPASS_MQTT_SESSION_READY);
    thingpass_mqtt_session_on_disconnected(&s);
    thingpass_mqtt_session_on_connected(&s);
    assert_int_equal(NEXT(s, 0), THINGPASS_MQTT_SESSION_LOST);
    assert_int_equal(NEXT(s, 0), THINGPASS_MQTT_SESSION_SUBSCRIBE);
    thingpass_mqtt_session_on_disconnected(&s);
    assert_int_equal(NEXT(s, 0), THINGPASS_MQTT_SESSION_NOTHING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_filter_of_a_thing_is_refused),
        cmocka_unit_test(a_filter_names_these_topics_and_no_others),
        cmocka_unit_test(memory_that_was_never_written_is_no_time),
        cmocka_unit_test(a_flipped_bit_is_no_time),
        cmocka_unit_test(a_counter_that_began_anew_or_ran_too_long_is_no_time),
        cmocka_unit_test(nothing_is_ready_before_the_suback),
        cmocka_unit_test(a_denial_is_told_and_tried_again_later),
        cmocka_unit_test(a_topic_of_the_programs_that_is_denied_changes_nothing),
        cmocka_unit_test(a_subscribe_that_was_not_sent_is_sent_again),
        cmocka_unit_test(a_loss_is_told_once_also_when_it_was_over_before_we_looked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
