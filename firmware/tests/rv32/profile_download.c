// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "profile.h"
#include "thingpass/download.h"

static int begin(void *ctx, const char *version, uint32_t size, uint32_t offset) {
    return ctx == NULL && version != NULL && size > offset ? THINGPASS_OK : THINGPASS_EIO;
}

static int take(void *ctx, const void *data, size_t n) {
    return ctx == NULL && data != NULL && n > 0 ? THINGPASS_OK : THINGPASS_EIO;
}

static int end(void *ctx, int err) {
    return ctx == NULL ? err : THINGPASS_EIO;
}

// Downloads alone.
int main(void) {
    static const struct thingpass_sink sink = {NULL, begin, take, NULL, end};
    struct thingpass_download download = {0};
    download.kind = "firmware";
    download.sink = &sink;
    return profile_begin() < 0 || thingpass_download_start(&profile_tp, &download) < 0
               ? 1
               : profile_run();
}
