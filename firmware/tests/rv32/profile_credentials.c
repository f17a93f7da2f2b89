// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "profile.h"
#include "thingpass/credentials.h"

// Put and credentials.
int main(void) {
    return profile_upload(NULL) + profile_upload(&thingpass_mode_credentials);
}
