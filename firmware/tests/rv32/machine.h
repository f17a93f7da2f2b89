// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What the tests need of the processor beyond C.

#ifndef THINGPASS_TESTS_RV32_MACHINE_H
#define THINGPASS_TESTS_RV32_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

// Instructions executed since reset. Exact, and the same in every run, under
// qemu -icount.
uint64_t machine_instructions(void);

// Makes every access to these 4096 bytes a fault until reset; entry is a number
// from 0 to 15, which can be used once.
void machine_forbid_page(unsigned entry, const uint8_t *page);

// Calls f(arg). Returns how many bytes of stack that took, up to 16 KB.
uint32_t machine_stack_of(void (*f)(void *arg), void *arg);

#endif
