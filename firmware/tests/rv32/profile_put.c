// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "profile.h"

int main(void) {
    return profile_upload(NULL);
}
