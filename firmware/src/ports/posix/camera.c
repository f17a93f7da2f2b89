// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "camera.h"

#include <stddef.h>

const char *thingpass_jpeg_flaw(uint64_t size, const uint8_t head[2], const uint8_t tail[2]) {
    if (size == 0) {
        return "it is empty";
    }
    if (size < 4 || head[0] != 0xff || head[1] != 0xd8) {
        return "it is not a JPEG (no FFD8 at its start)";
    }
    if (tail[0] != 0xff || tail[1] != 0xd9) {
        return "it is a JPEG without its end (no FFD9); is it still being written?";
    }
    return NULL;
}

#endif
