// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "profile.h"

// Put, pass and parts.
int main(void) {
    return profile_upload(NULL) + profile_upload(&thingpass_mode_pass) +
           profile_upload(&thingpass_mode_multipart);
}
