// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "id.h"

#include <string.h>

int thingpass_draw_letters(const struct thingpass_random *random, char *buf, size_t cap) {
    // a-z and 2-7: they also survive a file system without upper case.
    if (random->fill(random->ctx, buf, cap - 1) < 0) {
        return THINGPASS_EIO;
    }
    for (size_t i = 0; i + 1 < cap; i++) {
        unsigned letter = (uint8_t)buf[i] & 31U;
        buf[i] = (char)(letter < 26 ? 'a' + letter : '2' + letter - 26);
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
    enum { sorted = 6, most = 10 }; // digits: at least so many, so that keys sort
    char number[most];
    size_t at = most;
    for (uint32_t n = ids->counter + 1; n > 0 || at > most - sorted; n /= 10) {
        number[--at] = (char)('0' + n % 10);
    }
    const struct thingpass_span digits = {number + at, most - at};
    thingpass_put_text(&w, ids->prefix);
    thingpass_put_text(&w, "-");
    thingpass_put(&w, digits);
    if (w.len == SIZE_MAX) {
        buf[0] = '\0';
        return THINGPASS_ESPACE;
    }
    buf[w.len] = '\0';
    ids->counter++;
    return (int)w.len;
}
