// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Files that are uploaded as they are.
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
#include <utime.h>

#include "camera_files.h"

static char folder[] = "/tmp/thingpass-files-XXXXXX";
static char paths[3][64];

static int setup(void **state) {
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 3; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "%s/%d.log", folder, i);
    }
    FILE *f = fopen(paths[0], "w");
    assert_int_equal(fwrite("0123456789", 1, 10, f), 10);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(utime(paths[0], &(struct utimbuf){1795424398, 1795424398}), 0);
    assert_int_equal(mkdir(paths[1], 0700), 0);
    return 0; // and paths[2] is not there
}

static int teardown(void **state) {
    (void)state;
    assert_int_equal(unlink(paths[0]), 0);
    assert_int_equal(rmdir(paths[1]), 0);
    return rmdir(folder);
}

static void names_suggest_types(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"a.jpg", "image/jpeg"},
        {"a.JPEG", "image/jpeg"},
        {"/var/log/x.log", "text/plain"},
        {"a.b.csv", "text/csv"},
        {"a.log.gz", "application/gzip"},
        {"log", "application/octet-stream"},
        {"a.log/x", "application/octet-stream"},
        {"a.", "application/octet-stream"},
        {"", "application/octet-stream"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(thingpass_file_type(cases[i][0]), cases[i][1]);
    }
}

static void types_suggest_suffixes(void **state) {
    (void)state;
    assert_string_equal(thingpass_type_suffix("image/jpeg"), ".jpg");
    assert_string_equal(thingpass_type_suffix("text/plain"), ".txt");
    assert_string_equal(thingpass_type_suffix("text/x-none"), "");
}

static void each_file_comes_once_and_a_bad_one_holds_up_nobody(void **state) {
    (void)state;
    struct thingpass_camera camera;
    struct thingpass_photo photo;
    struct thingpass_why why;
    char *list[] = {paths[1], paths[2], paths[0]};
    char buffer[16];
    assert_int_equal(thingpass_camera_files(&camera, list, 3, NULL, &why), THINGPASS_OK);
    assert_int_equal(camera.capture(camera.ctx, 1, &photo), THINGPASS_CAPTURE_FAILED);
    assert_non_null(strstr(photo.why.text, "is not a regular file"));
    assert_int_equal(camera.capture(camera.ctx, 2, &photo), THINGPASS_CAPTURE_FAILED);
    assert_non_null(strstr(photo.why.text, "No such file"));
    assert_int_equal(camera.capture(camera.ctx, 3, &photo), THINGPASS_CAPTURED);
    assert_string_equal(photo.name, paths[0]);
    assert_string_equal(photo.source.content_type, "text/plain");
    assert_int_equal(photo.source.size, 10);
    assert_int_equal(photo.captured_at, 1795424398);
    assert_int_equal(photo.source.read(photo.source.ctx, buffer, 4), 4);
    assert_int_equal(photo.source.seek(photo.source.ctx, 8), THINGPASS_OK);
    assert_int_equal(photo.source.read(photo.source.ctx, buffer, 16), 2);
    assert_memory_equal(buffer, "89", 2);
    assert_int_equal(photo.source.read(photo.source.ctx, buffer, 16), 0);
    assert_int_equal(photo.source.rewind(photo.source.ctx), THINGPASS_OK);
    assert_int_equal(photo.source.read(photo.source.ctx, buffer, 16), 10);
    assert_int_equal(camera.capture(camera.ctx, 4, &photo), THINGPASS_CAMERA_EMPTY);
    camera.close(camera.ctx);
}

static void the_type_of_all_can_be_told(void **state) {
    (void)state;
    struct thingpass_camera camera;
    struct thingpass_photo photo;
    struct thingpass_why why;
    char *list[] = {paths[0]};
    assert_int_equal(thingpass_camera_files(&camera, list, 1, "text/csv", &why), THINGPASS_OK);
    assert_int_equal(camera.capture(camera.ctx, 1, &photo), THINGPASS_CAPTURED);
    assert_string_equal(photo.source.content_type, "text/csv");
    photo.source.close(photo.source.ctx); // as the core does, and the camera again
    camera.close(camera.ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_suggest_types),
        cmocka_unit_test(types_suggest_suffixes),
        cmocka_unit_test(each_file_comes_once_and_a_bad_one_holds_up_nobody),
        cmocka_unit_test(the_type_of_all_can_be_told),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
