// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What becomes of each object, whatever the link, the broker, S3 and the card do.

#include "outbox_rig.h"

enum { day_ms = 86400000, minute_ms = 60000, ever = 100000 };

static void setup(struct outbox_rig *o, bool up) {
    outbox_rig_new(o);
    outbox_boot(o);
    thingpass_outbox_link(&o->outbox, up);
}

static int put(struct outbox_rig *o, struct rig_object *object) {
    return thingpass_outbox_put(&o->outbox, &object->object, 9);
}

static void put_ok(struct outbox_rig *o, struct rig_object *object, const char *id) {
    outbox_object(object, id, 700);
    assert_int_equal(put(o, object), THINGPASS_OK);
}

static void run(struct outbox_rig *o, uint64_t for_ms) {
    (void)outbox_run(o, for_ms, ever);
}

static bool told(const struct outbox_rig *o, enum thingpass_outbox_news news, const char *id) {
    return outbox_told(o, news, id) == 1;
}

static bool in_bucket(struct outbox_rig *o, const char *id) {
    return outbox_find(o, id) != NULL;
}

static const struct world_put broken = {.answer = world_ok, .break_after = 200};
static const struct world_put good = {.answer = world_ok};

static void with_a_link_it_is_sent_at_once(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object a;
    setup(&o, true);
    put_ok(&o, &a, "a");
    run(&o, minute_ms);
    assert_true(in_bucket(&o, "a") && told(&o, THINGPASS_OUTBOX_STORED, "a"));
    assert_int_equal(a.closes, 1);
    assert_int_equal(o.rig.fs.calls, 0);
    assert_int_equal(thingpass_outbox_waiting(&o.outbox), 0);
    outbox_rig_free(&o);
}

static void without_a_link_it_waits_in_the_spool_in_order(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object x;
    setup(&o, false);
    for (char id[] = "a"; id[0] < 'f'; id[0]++) {
        put_ok(&o, &x, id);
        run(&o, minute_ms);
        assert_true(told(&o, THINGPASS_OUTBOX_SPOOLED, id) && x.closes == 1);
    }
    assert_int_equal(o.stored, 0);
    assert_int_equal(thingpass_outbox_waiting(&o.outbox), 5);
    outbox_boot(&o);
    thingpass_outbox_link(&o.outbox, true);
    put_ok(&o, &x, "f"); // younger: not before them
    run(&o, 10 * minute_ms);
    assert_int_equal(o.stored, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(o.bucket[i].id[0], 'a' + (int)i);
    }
    assert_int_equal(ramfs_count(&o.rig.fs), 0);
    assert_int_equal(o.outbox.drained, true);
    outbox_rig_free(&o);
}

static void what_is_read_once_goes_through_the_spool(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object a;
    setup(&o, true);
    o.w->puts[0] = broken;
    o.w->puts[1] = good;
    o.w->put_count = 2;
    outbox_object(&a, "a", 3000);
    a.source.rewindable = false;
    a.eagain = 3;
    assert_int_equal(put(&o, &a), THINGPASS_OK);
    run(&o, minute_ms);
    assert_true(told(&o, THINGPASS_OUTBOX_SPOOLED, "a") && in_bucket(&o, "a"));
    assert_int_equal(a.closes, 1);
    outbox_rig_free(&o);
}

static void a_length_that_is_not_known_can_be_spooled(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object a;
    setup(&o, true);
    outbox_object(&a, "a", 3000);
    a.source.known_len = false;
    a.source.size = 5000;
    assert_int_equal(put(&o, &a), THINGPASS_OK);
    run(&o, minute_ms);
    assert_true(in_bucket(&o, "a"));
    outbox_rig_free(&o);
}

static void what_is_read_once_can_be_sent_at_once_and_is_lost_with_the_transfer(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object x;
    setup(&o, true);
    o.outbox.config.stream_one_pass = true;
    o.w->puts[0] = good;
    o.w->puts[1] = broken;
    o.w->puts[2] = good;
    o.w->put_count = 3;
    for (char id[] = "a"; id[0] < 'd'; id[0]++) {
        outbox_object(&x, id, 3000);
        x.source.rewindable = false;
        assert_int_equal(put(&o, &x), THINGPASS_OK);
        run(&o, minute_ms);
        assert_int_equal(x.closes, 1);
        thingpass_outbox_link(&o.outbox, true);
    }
    assert_true(in_bucket(&o, "a") && !in_bucket(&o, "b") && in_bucket(&o, "c"));
    assert_true(told(&o, THINGPASS_OUTBOX_LOST, "b"));
    assert_int_equal(o.news[2].err, THINGPASS_ESPENT);
    assert_int_equal(o.rig.fs.calls, 0);
    outbox_rig_free(&o);
}

// No answer to the question: nothing was read yet, so nothing is lost.
static void what_is_read_once_and_was_not_yet_can_be_spooled(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object a;
    setup(&o, true);
    o.outbox.config.stream_one_pass = true;
    o.w->mqtt_down = 1000000;
    outbox_object(&a, "a", 3000);
    a.source.rewindable = false;
    assert_int_equal(put(&o, &a), THINGPASS_OK);
    run(&o, 20 * minute_ms);
    assert_true(told(&o, THINGPASS_OUTBOX_SPOOLED, "a") && a.closes == 1);
    o.w->mqtt_down = 0;
    run(&o, 20 * minute_ms);
    assert_true(in_bucket(&o, "a"));
    outbox_rig_free(&o);
}

static void spool_first_means_all(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object a;
    setup(&o, true);
    o.outbox.config.spool_first = true;
    put_ok(&o, &a, "a");
    run(&o, minute_ms);
    assert_true(told(&o, THINGPASS_OUTBOX_SPOOLED, "a") && told(&o, THINGPASS_OUTBOX_STORED, "a"));
    outbox_rig_free(&o);
}

static void an_attempt_that_fails_leads_into_the_spool_under_the_same_key(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object a;
    setup(&o, true);
    o.w->puts[0] = (struct world_put){.answer = world_error(503, "SlowDown")};
    put_ok(&o, &a, "a");
    while (!told(&o, THINGPASS_OUTBOX_SPOOLED, "a")) { // every transfer fails
        (void)outbox_run(&o, minute_ms, 1);
    }
    assert_int_equal(a.closes, 1);
    assert_int_equal(o.stored, 0);
    o.w->epoch_s += 86400; // another day, no time known before: the key is that of the first
    outbox_boot(&o);
    o.w->puts[0] = good;
    thingpass_outbox_link(&o.outbox, true);
    run(&o, minute_ms);
    assert_true(told(&o, THINGPASS_OUTBOX_STORED, "a"));
    char key[80];
    snprintf(key, sizeof key, "cam1/photo/%lld/a.jpg", (long long)(o.w->epoch_s / 86400 - 1));
    assert_string_equal(outbox_find(&o, "a")->key, key);
    outbox_rig_free(&o);
}

static void without_a_spool_it_is_at_once_or_never(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object a;
    outbox_rig_new(&o);
    o.config.spool = NULL;
    outbox_boot(&o);
    outbox_object(&a, "a", 700);
    assert_int_equal(put(&o, &a), THINGPASS_EAGAIN);
    thingpass_outbox_link(&o.outbox, true);
    put_ok(&o, &a, "a");
    struct rig_object b;
    outbox_object(&b, "b", 700);
    assert_int_equal(put(&o, &b), THINGPASS_EAGAIN);
    run(&o, minute_ms);
    assert_true(in_bucket(&o, "a"));
    o.w->puts[0] = broken;
    put_ok(&o, &b, "b");
    run(&o, 20 * minute_ms);
    assert_true(told(&o, THINGPASS_OUTBOX_LOST, "b") && b.closes == 1);
    assert_int_equal(outbox_run(&o, minute_ms, ever), 1);
    outbox_rig_free(&o);
}

static void a_photo_while_another_is_sent_is_spooled(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object a, b, c;
    setup(&o, true);
    put_ok(&o, &a, "a");
    put_ok(&o, &b, "b");
    outbox_object(&c, "c", 100);
    assert_int_equal(put(&o, &c), THINGPASS_EBUSY);
    run(&o, minute_ms);
    put_ok(&o, &c, "c");
    run(&o, minute_ms);
    assert_int_equal(o.stored, 3);
    assert_true(told(&o, THINGPASS_OUTBOX_SPOOLED, "b"));
    outbox_rig_free(&o);
}

static void what_is_refused_for_good_is_in_nobodys_way(void **state) {
    (void)state;
    for (unsigned drop = 0; drop < 2; drop++) {
        for (unsigned offline = 0; offline < 2; offline++) {
            struct outbox_rig o;
            struct rig_object x;
            setup(&o, offline == 0);
            o.outbox.config.drop_refused = drop != 0;
            o.refused = "unknown-kind";
            o.refused_id = "a";
            for (char id[] = "a"; id[0] < 'd'; id[0]++) {
                put_ok(&o, &x, id);
                run(&o, 30 * minute_ms);
            }
            thingpass_outbox_link(&o.outbox, true);
            run(&o, 30 * minute_ms);
            assert_true(in_bucket(&o, "b") && in_bucket(&o, "c") && !in_bucket(&o, "a"));
            assert_true(told(&o, drop ? THINGPASS_OUTBOX_LOST : THINGPASS_OUTBOX_ASIDE, "a"));
            assert_in_range(ramfs_count(&o.rig.fs), drop ? 0 : 2, drop ? 0 : 3); // a note, too
            // The operator allows it, and it is not lost.
            o.refused = NULL;
            outbox_boot(&o);
            assert_int_equal(thingpass_spool_forgive(&o.rig.spool), THINGPASS_OK);
            thingpass_outbox_link(&o.outbox, true);
            run(&o, minute_ms);
            assert_int_equal(in_bucket(&o, "a"), !drop);
            outbox_rig_free(&o);
        }
    }
}

static void what_s3_refuses_for_good_is_set_aside(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object x;
    setup(&o, false);
    put_ok(&o, &x, "a");
    run(&o, minute_ms);
    put_ok(&o, &x, "b");
    run(&o, minute_ms);
    o.w->puts[0] = (struct world_put){.answer = world_error(405, "MethodNotAllowed")};
    o.w->puts[1] = good;
    o.w->put_count = 2;
    thingpass_outbox_link(&o.outbox, true);
    run(&o, minute_ms);
    assert_true(told(&o, THINGPASS_OUTBOX_ASIDE, "a") && in_bucket(&o, "b"));
    outbox_rig_free(&o);
}

static void passing_failures_keep_the_entry_and_wait_longer(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object a;
    setup(&o, false);
    put_ok(&o, &a, "a");
    run(&o, minute_ms);
    o.w->puts[0] = (struct world_put){.refuse_open = true};
    thingpass_outbox_link(&o.outbox, true);
    uint64_t before = o.w->now_ms, last = 0;
    for (unsigned i = 1; i < 12; i++) {
        while (outbox_told(&o, THINGPASS_OUTBOX_LATER, "a") < i) {
            (void)outbox_run(&o, day_ms, 1);
        }
        uint64_t took = o.outbox.wait_until_ms - o.w->now_ms;
        assert_true(took >= last && took <= 900000);
        last = took;
    }
    assert_true(last >= 600000 && o.w->now_ms - before < day_ms);
    assert_int_equal(thingpass_outbox_waiting(&o.outbox), 1);
    o.w->puts[0] = good;
    thingpass_outbox_link(&o.outbox, true); // does not wait
    before = o.w->now_ms;
    run(&o, minute_ms);
    assert_true(in_bucket(&o, "a"));
    outbox_rig_free(&o);
}

// A reply that is none, to one object only: after some tries it is passed over, and
// comes again when the others are sent.
static void what_fails_by_itself_is_passed_over(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object x;
    setup(&o, false);
    for (char id[] = "a"; id[0] < 'd'; id[0]++) {
        put_ok(&o, &x, id);
        run(&o, minute_ms);
    }
    o.garbage_id = "a";
    thingpass_outbox_link(&o.outbox, true);
    while (o.stored < 2) {
        assert_true(outbox_run(&o, 60 * minute_ms, 1) == 1);
    }
    assert_true(in_bucket(&o, "b") && in_bucket(&o, "c"));
    assert_int_equal(outbox_told(&o, THINGPASS_OUTBOX_LATER, "a"), 5);
    o.garbage_id = NULL;
    run(&o, 60 * minute_ms);
    assert_true(in_bucket(&o, "a"));
    assert_int_equal(ramfs_count(&o.rig.fs), 0);
    outbox_rig_free(&o);
}

static void a_damaged_entry_is_told_and_set_aside(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object x;
    setup(&o, false);
    for (char id[] = "a"; id[0] < 'd'; id[0]++) {
        put_ok(&o, &x, id);
        run(&o, minute_ms);
    }
    ramfs_nth(&o.rig.fs, 0)->data[10] ^= 1;  // its header
    ramfs_nth(&o.rig.fs, 1)->data[300] ^= 1; // its bytes
    thingpass_outbox_link(&o.outbox, true);
    run(&o, minute_ms);
    assert_int_equal(o.stored, 1);
    assert_true(in_bucket(&o, "c"));
    assert_int_equal(outbox_told(&o, THINGPASS_OUTBOX_ASIDE, ""), 2);
    assert_true(told(&o, THINGPASS_OUTBOX_ASIDE, "b"));
    outbox_rig_free(&o);
}

static void a_full_spool_refuses_or_drops_as_told(void **state) {
    (void)state;
    for (unsigned drop = 0; drop < 2; drop++) {
        struct outbox_rig o;
        struct rig_object x;
        setup(&o, false);
        o.rig.config.max_count = 2;
        o.rig.config.drop_oldest = drop != 0;
        for (char id[] = "a"; id[0] < 'd'; id[0]++) {
            put_ok(&o, &x, id);
            run(&o, minute_ms);
            assert_int_equal(x.closes, 1);
        }
        assert_int_equal(told(&o, THINGPASS_OUTBOX_DROPPED, ""), drop);
        assert_int_equal(told(&o, THINGPASS_OUTBOX_LOST, "c"), !drop);
        // With a link it is sent at once instead.
        o.w->puts[0] = (struct world_put){.hang_open = true};
        o.w->puts[1] = good;
        o.w->put_count = 2;
        thingpass_outbox_link(&o.outbox, true);
        (void)outbox_run(&o, minute_ms, 10);
        put_ok(&o, &x, "d");
        run(&o, 30 * minute_ms);
        assert_true(in_bucket(&o, "d") && in_bucket(&o, drop ? "b" : "a"));
        assert_int_equal(x.closes, 1);
        outbox_rig_free(&o);
    }
}

static void neither_spool_nor_link_take_it_and_that_ends(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object a, b;
    setup(&o, true);
    o.rig.config.max_count = 0;
    o.w->puts[0] = broken;
    put_ok(&o, &a, "a");
    run(&o, 60 * minute_ms);
    assert_true(told(&o, THINGPASS_OUTBOX_LOST, "a") && a.closes == 1);
    assert_int_equal(o.news[o.news_count - 1].err, THINGPASS_EFULL);
    // Half of what can be read only once is in the spool when that turns out to be full.
    o.rig.config.max_count = 5;
    o.rig.fs.capacity = 1000;
    o.w->puts[0] = good;
    outbox_object(&b, "b", 3000);
    b.source.rewindable = false;
    assert_int_equal(put(&o, &b), THINGPASS_OK);
    run(&o, 60 * minute_ms);
    assert_true(told(&o, THINGPASS_OUTBOX_LOST, "b") && b.closes == 1);
    assert_string_equal(o.asked, "a"); // b was not asked for
    assert_int_equal(ramfs_count(&o.rig.fs), 0);
    outbox_rig_free(&o);
}

// The card is pulled at any call: whatever happens to what is on it, the photos go on.
static void a_pulled_card_stops_nothing(void **state) {
    (void)state;
    bool hit = true;
    for (unsigned at = 1; hit; at++) {
        struct outbox_rig o;
        struct rig_object a, b, c, d;
        setup(&o, false);
        put_ok(&o, &a, "a");
        run(&o, minute_ms);
        o.rig.fs.error = THINGPASS_EMEDIUM;
        o.rig.fs.all_calls = 0;
        o.rig.fs.fail_at = at;
        thingpass_outbox_link(&o.outbox, true);
        put_ok(&o, &b, "b");
        (void)outbox_run(&o, minute_ms, 3);
        outbox_object(&c, "c", 700);
        (void)put(&o, &c);
        run(&o, 20 * minute_ms);
        hit = o.rig.fs.all_calls >= at;
        assert_true(in_bucket(&o, "b") || outbox_told(&o, THINGPASS_OUTBOX_SPOOLED, "b"));
        assert_true(!hit || outbox_told(&o, THINGPASS_OUTBOX_SPOOL, "") >= 2);
        put_ok(&o, &d, "d"); // the next photo
        run(&o, minute_ms);
        assert_true(in_bucket(&o, "d"));
        o.rig.fs.fail_at = 0; // the card is back
        run(&o, 20 * minute_ms);
        assert_true(in_bucket(&o, "a") && in_bucket(&o, "b"));
        assert_int_equal(a.closes + b.closes + d.closes, 3);
        assert_int_equal(ramfs_count(&o.rig.fs), 0);
        assert_int_equal(o.rig.fs.opened, 0);
        outbox_rig_free(&o);
    }
}

static void no_card_at_boot_is_told_once(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object a;
    outbox_rig_new(&o);
    o.rig.fs.error = THINGPASS_EMEDIUM;
    o.rig.fs.fail_at = 1;
    outbox_boot(&o);
    thingpass_outbox_link(&o.outbox, true);
    put_ok(&o, &a, "a");
    run(&o, 5 * minute_ms);
    assert_true(in_bucket(&o, "a"));
    assert_true(told(&o, THINGPASS_OUTBOX_SPOOL, "") && o.news[0].err == THINGPASS_EMEDIUM);
    o.rig.fs.fail_at = 0;
    run(&o, minute_ms);
    assert_int_equal(outbox_told(&o, THINGPASS_OUTBOX_SPOOL, ""), 2);
    assert_true(o.outbox.usable);
    outbox_rig_free(&o);
}

// The first contact ever, and the power goes after the PUT: on the next day the key is
// still that of the first. A program that uses a pass from then on puts this one.
static void without_a_clock_the_key_is_noted_before_the_bytes_leave(void **state) {
    (void)state;
    enum { put_both, pass_both, put_then_pass, ways };
    for (unsigned way = 0; way < ways; way++) {
        struct outbox_rig o;
        struct rig_object a;
        setup(&o, false);
        put_ok(&o, &a, "a");
        run(&o, minute_ms);
        o.pass = way == pass_both;
        outbox_boot(&o);
        thingpass_outbox_link(&o.outbox, true);
        while (o.stored == 0) {
            assert_int_equal(outbox_run(&o, day_ms, 1), 1);
        }
        ramfs_reboot(&o.rig.fs, RAMFS_NOTHING); // the power goes
        o.w->epoch_s += 86400;
        outbox_boot(&o);
        o.pass = o.pass || way == put_then_pass;
        thingpass_outbox_link(&o.outbox, true);
        run(&o, minute_ms);
        assert_true(told(&o, THINGPASS_OUTBOX_STORED, "a"));
        assert_int_equal(outbox_find(&o, "a")->puts, 2);
        outbox_rig_free(&o);
    }
}

static void the_time_of_the_same_boot_is_used_when_it_is_known(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object x;
    setup(&o, false);
    put_ok(&o, &x, "a");
    run(&o, minute_ms);
    int64_t then = o.w->epoch_s + (int64_t)(o.w->now_ms / 1000);
    o.w->now_ms += 2ULL * day_ms;
    assert_int_equal(thingpass_set_now(&o.w->tp, then + 2 * 86400), THINGPASS_OK);
    thingpass_outbox_link(&o.outbox, true);
    run(&o, minute_ms);
    char key[80];
    snprintf(key, sizeof key, "cam1/photo/%lld/a.jpg", (long long)(then / 86400));
    assert_string_equal(outbox_find(&o, "a")->key, key);
    outbox_rig_free(&o);
}

static void somebody_elses_upload_is_left_alone(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object a, other;
    setup(&o, false);
    put_ok(&o, &a, "a");
    run(&o, minute_ms);
    outbox_object(&other, "other", 100);
    assert_int_equal(thingpass_upload_start(&o.w->tp, &other.object), THINGPASS_OK);
    thingpass_outbox_link(&o.outbox, true);
    (void)outbox_run(&o, minute_ms, 50);
    assert_int_equal(o.stored, 0);
    thingpass_cancel(&o.w->tp);
    assert_int_equal(thingpass_step(&o.w->tp, NULL), THINGPASS_STEP_DONE);
    run(&o, minute_ms);
    assert_true(in_bucket(&o, "a"));
    outbox_rig_free(&o);
}

static void what_breaks_the_contract_is_not_taken(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object a;
    setup(&o, true);
    assert_int_equal(thingpass_outbox_put(&o.outbox, NULL, 9), THINGPASS_EINVAL);
    outbox_object(&a, "a", 700);
    a.object.kind = "Photo";
    assert_int_equal(put(&o, &a), THINGPASS_EINVAL);
    a.object.kind = "photo";
    a.object.source = NULL;
    assert_int_equal(put(&o, &a), THINGPASS_EINVAL);
    assert_int_equal(a.closes, 0);
    assert_int_equal(thingpass_outbox_waiting(&o.outbox), 0);
    struct thingpass_outbox_config c = o.config;
    c.tp = NULL;
    assert_int_equal(thingpass_outbox_init(&o.outbox, &c), THINGPASS_EINVAL);
    c = o.config;
    c.spool_config = NULL;
    assert_int_equal(thingpass_outbox_init(&o.outbox, &c), THINGPASS_EINVAL);
    assert_int_equal(thingpass_outbox_init(&o.outbox, NULL), THINGPASS_EINVAL);
    outbox_rig_free(&o);
}

static void an_id_is_made_where_there_is_none(void **state) {
    (void)state;
    struct outbox_rig o;
    struct rig_object a;
    setup(&o, true);
    outbox_object(&a, "bbbbbbbbbb-000001", 700); // as the random bytes of this boot have it
    a.object.id = NULL;
    assert_int_equal(put(&o, &a), THINGPASS_OK);
    run(&o, minute_ms);
    assert_true(in_bucket(&o, "bbbbbbbbbb-000001"));
    outbox_rig_free(&o);
}

// The power goes at any step of it: of what was spooled, each comes once.
static void power_may_go_at_any_step(void **state) {
    (void)state;
    static const enum ramfs_rest rests[] = {RAMFS_NOTHING, RAMFS_ALL, RAMFS_HOLE};
    bool whole = false;
    for (unsigned at = 0; !whole; at++) {
        for (size_t rest = 0; rest < COUNT(rests); rest++) {
            struct outbox_rig o;
            struct rig_object x[3];
            setup(&o, true);
            o.outbox.config.spool_first = true;
            o.w->puts[0] = good;
            o.w->puts[1] = broken;
            o.w->puts[2] = good;
            o.w->put_count = 3;
            unsigned left = at;
            for (size_t i = 0; i < COUNT(x); i++) {
                const char id[] = {(char)('a' + i), '\0'};
                outbox_object(&x[i], id, 700);
                (void)put(&o, &x[i]); // without power it never was
                left -= outbox_run(&o, 50, left);
            }
            unsigned done = outbox_run(&o, 30 * minute_ms, left);
            whole = done < left;
            ramfs_reboot(&o.rig.fs, rests[rest]);
            outbox_boot(&o);
            thingpass_outbox_link(&o.outbox, true);
            run(&o, 30 * minute_ms);
            for (size_t i = 0; i < COUNT(x); i++) {
                const char id[] = {(char)('a' + i), '\0'};
                bool safe = outbox_told(&o, THINGPASS_OUTBOX_SPOOLED, id) > 0;
                assert_true(in_bucket(&o, id) || !safe);
                assert_true(!in_bucket(&o, id) || outbox_find(&o, id)->puts <= 2);
            }
            outbox_rig_free(&o);
        }
    }
}

// And in any call of the file system.
static void power_may_go_in_any_call(void **state) {
    (void)state;
    bool cut = true;
    for (unsigned at = 1; cut; at++) {
        for (unsigned way = 0; way < 6; way++) {
            struct outbox_rig o;
            struct rig_object x[2];
            setup(&o, false);
            o.rig.fs.cut_at = at;
            o.rig.fs.cut_bytes = way % 3 * 99;
            for (size_t i = 0; i < COUNT(x); i++) {
                const char id[] = {(char)('a' + i), '\0'};
                put_ok(&o, &x[i], id);
                run(&o, 50);
            }
            thingpass_outbox_link(&o.outbox, true);
            run(&o, 30 * minute_ms);
            cut = o.rig.fs.dead;
            ramfs_reboot(&o.rig.fs, way < 3 ? RAMFS_NOTHING : RAMFS_ALL);
            o.w->epoch_s += 86400;
            outbox_boot(&o);
            thingpass_outbox_link(&o.outbox, true);
            run(&o, 30 * minute_ms);
            for (size_t i = 0; i < COUNT(x); i++) {
                const char id[] = {(char)('a' + i), '\0'};
                bool safe = outbox_told(&o, THINGPASS_OUTBOX_SPOOLED, id) > 0;
                assert_true(in_bucket(&o, id) || !safe);
            }
            assert_int_equal(ramfs_count(&o.rig.fs), 0);
            outbox_rig_free(&o);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_a_link_it_is_sent_at_once),
        cmocka_unit_test(without_a_link_it_waits_in_the_spool_in_order),
        cmocka_unit_test(what_is_read_once_goes_through_the_spool),
        cmocka_unit_test(a_length_that_is_not_known_can_be_spooled),
        cmocka_unit_test(what_is_read_once_can_be_sent_at_once_and_is_lost_with_the_transfer),
        cmocka_unit_test(what_is_read_once_and_was_not_yet_can_be_spooled),
        cmocka_unit_test(spool_first_means_all),
        cmocka_unit_test(an_attempt_that_fails_leads_into_the_spool_under_the_same_key),
        cmocka_unit_test(without_a_spool_it_is_at_once_or_never),
        cmocka_unit_test(a_photo_while_another_is_sent_is_spooled),
        cmocka_unit_test(what_is_refused_for_good_is_in_nobodys_way),
        cmocka_unit_test(what_s3_refuses_for_good_is_set_aside),
        cmocka_unit_test(passing_failures_keep_the_entry_and_wait_longer),
        cmocka_unit_test(what_fails_by_itself_is_passed_over),
        cmocka_unit_test(a_damaged_entry_is_told_and_set_aside),
        cmocka_unit_test(a_full_spool_refuses_or_drops_as_told),
        cmocka_unit_test(neither_spool_nor_link_take_it_and_that_ends),
        cmocka_unit_test(a_pulled_card_stops_nothing),
        cmocka_unit_test(no_card_at_boot_is_told_once),
        cmocka_unit_test(without_a_clock_the_key_is_noted_before_the_bytes_leave),
        cmocka_unit_test(the_time_of_the_same_boot_is_used_when_it_is_known),
        cmocka_unit_test(somebody_elses_upload_is_left_alone),
        cmocka_unit_test(what_breaks_the_contract_is_not_taken),
        cmocka_unit_test(an_id_is_made_where_there_is_none),
        cmocka_unit_test(power_may_go_at_any_step),
        cmocka_unit_test(power_may_go_in_any_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
