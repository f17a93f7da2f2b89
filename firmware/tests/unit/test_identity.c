// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What is kept of an identity: through damage, through trouble with the medium, and
// through power cuts in every call and at every byte of every write.

#include "identity_slots.h"
#include "provision_rig.h"

static struct provision_rig rig;

static int begin(void **state) {
    *state = &rig;
    rig_begin(&rig);
    return 0;
}

static int end(void **state) {
    rig_end(*state);
    return 0;
}

static void provision(struct provision_rig *r, struct thingpass_identity *identity) {
    assert_int_equal(rig_provision(r), THINGPASS_OK);
    assert_int_equal(rig_load(r, identity), THINGPASS_OK);
}

static void prove(struct provision_rig *r, struct thingpass_identity *identity) {
    assert_int_equal(thingpass_identity_prove(&r->keeper, identity), THINGPASS_OK);
    assert_int_equal(rig_load(r, identity), THINGPASS_OK);
    assert_true(identity->proven);
}

static void a_proof_removes_the_identity_before_it(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity one, two;
    provision(r, &one);
    prove(r, &one);
    assert_int_equal(ramfs_count(&r->fs), 4);
    provision(r, &two);
    assert_int_equal(two.number, 2);
    assert_int_equal(two.slot, 1);
    assert_int_equal(r->keys, 2);
    assert_int_equal(ramfs_count(&r->fs), 7);
    prove(r, &two);
    assert_int_equal(ramfs_count(&r->fs), 4);
    unsigned calls = r->fs.calls;
    prove(r, &two); // again
    assert_int_equal(r->fs.calls, calls);
}

static void what_is_forgotten_gives_way_to_the_one_before_it(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity one, two, now;
    provision(r, &one);
    prove(r, &one);
    provision(r, &two);
    assert_int_equal(thingpass_identity_forget(&r->keeper, &two), THINGPASS_OK);
    assert_int_equal(rig_load(r, &now), THINGPASS_OK);
    assert_string_equal(now.certificate_id, one.certificate_id);
    assert_int_equal(thingpass_identity_forget(&r->keeper, &now), THINGPASS_OK);
    assert_int_equal(rig_load(r, &now), THINGPASS_ENOENT);
    assert_int_equal(ramfs_count(&r->fs), 0);
}

// Where the newest does not work, another one takes its place, not that of the one that
// does.
static void what_is_proven_is_not_written_over(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity one, two;
    provision(r, &one);
    prove(r, &one);
    for (unsigned i = 2; i < 5; i++) {
        provision(r, &two);
        assert_int_equal(two.number, i);
        assert_int_equal(two.slot, 1);
        assert_int_equal(r->keys, i);
    }
    assert_int_equal(thingpass_identity_forget(&r->keeper, &two), THINGPASS_OK);
    assert_int_equal(rig_load(r, &two), THINGPASS_OK);
    assert_string_equal(two.certificate_id, one.certificate_id);
}

static void the_newer_of_two_counts(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity one, two;
    provision(r, &one);
    provision(r, &two);
    assert_int_equal(two.slot, 1);
    provision(r, &one);
    assert_int_equal(one.slot, 0);
    assert_int_equal(one.number, 3);
}

static void a_damaged_identity_does_not_count(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity one, two, now;
    static const char *const names[] = {"CRTSLOT1.PEM", "RECSLOT1.TXT"};
    for (size_t i = 0; i < COUNT(names); i++) {
        for (size_t at = 0;; at += THINGPASS_TESTS_EVERY) {
            rig_end(r);
            rig_begin(r);
            provision(r, &one);
            provision(r, &two);
            struct ramfs_file *f = ramfs_find(&r->fs, names[i]);
            if (at >= f->len) {
                break;
            }
            f->data[at] ^= 1;
            assert_int_equal(rig_load(r, &now), THINGPASS_OK);
            assert_string_equal(now.certificate_id, one.certificate_id);
            f->data[at] ^= 1;
            f->len = at;
            assert_int_equal(rig_load(r, &now), THINGPASS_OK);
            assert_string_equal(now.certificate_id, one.certificate_id);
        }
    }
    struct ramfs_file *f = ramfs_find(&r->fs, "KEYSLOT1.PEM");
    f->there = false;
    assert_int_equal(rig_load(r, &now), THINGPASS_OK);
    assert_string_equal(now.certificate_id, one.certificate_id);
}

// A record with a good CRC-32, and something else in it than ever was written.
static void a_strange_record_does_not_count(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity now;
    struct thingpass_identity_record record = {1, 3, 0x352441c2, "cam-7", "0a"};
    char long_text[200];
    memset(long_text, 'a', sizeof long_text);
    assert_int_equal(r->keeper.write(r, 0, THINGPASS_IDENTITY_CERT, "abc", 3), THINGPASS_OK);
    ramfs_put(&r->fs, "KEYSLOT0.PEM", "k", 1);
    assert_int_equal(thingpass_identity_commit(&r->keeper, 0, &record), THINGPASS_OK);
    char cert[10];
    assert_int_equal(thingpass_identity_load(&r->keeper, &now, cert, sizeof cert), THINGPASS_OK);
    const char *things[] = {"", "a/b", "a\",\"thing\":\"b", long_text};
    long_text[129] = '\0';
    for (size_t i = 0; i < COUNT(things) + 3; i++) {
        struct thingpass_identity_record bad = record;
        bad.thing = i < COUNT(things) ? things[i] : bad.thing;
        bad.number = i == COUNT(things) ? 0 : 1;
        bad.cert_len += i == COUNT(things) + 1;
        bad.certificate_id = i == COUNT(things) + 2 ? "a b" : bad.certificate_id;
        assert_int_equal(thingpass_identity_commit(&r->keeper, 0, &bad), THINGPASS_OK);
        assert_int_equal(thingpass_identity_load(&r->keeper, &now, cert, sizeof cert),
                         THINGPASS_ENOENT);
    }
    long_text[129] = 'a';
    long_text[199] = '\0';
    record.certificate_id = long_text;
    assert_int_equal(thingpass_identity_commit(&r->keeper, 0, &record), THINGPASS_OK);
    record.thing = long_text;
    assert_int_equal(thingpass_identity_commit(&r->keeper, 0, &record), THINGPASS_ESPACE);
}

// No medium is no reason for a new identity.
static void a_medium_in_trouble_is_not_taken_for_an_empty_one(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity one;
    r->fs.error = THINGPASS_EMEDIUM;
    r->fs.fail_at = 1;
    assert_int_equal(rig_load(r, &one), THINGPASS_EMEDIUM);
    assert_int_equal(rig_provision(r), THINGPASS_EMEDIUM);
    r->fs.fail_at = 0;
    provision(r, &one);
    for (unsigned at = 1;; at++) {
        r->fs.error = THINGPASS_EIO;
        r->fs.fail_at = r->fs.all_calls + at;
        r->fs.fail_once = true;
        char cert[2000];
        int err = thingpass_identity_load(&r->keeper, &one, cert, sizeof cert);
        bool failed = r->fs.all_calls >= r->fs.fail_at;
        r->fs.fail_at = 0;
        assert_true(err == THINGPASS_OK || err == THINGPASS_EIO);
        if (!failed) {
            break;
        }
    }
}

static void a_proof_that_fails_may_be_given_again(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity one, two;
    for (unsigned at = 1;; at++) {
        rig_end(r);
        rig_begin(r);
        provision(r, &one);
        prove(r, &one);
        provision(r, &two);
        r->fs.error = THINGPASS_EIO;
        r->fs.fail_at = r->fs.all_calls + at;
        r->fs.fail_once = true;
        int err = thingpass_identity_prove(&r->keeper, &two);
        bool failed = r->fs.all_calls >= r->fs.fail_at;
        r->fs.fail_at = 0;
        assert_int_equal(two.proven, err == THINGPASS_OK);
        prove(r, &two);
        assert_int_equal(ramfs_count(&r->fs), 4);
        if (!failed) {
            break;
        }
    }
}

// ── Power cuts ──────────────────────────────────────────────────────────────

// What a thing does at its boot: with an identity it connects and proves it, without one
// it provisions. Returns false if the power went, or it has no identity yet.
static bool boot(struct provision_rig *r, struct thingpass_identity *identity) {
    int err = rig_load(r, identity);
    if (r->fs.dead || (err != THINGPASS_OK && err != THINGPASS_ENOENT)) {
        return false;
    }
    if (err == THINGPASS_ENOENT &&
        (rig_provision(r) != THINGPASS_OK || r->fs.dead || rig_load(r, identity) != THINGPASS_OK)) {
        return false;
    }
    return thingpass_identity_prove(&r->keeper, identity) == THINGPASS_OK;
}

// Its life: it gets an identity, and later another, which it proves.
static bool live(struct provision_rig *r) {
    struct thingpass_identity identity;
    return boot(r, &identity) && rig_provision(r) == THINGPASS_OK && boot(r, &identity);
}

static size_t live_until(struct provision_rig *r, unsigned cut_at, size_t cut_bytes) {
    rig_end(r);
    rig_begin(r);
    r->check_pair = true;
    r->fs.cut_at = cut_at;
    r->fs.cut_bytes = cut_bytes;
    bool whole = live(r);
    assert_int_equal(whole, !r->fs.dead);
    return whole ? 0 : r->fs.cut_len;
}

// Whatever was left: the thing has an identity or may get one, and nothing lies about.
static void all_is_well(struct provision_rig *r) {
    struct thingpass_identity identity;
    assert_true(boot(r, &identity));
    assert_true(identity.proven);
    assert_int_equal(rig_load(r, &identity), THINGPASS_OK);
    assert_int_equal(rig_provision(r), THINGPASS_OK); // and it still works
    assert_true(boot(r, &identity));
    assert_int_equal(ramfs_count(&r->fs), 4);
    assert_string_equal(identity.certificate_id, r->certificates[r->issued - 1].id);
}

// Once an identity was proven, there is always one.
static void nothing_is_lost(struct provision_rig *r, bool had_one) {
    struct thingpass_identity identity;
    int err = rig_load(r, &identity);
    assert_true(err == THINGPASS_OK || (err == THINGPASS_ENOENT && !had_one));
}

static void no_power_cut_leaves_a_thing_without_an_identity(void **state) {
    struct provision_rig *r = *state;
    unsigned calls = 0, cuts = 0, proven_at = 0;
    rig_end(r);
    rig_begin(r);
    struct thingpass_identity identity;
    assert_true(boot(r, &identity));
    proven_at = r->fs.calls; // the calls up to the first proof
    for (size_t ways = 1; ways != 0;) {
        calls++;
        for (size_t bytes = 0; bytes <= ways; bytes += THINGPASS_TESTS_EVERY) {
            for (int rest = 0; rest < RAMFS_RESTS; rest++) {
                ways = live_until(r, calls, bytes);
                if (ways == 0) {
                    break;
                }
                ramfs_reboot(&r->fs, (enum ramfs_rest)rest);
                nothing_is_lost(r, calls > proven_at);
                all_is_well(r);
                cuts++;
            }
        }
    }
    assert_in_range(calls, 25, 100);
    assert_in_range(cuts, 5000 / THINGPASS_TESTS_EVERY, 1000000);
}

static void nor_does_a_second_one(void **state) {
    struct provision_rig *r = *state;
    static const enum ramfs_rest rests[] = {RAMFS_NOTHING, RAMFS_ALL, RAMFS_HALF, RAMFS_GARBAGE};
    struct thingpass_identity identity;
    for (unsigned first = 1; live_until(r, first, 0) != 0; first += THINGPASS_TESTS_EVERY) {
        for (size_t way = 0; way < 3 * COUNT(rests); way++) {
            for (unsigned second = 1;; second++) {
                assert_true(live_until(r, first, way % 3 * 30) != 0);
                ramfs_reboot(&r->fs, rests[way / 3]);
                r->fs.cut_at = second;
                r->fs.cut_bytes = second % 2;
                bool whole = boot(r, &identity);
                ramfs_reboot(&r->fs, rests[(way + second) % COUNT(rests)]);
                all_is_well(r);
                if (whole) {
                    break;
                }
            }
        }
    }
}

// A server that gives a name once, and a thing that knows its name beforehand: it
// provisions again only where the server does not let it in.
static bool boot_named(struct provision_rig *r, struct thingpass_identity *identity) {
    int err = rig_load(r, identity);
    if (err == THINGPASS_OK && !rig_certificate_of(r, identity)->active) {
        err = thingpass_identity_forget(&r->keeper, identity);
        err = err < 0 ? err : THINGPASS_ENOENT;
    }
    if (r->fs.dead || (err != THINGPASS_OK && err != THINGPASS_ENOENT)) {
        return false;
    }
    if (err == THINGPASS_ENOENT &&
        (rig_provision(r) != THINGPASS_OK || r->fs.dead || rig_load(r, identity) != THINGPASS_OK)) {
        return false;
    }
    return thingpass_identity_prove(&r->keeper, identity) == THINGPASS_OK;
}

static void a_name_that_is_given_once_is_not_lost_either(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity identity;
    unsigned calls = 0;
    for (size_t ways = 1; ways != 0;) {
        calls++;
        for (size_t bytes = 0; bytes <= ways; bytes += THINGPASS_TESTS_EVERY) {
            for (int rest = 0; rest < RAMFS_RESTS; rest++) {
                rig_end(r);
                rig_begin(r);
                r->once = r->check_pair = true;
                r->lose_registered = bytes % 2 != 0;
                r->config.thing = "cam-7";
                r->fs.cut_at = calls;
                r->fs.cut_bytes = bytes;
                ways = boot_named(r, &identity) ? 0 : r->fs.cut_len;
                if (ways == 0) {
                    break;
                }
                ramfs_reboot(&r->fs, (enum ramfs_rest)rest);
                assert_true(boot_named(r, &identity));
                assert_true(identity.proven && rig_certificate_of(r, &identity)->active);
                assert_int_equal(r->registered, 1);
            }
        }
    }
    assert_in_range(calls, 10, 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_proof_removes_the_identity_before_it),
        TEST(what_is_forgotten_gives_way_to_the_one_before_it),
        TEST(what_is_proven_is_not_written_over),
        TEST(the_newer_of_two_counts),
        TEST(a_damaged_identity_does_not_count),
        TEST(a_strange_record_does_not_count),
        TEST(a_medium_in_trouble_is_not_taken_for_an_empty_one),
        TEST(a_proof_that_fails_may_be_given_again),
        TEST(no_power_cut_leaves_a_thing_without_an_identity),
        TEST(nor_does_a_second_one),
        TEST(a_name_that_is_given_once_is_not_lost_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
