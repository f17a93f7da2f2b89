// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// An update into a flash that is as unforgiving as the real one, and loses power.

#include "check.h"
#include "thingpass/error.h"
#include "update.h"

enum { PARTITION = 0x110000, SECTORS = 40, SIZE = SECTORS * THINGPASS_SECTOR };

struct flash {
    struct thingpass_update_flash port;
    uint8_t bytes[SIZE];
    int operations; // until the power goes; < 0: never
    unsigned erases;
};

static struct flash flash;
static uint8_t image[SIZE];

static bool power(struct flash *f) {
    return f->operations < 0 || f->operations-- > 0;
}

static int erase(void *ctx, uint32_t offset, uint32_t len) {
    struct flash *f = ctx;
    assert_int_equal(offset % THINGPASS_SECTOR, 0);
    assert_int_equal(len, THINGPASS_SECTOR);
    assert_true(offset + len <= SIZE);
    bool on = power(f);
    memset(f->bytes + offset, 0xFF, on ? len : len / 2);
    f->erases++;
    return on ? THINGPASS_OK : THINGPASS_EIO;
}

static int write(void *ctx, uint32_t offset, const void *data, uint32_t len) {
    struct flash *f = ctx;
    assert_int_equal(offset % THINGPASS_WRITE_UNIT, 0);
    assert_int_equal(len % THINGPASS_WRITE_UNIT, 0);
    assert_true(len > 0 && offset + len <= SIZE);
    bool on = power(f);
    for (uint32_t i = 0; i < (on ? len : len / 2); i++) {
        assert_int_equal(f->bytes[offset + i], 0xFF); // erased, and not written since
        f->bytes[offset + i] = ((const uint8_t *)data)[i];
    }
    return on ? THINGPASS_OK : THINGPASS_EIO;
}

static void fresh_flash(void) {
    memset(&flash, 0, sizeof flash);
    flash.port = (struct thingpass_update_flash){&flash, SIZE, erase, write};
    flash.operations = -1;
    for (size_t i = 0; i < SIZE; i++) {
        image[i] = (uint8_t)(i * 7 + i / 251 + 1);
    }
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    struct thingpass_update u;
    fresh_flash();
    assert_int_equal(thingpass_update_begin(&u, &flash.port, SIZE + 1, 0), THINGPASS_ESPACE);
    assert_int_equal(thingpass_update_begin(&u, &flash.port, UINT32_MAX, 0), THINGPASS_ESPACE);
    assert_int_equal(thingpass_update_begin(&u, &flash.port, 8192, 100), THINGPASS_EINVAL);
    assert_int_equal(thingpass_update_begin(&u, &flash.port, 8192, 8192), THINGPASS_EINVAL);
    assert_int_equal(thingpass_update_begin(&u, &flash.port, 100, 0), THINGPASS_OK);
    assert_int_equal(thingpass_update_write(&u, image, 101), THINGPASS_ESPACE);
    assert_int_equal(thingpass_update_write(&u, image, 99), THINGPASS_OK);
    assert_int_equal(thingpass_update_write(&u, image, 2), THINGPASS_ESPACE);
    assert_int_equal(thingpass_update_end(&u), THINGPASS_EINVAL); // a byte is missing
    assert_int_equal(thingpass_update_write(&u, image + 99, 1), THINGPASS_OK);
    assert_int_equal(thingpass_update_end(&u), THINGPASS_OK);
}

static void the_image_lies_in_flash_in_whatever_pieces_it_came(void **state) {
    (void)state;
    const uint32_t sizes[] = {1, 15, 16, 17, 4095, 4096, 4097, 3 * 4096, 10007, SIZE};
    const size_t pieces[] = {1, 15, 16, 17, 1000, 4096, 5000, SIZE};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (size_t j = 0; j < COUNT(pieces); j++) {
            struct thingpass_update u;
            fresh_flash();
            assert_int_equal(thingpass_update_begin(&u, &flash.port, sizes[i], 0), THINGPASS_OK);
            for (uint32_t at = 0; at < sizes[i];) {
                size_t n = pieces[j] < sizes[i] - at ? pieces[j] : sizes[i] - at;
                assert_int_equal(thingpass_update_write(&u, image + at, n), THINGPASS_OK);
                at += (uint32_t)n;
            }
            assert_int_equal(thingpass_update_end(&u), THINGPASS_OK);
            assert_memory_equal(flash.bytes, image, sizes[i]);
            assert_int_equal(flash.erases, (sizes[i] + THINGPASS_SECTOR - 1) / THINGPASS_SECTOR);
            for (uint32_t k = sizes[i]; k % THINGPASS_SECTOR != 0; k++) {
                assert_int_equal(flash.bytes[k], 0xFF);
            }
        }
    }
}

// Writes on, noting as ota.c does. Returns what the write said.
static int go_on(struct thingpass_update_note *kept, size_t *kept_len, uint32_t size) {
    struct thingpass_update u;
    uint32_t at = thingpass_update_resume_at(kept, *kept_len, PARTITION, SIZE);
    struct thingpass_update_note note;
    int rc = thingpass_update_begin(&u, &flash.port, size, at);
    assert_int_equal(rc, THINGPASS_OK);
    assert_true(thingpass_update_note_make(&note, PARTITION, "\"etag\"", size, at));
    while (rc == THINGPASS_OK && u.at < size) {
        size_t n = 1460 < size - u.at ? 1460 : size - u.at;
        rc = thingpass_update_write(&u, image + u.at, n);
        uint32_t done = rc == THINGPASS_OK ? thingpass_update_note_due(&u) : 0;
        if (done != 0) {
            assert_memory_equal(flash.bytes, image, done); // a note never promises too much
            note.done = done;
            u.noted = done;
            *kept = note;
            *kept_len = sizeof note;
        }
    }
    return rc == THINGPASS_OK ? thingpass_update_end(&u) : rc;
}

static void an_update_survives_a_power_cut_at_any_operation(void **state) {
    (void)state;
    const uint32_t size = SIZE - 777;
    for (int cut = 0; cut < 400; cut++) {
        struct thingpass_update_note kept = {0};
        size_t kept_len = 0;
        fresh_flash();
        flash.operations = cut;
        int rc = go_on(&kept, &kept_len, size);
        if (rc == THINGPASS_OK) {
            assert_true(cut > 2 * (int)SECTORS); // every operation was cut once
            return;
        }
        flash.operations = cut / 2; // and once more
        if (go_on(&kept, &kept_len, size) != THINGPASS_OK) {
            flash.operations = -1;
            assert_int_equal(go_on(&kept, &kept_len, size), THINGPASS_OK);
        }
        assert_memory_equal(flash.bytes, image, size);
    }
    fail_msg("it never came to its end");
}

static void a_resumed_update_keeps_what_is_there(void **state) {
    (void)state;
    struct thingpass_update_note kept = {0};
    size_t kept_len = 0;
    fresh_flash();
    flash.operations = 200;
    assert_int_not_equal(go_on(&kept, &kept_len, SIZE), THINGPASS_OK);
    assert_int_equal(kept_len, sizeof kept);
    uint32_t done = kept.done;
    assert_true(done >= THINGPASS_NOTE_EVERY);
    flash.erases = 0;
    flash.operations = -1;
    assert_int_equal(go_on(&kept, &kept_len, SIZE), THINGPASS_OK);
    assert_int_equal(flash.erases, (SIZE - done) / THINGPASS_SECTOR);
}

static void a_note_of_something_else_is_not_believed(void **state) {
    (void)state;
    struct thingpass_update_note good;
    assert_true(thingpass_update_note_make(&good, PARTITION, "v1", 100000, 8192));
    assert_int_equal(thingpass_update_resume_at(&good, sizeof good, PARTITION, SIZE), 8192);
    assert_int_equal(thingpass_update_resume_at(&good, 0, PARTITION, SIZE), 0);
    assert_int_equal(thingpass_update_resume_at(&good, sizeof good - 1, PARTITION, SIZE), 0);
    assert_int_equal(thingpass_update_resume_at(&good, sizeof good + 1, PARTITION, SIZE), 0);
    assert_int_equal(thingpass_update_resume_at(&good, sizeof good, PARTITION + 1, SIZE), 0);
    assert_int_equal(thingpass_update_resume_at(&good, sizeof good, PARTITION, 99999), 0);
    struct thingpass_update_note n = good;
    n.format++;
    assert_int_equal(thingpass_update_resume_at(&n, sizeof n, PARTITION, SIZE), 0);
    n = good;
    n.done = 8191;
    assert_int_equal(thingpass_update_resume_at(&n, sizeof n, PARTITION, SIZE), 0);
    n = good;
    n.done = 102400; // beyond the image
    assert_int_equal(thingpass_update_resume_at(&n, sizeof n, PARTITION, SIZE), 0);
    n = good;
    n.version[0] = '\0';
    assert_int_equal(thingpass_update_resume_at(&n, sizeof n, PARTITION, SIZE), 0);
    memset(n.version, 'x', sizeof n.version); // without an end
    assert_int_equal(thingpass_update_resume_at(&n, sizeof n, PARTITION, SIZE), 0);
}

static void a_version_that_is_too_long_is_not_noted(void **state) {
    (void)state;
    char version[THINGPASS_UPDATE_VERSION_MAX + 2];
    struct thingpass_update_note note;
    memset(version, 'v', sizeof version - 1);
    version[sizeof version - 1] = '\0';
    assert_false(thingpass_update_note_make(&note, PARTITION, version, 1, 0));
    assert_false(thingpass_update_note_make(&note, PARTITION, "", 1, 0));
    version[THINGPASS_UPDATE_VERSION_MAX] = '\0';
    assert_true(thingpass_update_note_make(&note, PARTITION, version, 1, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(the_image_lies_in_flash_in_whatever_pieces_it_came),
        cmocka_unit_test(an_update_survives_a_power_cut_at_any_operation),
        cmocka_unit_test(a_resumed_update_keeps_what_is_there),
        cmocka_unit_test(a_note_of_something_else_is_not_believed),
        cmocka_unit_test(a_version_that_is_too_long_is_not_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
