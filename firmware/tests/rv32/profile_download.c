// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "profile.h"
#include "thingpass/download.h"

// Put, and downloads.
int main(void) {
    static const struct thingpass_sink sink;
    const struct thingpass_download job = {.kind = "firmware", .sink = &sink};
    return profile_upload(NULL) + thingpass_download_start(&profile_tp, &job);
}
