// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "key.h"

#include <string.h>

const char *thingpass_key(const struct thingpass *tp) {
    const struct thingpass_config *c = &tp->config;
    size_t n = tp->upload.key_len;
    return n > 0 ? (const char *)c->reply + c->reply_size - n - 1 : "";
}

size_t thingpass_key_room(const struct thingpass *tp) {
    size_t n = tp->upload.key_len;
    return tp->config.reply_size - (n > 0 ? n + 1 : 0);
}

int thingpass_key_keep(struct thingpass *tp, struct thingpass_span key, size_t reply_len) {
    const struct thingpass_config *c = &tp->config;
    tp->upload.key_len = 0;
    tp->result.object_key = "";
    if (c->reply_size - reply_len < key.n + 1) {
        return THINGPASS_ESPACE;
    }
    char *kept = (char *)c->reply + c->reply_size - key.n - 1;
    memcpy(kept, key.p, key.n); // behind the reply, so they do not overlap
    kept[key.n] = '\0';
    tp->upload.key_len = key.n;
    tp->result.object_key = kept;
    return THINGPASS_OK;
}
