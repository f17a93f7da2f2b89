// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "key.h"

#include <string.h>

void thingpass_kept_forget(struct thingpass *tp) {
    memset(tp->config.reply, 0, tp->kept.len);
    memset(&tp->kept, 0, sizeof tp->kept);
}

const char *thingpass_key(const struct thingpass *tp) {
    const struct thingpass_config *c = &tp->config;
    size_t n = tp->upload.key_len;
    return n > 0 ? (const char *)c->reply + c->reply_size - n - 1 : "";
}

char *thingpass_reply_begin(const struct thingpass *tp) {
    return (char *)tp->config.reply + tp->kept.len;
}

size_t thingpass_reply_room(const struct thingpass *tp) {
    size_t n = tp->upload.key_len;
    size_t id = tp->upload.upload_id_len;
    return tp->config.reply_size - tp->kept.len - (n > 0 ? n + 1 : 0) - (id > 0 ? id + 1 : 0);
}

const char *thingpass_upload_id(const struct thingpass *tp) {
    size_t n = tp->upload.upload_id_len;
    return n > 0 ? thingpass_key(tp) - n - 1 : "";
}

int thingpass_upload_id_keep(struct thingpass *tp, struct thingpass_span upload_id,
                             size_t reply_len) {
    const struct thingpass_config *c = &tp->config;
    size_t end = c->reply_size - tp->upload.key_len - 1;
    if (end - reply_len < upload_id.n + 1) {
        return THINGPASS_ESPACE;
    }
    struct thingpass_writer w = {(char *)c->reply + end - upload_id.n - 1, upload_id.n, 0};
    thingpass_put(&w, upload_id);
    w.buf[upload_id.n] = '\0';
    tp->upload.upload_id_len = upload_id.n;
    return THINGPASS_OK;
}

char *thingpass_key_room(struct thingpass *tp, size_t n, size_t reply_len) {
    const struct thingpass_config *c = &tp->config;
    tp->upload.key_len = 0;
    tp->upload.upload_id_len = 0;
    tp->result.object_key = "";
    if (c->reply_size - reply_len < n + 1) {
        return NULL;
    }
    char *key = (char *)c->reply + c->reply_size - n - 1;
    key[n] = '\0';
    tp->upload.key_len = n;
    tp->result.object_key = key;
    return key;
}

int thingpass_key_keep(struct thingpass *tp, struct thingpass_span key, size_t reply_len) {
    char *to = thingpass_key_room(tp, key.n, reply_len);
    if (to == NULL) {
        return THINGPASS_ESPACE;
    }
    memcpy(to, key.p, key.n); // behind the reply, so they do not overlap
    return THINGPASS_OK;
}
