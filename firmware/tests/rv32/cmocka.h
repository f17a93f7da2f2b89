// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// As much of cmocka's interface as the unit tests use, for a machine that has no
// cmocka. Same names, same meaning, same lines of output.

#ifndef THINGPASS_TESTS_RV32_CMOCKA_H
#define THINGPASS_TESTS_RV32_CMOCKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
    int (*setup)(void **state);
    int (*teardown)(void **state);
    void *state;
};

#define cmocka_unit_test(f)                                                                        \
    { #f, f, NULL, NULL, NULL }
#define cmocka_unit_test_setup(f, setup)                                                           \
    { #f, f, setup, NULL, NULL }
#define cmocka_unit_test_teardown(f, teardown)                                                     \
    { #f, f, NULL, teardown, NULL }
#define cmocka_unit_test_setup_teardown(f, setup, teardown)                                        \
    { #f, f, setup, teardown, NULL }
#define cmocka_unit_test_prestate(f, state)                                                        \
    { #f, f, NULL, NULL, state }

#define cmocka_run_group_tests(tests, setup, teardown)                                             \
    rv32_run_tests(tests, sizeof(tests) / sizeof *(tests), setup, teardown)

// Returns how many tests failed.
int rv32_run_tests(const struct CMUnitTest *tests, size_t count, int (*setup)(void **state),
                   int (*teardown)(void **state));

// The running test, "" between two.
const char *rv32_test_name(void);

void print_message(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Ends the running test as failed, or as skipped.
_Noreturn void rv32_fail(const char *file, int line);
_Noreturn void rv32_skip(const char *file, int line);

void rv32_check(bool ok, const char *text, const char *file, int line);
void rv32_int_equal(uintmax_t a, uintmax_t b, bool equal, const char *file, int line);
void rv32_in_range(uintmax_t x, uintmax_t min, uintmax_t max, bool in, const char *file, int line);
void rv32_string_equal(const char *a, const char *b, bool equal, const char *file, int line);
void rv32_memory_equal(const void *a, const void *b, size_t n, bool equal, const char *file,
                       int line);

#define fail() rv32_fail(__FILE__, __LINE__)
#define skip() rv32_skip(__FILE__, __LINE__)
#define fail_msg(...)                                                                              \
    do {                                                                                           \
        print_error("ERROR: " __VA_ARGS__);                                                        \
        print_error("\n");                                                                         \
        fail();                                                                                    \
    } while (0)

#define assert_true(c)     rv32_check((c) ? true : false, #c, __FILE__, __LINE__)
#define assert_false(c)    rv32_check((c) ? false : true, "not " #c, __FILE__, __LINE__)
#define assert_non_null(p) rv32_check((p) != NULL, #p " != NULL", __FILE__, __LINE__)
#define assert_null(p)     rv32_check((p) == NULL, #p " == NULL", __FILE__, __LINE__)
#define assert_ptr_equal(a, b)                                                                     \
    rv32_check((const void *)(a) == (const void *)(b), #a " == " #b, __FILE__, __LINE__)
#define assert_ptr_not_equal(a, b)                                                                 \
    rv32_check((const void *)(a) != (const void *)(b), #a " != " #b, __FILE__, __LINE__)
#define assert_return_code(rc, error) rv32_check((rc) >= 0, #rc " >= 0", __FILE__, __LINE__)

// A negative number becomes the same large one on both sides, as in cmocka.
#define assert_int_equal(a, b)                                                                     \
    rv32_int_equal((uintmax_t)(a), (uintmax_t)(b), true, __FILE__, __LINE__)
#define assert_int_not_equal(a, b)                                                                 \
    rv32_int_equal((uintmax_t)(a), (uintmax_t)(b), false, __FILE__, __LINE__)
#define assert_in_range(x, min, max)                                                               \
    rv32_in_range((uintmax_t)(x), (uintmax_t)(min), (uintmax_t)(max), true, __FILE__, __LINE__)
#define assert_not_in_range(x, min, max)                                                           \
    rv32_in_range((uintmax_t)(x), (uintmax_t)(min), (uintmax_t)(max), false, __FILE__, __LINE__)
#define assert_string_equal(a, b)        rv32_string_equal(a, b, true, __FILE__, __LINE__)
#define assert_string_not_equal(a, b)    rv32_string_equal(a, b, false, __FILE__, __LINE__)
#define assert_memory_equal(a, b, n)     rv32_memory_equal(a, b, n, true, __FILE__, __LINE__)
#define assert_memory_not_equal(a, b, n) rv32_memory_equal(a, b, n, false, __FILE__, __LINE__)

#endif
