// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A heap for the tests; the core has none. picolibc's realloc takes minutes where a
// buffer grows by small steps. Blocks are powers of two, kept in a list for each.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern char __heap_start[], __stack[];

enum { least_bits = 5, most_bits = 26, stack_room = 1 << 20 };

struct block {
    _Alignas(16) struct block *next; // free ones
    unsigned bits;                   // its size, this header included
};

static struct block *lists[most_bits + 1];
static char *unused;

static unsigned bits_for(size_t n) {
    unsigned bits = least_bits;
    while (bits <= most_bits && (size_t)1 << bits < n + sizeof(struct block)) {
        bits++;
    }
    return bits;
}

static struct block *new_block(unsigned bits) {
    uintptr_t aligned = ((uintptr_t)(unused == NULL ? __heap_start : unused) + 15) & ~(uintptr_t)15;
    if ((uintptr_t)__stack - stack_room - aligned < (uintptr_t)1 << bits) {
        return NULL;
    }
    struct block *b = (struct block *)aligned;
    unused = (char *)aligned + ((size_t)1 << bits);
    b->bits = bits;
    return b;
}

void *malloc(size_t n) {
    if (n >= (size_t)1 << most_bits) {
        return NULL;
    }
    unsigned bits = bits_for(n);
    struct block *b = lists[bits];
    if (b == NULL) {
        b = new_block(bits);
    } else {
        lists[bits] = b->next;
    }
    return b == NULL ? NULL : b + 1;
}

void free(void *p) {
    if (p != NULL) {
        struct block *b = (struct block *)p - 1;
        b->next = lists[b->bits];
        lists[b->bits] = b;
    }
}

void *calloc(size_t count, size_t n) {
    void *p = n != 0 && count > SIZE_MAX / n ? NULL : malloc(count * n);
    if (p != NULL) {
        memset(p, 0, count * n);
    }
    return p;
}

void *realloc(void *p, size_t n) {
    if (p == NULL) {
        return malloc(n);
    }
    size_t room = ((size_t)1 << ((struct block *)p - 1)->bits) - sizeof(struct block);
    if (n <= room) {
        return p;
    }
    void *more = malloc(n);
    if (more != NULL) {
        memcpy(more, p, room);
        free(p);
    }
    return more;
}
