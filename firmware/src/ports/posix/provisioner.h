// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_PROVISIONER_H
#define THINGPASS_POSIX_PROVISIONER_H

#include "options.h"
#include "why.h"

// Gets the thing an identity with the claim that the options name, keeps it in their
// store, and connects with it once. Returns whether the store has an identity that the
// server lets in; why says why not.
bool thingpass_provisioner_run(const struct thingpass_options *options, int stop_fd,
                               struct thingpass_why *why);

#endif
