// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The guards of tests/unit/guard.h on a machine without an MMU: the pages that
// must not be touched are regions of the PMP, which bind machine mode, too, once
// they are locked. There are 16 of them, and a locked one stays until reset; so
// there are 16 slots, each of which ends at a forbidden page.

#include "guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

enum { page_size = 4096, slot_size = 128 * 1024, slots = 16 };

static _Alignas(4096) uint8_t arena[slots][slot_size + page_size];
static bool used[slots];
static bool locked;

static void lock_all(void) {
    for (unsigned i = 0; i < slots; i++) {
        machine_forbid_page(i, arena[i] + slot_size);
    }
    locked = true;
}

void *guard_alloc(size_t n) {
    if (!locked) {
        lock_all();
    }
    for (size_t i = 0; i < slots && n <= slot_size; i++) {
        if (!used[i]) {
            used[i] = true;
            return arena[i] + slot_size - n;
        }
    }
    printf("guard_alloc: %lu bytes are too many, or %d buffers\n", (unsigned long)n, slots);
    abort();
}

void guard_free(void *p, size_t n) {
    for (size_t i = 0; i < slots; i++) {
        if ((uint8_t *)p + n == arena[i] + slot_size && used[i]) {
            memset(p, 0xa5, n); // whoever reads it still does not find it
            used[i] = false;
            return;
        }
    }
    printf("guard_free: not one of ours\n");
    abort();
}

void *guard_copy(const void *data, size_t n) {
    void *p = guard_alloc(n);
    if (n > 0) {
        memcpy(p, data, n);
    }
    return p;
}
