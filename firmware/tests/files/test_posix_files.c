// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The file system's functions over POSIX calls, on a folder of this machine.

#define _DEFAULT_SOURCE

#include "spool_rig.h"
#include "thingpass/posix_files.h"

#include <sys/stat.h>
#include <unistd.h>

struct folder {
    char name[40];
    struct thingpass_posix_files posix;
    const struct thingpass_files *files;
};

static int setup(void **state) {
    struct folder *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->name, "/tmp/thingpass-XXXXXX");
    assert_non_null(mkdtemp(f->name));
    assert_int_equal(thingpass_posix_files_init(&f->posix, f->name), THINGPASS_OK);
    f->files = &f->posix.files;
    *state = f;
    return 0;
}

static void remove_each(void *ctx, const char *name) {
    char path[400];
    const struct folder *f = ctx;
    snprintf(path, sizeof path, "%s/%s", f->name, name);
    (void)unlink(path);
}

static int teardown(void **state) {
    struct folder *f = *state;
    (void)f->files->list(f->files->ctx, remove_each, f);
    (void)rmdir(f->name);
    free(f);
    return 0;
}

static void write_file(const struct folder *f, const char *name, enum thingpass_file_use use,
                       const char *text) {
    const struct thingpass_files *fs = f->files;
    int file = fs->open(fs->ctx, name, use);
    assert_true(file >= 0);
    assert_int_equal(fs->write(fs->ctx, file, text, strlen(text)), THINGPASS_OK);
    assert_int_equal(fs->sync(fs->ctx, file), THINGPASS_OK);
    assert_int_equal(fs->close(fs->ctx, file), THINGPASS_OK);
}

static void files_are_written_read_and_removed(void **state) {
    const struct folder *f = *state;
    const struct thingpass_files *fs = f->files;
    char buf[20];
    uint64_t size;
    assert_int_equal(fs->open(fs->ctx, "A.TXT", THINGPASS_FILE_READ), THINGPASS_ENOENT);
    assert_int_equal(fs->remove(fs->ctx, "A.TXT"), THINGPASS_ENOENT);
    write_file(f, "A.TXT", THINGPASS_FILE_NEW, "hello");
    assert_int_equal(fs->open(fs->ctx, "A.TXT", THINGPASS_FILE_NEW), THINGPASS_EEXIST);
    write_file(f, "A.TXT", THINGPASS_FILE_APPEND, " you");
    int file = fs->open(fs->ctx, "A.TXT", THINGPASS_FILE_READ);
    assert_int_equal(fs->read(fs->ctx, file, buf, 2), 2);
    assert_int_equal(fs->size(fs->ctx, file, &size), THINGPASS_OK);
    assert_int_equal(size, 9);
    assert_int_equal(fs->read(fs->ctx, file, buf, sizeof buf), 7); // size has not moved it
    assert_memory_equal(buf, "llo you", 7);
    assert_int_equal(fs->read(fs->ctx, file, buf, sizeof buf), 0);
    assert_int_equal(fs->seek(fs->ctx, file, 4), THINGPASS_OK);
    assert_int_equal(fs->read(fs->ctx, file, buf, 1), 1);
    assert_int_equal(buf[0], 'o');
    assert_true(fs->seek(fs->ctx, file, UINT64_MAX) < 0);
    assert_true(fs->write(fs->ctx, file, "x", 1) < 0);
    assert_int_equal(fs->close(fs->ctx, file), THINGPASS_OK);
    assert_int_equal(fs->remove(fs->ctx, "A.TXT"), THINGPASS_OK);
    assert_int_equal(fs->remove(fs->ctx, "A.TXT"), THINGPASS_ENOENT);
    assert_int_equal(fs->open(fs->ctx, "0123456789.123456", THINGPASS_FILE_NEW), THINGPASS_EINVAL);
}

static void a_folder_that_is_gone_is_a_medium_that_is_gone(void **state) {
    const struct folder *f = *state;
    const struct thingpass_files *fs = f->files;
    assert_int_equal(rmdir(f->name), 0);
    assert_int_equal(fs->open(fs->ctx, "A.TXT", THINGPASS_FILE_READ), THINGPASS_EMEDIUM);
    assert_int_equal(fs->open(fs->ctx, "A.TXT", THINGPASS_FILE_NEW), THINGPASS_EMEDIUM);
    assert_int_equal(fs->remove(fs->ctx, "A.TXT"), THINGPASS_EMEDIUM);
    assert_int_equal(fs->list(fs->ctx, remove_each, (void *)(uintptr_t)f), THINGPASS_EMEDIUM);
}

static void a_full_medium_says_so(void **state) {
    (void)state;
    struct thingpass_posix_files posix;
    assert_int_equal(thingpass_posix_files_init(&posix, "/dev"), THINGPASS_OK);
    int file = posix.files.open(&posix, "full", THINGPASS_FILE_APPEND);
    if (file < 0) {
        skip();
    }
    assert_int_equal(posix.files.write(&posix, file, "x", 1), THINGPASS_EFULL);
    (void)posix.files.close(&posix, file);
}

static void the_name_of_the_folder_is_bounded(void **state) {
    (void)state;
    struct thingpass_posix_files posix;
    char name[THINGPASS_POSIX_FOLDER_MAX + 2];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(thingpass_posix_files_init(&posix, name), THINGPASS_EINVAL);
    name[sizeof name - 2] = '\0';
    assert_int_equal(thingpass_posix_files_init(&posix, name), THINGPASS_OK);
    assert_int_equal(posix.files.open(&posix, "012345678901234", THINGPASS_FILE_READ),
                     THINGPASS_EMEDIUM);
    assert_int_equal(thingpass_posix_files_init(&posix, NULL), THINGPASS_EINVAL);
}

static void a_spool_lives_there(void **state) {
    const struct folder *f = *state;
    struct rig rig;
    rig_new(&rig);
    rig.config.files = f->files;
    rig.config.max_count = 3;
    rig.config.drop_oldest = true;
    assert_int_equal(rig_open(&rig, 1), THINGPASS_OK);
    for (char id[] = "a"; id[0] < 'f'; id[0]++) {
        assert_int_equal(rig_put_id(&rig, id, 5000), THINGPASS_OK);
    }
    assert_int_equal(rig_open(&rig, 2), THINGPASS_OK);
    for (char id[] = "c"; id[0] < 'f'; id[0]++) {
        assert_string_equal(rig_next(&rig)->id, id);
        assert_int_equal(thingpass_spool_note(&rig.spool, 1795424398, NULL), THINGPASS_OK);
        assert_int_equal(thingpass_spool_keep(&rig.spool), THINGPASS_OK);
        assert_int_equal(rig_next(&rig)->captured_at, 1795424398);
        assert_int_equal(thingpass_spool_remove(&rig.spool), THINGPASS_OK);
    }
    assert_null(rig_next(&rig));
    assert_int_equal(rmdir(f->name), 0); // so it is empty
    assert_int_equal(mkdir(f->name, 0700), 0);
    rig_free(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_written_read_and_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_is_gone_is_a_medium_that_is_gone, setup,
                                        teardown),
        cmocka_unit_test(a_full_medium_says_so),
        cmocka_unit_test(the_name_of_the_folder_is_bounded),
        cmocka_unit_test_setup_teardown(a_spool_lives_there, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
