// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "check.h"
#include "guard.h"
#include "jpeg_bytes.h"
#include "thingpass/sources.h"

enum { SIZE = 1000 };

static uint8_t bytes[SIZE];
static int released;

static void release(void *ctx) {
    int *times = ctx;
    ++*times;
}

static int setup(void **state) {
    (void)state;
    for (size_t i = 0; i < SIZE; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    }
    released = 0;
    return 0;
}

// Reads all that is left, cap bytes at a time, each into memory that ends there.
static size_t read_all(struct thingpass_source *s, uint8_t *into, size_t cap) {
    size_t got = 0;
    for (;;) {
        uint8_t *buf = guard_alloc(cap);
        int n = s->read(s->ctx, buf, cap);
        assert_in_range(n, 0, cap);
        memcpy(into + got, buf, (size_t)n);
        guard_free(buf, cap);
        if (n == 0) {
            return got;
        }
        got += (size_t)n;
        assert_true(got <= SIZE);
    }
}

static void memory_can_be_read_and_read_again(void **state) {
    (void)state;
    static const size_t caps[] = {1, 3, 255, 999, 1000, 1001, 4096};
    uint8_t *copy = guard_copy(bytes, SIZE);
    struct thingpass_memory memory;
    struct thingpass_source *s = thingpass_source_memory(&memory, copy, SIZE, "image/jpeg");
    assert_true(s->known_len && s->rewindable);
    assert_int_equal(s->size, SIZE);
    assert_string_equal(s->content_type, "image/jpeg");
    for (size_t i = 0; i < COUNT(caps); i++) {
        uint8_t got[SIZE];
        assert_int_equal(s->rewind(s->ctx), THINGPASS_OK);
        assert_int_equal(read_all(s, got, caps[i]), SIZE);
        assert_memory_equal(got, bytes, SIZE);
    }
    guard_free(copy, SIZE);
}

static void memory_can_seek_within_itself(void **state) {
    (void)state;
    struct thingpass_memory memory;
    struct thingpass_source *s = thingpass_source_memory(&memory, bytes, SIZE, NULL);
    static const size_t places[] = {999, 0, 500, 1000};
    for (size_t i = 0; i < COUNT(places); i++) {
        uint8_t got[SIZE];
        assert_int_equal(s->seek(s->ctx, places[i]), THINGPASS_OK);
        assert_int_equal(read_all(s, got, 64), SIZE - places[i]);
        assert_memory_equal(got, bytes + places[i], SIZE - places[i]);
    }
    assert_int_equal(s->seek(s->ctx, SIZE + 1), THINGPASS_EINVAL);
    assert_int_equal(s->seek(s->ctx, UINT64_MAX), THINGPASS_EINVAL);
}

static void memory_goes_back_to_its_owner_once(void **state) {
    (void)state;
    struct thingpass_memory memory;
    struct thingpass_source *s = thingpass_source_memory(&memory, bytes, SIZE, NULL);
    s->close(s->ctx); // without a release
    memory.release = release;
    memory.release_ctx = &released;
    assert_int_equal(released, 0);
    s->close(s->ctx);
    assert_int_equal(released, 1);
}

static void no_memory_is_an_empty_object(void **state) {
    (void)state;
    struct thingpass_memory memory;
    struct thingpass_source *s = thingpass_source_memory(&memory, NULL, 0, NULL);
    uint8_t got[1];
    assert_int_equal(s->size, 0);
    assert_int_equal(s->read(s->ctx, got, 1), 0);
    assert_int_equal(s->rewind(s->ctx), THINGPASS_OK);
    assert_int_equal(s->seek(s->ctx, 0), THINGPASS_OK);
}

// A device that does what `plan` says, one number a read: a length, or an error.
// Behind the plan it gives whatever it is asked for.
struct device {
    const uint8_t *data;
    size_t at;
    size_t most; // that it may be asked for
    const int *plan;
    size_t plan_len;
    size_t reads;
    int closes;
};

static int device_read(void *ctx, uint8_t *buf, size_t cap) {
    struct device *d = ctx;
    assert_in_range(cap, 1, d->most);
    int n = d->reads < d->plan_len ? d->plan[d->reads] : (int)cap;
    d->reads++;
    if (n > 0 && (size_t)n <= cap) {
        memcpy(buf, d->data + d->at, (size_t)n);
        d->at += (size_t)n;
    }
    return n;
}

static void device_release(void *ctx) {
    struct device *d = ctx;
    d->closes++;
}

static void a_fifo_is_read_in_small_bites_and_never_beyond_its_length(void **state) {
    (void)state;
    static const size_t caps[] = {1, 100, 255, 256, 999, 1000, 1001, 2048};
    for (size_t i = 0; i < COUNT(caps); i++) {
        struct device d = {.data = bytes, .most = 255};
        struct thingpass_fifo fifo;
        struct thingpass_source *s =
            thingpass_source_fifo(&fifo, SIZE, 255, device_read, &d, "image/jpeg");
        assert_true(s->known_len && !s->rewindable);
        assert_int_equal(s->size, SIZE);
        uint8_t got[SIZE];
        assert_int_equal(read_all(s, got, caps[i]), SIZE);
        assert_memory_equal(got, bytes, SIZE);
        size_t reads = d.reads;
        assert_int_equal(s->read(s->ctx, got, 1), 0); // as the core does once more
        assert_int_equal(d.reads, reads);
        s->close(s->ctx);
        fifo.release = device_release;
        s->close(s->ctx);
        assert_int_equal(d.closes, 1);
    }
}

static void one_read_of_a_fifo_fills_the_buffer(void **state) {
    (void)state;
    struct device d = {.data = bytes, .most = 255};
    struct thingpass_fifo fifo;
    struct thingpass_source *s = thingpass_source_fifo(&fifo, SIZE, 255, device_read, &d, NULL);
    uint8_t *buf = guard_alloc(600);
    assert_int_equal(s->read(s->ctx, buf, 600), 600);
    assert_int_equal(d.reads, 3);
    assert_memory_equal(buf, bytes, 600);
    guard_free(buf, 600);
}

static void a_fifo_that_is_not_ready_loses_nothing(void **state) {
    (void)state;
    static const int plan[] = {THINGPASS_EAGAIN, 10, THINGPASS_EAGAIN, THINGPASS_EAGAIN, 255};
    struct device d = {.data = bytes, .most = 255, .plan = plan, .plan_len = COUNT(plan)};
    struct thingpass_fifo fifo;
    struct thingpass_source *s = thingpass_source_fifo(&fifo, SIZE, 255, device_read, &d, NULL);
    uint8_t got[SIZE];
    assert_int_equal(s->read(s->ctx, got, SIZE), THINGPASS_EAGAIN);
    assert_int_equal(s->read(s->ctx, got, SIZE), 10);
    assert_int_equal(s->read(s->ctx, got + 10, SIZE - 10), THINGPASS_EAGAIN);
    assert_int_equal(read_all(s, got + 10, SIZE), SIZE - 10);
    assert_memory_equal(got, bytes, SIZE);
}

static void a_fifo_that_fails_or_lies_fails_for_good(void **state) {
    (void)state;
    static const int ends[] = {THINGPASS_EIO, 0, 256, 100000, -12345};
    for (size_t i = 0; i < COUNT(ends); i++) {
        int plan[] = {255, ends[i]};
        struct device d = {.data = bytes, .most = 255, .plan = plan, .plan_len = 2};
        struct thingpass_fifo fifo;
        struct thingpass_source *s = thingpass_source_fifo(&fifo, SIZE, 255, device_read, &d, NULL);
        uint8_t got[SIZE];
        assert_int_equal(s->read(s->ctx, got, SIZE), THINGPASS_ESOURCE);
        assert_int_equal(s->read(s->ctx, got, SIZE), THINGPASS_ESOURCE);
        assert_int_equal(d.reads, 2);
    }
}

// Reads a FIFO of n bytes with the check on, cap bytes at a time; returns how
// many came before the end or the failure.
static size_t read_checked(const uint8_t *data, uint32_t n, size_t cap, int *end) {
    struct device d = {.data = data, .most = 5};
    struct thingpass_fifo fifo;
    struct thingpass_source *s = thingpass_source_fifo(&fifo, n, 5, device_read, &d, "image/jpeg");
    fifo.check_jpeg = true;
    uint8_t got[SIZE];
    size_t total = 0;
    do {
        *end = s->read(s->ctx, got + total, cap);
        total += *end > 0 ? (size_t)*end : 0;
    } while (*end > 0);
    assert_memory_equal(got, data, total);
    return total;
}

static void a_damaged_picture_never_gets_through_a_fifo_whole(void **state) {
    (void)state;
    enum { WHOLE = sizeof jpeg_bytes };
    for (size_t cap = 1; cap <= WHOLE + 8; cap++) {
        uint8_t data[WHOLE + 8] = {0};
        memcpy(data, jpeg_bytes, WHOLE);
        int end;
        assert_int_equal(read_checked(data, WHOLE, cap, &end), WHOLE);
        assert_int_equal(end, 0);
        assert_int_equal(read_checked(data, WHOLE + 8, cap, &end), WHOLE + 8); // padding
        assert_int_equal(end, 0);
        for (uint32_t n = 1; n < WHOLE; n++) {
            assert_true(read_checked(data, n, cap, &end) < n);
            assert_int_equal(end, THINGPASS_ESOURCE);
        }
        data[0] = 0;
        assert_int_equal(read_checked(data, WHOLE, cap, &end), 0);
        assert_int_equal(end, THINGPASS_ESOURCE);
    }
}

// A file system with one file, "A.JPG", and one handle.
struct disk {
    size_t at;
    int opens, closes;
    int open_err, size_err, seek_err;
};

static int disk_open(void *ctx, const char *name, enum thingpass_file_use use) {
    struct disk *d = ctx;
    assert_int_equal(use, THINGPASS_FILE_READ);
    if (d->open_err < 0 || strcmp(name, "A.JPG") != 0) {
        return d->open_err < 0 ? d->open_err : THINGPASS_EIO;
    }
    d->opens++;
    return 3;
}

static int disk_read(void *ctx, int file, void *buf, size_t cap) {
    struct disk *d = ctx;
    assert_int_equal(file, 3);
    size_t n = SIZE - d->at < cap ? SIZE - d->at : cap;
    memcpy(buf, bytes + d->at, n);
    d->at += n;
    return (int)n;
}

static int disk_seek(void *ctx, int file, uint64_t offset) {
    struct disk *d = ctx;
    assert_int_equal(file, 3);
    d->at = (size_t)offset;
    return d->seek_err;
}

static int disk_size(void *ctx, int file, uint64_t *size) {
    struct disk *d = ctx;
    assert_int_equal(file, 3);
    *size = SIZE;
    return d->size_err;
}

static int disk_close(void *ctx, int file) {
    struct disk *d = ctx;
    assert_int_equal(file, 3);
    d->closes++;
    return THINGPASS_EIO; // nobody can do anything about it
}

static struct thingpass_files files_of(struct disk *d) {
    struct thingpass_files files = {.ctx = d,
                                    .open = disk_open,
                                    .read = disk_read,
                                    .seek = disk_seek,
                                    .size = disk_size,
                                    .close = disk_close};
    return files;
}

static void a_file_is_read_from_anywhere_and_closed_once(void **state) {
    (void)state;
    struct disk d = {.at = 0};
    struct thingpass_files files = files_of(&d);
    struct thingpass_file file;
    assert_int_equal(thingpass_source_file(&file, &files, "A.JPG", "image/jpeg"), THINGPASS_OK);
    struct thingpass_source *s = &file.source;
    assert_true(s->known_len && s->rewindable);
    assert_int_equal(s->size, SIZE);
    assert_string_equal(s->content_type, "image/jpeg");
    uint8_t got[SIZE];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(s->rewind(s->ctx), THINGPASS_OK);
        assert_int_equal(read_all(s, got, 300), SIZE);
        assert_memory_equal(got, bytes, SIZE);
    }
    assert_int_equal(s->seek(s->ctx, 900), THINGPASS_OK);
    assert_int_equal(read_all(s, got, 300), SIZE - 900);
    assert_memory_equal(got, bytes + 900, SIZE - 900);
    d.seek_err = THINGPASS_EIO;
    assert_int_equal(s->rewind(s->ctx), THINGPASS_EIO);
    s->close(s->ctx);
    assert_int_equal(d.opens, 1);
    assert_int_equal(d.closes, 1);
}

static void a_file_that_cannot_be_opened_is_not_left_open(void **state) {
    (void)state;
    struct disk d = {.open_err = -77};
    struct thingpass_files files = files_of(&d);
    struct thingpass_file file;
    assert_int_equal(thingpass_source_file(&file, &files, "A.JPG", NULL), -77);
    d.open_err = 0;
    d.size_err = -78;
    assert_int_equal(thingpass_source_file(&file, &files, "A.JPG", NULL), -78);
    assert_int_equal(thingpass_source_file(&file, &files, "B.JPG", NULL), THINGPASS_EIO);
    assert_int_equal(d.opens, 1);
    assert_int_equal(d.closes, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(memory_can_be_read_and_read_again, setup),
        cmocka_unit_test_setup(memory_can_seek_within_itself, setup),
        cmocka_unit_test_setup(memory_goes_back_to_its_owner_once, setup),
        cmocka_unit_test_setup(no_memory_is_an_empty_object, setup),
        cmocka_unit_test_setup(a_fifo_is_read_in_small_bites_and_never_beyond_its_length, setup),
        cmocka_unit_test_setup(one_read_of_a_fifo_fills_the_buffer, setup),
        cmocka_unit_test_setup(a_fifo_that_is_not_ready_loses_nothing, setup),
        cmocka_unit_test_setup(a_fifo_that_fails_or_lies_fails_for_good, setup),
        cmocka_unit_test_setup(a_damaged_picture_never_gets_through_a_fifo_whole, setup),
        cmocka_unit_test_setup(a_file_is_read_from_anywhere_and_closed_once, setup),
        cmocka_unit_test_setup(a_file_that_cannot_be_opened_is_not_left_open, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
