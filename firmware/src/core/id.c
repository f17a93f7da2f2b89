// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "id.h"

#include <string.h>

// Thirty-two characters that also survive a file system without upper case.
static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

int thingpass_id_init(struct thingpass_id_state *ids, const struct thingpass_random *random) {
    uint8_t bytes[sizeof ids->prefix - 1];
    memset(ids, 0, sizeof *ids);
    if (random->fill(random->ctx, bytes, sizeof bytes) < 0) {
        return THINGPASS_EIO;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        ids->prefix[i] = alphabet[bytes[i] & 31];
    }
    return THINGPASS_OK;
}

int thingpass_id_next(struct thingpass_id_state *ids, char *buf, size_t cap) {
    if (cap == 0) {
        return THINGPASS_ESPACE;
    }
    struct thingpass_writer w = {buf, cap - 1, 0};
    uint32_t n = ids->counter + 1;
    thingpass_put_text(&w, ids->prefix);
    thingpass_put_text(&w, "-");
    for (uint32_t digit = 100000; digit > 1 && n < digit; digit /= 10) {
        thingpass_put_text(&w, "0"); // at least six digits, so that keys sort
    }
    thingpass_put_u64(&w, n);
    if (w.len == SIZE_MAX) {
        buf[0] = '\0';
        return THINGPASS_ESPACE;
    }
    buf[w.len] = '\0';
    ids->counter = n;
    return (int)w.len;
}
