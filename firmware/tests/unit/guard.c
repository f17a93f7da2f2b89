// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#define _DEFAULT_SOURCE

#include "guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t pages_for(size_t n) {
    return n / page() + 2; // the last is the forbidden one
}

void *guard_alloc(size_t n) {
    size_t len = pages_for(n) * page();
    char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p + len - page(), page(), PROT_NONE) != 0) {
        abort();
    }
    return p + len - page() - n;
}

void guard_free(void *p, size_t n) {
    size_t len = pages_for(n) * page();
    munmap((char *)p + n + page() - len, len);
}

void *guard_copy(const void *data, size_t n) {
    void *p = guard_alloc(n);
    if (n > 0) {
        memcpy(p, data, n);
    }
    return p;
}
