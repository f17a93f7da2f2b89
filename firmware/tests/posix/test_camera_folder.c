// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The camera that is a folder of files, and what files do behind its back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "camera_folder.h"

struct folder {
    char path[64];
    struct thingpass_camera camera;
    struct thingpass_photo photo;
};

static int setup(void **state) {
    struct folder *f = calloc(1, sizeof *f);
    (void)snprintf(f->path, sizeof f->path, "/tmp/thingpass-test-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    *state = f;
    return 0;
}

static void in(const struct folder *f, const char *name, char path[512]) {
    (void)snprintf(path, 512, "%s/%s", f->path, name);
}

// A file of size bytes that begins and ends like a JPEG; the bytes between tell
// where they are.
static void put(const struct folder *f, const char *name, size_t size) {
    char path[512];
    in(f, name, path);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    for (size_t i = 0; i < size; i++) {
        int c = (int)(i * 7 % 256);
        c = i == 0 || i == 2 || i + 2 == size ? 0xff : i == 1 ? 0xd8 : i + 1 == size ? 0xd9 : c;
        (void)fputc(c, out);
    }
    assert_int_equal(fclose(out), 0);
}

static void put_bytes(const struct folder *f, const char *name, const char *bytes, size_t size) {
    char path[512];
    in(f, name, path);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
}

static int teardown(void **state) {
    struct folder *f = *state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", f->path);
    if (f->camera.close != NULL) {
        f->camera.close(f->camera.ctx);
    }
    int rc = system(command);
    free(f);
    return rc;
}

static void open_folder(struct folder *f, bool loop) {
    struct thingpass_why why = {""};
    if (thingpass_camera_folder(&f->camera, f->path, loop, &why) != THINGPASS_OK) {
        fail_msg("%s", why.text);
    }
}

static enum thingpass_capture capture(struct folder *f) {
    return f->camera.capture(f->camera.ctx, 1, &f->photo);
}

static void expect_photo(struct folder *f, const char *name, size_t size) {
    enum thingpass_capture got = capture(f);
    if (got != THINGPASS_CAPTURED) {
        fail_msg("%s: %d %s", name, got, f->photo.why.text);
    }
    assert_string_equal(f->photo.name, name);
    assert_int_equal(f->photo.source.size, size);
}

static void expect_failure(struct folder *f, const char *words) {
    assert_int_equal(capture(f), THINGPASS_CAPTURE_FAILED);
    if (strstr(f->photo.why.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", f->photo.why.text, words);
    }
}

static int read_all(struct folder *f, size_t chunk, size_t *total) {
    uint8_t data[4096];
    int n;
    *total = 0;
    while ((n = f->photo.source.read(f->photo.source.ctx, data, chunk)) > 0) {
        *total += (size_t)n;
    }
    return n;
}

static void a_folder_that_is_not_there_is_an_error(void **state) {
    struct folder *f = *state;
    struct thingpass_why why;
    assert_int_equal(thingpass_camera_folder(&f->camera, "/nonexistent/photos", false, &why),
                     THINGPASS_EINVAL);
    assert_string_equal(why.text,
                        "open the camera folder /nonexistent/photos: No such file or directory");
    assert_null(f->camera.close);
}

static void an_empty_folder_is_an_error(void **state) {
    struct folder *f = *state;
    struct thingpass_why why;
    put(f, "notes.txt", 10);
    put(f, ".jpg", 200); // a hidden file without a name before the dot
    assert_int_equal(thingpass_camera_folder(&f->camera, f->path, false, &why), THINGPASS_EINVAL);
    assert_non_null(strstr(why.text, "has no *.jpg; put photos into it, or use --scene"));
}

static void files_come_once_in_name_order(void **state) {
    struct folder *f = *state;
    put(f, "b.jpg", 300);
    put(f, "a10.jpg", 400);
    put(f, "a2.JPG", 500);
    put(f, "B.jpeg", 600);
    put(f, "c.png", 700);
    open_folder(f, false);
    expect_photo(f, "B.jpeg", 600);
    expect_photo(f, "a10.jpg", 400);
    expect_photo(f, "a2.JPG", 500);
    expect_photo(f, "b.jpg", 300);
    assert_int_equal(capture(f), THINGPASS_CAMERA_EMPTY);
    assert_int_equal(capture(f), THINGPASS_CAMERA_EMPTY);
}

static void a_loop_sees_new_files_in_its_next_round(void **state) {
    struct folder *f = *state;
    put(f, "b.jpg", 300);
    open_folder(f, true);
    expect_photo(f, "b.jpg", 300);
    put(f, "a.jpg", 400);
    expect_photo(f, "a.jpg", 400);
    expect_photo(f, "b.jpg", 300);
    expect_photo(f, "a.jpg", 400);
}

static void a_loop_over_a_folder_that_became_empty_fails_and_goes_on(void **state) {
    struct folder *f = *state;
    char path[512];
    put(f, "a.jpg", 300);
    in(f, "a.jpg", path);
    open_folder(f, true);
    expect_photo(f, "a.jpg", 300);
    assert_int_equal(unlink(path), 0);
    expect_failure(f, "has no *.jpg");
    put(f, "b.jpg", 300);
    expect_photo(f, "b.jpg", 300);
}

static void a_vanished_file_fails_and_the_next_is_taken(void **state) {
    struct folder *f = *state;
    char path[512];
    put(f, "a.jpg", 300);
    put(f, "b.jpg", 400);
    open_folder(f, false);
    in(f, "a.jpg", path);
    assert_int_equal(unlink(path), 0);
    expect_failure(f, "/a.jpg: No such file or directory");
    expect_photo(f, "b.jpg", 400);
}

static void a_file_that_vanishes_after_the_capture_does_no_harm(void **state) {
    struct folder *f = *state;
    char path[512];
    size_t total;
    put(f, "a.jpg", 9000);
    open_folder(f, false);
    expect_photo(f, "a.jpg", 9000);
    in(f, "a.jpg", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(read_all(f, 1000, &total), 0);
    assert_int_equal(total, 9000);
    assert_string_equal(f->photo.why.text, "");
}

static void a_shrinking_file_is_told(void **state) {
    struct folder *f = *state;
    char path[512];
    uint8_t chunk[1000];
    size_t total;
    put(f, "a.jpg", 9000);
    open_folder(f, false);
    expect_photo(f, "a.jpg", 9000);
    assert_int_equal(f->photo.source.read(f->photo.source.ctx, chunk, sizeof chunk), 1000);
    in(f, "a.jpg", path);
    assert_int_equal(truncate(path, 1500), 0);
    assert_int_equal(read_all(f, 1000, &total), 0);
    assert_int_equal(total, 500);
    assert_non_null(strstr(f->photo.why.text,
                           "a.jpg was changed while it was read: it had 9000 bytes at first"));
}

static void a_growing_file_is_told(void **state) {
    struct folder *f = *state;
    size_t total;
    put(f, "a.jpg", 5000);
    open_folder(f, false);
    expect_photo(f, "a.jpg", 5000);
    put(f, "a.jpg", 6000);
    assert_int_equal(read_all(f, 4096, &total), 0);
    assert_int_equal(total, 6000); // the core sees that this is too much
    assert_non_null(strstr(f->photo.why.text, "was changed while it was read"));
}

static void what_is_not_a_whole_jpeg_is_skipped(void **state) {
    struct folder *f = *state;
    char path[512];
    put_bytes(f, "0.jpg", "", 0);
    put_bytes(f, "1.jpg", "\xff", 1);
    put_bytes(f, "2.jpg", "\xff\xd8\xff", 3);
    put_bytes(f, "3.jpg", "\x89PNG\r\n\x1a\n........", 16);
    put_bytes(f, "4.jpg", "\xff\xd8\xff\xe0........\xff\xda", 14);
    in(f, "5.jpg", path);
    assert_int_equal(mkdir(path, 0700), 0);
    in(f, "6.jpg", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    in(f, "7.jpg", path);
    assert_int_equal(symlink("nowhere", path), 0);
    open_folder(f, false);
    expect_failure(f, "0.jpg: it is empty");
    expect_failure(f, "1.jpg: it is not a JPEG (no FFD8 at its start)");
    expect_failure(f, "2.jpg: it is not a JPEG");
    expect_failure(f, "3.jpg: it is not a JPEG");
    expect_failure(f, "4.jpg: it is a JPEG without its end (no FFD9)");
    expect_failure(f, "5.jpg: it is not a regular file");
    expect_failure(f, "6.jpg: it is not a regular file");
    expect_failure(f, "7.jpg: No such file or directory");
    assert_int_equal(capture(f), THINGPASS_CAMERA_EMPTY);
}

static void a_photo_is_read_again_after_a_rewind(void **state) {
    struct folder *f = *state;
    static const size_t chunks[] = {1, 7, 4096};
    put(f, "a.jpg", 10000);
    open_folder(f, false);
    expect_photo(f, "a.jpg", 10000);
    for (size_t i = 0; i < 3; i++) {
        size_t total;
        assert_int_equal(f->photo.source.rewind(f->photo.source.ctx), THINGPASS_OK);
        assert_int_equal(read_all(f, chunks[i], &total), 0);
        assert_int_equal(total, 10000);
        assert_string_equal(f->photo.why.text, "");
    }
}

static void a_photo_is_read_from_any_byte(void **state) {
    struct folder *f = *state;
    static const uint64_t places[] = {9999, 0, 5000, 10000, 1};
    put(f, "a.jpg", 10000);
    open_folder(f, false);
    expect_photo(f, "a.jpg", 10000);
    for (size_t i = 0; i < 5; i++) {
        size_t total;
        assert_int_equal(f->photo.source.seek(f->photo.source.ctx, places[i]), THINGPASS_OK);
        (void)read_all(f, 4096, &total);
        assert_int_equal(total, 10000 - places[i]);
        assert_string_equal(f->photo.why.text, "");
    }
}

static void a_file_in_chunks_is_byte_for_byte_the_file(void **state) {
    struct folder *f = *state;
    put(f, "a.jpg", 5000);
    open_folder(f, false);
    expect_photo(f, "a.jpg", 5000);
    uint8_t byte[3];
    size_t at = 0;
    for (int n; (n = f->photo.source.read(f->photo.source.ctx, byte, 3)) > 0;) {
        for (int i = 0; i < n; i++, at++) {
            if (at > 2 && at < 4998) {
                assert_int_equal(byte[i], at * 7 % 256);
            }
        }
    }
    assert_int_equal(at, 5000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_folder_that_is_not_there_is_an_error),
        TEST(an_empty_folder_is_an_error),
        TEST(files_come_once_in_name_order),
        TEST(a_loop_sees_new_files_in_its_next_round),
        TEST(a_loop_over_a_folder_that_became_empty_fails_and_goes_on),
        TEST(a_vanished_file_fails_and_the_next_is_taken),
        TEST(a_file_that_vanishes_after_the_capture_does_no_harm),
        TEST(a_shrinking_file_is_told),
        TEST(a_growing_file_is_told),
        TEST(what_is_not_a_whole_jpeg_is_skipped),
        TEST(a_photo_is_read_again_after_a_rewind),
        TEST(a_photo_is_read_from_any_byte),
        TEST(a_file_in_chunks_is_byte_for_byte_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
