// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The power goes: in every call that changes something, at every byte of every
// write, whatever the file system makes of what was not synced. Then what was
// promised must be there, once and whole, and what was removed must not.

#include "spool_files.h"
#include "spool_rig.h"

enum fate {
    NEVER,   // not put yet
    PERHAPS, // it is being put: there or not
    SAFE,    // put has said so
    GOING,   // it is being removed: there or not
    GONE
};

struct promise {
    const char *id;
    size_t len;
    enum fate fate;
    bool noting, noted;  // the key
    bool asiding, aside; // set aside
    bool seen;
};

enum { objects = 5 };

static const char key[] = "cam1/photo/2026/11/23/x.jpg";

struct story {
    struct rig rig;
    struct promise promises[objects];
};

static void begin(struct story *s) {
    static const struct promise promises[objects] = {{.id = "a", .len = 600},
                                                     {.id = "b", .len = 415},
                                                     {.id = "c", .len = 10},
                                                     {.id = "d", .len = 700},
                                                     {.id = "e", .len = 0}};
    memcpy(s->promises, promises, sizeof promises);
    ramfs_free(&s->rig.fs);
    ramfs_new(&s->rig.fs);
    s->rig.config.files = &s->rig.fs.files;
}

static bool put(struct story *s, size_t i) {
    struct promise *p = &s->promises[i];
    struct rig_object o;
    rig_object(&o, p->id, p->len);
    o.source.known_len = i != 1; // b is read once, and its length not known
    o.source.rewindable = i != 1;
    o.source.size += i == 1 ? 100 : 0;
    p->fate = PERHAPS;
    if (rig_put(&s->rig, &o) < 0) {
        return false;
    }
    p->fate = SAFE;
    return true;
}

static bool next(struct story *s, size_t i) {
    const struct thingpass_object *o;
    int err = thingpass_spool_next(&s->rig.spool, &o);
    CHECK(s->promises[i].id, err < 0 || strcmp(o->id, s->promises[i].id) == 0);
    return err == THINGPASS_OK;
}

static bool note(struct story *s, size_t i) {
    struct promise *p = &s->promises[i];
    p->noting = true;
    p->noted = thingpass_spool_note(&s->rig.spool, 0, key) == THINGPASS_OK;
    return p->noted;
}

static bool drop(struct story *s, size_t i) {
    struct promise *p = &s->promises[i];
    p->fate = GOING;
    if (thingpass_spool_remove(&s->rig.spool) < 0) {
        return false;
    }
    p->fate = GONE;
    return true;
}

static bool aside(struct story *s, size_t i) {
    struct promise *p = &s->promises[i];
    p->asiding = true;
    p->aside = thingpass_spool_set_aside(&s->rig.spool) == THINGPASS_OK;
    return p->aside;
}

// Everything that changes files, each at least once. False: the power went.
static bool live(struct story *s) {
    if (rig_open(&s->rig, 1) < 0 || !put(s, 0) || !put(s, 1) || !next(s, 0) || !note(s, 0) ||
        !drop(s, 0) || !put(s, 2) || !next(s, 1) || !note(s, 1)) {
        return false;
    }
    thingpass_spool_keep(&s->rig.spool);
    if (!next(s, 1) || !aside(s, 1) || !put(s, 3)) {
        return false;
    }
    s->promises[1].fate = GOING; // max_count is 3
    if (!put(s, 4)) {
        return false;
    }
    s->promises[1].fate = GONE;
    return next(s, 2) && note(s, 2) && drop(s, 2);
}

static size_t index_of(const struct story *s, const char *id) {
    for (size_t i = 0; i < objects; i++) {
        if (strcmp(s->promises[i].id, id) == 0) {
            return i;
        }
    }
    fail_msg("nobody has put %s", id);
    return 0;
}

// An entry came out: is that what was promised?
static void judge(struct story *s, const struct thingpass_object *o) {
    struct promise *p = &s->promises[index_of(s, o->id)];
    uint8_t sum[32];
    int n = rig_read(o->source, o->id);
    CHECK(o->id, p->fate != NEVER && p->fate != GONE);
    CHECK(o->id, !p->seen && !p->aside);
    CHECK(o->id, !p->noted || (o->object_key != NULL && strcmp(o->object_key, key) == 0));
    CHECK(o->id, o->object_key == NULL || (p->noting && strcmp(o->object_key, key) == 0));
    if (n == THINGPASS_EDAMAGED) {
        CHECK(o->id, p->fate == PERHAPS);
        return;
    }
    CHECK(o->id, n == (int)p->len);
    rig_sum(o->id, p->len, sum);
    assert_memory_equal(o->sha256, sum, 32);
    p->seen = true;
}

// Sends everything. False: the power went again.
static bool drain(struct story *s) {
    const struct thingpass_object *o;
    if (rig_open(&s->rig, 2) < 0) {
        return false;
    }
    for (;;) {
        int err = thingpass_spool_next(&s->rig.spool, &o);
        if (err == THINGPASS_EDAMAGED) {
            continue; // never sent, never in the way
        }
        if (err < 0) {
            return err == THINGPASS_ENOENT;
        }
        judge(s, o);
        size_t i = index_of(s, o->id);
        if (!s->promises[i].seen) {
            assert_int_equal(thingpass_spool_keep(&s->rig.spool), THINGPASS_EDAMAGED);
        } else if (!drop(s, i)) {
            s->promises[i].seen = false;
            return false;
        }
    }
}

static void all_is_well(struct story *s) {
    for (size_t i = 0; i < objects; i++) {
        const struct promise *p = &s->promises[i];
        CHECK(p->id, p->fate != SAFE || p->asiding);
    }
    // And the next photo still works.
    assert_int_equal(rig_put_id(&s->rig, "next", 100), THINGPASS_OK);
    assert_string_equal(rig_next(&s->rig)->id, "next");
    assert_int_equal(thingpass_spool_remove(&s->rig.spool), THINGPASS_OK);
    assert_null(rig_next(&s->rig));
    assert_int_equal(thingpass_spool_waiting(&s->rig.spool), 0);
}

// Lives until the power goes in a call. Returns how many ways there are to cut it; 0
// when there is no such call.
static size_t live_until(struct story *s, unsigned cut_at, size_t cut_bytes) {
    begin(s);
    s->rig.fs.cut_at = cut_at;
    s->rig.fs.cut_bytes = cut_bytes;
    bool whole = live(s);
    assert_int_equal(whole, !s->rig.fs.dead);
    return whole ? 0 : s->rig.fs.cut_len;
}

static void story_new(struct story *s) {
    rig_new(&s->rig);
    s->rig.config.max_count = 3;
}

static void nothing_is_lost_doubled_or_halved_by_a_power_cut(void **state) {
    (void)state;
    struct story s;
    unsigned calls = 0, cuts = 0;
    story_new(&s);
    for (size_t ways = 1; ways != 0;) {
        calls++;
        for (size_t bytes = 0; bytes <= ways; bytes += THINGPASS_TESTS_EVERY) {
            for (int rest = 0; rest < RAMFS_RESTS; rest++) {
                ways = live_until(&s, calls, bytes);
                if (ways == 0) {
                    break;
                }
                ramfs_reboot(&s.rig.fs, (enum ramfs_rest)rest);
                assert_true(drain(&s));
                all_is_well(&s);
                cuts++;
            }
        }
    }
    assert_in_range(calls, 30, 100);
    assert_in_range(cuts, 10000 / THINGPASS_TESTS_EVERY, 1000000);
    rig_free(&s.rig);
}

static void nor_by_a_second_one_while_it_recovers(void **state) {
    (void)state;
    static const enum ramfs_rest rests[] = {RAMFS_NOTHING, RAMFS_ALL, RAMFS_HALF, RAMFS_GARBAGE};
    struct story s;
    story_new(&s);
    for (unsigned first = 1; live_until(&s, first, 0) != 0; first += THINGPASS_TESTS_EVERY) {
        for (size_t way = 0; way < 3 * COUNT(rests); way++) {
            for (unsigned second = 1;; second++) {
                assert_true(live_until(&s, first, way % 3 * 30) != 0);
                ramfs_reboot(&s.rig.fs, rests[way / 3]);
                s.rig.fs.cut_at = second;
                s.rig.fs.cut_bytes = second % 2;
                bool whole = drain(&s);
                ramfs_reboot(&s.rig.fs, rests[(way + second) % COUNT(rests)]);
                assert_true(drain(&s));
                all_is_well(&s);
                if (whole) {
                    break;
                }
            }
        }
    }
    rig_free(&s.rig);
}

// What was half put leaves nothing behind, whatever came of the last bytes.
static void what_was_half_put_is_cleaned_up_at_open(void **state) {
    (void)state;
    struct story s;
    story_new(&s);
    for (unsigned call = 2; call <= 4; call++) { // two writes, then the sync
        size_t ways = 1;
        for (size_t bytes = 0; bytes < ways; bytes += THINGPASS_TESTS_EVERY) {
            begin(&s);
            assert_int_equal(rig_open(&s.rig, 1), THINGPASS_OK);
            s.rig.fs.cut_at = call;
            s.rig.fs.cut_bytes = bytes;
            assert_false(put(&s, 0));
            ways = s.rig.fs.cut_len;
            ramfs_reboot(&s.rig.fs, RAMFS_ALL);
            assert_int_equal(ramfs_count(&s.rig.fs), 1);
            assert_int_equal(rig_open(&s.rig, 2), THINGPASS_OK);
            assert_int_equal(ramfs_count(&s.rig.fs), call == 4);
            assert_int_equal(thingpass_spool_waiting(&s.rig.spool), call == 4);
        }
    }
    rig_free(&s.rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_doubled_or_halved_by_a_power_cut),
        cmocka_unit_test(nor_by_a_second_one_while_it_recovers),
        cmocka_unit_test(what_was_half_put_is_cleaned_up_at_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
