// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "gate.h"

#include <stdlib.h>
#include <string.h>

#include "luma_jpeg.h"

enum { COLUMNS = 20, ROWS = 15, TITLE_ROWS = 3 };

// The scene has its number and the time burned in, as many cameras have: at the
// top, and in the last row. They always change.
static void ignore_titles(struct thingpass_gate *gate) {
    for (int block = 0; block < COLUMNS * ROWS; block++) {
        int row = block / COLUMNS;
        if (row < TITLE_ROWS || row == ROWS - 1) {
            gate->ignore[block / 8] |= (uint8_t)(1 << block % 8);
        }
    }
}

void thingpass_gate_init(struct thingpass_gate *gate, const struct thingpass_options *options) {
    *gate = (struct thingpass_gate){.why = {""}};
    if (options->folder == NULL) {
        ignore_titles(gate);
    }
    struct thingpass_motion_config config = {.columns = COLUMNS,
                                             .rows = ROWS,
                                             .cooldown_ms = options->cooldown_ms,
                                             .heartbeat_ms = options->heartbeat_s * 1000,
                                             .ignore = gate->ignore};
    (void)thingpass_motion_init(&gate->motion, &config); // such a grid is possible
}

static uint8_t *read_all(const struct thingpass_source *source) {
    size_t size = (size_t)source->size;
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    size_t at = 0;
    int n = bytes != NULL ? source->rewind(source->ctx) : THINGPASS_ESPACE;
    while (n >= 0 && at < size && (n = source->read(source->ctx, bytes + at, size - at)) > 0) {
        at += (size_t)n;
    }
    if (n < 0 || at < size || source->rewind(source->ctx) < 0) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

int thingpass_gate_judge(struct thingpass_gate *gate, const struct thingpass_photo *photo,
                         uint64_t now_ms) {
    gate->why.text[0] = '\0';
    uint8_t *bytes = read_all(&photo->source);
    if (bytes == NULL) {
        return thingpass_fail(&gate->why, THINGPASS_ESOURCE, "the photo cannot be read");
    }
    int rc = thingpass_luma_jpeg(&gate->motion, bytes, (size_t)photo->source.size, &gate->why);
    free(bytes);
    return rc == THINGPASS_OK ? thingpass_motion_end(&gate->motion, now_ms) : rc;
}

const char *thingpass_gate_word(int verdict) {
    static const char *const words[] = {
        [THINGPASS_MOTION_STILL] = "still",         [THINGPASS_MOTION_LEARNING] = "learning",
        [THINGPASS_MOTION_LIGHT] = "light",         [THINGPASS_MOTION_COOLING] = "cooling",
        [THINGPASS_MOTION_HEARTBEAT] = "heartbeat", [THINGPASS_MOTION_MOVED] = "moved"};
    return verdict >= 0 && verdict <= THINGPASS_MOTION_MOVED ? words[verdict] : "unknown";
}

#endif
