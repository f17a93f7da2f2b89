// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "machine.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmocka.h"

// The library for rv32imc is found only under that name of the architecture, so
// the instructions for CSRs are allowed one by one.
#define CSR_READ(name, value)                                                                      \
    __asm__ volatile(".option push\n.option arch,+zicsr\ncsrr %0, " #name "\n.option pop"          \
                     : "=r"(value))
#define CSR_WRITE(name, value)                                                                     \
    __asm__ volatile(".option push\n.option arch,+zicsr\ncsrw " #name ", %0\n.option pop"          \
                     :                                                                             \
                     : "r"(value)                                                                  \
                     : "memory")
#define CSR_SET(name, value)                                                                       \
    __asm__ volatile(".option push\n.option arch,+zicsr\ncsrs " #name ", %0\n.option pop"          \
                     :                                                                             \
                     : "r"(value)                                                                  \
                     : "memory")

uint64_t machine_instructions(void) {
    uint32_t low, high, again;
    do {
        CSR_READ(minstreth, high);
        CSR_READ(minstret, low);
        CSR_READ(minstreth, again);
    } while (high != again);
    return (uint64_t)high << 32 | low;
}

#define PMP_CASE(n)                                                                                \
    case n:                                                                                        \
        CSR_WRITE(pmpaddr##n, address);                                                            \
        break

static void pmp_address(unsigned entry, uint32_t address) {
    switch (entry) {
        PMP_CASE(0);
        PMP_CASE(1);
        PMP_CASE(2);
        PMP_CASE(3);
        PMP_CASE(4);
        PMP_CASE(5);
        PMP_CASE(6);
        PMP_CASE(7);
        PMP_CASE(8);
        PMP_CASE(9);
        PMP_CASE(10);
        PMP_CASE(11);
        PMP_CASE(12);
        PMP_CASE(13);
        PMP_CASE(14);
    default:
        CSR_WRITE(pmpaddr15, address);
    }
}

void machine_forbid_page(unsigned entry, const uint8_t *page) {
    enum { locked_naturally_aligned = 0x98, page_bits = (4096 >> 3) - 1 };
    uint32_t config = (uint32_t)locked_naturally_aligned << entry % 4 * 8;
    pmp_address(entry, (uint32_t)(uintptr_t)page >> 2 | page_bits);
    switch (entry / 4) {
    case 0:
        CSR_SET(pmpcfg0, config);
        break;
    case 1:
        CSR_SET(pmpcfg1, config);
        break;
    case 2:
        CSR_SET(pmpcfg2, config);
        break;
    default:
        CSR_SET(pmpcfg3, config);
    }
}

// A fault is the end: what it hit, in which test, and a status that says so.
__attribute__((interrupt("machine"), aligned(4))) static void on_trap(void) {
    uint32_t cause, address, at;
    CSR_READ(mcause, cause);
    CSR_READ(mtval, address);
    CSR_READ(mepc, at);
    printf("TRAP: cause %lu at pc %#lx, address %#lx\n[  FAILED  ] %s\n", (unsigned long)cause,
           (unsigned long)at, (unsigned long)address, rv32_test_name());
    fflush(stdout);
    _Exit(70);
}

__attribute__((constructor)) static void catch_traps(void) {
    CSR_WRITE(mtvec, (uint32_t)(uintptr_t)on_trap);
}

// Nothing interrupts, so what lies below the stack pointer is nobody's: it is
// painted, and afterwards what still has the paint was not used. picolibc's own
// limit of the stack is not asked, because its linker script does not heed
// --defsym=__stack_size.
__attribute__((noinline)) uint32_t machine_stack_of(void (*f)(void *arg), void *arg) {
    enum { words = 4096 };
    const uint32_t paint = 0x5a17c0de;
    volatile uint32_t *top;
    __asm__ volatile("mv %0, sp" : "=r"(top));
    for (int i = 1; i <= words; i++) {
        top[-i] = paint;
    }
    f(arg);
    int deepest = words;
    while (deepest > 0 && top[-deepest] == paint) {
        deepest--;
    }
    return (uint32_t)deepest * 4;
}
