// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Any bytes as a JPEG, in one piece and in pieces as the input's first byte cuts
// them. What must hold: both agree; a length ends in FFD9, lies inside, and is
// that of its own prefix.

#include <stdlib.h>

#include "thingpass/jpeg.h"

static void require(bool ok) {
    if (!ok) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    size_t piece = (size_t)data[0] + 1;
    data++;
    size--;
    size_t length = thingpass_jpeg_is_whole(data, size);
    struct thingpass_jpeg jpeg;
    thingpass_jpeg_begin(&jpeg);
    for (size_t at = 0; at < size; at += piece) {
        thingpass_jpeg_feed(&jpeg, data + at, size - at < piece ? size - at : piece);
    }
    require(thingpass_jpeg_length(&jpeg) == length);
    require(length == 0 || !thingpass_jpeg_is_broken(&jpeg));
    if (length > 0) {
        require(length <= size && data[0] == 0xff && data[1] == 0xd8);
        require(data[length - 2] == 0xff && data[length - 1] == 0xd9);
        require(thingpass_jpeg_is_whole(data, length) == length);
        require(thingpass_jpeg_is_whole(data, length - 1) == 0);
    }
    return 0;
}
