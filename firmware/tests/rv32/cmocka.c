// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "cmocka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

enum outcome { RAN = 0, FAILED, SKIPPED };

static struct {
    jmp_buf back;
    const char *name;
} running = {.name = ""};

const char *rv32_test_name(void) {
    return running.name;
}

void print_message(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
}

void print_error(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
}

_Noreturn void rv32_fail(const char *file, int line) {
    printf("%s:%d: error: Failure!\n", file, line);
    longjmp(running.back, FAILED);
}

_Noreturn void rv32_skip(const char *file, int line) {
    printf("%s:%d: skipped\n", file, line);
    longjmp(running.back, SKIPPED);
}

void rv32_check(bool ok, const char *text, const char *file, int line) {
    if (!ok) {
        printf("%s\n", text);
        rv32_fail(file, line);
    }
}

void rv32_int_equal(uintmax_t a, uintmax_t b, bool equal, const char *file, int line) {
    if ((a == b) != equal) {
        printf("%#llx %s %#llx\n", (unsigned long long)a,
               equal ? "!=" : "==", (unsigned long long)b);
        rv32_fail(file, line);
    }
}

void rv32_in_range(uintmax_t x, uintmax_t min, uintmax_t max, bool in, const char *file, int line) {
    if ((x >= min && x <= max) != in) {
        printf("%llu is %s the range %llu-%llu\n", (unsigned long long)x, in ? "not in" : "in",
               (unsigned long long)min, (unsigned long long)max);
        rv32_fail(file, line);
    }
}

void rv32_string_equal(const char *a, const char *b, bool equal, const char *file, int line) {
    if ((strcmp(a, b) == 0) != equal) {
        printf("\"%s\" %s \"%s\"\n", a, equal ? "!=" : "==", b);
        rv32_fail(file, line);
    }
}

void rv32_memory_equal(const void *a, const void *b, size_t n, bool equal, const char *file,
                       int line) {
    if ((n == 0 || memcmp(a, b, n) == 0) != equal) {
        printf("%lu bytes %s\n", (unsigned long)n, equal ? "differ" : "do not differ");
        rv32_fail(file, line);
    }
}

static void run_with_setup(const struct CMUnitTest *test, void **state) {
    if (test->setup != NULL && test->setup(state) != 0) {
        rv32_fail(test->name, 0);
    }
    test->run(state);
}

static enum outcome run(const struct CMUnitTest *test, void *group_state) {
    static void *state; // static: its value survives the longjmp
    static bool failed_after;
    static enum outcome outcome;
    state = test->state != NULL ? test->state : group_state;
    running.name = test->name;
    printf("[ RUN      ] %s\n", test->name);
    outcome = (enum outcome)setjmp(running.back);
    if (outcome == RAN) {
        run_with_setup(test, &state);
    }
    failed_after = setjmp(running.back) != 0;
    if (!failed_after && test->teardown != NULL && test->teardown(&state) != 0) {
        failed_after = true;
    }
    running.name = "";
    return failed_after ? FAILED : outcome;
}

int rv32_run_tests(const struct CMUnitTest *tests, size_t count, int (*setup)(void **state),
                   int (*teardown)(void **state)) {
    static const char *const words[] = {"       OK", "  FAILED ", "  SKIPPED"};
    static void *state; // static for the same reason
    static int failed;
    state = NULL;
    failed = 0;
    if (setjmp(running.back) != 0 || (setup != NULL && setup(&state) != 0)) {
        printf("[  FAILED  ] the group's setup\n");
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        enum outcome outcome = run(&tests[i], state);
        printf("[%s ] %s\n", words[outcome], tests[i].name);
        failed += outcome == FAILED ? 1 : 0;
    }
    if (setjmp(running.back) != 0 || (teardown != NULL && teardown(&state) != 0)) {
        printf("[  FAILED  ] the group's teardown\n");
        failed++;
    }
    return failed;
}
