// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "profile.h"

// Put and pass.
int main(void) {
    return profile_upload(NULL) + profile_upload(&thingpass_mode_pass);
}
