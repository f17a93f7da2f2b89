// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#define _POSIX_C_SOURCE 200809L

#include "check.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "thingpass/download.h"
#include "thingpass/esp.h"

static char folder[] = "/tmp/thingpass-sink-XXXXXX";
static char path[64];
static char part[64];
static char label[64];

static int enter(void **state) {
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/fw.bin", folder);
    snprintf(part, sizeof part, "%s/fw.prt", folder);
    snprintf(label, sizeof label, "%s/fw.ver", folder);
    return 0;
}

static int clean(void **state) {
    (void)state;
    (void)unlink(path);
    (void)unlink(part);
    (void)unlink(label);
    return 0;
}

static int leave(void **state) {
    (void)clean(state);
    return rmdir(folder);
}

static bool is_there(const char *name) {
    struct stat s;
    return stat(name, &s) == 0;
}

static void write_file(const char *name, const char *text) {
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void assert_holds(const char *name, const char *text) {
    char bytes[256] = "";
    FILE *f = fopen(name, "r");
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof bytes - 1, f);
    fclose(f);
    assert_int_equal(n, strlen(text));
    assert_string_equal(bytes, text);
}

static void a_path_that_is_too_long_or_none_is_refused(void **state) {
    (void)state;
    struct thingpass_esp_file file;
    struct thingpass_download d = {0};
    char long_path[122];
    memset(long_path, 'a', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(thingpass_esp_file_open(&file, NULL, &d), THINGPASS_EINVAL);
    assert_int_equal(thingpass_esp_file_open(&file, "", &d), THINGPASS_EINVAL);
    assert_int_equal(thingpass_esp_file_open(&file, long_path, &d), THINGPASS_EINVAL);
    long_path[120] = '\0';
    assert_int_equal(thingpass_esp_file_open(&file, long_path, &d), THINGPASS_OK);
    thingpass_esp_file_close(&file);
    thingpass_esp_file_close(&file); // once more does no harm
}

static void a_folder_that_is_not_there_fails(void **state) {
    (void)state;
    struct thingpass_esp_file file;
    struct thingpass_download d = {0};
    assert_int_equal(thingpass_esp_file_open(&file, "/nowhere/at/all.bin", &d), THINGPASS_OK);
    assert_true(d.sink->begin(d.sink->ctx, "v1", 4, 0) < 0);
    thingpass_esp_file_close(&file);
}

static void what_is_damaged_is_thrown_away_and_the_old_file_stays(void **state) {
    (void)state;
    struct thingpass_esp_file file;
    struct thingpass_download d = {0};
    write_file(path, "old");
    assert_int_equal(thingpass_esp_file_open(&file, path, &d), THINGPASS_OK);
    assert_int_equal(d.sink->begin(d.sink->ctx, "v1", 4, 0), THINGPASS_OK);
    assert_int_equal(d.sink->write(d.sink->ctx, "baad", 4), THINGPASS_OK);
    assert_int_equal(d.sink->end(d.sink->ctx, THINGPASS_ECORRUPT), THINGPASS_OK);
    assert_false(is_there(part));
    assert_false(is_there(label));
    assert_holds(path, "old");
    thingpass_esp_file_close(&file);
}

static void what_is_whole_takes_the_old_files_place(void **state) {
    (void)state;
    struct thingpass_esp_file file;
    struct thingpass_download d = {.from = 7, .from_version = "left over"};
    write_file(path, "old");
    assert_int_equal(thingpass_esp_file_open(&file, path, &d), THINGPASS_OK);
    assert_int_equal(d.from, 0);
    assert_null(d.from_version);
    assert_int_equal(d.sink->begin(d.sink->ctx, "v1", 6, 0), THINGPASS_OK);
    assert_int_equal(d.sink->write(d.sink->ctx, "new", 3), THINGPASS_OK);
    assert_holds(path, "old");
    assert_int_equal(d.sink->write(d.sink->ctx, "est", 3), THINGPASS_OK);
    assert_int_equal(d.sink->end(d.sink->ctx, THINGPASS_OK), THINGPASS_OK);
    assert_holds(path, "newest");
    assert_false(is_there(part));
    assert_false(is_there(label));
    thingpass_esp_file_close(&file);
}

static void what_broke_off_goes_on_after_a_reboot(void **state) {
    (void)state;
    struct thingpass_esp_file file;
    struct thingpass_download d = {0};
    assert_int_equal(thingpass_esp_file_open(&file, path, &d), THINGPASS_OK);
    assert_int_equal(d.sink->begin(d.sink->ctx, "\"v1\"", 6, 0), THINGPASS_OK);
    assert_int_equal(d.sink->write(d.sink->ctx, "hal", 3), THINGPASS_OK);
    thingpass_esp_file_close(&file); // no end: the power went

    struct thingpass_download again = {0};
    assert_int_equal(thingpass_esp_file_open(&file, path, &again), THINGPASS_OK);
    assert_int_equal(again.from, 3);
    assert_string_equal(again.from_version, "\"v1\"");
    assert_int_equal(again.sink->begin(again.sink->ctx, "\"v1\"", 6, 3), THINGPASS_OK);
    char back[8];
    assert_int_equal(again.sink->read(again.sink->ctx, 0, back, 2), 2);
    assert_memory_equal(back, "ha", 2);
    assert_int_equal(again.sink->read(again.sink->ctx, 2, back, sizeof back), 1);
    assert_int_equal(again.sink->read(again.sink->ctx, 3, back, sizeof back), 0);
    assert_int_equal(again.sink->write(again.sink->ctx, "ves", 3), THINGPASS_OK);
    assert_int_equal(again.sink->end(again.sink->ctx, THINGPASS_OK), THINGPASS_OK);
    assert_holds(path, "halves");
    thingpass_esp_file_close(&file);
}

static void bytes_without_a_version_and_a_version_without_bytes_are_nothing(void **state) {
    (void)state;
    struct thingpass_esp_file file;
    struct thingpass_download d = {0};
    write_file(part, "bytes");
    assert_int_equal(thingpass_esp_file_open(&file, path, &d), THINGPASS_OK);
    assert_int_equal(d.from, 0);
    thingpass_esp_file_close(&file);
    (void)unlink(part);
    write_file(label, "v1");
    assert_int_equal(thingpass_esp_file_open(&file, path, &d), THINGPASS_OK);
    assert_int_equal(d.from, 0);
    thingpass_esp_file_close(&file);
    write_file(part, "bytes");
    write_file(label, "");
    assert_int_equal(thingpass_esp_file_open(&file, path, &d), THINGPASS_OK);
    assert_int_equal(d.from, 0);
    thingpass_esp_file_close(&file);
}

static void another_version_leaves_nothing_of_the_old_one(void **state) {
    (void)state;
    struct thingpass_esp_file file;
    struct thingpass_download d = {0};
    write_file(part, "old bytes, and many of them");
    write_file(label, "v1");
    assert_int_equal(thingpass_esp_file_open(&file, path, &d), THINGPASS_OK);
    assert_int_equal(d.sink->begin(d.sink->ctx, "v2", 3, 0), THINGPASS_OK);
    assert_int_equal(d.sink->write(d.sink->ctx, "new", 3), THINGPASS_OK);
    assert_int_equal(d.sink->end(d.sink->ctx, THINGPASS_EIO), THINGPASS_OK);
    assert_holds(part, "new");
    assert_holds(label, "v2");
    thingpass_esp_file_close(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_path_that_is_too_long_or_none_is_refused, clean),
        cmocka_unit_test_teardown(a_folder_that_is_not_there_fails, clean),
        cmocka_unit_test_teardown(what_is_damaged_is_thrown_away_and_the_old_file_stays, clean),
        cmocka_unit_test_teardown(what_is_whole_takes_the_old_files_place, clean),
        cmocka_unit_test_teardown(what_broke_off_goes_on_after_a_reboot, clean),
        cmocka_unit_test_teardown(bytes_without_a_version_and_a_version_without_bytes_are_nothing,
                                  clean),
        cmocka_unit_test_teardown(another_version_leaves_nothing_of_the_old_one, clean),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
