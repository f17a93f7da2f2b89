// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A program as small as one can be, to see what of the core is linked when it is
// named. Each profile_NAME.c is such a program; `make size-rv32` links and weighs
// them all. Its port does nothing: nobody runs it.

#ifndef THINGPASS_TESTS_RV32_PROFILE_H
#define THINGPASS_TESTS_RV32_PROFILE_H

#include "thingpass/thingpass.h"

// thingpass_init and thingpass_response_topic.
int profile_begin(void);

// Steps and receives until the end. Returns the result's err.
int profile_run(void);

// Both, around an object of that mode, as the example in README.md does it.
int profile_upload(const struct thingpass_mode *mode);

extern struct thingpass profile_tp;
extern struct thingpass_config profile_config;

#endif
