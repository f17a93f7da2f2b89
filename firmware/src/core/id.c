// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "id.h"

#include <string.h>

int thingpass_draw_letters(const struct thingpass_random *random, char *buf, size_t cap) {
    // They also survive a file system without upper case.
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    if (random->fill(random->ctx, buf, cap - 1) < 0) {
        return THINGPASS_EIO;
    }
    for (size_t i = 0; i + 1 < cap; i++) {
        buf[i] = alphabet[(uint8_t)buf[i] & 31];
    }
    buf[cap - 1] = '\0';
    return THINGPASS_OK;
}

int thingpass_id_init(struct thingpass_id_state *ids, const struct thingpass_random *random) {
    memset(ids, 0, sizeof *ids);
    return thingpass_draw_letters(random, ids->prefix, sizeof ids->prefix);
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
