// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A program as small as one can be, to see what of the core is linked when it is
// named. Each profile_NAME.c is such a program; `make size-rv32` links and weighs
// them all. Its port does nothing: nobody runs it.

#ifndef THINGPASS_TESTS_RV32_PROFILE_H
#define THINGPASS_TESTS_RV32_PROFILE_H

#include "thingpass/thingpass.h"

// Uploads an object of the given mode, as the example in README.md does. Returns the
// result's err. before runs after thingpass_init; may be NULL.
int profile_upload(const struct thingpass_mode *mode);

extern struct thingpass profile_tp;
extern struct thingpass_config profile_config;

#endif
