// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Any bytes as a response, in two cuts. What must hold: the cut makes no
// difference, and http_parser takes and reads alike what ours takes.

#include <stdlib.h>
#include <string.h>

#include "http_judge.h"

static void require(bool ok) {
    if (!ok) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct http_reading whole;
    static struct http_reading pieces;
    if (size < 2) {
        return 0;
    }
    size_t piece = (size_t)data[0] % 16 + 1;
    bool end = (data[0] & 16) != 0;
    size_t len = size - 1;
    char *text = malloc(len);
    require(text != NULL);
    memcpy(text, data + 1, len);
    for (size_t i = 0; i < len; i++) {
        // http_parser does not know that a tab may stand where a space may.
        text[i] = text[i] == '\t' ? ' ' : text[i];
    }
    http_read(&whole, text, len, len, end);
    http_read(&pieces, text, len, piece, end);
    require(whole.err == pieces.err);
    require(whole.state.ranges != 1 || whole.state.range_first < whole.state.range_size);
    if (whole.err == THINGPASS_OK) {
        require(whole.used == pieces.used && whole.body_len == pieces.body_len);
        require(memcmp(whole.body, pieces.body, whole.body_len < 8192 ? whole.body_len : 8192) ==
                0);
        require(memcmp(&whole.state, &pieces.state, sizeof whole.state) == 0);
    }
    // Without the end of the connection, http_parser must not be told of it.
    if (end || thingpass_http_may_reuse(&whole.state)) {
        require(http_judge(&whole, text, len) == NULL);
    }
    free(text);
    return 0;
}
