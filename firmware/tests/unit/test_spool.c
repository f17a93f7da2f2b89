// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What is put into a spool comes out of it: whole, in order, within its bounds.

#include "spool_files.h"
#include "spool_rig.h"

static void next_is(struct rig *rig, const char *id) {
    const struct thingpass_object *o = rig_next(rig);
    CHECK(id, o != NULL && strcmp(o->id, id) == 0);
}

static void take(struct rig *rig, const char *id) {
    next_is(rig, id);
    assert_int_equal(thingpass_spool_remove(&rig->spool), THINGPASS_OK);
}

static void what_was_put_comes_out_oldest_first(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 300, 511, 512, 513, 1024, 5000};
    struct rig rig;
    rig_new(&rig);
    assert_int_equal(rig_open(&rig, 1), THINGPASS_OK);
    assert_null(rig_next(&rig));
    char id[8];
    for (size_t i = 0; i < COUNT(sizes); i++) {
        snprintf(id, sizeof id, "id-%zu", i);
        assert_int_equal(rig_put_id(&rig, id, sizes[i]), THINGPASS_OK);
    }
    for (size_t round = 0; round < 2; round++) { // kept, after a reboot and without
        next_is(&rig, "id-0");
        assert_int_equal(thingpass_spool_keep(&rig.spool), THINGPASS_OK);
        next_is(&rig, "id-0");
        assert_int_equal(thingpass_spool_keep(&rig.spool), THINGPASS_OK);
        assert_int_equal(thingpass_spool_waiting(&rig.spool), COUNT(sizes));
        ramfs_reboot(&rig.fs, RAMFS_NOTHING);
        assert_int_equal(rig_open(&rig, 2), THINGPASS_OK);
        assert_int_equal(thingpass_spool_waiting(&rig.spool), COUNT(sizes));
    }
    for (size_t i = 0; i < COUNT(sizes); i++) {
        snprintf(id, sizeof id, "id-%zu", i);
        take(&rig, id);
    }
    assert_null(rig_next(&rig));
    assert_int_equal(ramfs_count(&rig.fs), 0);
    rig_free(&rig);
}

static void every_size_goes_through_every_chunk(void **state) {
    (void)state;
    struct rig rig;
    rig_new(&rig);
    uint8_t chunk[700];
    rig.config.chunk = chunk;
    for (size_t size = 300; size < 1300;
         size += THINGPASS_TESTS_EVERY) { // the commit record at every place
        rig.config.chunk_size = 512 + size % 188;
        assert_int_equal(rig_open(&rig, 1), THINGPASS_OK);
        struct rig_object o;
        rig_object(&o, "a", size);
        o.most = size % 7 == 0 ? 5 : 0;
        o.eagain = size % 5 == 0 ? 3 : 0;
        o.source.rewindable = size % 2 == 0;
        o.source.known_len = size % 3 != 0;
        o.source.size += size % 3 != 0 ? 0 : size % 100;
        assert_int_equal(rig_put(&rig, &o), THINGPASS_OK);
        const struct thingpass_object *got = rig_next(&rig);
        assert_non_null(got);
        assert_int_equal(got->source->size, size);
        assert_int_equal(thingpass_spool_remove(&rig.spool), THINGPASS_OK);
    }
    rig_free(&rig);
}

static const struct thingpass_pair pairs[] = {{"fw", "1.4.2"}, {"rssi", "-61"}};
static const struct thingpass_pair more[] = {{"site", "north gate"}};

static void what_is_known_of_an_object_survives(void **state) {
    (void)state;
    struct rig rig;
    rig_new(&rig);
    struct rig_object o;
    rig_object(&o, "b7Kq-000017", 1000);
    o.object.mode = &thingpass_mode_pass;
    o.object.metadata = pairs;
    o.object.metadata_count = 2;
    o.object.pass_metadata = more;
    o.object.pass_metadata_count = 1;
    o.object.captured_at = 1795424398;
    o.object.suffix = ".jpg";
    assert_int_equal(rig_open(&rig, 1), THINGPASS_OK);
    assert_int_equal(rig_put(&rig, &o), THINGPASS_OK);
    ramfs_reboot(&rig.fs, RAMFS_NOTHING);
    assert_int_equal(rig_open(&rig, 2), THINGPASS_OK);
    const struct thingpass_object *got = rig_next(&rig);
    assert_non_null(got);
    assert_string_equal(got->id, "b7Kq-000017");
    assert_string_equal(got->kind, "photo");
    assert_string_equal(got->source->content_type, "image/jpeg");
    assert_null(got->object_key);
    assert_string_equal(got->suffix, ".jpg");
    assert_int_equal(got->captured_at, 1795424398);
    assert_int_equal(got->metadata_count, 2);
    assert_string_equal(got->metadata[0].name, "fw");
    assert_string_equal(got->metadata[1].value, "-61");
    assert_int_equal(got->pass_metadata_count, 1);
    assert_string_equal(got->pass_metadata[0].value, "north gate");
    assert_true(got->source->rewindable && got->source->known_len);
    thingpass_spool_keep(&rig.spool);
    rig_free(&rig);
}

static void the_source_of_an_entry_can_seek(void **state) {
    (void)state;
    struct rig rig;
    rig_new(&rig);
    assert_int_equal(rig_open(&rig, 1), THINGPASS_OK);
    assert_int_equal(rig_put_id(&rig, "a", 2000), THINGPASS_OK);
    const struct thingpass_object *o = rig_next(&rig);
    const struct thingpass_source *s = o->source;
    for (uint64_t at = 0; at <= 2000; at += 400) {
        uint8_t byte = 0;
        assert_int_equal(s->seek(s->ctx, at), THINGPASS_OK);
        assert_int_equal(s->read(s->ctx, &byte, 1), at < 2000 ? 1 : 0);
        assert_true(at == 2000 || byte == rig_byte("a", (size_t)at));
    }
    assert_int_equal(rig_read(s, "a"), 2000);
    thingpass_spool_keep(&rig.spool);
    rig_free(&rig);
}

// captured_ms is of one boot only; after it the time stays unknown, and the key that
// was granted is noted instead.
static void a_time_on_the_ports_clock_is_of_its_boot_only(void **state) {
    (void)state;
    struct rig rig;
    rig_new(&rig);
    struct rig_object o;
    rig_object(&o, "a", 10);
    o.object.captured_ms = 123456;
    assert_int_equal(rig_open(&rig, 5), THINGPASS_OK);
    assert_int_equal(rig_put(&rig, &o), THINGPASS_OK);
    assert_true(rig_next(&rig)->captured_ms == 123456);
    thingpass_spool_keep(&rig.spool);
    assert_int_equal(rig_open(&rig, 5), THINGPASS_OK);
    assert_true(rig_next(&rig)->captured_ms == 123456);
    thingpass_spool_keep(&rig.spool);
    assert_int_equal(rig_open(&rig, 6), THINGPASS_OK);
    const struct thingpass_object *got = rig_next(&rig);
    assert_true(got->captured_ms == UINT64_MAX && got->captured_at == 0);
    static const char key[] = "cam1/photo/2026/11/23/a.jpg";
    assert_int_equal(thingpass_spool_note(&rig.spool, 0, key), THINGPASS_OK);
    assert_int_equal(thingpass_spool_note(&rig.spool, 0, "another"), THINGPASS_OK);
    assert_int_equal(thingpass_spool_note(&rig.spool, 1795424398, NULL), THINGPASS_OK);
    thingpass_spool_keep(&rig.spool);
    ramfs_reboot(&rig.fs, RAMFS_NOTHING);
    assert_int_equal(rig_open(&rig, 7), THINGPASS_OK);
    got = rig_next(&rig);
    assert_string_equal(got->object_key, key);
    assert_int_equal(got->captured_at, 0);
    assert_int_equal(thingpass_spool_remove(&rig.spool), THINGPASS_OK);
    assert_int_equal(ramfs_count(&rig.fs), 0);
    rig_free(&rig);
}

static void the_time_that_was_asked_for_is_noted(void **state) {
    (void)state;
    struct rig rig;
    rig_new(&rig);
    assert_int_equal(rig_open(&rig, 1), THINGPASS_OK);
    assert_int_equal(thingpass_spool_note(&rig.spool, 1795424398, NULL), THINGPASS_EINVAL);
    assert_int_equal(rig_put_id(&rig, "a", 10), THINGPASS_OK);
    assert_int_equal(rig_put_id(&rig, "b", 10), THINGPASS_OK);
    next_is(&rig, "a");
    assert_int_equal(thingpass_spool_note(&rig.spool, 1795424398, NULL), THINGPASS_OK);
    thingpass_spool_keep(&rig.spool);
    assert_int_equal(rig_next(&rig)->captured_at, 1795424398);
    thingpass_spool_remove(&rig.spool);
    assert_int_equal(rig_next(&rig)->captured_at, 0);
    thingpass_spool_keep(&rig.spool);
    rig_free(&rig);
}

static void what_was_set_aside_is_not_given_again_until_forgiven(void **state) {
    (void)state;
    struct rig rig;
    rig_new(&rig);
    assert_int_equal(rig_open(&rig, 1), THINGPASS_OK);
    for (char id[] = "a"; id[0] < 'e'; id[0]++) {
        assert_int_equal(rig_put_id(&rig, id, 100), THINGPASS_OK);
    }
    next_is(&rig, "a");
    assert_int_equal(thingpass_spool_set_aside(&rig.spool), THINGPASS_OK);
    next_is(&rig, "b");
    assert_int_equal(thingpass_spool_set_aside(&rig.spool), THINGPASS_OK);
    next_is(&rig, "c");
    thingpass_spool_skip(&rig.spool);
    next_is(&rig, "d");
    thingpass_spool_keep(&rig.spool);
    assert_int_equal(thingpass_spool_waiting(&rig.spool), 2);
    thingpass_spool_again(&rig.spool);
    next_is(&rig, "c");
    thingpass_spool_keep(&rig.spool);
    assert_int_equal(rig_open(&rig, 2), THINGPASS_OK);
    assert_int_equal(thingpass_spool_waiting(&rig.spool), 2);
    next_is(&rig, "c");
    thingpass_spool_keep(&rig.spool);
    assert_int_equal(thingpass_spool_forgive(&rig.spool), THINGPASS_OK);
    for (char id[] = "a"; id[0] < 'e'; id[0]++) {
        take(&rig, id);
    }
    assert_int_equal(ramfs_count(&rig.fs), 0);
    rig_free(&rig);
}

static void the_count_is_bounded_by_dropping_the_oldest(void **state) {
    (void)state;
    struct rig rig;
    rig_new(&rig);
    rig.config.max_count = 3;
    rig.config.drop_oldest = true;
    assert_int_equal(rig_open(&rig, 1), THINGPASS_OK);
    for (char id[] = "a"; id[0] < 'd'; id[0]++) {
        assert_int_equal(rig_put_id(&rig, id, 100), THINGPASS_OK);
    }
    next_is(&rig, "a"); // in flight: b goes instead
    assert_int_equal(rig_put_id(&rig, "d", 100), THINGPASS_OK);
    assert_int_equal(rig.spool.dropped, 1);
    assert_int_equal(rig_read(&rig.spool.source, "a"), 100);
    thingpass_spool_remove(&rig.spool);
    next_is(&rig, "c");
    assert_int_equal(thingpass_spool_set_aside(&rig.spool), THINGPASS_OK);
    assert_int_equal(rig_put_id(&rig, "e", 100), THINGPASS_OK);
    assert_int_equal(rig_put_id(&rig, "f", 100), THINGPASS_OK); // c goes
    assert_int_equal(rig.spool.dropped, 2);
    take(&rig, "d");
    take(&rig, "e");
    take(&rig, "f");
    rig_free(&rig);
}

static void a_full_spool_refuses_if_told_so(void **state) {
    (void)state;
    struct rig rig;
    rig_new(&rig);
    rig.config.max_count = 2;
    assert_int_equal(rig_open(&rig, 1), THINGPASS_OK);
    assert_int_equal(rig_put_id(&rig, "a", 100), THINGPASS_OK);
    assert_int_equal(rig_put_id(&rig, "b", 100), THINGPASS_OK);
    assert_int_equal(rig_put_id(&rig, "c", 100), THINGPASS_EFULL);
    next_is(&rig, "a");
    assert_int_equal(thingpass_spool_set_aside(&rig.spool), THINGPASS_OK);
    assert_int_equal(rig_put_id(&rig, "c", 100), THINGPASS_OK); // in its place
    take(&rig, "b");
    take(&rig, "c");
    assert_null(rig_next(&rig));
    rig.config.max_count = 0;
    assert_int_equal(rig_put_id(&rig, "d", 100), THINGPASS_EFULL);
    rig_free(&rig);
}

static void the_bytes_are_bounded(void **state) {
    (void)state;
    struct rig rig;
    rig_new(&rig);
    rig.config.max_bytes = 10000;
    rig.config.drop_oldest = true;
    assert_int_equal(rig_open(&rig, 1), THINGPASS_OK);
    uint64_t most = 0;
    for (unsigned i = 0; i < 60; i++) {
        char id[8];
        snprintf(id, sizeof id, "n%u", i);
        assert_int_equal(rig_put_id(&rig, id, 100 + i * 997 % 5000), THINGPASS_OK);
        uint64_t bytes = 0;
        for (size_t n = 0; n < ramfs_count(&rig.fs); n++) {
            bytes += ramfs_nth(&rig.fs, n)->len;
        }
        assert_true(bytes <= rig.config.max_bytes && bytes <= rig.spool.bytes);
        most = bytes > most ? bytes : most;
    }
    assert_true(most > 8000);
    // What can never fit drops nothing, and what no file can hold is refused.
    struct rig_object huge;
    rig_object(&huge, "huge", 10);
    huge.source.size = THINGPASS_SPOOL_OBJECT_MAX + 1ULL;
    rig.config.max_bytes = UINT64_MAX;
    assert_int_equal(rig_put(&rig, &huge), THINGPASS_EFULL);
    huge.source.size = 1ULL << 40;
    assert_int_equal(rig_put(&rig, &huge), THINGPASS_EFULL);
    rig.config.max_bytes = 10000;
    uint32_t count = rig.spool.count;
    assert_int_equal(rig_put_id(&rig, "big", 10001), THINGPASS_EFULL);
    assert_int_equal(rig.spool.count, count);
    assert_int_equal(ramfs_count(&rig.fs), count);
    rig_free(&rig);
}

static void sizes_are_rounded_up_by_little(void **state) {
    (void)state;
    for (uint32_t size = 32; size < 2147200000; size += size / 977 + 1) {
        uint16_t code = thingpass_spool_code(size);
        assert_true(code < 1024);
        uint64_t up = thingpass_spool_size(code);
        assert_true(up >= size && up - size <= size / 32);
    }
    assert_int_equal(thingpass_spool_code(0), 0);
    assert_int_equal(thingpass_spool_size(thingpass_spool_code(UINT32_MAX)), 1ULL << 32);
    assert_int_equal(thingpass_spool_size(1023), 63ULL << 31);
}

static void names_are_made_and_understood(void **state) {
    (void)state;
    static const char *const others[] = {
        "",
        ".",
        "0000002A.SM",
        "0000002A.SM33",
        "0000002A.QM3",
        "0000002.SM3",
        "0000002AASM3",
        "0000002G.SM3",
        "0000002A.SW3",
        "0000002A.SMW",
        "0000002A.S",
        "DCIM",
        "0000002A",
        "0000002A.",
        "IMG_0001.JPG",
        "0000002a.jpg",
        "-000002A.SM3",
        "0000002A.SM3 ",
        "0000002A.S\xff\x33",
        "System Volume Information",
    };
    char name[THINGPASS_SPOOL_NAME];
    struct thingpass_spool_found found;
    for (size_t i = 0; i < COUNT(others); i++) {
        CHECK(others[i], !thingpass_spool_name_parse(others[i], &found));
    }
    for (uint16_t code = 0; code < 1024; code++) {
        uint32_t number = (uint32_t)code * 4203201U;
        thingpass_spool_name(name, number, code, (enum thingpass_spool_sort)(code % 3));
        assert_true(thingpass_spool_name_parse(name, &found));
        assert_true(found.number == number && found.code == code && found.sorts == 1 << code % 3);
    }
    thingpass_spool_name(name, 0x2a, 707, THINGPASS_SPOOL_ENTRY);
    assert_string_equal(name, "0000002A.SM3");
}

// Numbers go round; and a card that shows its names in lower case is the same card.
static void numbers_wrap_and_case_does_not_matter(void **state) {
    (void)state;
    struct rig rig;
    rig_new(&rig);
    rig.fs.lower = true;
    rig.config.max_count = 4;
    rig.config.drop_oldest = true;
    assert_int_equal(rig_open(&rig, 1), THINGPASS_OK);
    rig.spool.next = 0xfffffffe;
    rig.spool.cursor = 0xfffffffd;
    for (char id[] = "a"; id[0] < 'g'; id[0]++) {
        assert_int_equal(rig_put_id(&rig, id, 100), THINGPASS_OK);
        if (id[0] == 'c') {
            assert_int_equal(rig_open(&rig, 2), THINGPASS_OK);
        }
    }
    assert_int_equal(rig.spool.dropped, 2);
    assert_int_equal(rig_open(&rig, 2), THINGPASS_OK);
    take(&rig, "c");
    take(&rig, "d");
    take(&rig, "e");
    take(&rig, "f");
    rig_free(&rig);
}

static void an_object_that_would_not_come_out_is_not_taken(void **state) {
    (void)state;
    struct rig rig;
    struct rig_object o;
    rig_new(&rig);
    assert_int_equal(rig_open(&rig, 1), THINGPASS_OK);
    rig_object(&o, "a", 10);
    o.object.id = NULL;
    assert_int_equal(rig_put(&rig, &o), THINGPASS_EINVAL);
    o.object.id = "a/b";
    assert_int_equal(rig_put(&rig, &o), THINGPASS_EINVAL);
    o.object.id = o.id;
    o.object.kind = "Photo";
    assert_int_equal(rig_put(&rig, &o), THINGPASS_EINVAL);
    o.object.kind = "photo";
    o.object.source = NULL;
    assert_int_equal(rig_put(&rig, &o), THINGPASS_EINVAL);
    o.object.source = &o.source;
    // As much metadata as fits, with a key to come; and one byte more.
    rig.config.max_count = 300;
    char value[257], other[101];
    const struct thingpass_pair long_pairs[] = {{"a", value}, {"b", other}};
    memset(other, 'o', 100);
    other[100] = '\0';
    o.object.metadata = long_pairs;
    o.object.metadata_count = 2;
    int err = THINGPASS_OK;
    size_t n = 0;
    while (err == THINGPASS_OK && ++n < 257) {
        memset(value, 'v', n);
        value[n] = '\0';
        err = rig_put(&rig, &o);
    }
    assert_int_equal(err, THINGPASS_ESPACE);
    assert_in_range(n, 40, 200);
    assert_int_equal(rig.spool.count, n - 1);
    char key[129];
    memset(key, 'k', 128);
    key[128] = '\0';
    for (size_t i = 1; i < n; i++) {
        assert_non_null(rig_next(&rig));
        assert_int_equal(thingpass_spool_note(&rig.spool, 0, key), THINGPASS_OK);
        thingpass_spool_keep(&rig.spool);
        assert_string_equal(rig_next(&rig)->object_key, key);
        assert_int_equal(strlen(rig.spool.object.metadata[0].value), i);
        thingpass_spool_remove(&rig.spool);
    }
    rig_free(&rig);
}

static void a_source_that_lies_is_not_taken(void **state) {
    (void)state;
    struct rig rig;
    struct rig_object o;
    rig_new(&rig);
    assert_int_equal(rig_open(&rig, 1), THINGPASS_OK);
    for (unsigned known = 0; known < 2; known++) {
        for (size_t real = 990; real < 1011; real++) {
            rig_object(&o, "a", 1000);
            o.real = real;
            o.source.known_len = known != 0;
            int want = real > 1000 || (known && real < 1000) ? THINGPASS_ELENGTH : THINGPASS_OK;
            assert_int_equal(rig_put(&rig, &o), want);
            assert_int_equal(rig.spool.count, want == THINGPASS_OK);
            if (want == THINGPASS_OK) {
                assert_int_equal(rig_next(&rig)->source->size, real);
                thingpass_spool_remove(&rig.spool);
            }
            assert_int_equal(ramfs_count(&rig.fs), 0);
        }
    }
    for (size_t at = 1; at < 1000; at += 37) {
        rig_object(&o, "a", 1000);
        o.fail_at = at;
        o.most = 37;
        assert_int_equal(rig_put(&rig, &o), THINGPASS_ESOURCE);
        assert_int_equal(ramfs_count(&rig.fs), 0);
    }
    rig_object(&o, "a", 1000);
    o.fail_at = 1000; // it has given all that it promised
    assert_int_equal(rig_put(&rig, &o), THINGPASS_OK);
    rig.no_hash = true;
    assert_int_equal(rig_put_id(&rig, "b", 10), THINGPASS_EIO);
    rig_free(&rig);
}

static void one_is_put_and_one_is_given_at_a_time(void **state) {
    (void)state;
    struct rig rig;
    struct rig_object o;
    const struct thingpass_object *got;
    rig_new(&rig);
    assert_int_equal(rig_open(&rig, 1), THINGPASS_OK);
    assert_int_equal(thingpass_spool_put_step(&rig.spool), THINGPASS_EINVAL);
    assert_int_equal(thingpass_spool_remove(&rig.spool), THINGPASS_EINVAL);
    assert_int_equal(rig_put_id(&rig, "a", 600), THINGPASS_OK);
    rig_object(&o, "b", 2000);
    assert_int_equal(thingpass_spool_put_start(&rig.spool, &o.object, 7), THINGPASS_OK);
    assert_int_equal(thingpass_spool_put_start(&rig.spool, &o.object, 7), THINGPASS_EBUSY);
    assert_int_equal(thingpass_spool_put_step(&rig.spool), 1);
    next_is(&rig, "a"); // while b is half there
    assert_int_equal(thingpass_spool_next(&rig.spool, &got), THINGPASS_EBUSY);
    assert_null(got);
    assert_int_equal(thingpass_spool_remove(&rig.spool), THINGPASS_OK);
    assert_null(rig_next(&rig)); // b is not there yet
    thingpass_spool_put_cancel(&rig.spool);
    thingpass_spool_put_cancel(&rig.spool);
    assert_int_equal(ramfs_count(&rig.fs), 0);
    rig_free(&rig);
}

static void open_wants_all_it_needs(void **state) {
    (void)state;
    struct rig rig;
    const struct thingpass_object *o;
    rig_new(&rig);
    struct rig kept = rig;
#define NEEDED(member, err)                                                                        \
    do {                                                                                           \
        rig.member = 0;                                                                            \
        assert_int_equal(rig_open(&rig, 1), err);                                                  \
        rig.member = kept.member;                                                                  \
        assert_int_equal(thingpass_spool_next(&rig.spool, &o), THINGPASS_EMEDIUM);                 \
        assert_int_equal(rig_put_id(&rig, "a", 1), THINGPASS_EMEDIUM);                             \
        assert_int_equal(thingpass_spool_forgive(&rig.spool), THINGPASS_EMEDIUM);                  \
    } while (0)
    NEEDED(config.files, THINGPASS_EINVAL);
    NEEDED(config.sha256, THINGPASS_EINVAL);
    NEEDED(config.chunk, THINGPASS_EINVAL);
    NEEDED(config.buffer, THINGPASS_EINVAL);
    NEEDED(config.chunk_size, THINGPASS_ESPACE);
    NEEDED(config.buffer_size, THINGPASS_ESPACE);
    NEEDED(fs.files.open, THINGPASS_EINVAL);
    NEEDED(fs.files.read, THINGPASS_EINVAL);
    NEEDED(fs.files.write, THINGPASS_EINVAL);
    NEEDED(fs.files.seek, THINGPASS_EINVAL);
    NEEDED(fs.files.size, THINGPASS_EINVAL);
    NEEDED(fs.files.sync, THINGPASS_EINVAL);
    NEEDED(fs.files.close, THINGPASS_EINVAL);
    NEEDED(fs.files.remove, THINGPASS_EINVAL);
    NEEDED(fs.files.list, THINGPASS_EINVAL);
    NEEDED(sha256.init, THINGPASS_EINVAL);
    NEEDED(sha256.update, THINGPASS_EINVAL);
    NEEDED(sha256.final, THINGPASS_EINVAL);
    assert_int_equal(thingpass_spool_open(NULL, &rig.config, 1), THINGPASS_EINVAL);
    assert_int_equal(thingpass_spool_open(&rig.spool, NULL, 1), THINGPASS_EINVAL);
    assert_true(sizeof(struct thingpass_spool) <= 480);
    rig_free(&rig);
}

static void ten_thousand_entries_are_looked_through_once_for_each(void **state) {
    (void)state;
    struct rig rig;
    rig_new(&rig);
    assert_int_equal(rig_open(&rig, 1), THINGPASS_OK);
    rig.config.max_count = 20000;
    rig.config.max_bytes = 1ULL << 40;
    assert_int_equal(rig_put_id(&rig, "a", 100), THINGPASS_OK);
    const struct ramfs_file first = *ramfs_nth(&rig.fs, 0);
    char name[16];
    for (unsigned i = 1; i < 10000; i++) { // all like the first
        snprintf(name, sizeof name, "%08X.%s", i, strchr(first.name, '.') + 1);
        ramfs_put(&rig.fs, name, first.data, first.len);
    }
    rig.fs.all_calls = 0;
    assert_int_equal(rig_open(&rig, 1), THINGPASS_OK);
    assert_int_equal(thingpass_spool_waiting(&rig.spool), 10000);
    assert_in_range(rig.fs.all_calls, 1, 20);
    for (unsigned i = 0; i < 20; i++) {
        rig.fs.all_calls = 0;
        assert_non_null(rig_next(&rig));
        assert_int_equal(thingpass_spool_remove(&rig.spool), THINGPASS_OK);
        assert_int_equal(rig_put_id(&rig, "b", 100), THINGPASS_OK);
        assert_in_range(rig.fs.all_calls, 1, 30);
    }
    rig_free(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_comes_out_oldest_first),
        cmocka_unit_test(every_size_goes_through_every_chunk),
        cmocka_unit_test(what_is_known_of_an_object_survives),
        cmocka_unit_test(the_source_of_an_entry_can_seek),
        cmocka_unit_test(a_time_on_the_ports_clock_is_of_its_boot_only),
        cmocka_unit_test(the_time_that_was_asked_for_is_noted),
        cmocka_unit_test(what_was_set_aside_is_not_given_again_until_forgiven),
        cmocka_unit_test(the_count_is_bounded_by_dropping_the_oldest),
        cmocka_unit_test(a_full_spool_refuses_if_told_so),
        cmocka_unit_test(the_bytes_are_bounded),
        cmocka_unit_test(sizes_are_rounded_up_by_little),
        cmocka_unit_test(names_are_made_and_understood),
        cmocka_unit_test(numbers_wrap_and_case_does_not_matter),
        cmocka_unit_test(an_object_that_would_not_come_out_is_not_taken),
        cmocka_unit_test(a_source_that_lies_is_not_taken),
        cmocka_unit_test(one_is_put_and_one_is_given_at_a_time),
        cmocka_unit_test(open_wants_all_it_needs),
        cmocka_unit_test(ten_thousand_entries_are_looked_through_once_for_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
