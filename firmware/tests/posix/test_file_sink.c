// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The file that a download goes to, and what power failures leave of it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_sink.h"

enum { LONG = 700000 };

struct place {
    char folder[64];
    char path[512];
    uint8_t bytes[LONG];
    struct thingpass_file_sink sink;
};

static int setup(void **state) {
    struct place *p = calloc(1, sizeof *p);
    (void)snprintf(p->folder, sizeof p->folder, "/tmp/thingpass-test-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    (void)snprintf(p->path, sizeof p->path, "%s/image.bin", p->folder);
    for (size_t i = 0; i < LONG; i++) {
        p->bytes[i] = (uint8_t)(i * 7 + i / 251);
    }
    *state = p;
    return 0;
}

static int teardown(void **state) {
    struct place *p = *state;
    char command[128];
    thingpass_file_sink_close(&p->sink);
    (void)snprintf(command, sizeof command, "rm -r '%s'", p->folder);
    int rc = system(command);
    free(p);
    return rc;
}

static void beside(const struct place *p, const char *suffix, char path[560]) {
    (void)snprintf(path, 560, "%s%s", p->path, suffix);
}

static bool is_there(const struct place *p, const char *suffix) {
    char path[560];
    struct stat st;
    beside(p, suffix, path);
    return stat(path, &st) == 0;
}

static void put(const struct place *p, const char *suffix, const void *bytes, size_t n) {
    char path[560];
    beside(p, suffix, path);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    assert_int_equal(fclose(out), 0);
}

// Whether the file has the first n bytes, and no more.
static bool holds(const struct place *p, const char *suffix, size_t n) {
    static uint8_t have[LONG + 1];
    char path[560];
    beside(p, suffix, path);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    size_t got = fread(have, 1, sizeof have, in);
    (void)fclose(in);
    return got == n && memcmp(have, p->bytes, n) == 0;
}

static void open_sink(struct place *p) {
    assert_int_equal(thingpass_file_sink_open(&p->sink, p->path), THINGPASS_OK);
}

static int begin(struct place *p, const char *version, uint32_t size, uint32_t offset) {
    return p->sink.sink.begin(p->sink.sink.ctx, version, size, offset);
}

static void write_from(struct place *p, size_t first, size_t last) {
    for (size_t i = first; i < last; i += 1000) {
        size_t n = last - i < 1000 ? last - i : 1000;
        assert_int_equal(p->sink.sink.write(p->sink.sink.ctx, p->bytes + i, n), THINGPASS_OK);
    }
}

static int end(struct place *p, int err) {
    return p->sink.sink.end(p->sink.sink.ctx, err);
}

// What is open is closed, as by the system when a process is killed.
static void die_and_look_again(struct place *p) {
    thingpass_file_sink_close(&p->sink);
    open_sink(p);
}

static void a_file_appears_whole_or_not_at_all(void **state) {
    struct place *p = *state;
    put(p, "", "old", 3);
    open_sink(p);
    assert_int_equal(p->sink.from, 0);
    assert_int_equal(begin(p, "\"v1\"", LONG, 0), THINGPASS_OK);
    write_from(p, 0, LONG);
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_size, 3);
    assert_int_equal(end(p, THINGPASS_OK), THINGPASS_OK);
    assert_true(holds(p, "", LONG));
    assert_false(is_there(p, ".part") || is_there(p, ".part.state"));
    open_sink(p);
    assert_int_equal(p->sink.from, 0);
}

static void what_was_on_the_disk_when_it_died_is_kept(void **state) {
    struct place *p = *state;
    open_sink(p);
    assert_int_equal(begin(p, "\"v 1\"", LONG, 0), THINGPASS_OK);
    write_from(p, 0, 600000);
    die_and_look_again(p);
    uint32_t from = p->sink.from;
    assert_in_range(from, 2 * THINGPASS_FILE_SINK_SYNC, 600000);
    assert_string_equal(p->sink.version, "\"v 1\"");
    assert_int_equal(begin(p, p->sink.version, LONG, from), THINGPASS_OK);
    assert_true(holds(p, ".part", from));
    uint8_t back[1000];
    assert_int_equal(p->sink.sink.read(p->sink.sink.ctx, 5000, back, sizeof back), 1000);
    assert_memory_equal(back, p->bytes + 5000, 1000);
    assert_int_equal(p->sink.sink.read(p->sink.sink.ctx, from, back, sizeof back), 0);
    write_from(p, from, LONG);
    assert_int_equal(end(p, THINGPASS_OK), THINGPASS_OK);
    assert_true(holds(p, "", LONG));
}

static void what_ends_early_is_kept_to_the_last_byte(void **state) {
    struct place *p = *state;
    open_sink(p);
    assert_int_equal(begin(p, "\"v1\"", LONG, 0), THINGPASS_OK);
    write_from(p, 0, 1234);
    assert_int_equal(end(p, THINGPASS_EDEADLINE), THINGPASS_OK);
    open_sink(p);
    assert_int_equal(p->sink.from, 1234);
    assert_true(holds(p, ".part", 1234));
    assert_false(is_there(p, ""));
}

static void what_is_corrupt_is_thrown_away(void **state) {
    struct place *p = *state;
    put(p, "", p->bytes, 10);
    open_sink(p);
    assert_int_equal(begin(p, "\"v1\"", 2000, 0), THINGPASS_OK);
    write_from(p, 0, 2000);
    assert_int_equal(end(p, THINGPASS_ECORRUPT), THINGPASS_OK);
    assert_false(is_there(p, ".part") || is_there(p, ".part.state"));
    assert_true(holds(p, "", 10));
}

static void another_version_leaves_nothing_of_the_first(void **state) {
    struct place *p = *state;
    open_sink(p);
    assert_int_equal(begin(p, "\"v1\"", LONG, 0), THINGPASS_OK);
    write_from(p, 0, 300000);
    assert_int_equal(begin(p, "\"v2\"", LONG, 0), THINGPASS_OK);
    die_and_look_again(p);
    assert_int_equal(p->sink.from, 0);
    assert_true(holds(p, ".part", 0));
    assert_int_equal(begin(p, "\"v2\"", 1000, 0), THINGPASS_OK);
    write_from(p, 0, 1000);
    assert_int_equal(end(p, THINGPASS_OK), THINGPASS_OK);
    assert_true(holds(p, "", 1000));
}

static void a_state_that_cannot_be_true_counts_as_none(void **state) {
    static const char *const states[] = {
        "",
        "\n",
        "10",
        "10\n",
        "10 \n",
        " 10 v\n",
        "-1 v\n",
        "+10 v\n",
        "0 v\n",
        "1001 v\n",
        "10 v",
        "10 v\nmore",
        "10\tv\n",
        "x v\n",
        "10x v\n",
        "99999999999999999999999 v\n",
        "4294967306 v\n",
    };
    struct place *p = *state;
    put(p, ".part", p->bytes, 1000);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        put(p, ".part.state", states[i], strlen(states[i]));
        open_sink(p);
        if (p->sink.from != 0) {
            fail_msg("taken: %s", states[i]);
        }
    }
    put(p, ".part.state", "1000 v\n", 7);
    open_sink(p);
    assert_int_equal(p->sink.from, 1000);
    assert_string_equal(p->sink.version, "v");
}

static void a_disk_that_is_full_is_told(void **state) {
    struct place *p = *state;
    struct rlimit before;
    open_sink(p);
    assert_int_equal(begin(p, "\"v1\"", LONG, 0), THINGPASS_OK);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = {2500, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int rc = p->sink.sink.write(p->sink.sink.ctx, p->bytes, 3000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rc, THINGPASS_EIO);
    assert_non_null(strstr(p->sink.why.text, ".part"));
    assert_int_equal(end(p, rc), THINGPASS_OK);
    open_sink(p);
    assert_int_equal(p->sink.from, 2500); // what did fit is good
    assert_true(holds(p, ".part", 2500));
}

static void places_that_cannot_be_are_told(void **state) {
    static char too_long[THINGPASS_FILE_SINK_PATH + 1];
    struct place *p = *state;
    memset(too_long, 'x', sizeof too_long - 1);
    assert_int_equal(thingpass_file_sink_open(&p->sink, ""), THINGPASS_EINVAL);
    assert_int_equal(thingpass_file_sink_open(&p->sink, too_long), THINGPASS_EINVAL);
    assert_int_equal(thingpass_file_sink_open(&p->sink, "/nowhere/at/all"), THINGPASS_OK);
    assert_int_equal(begin(p, "v", 10, 0), THINGPASS_EIO);
    assert_non_null(strstr(p->sink.why.text, "/nowhere/at/all.part"));
    open_sink(p);
    assert_int_equal(mkdir(p->path, 0755), 0);
    assert_int_equal(begin(p, "v", 10, 0), THINGPASS_OK);
    write_from(p, 0, 10);
    assert_int_equal(end(p, THINGPASS_OK), THINGPASS_EIO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_appears_whole_or_not_at_all, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_on_the_disk_when_it_died_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(what_ends_early_is_kept_to_the_last_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_corrupt_is_thrown_away, setup, teardown),
        cmocka_unit_test_setup_teardown(another_version_leaves_nothing_of_the_first, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_state_that_cannot_be_true_counts_as_none, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_is_full_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(places_that_cannot_be_are_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
