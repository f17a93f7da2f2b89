// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "parts.h"

#include <string.h>

#include "key.h"
#include "reader.h"
#include "reply.h"
#include "upload.h"
#include "url.h"

enum { root = 0, part_count_max = 10000, upload_id_max = 512, parts_max_s = 7 * 86400 };

bool thingpass_wants_parts(const struct thingpass *tp) {
    return tp->upload.object.mode == THINGPASS_MODE_MULTIPART;
}

static const struct thingpass_part *at_hand(const struct thingpass *tp) {
    return &tp->upload.parts[tp->upload.part_next];
}

static uint64_t offset_of(const struct thingpass *tp, uint32_t number) {
    return (number - 1) * tp->upload.part_size; // both are checked against the size
}

uint64_t thingpass_part_size(const struct thingpass *tp) {
    uint64_t left = tp->upload.object.source->size - offset_of(tp, at_hand(tp)->number);
    return left < tp->upload.part_size ? left : tp->upload.part_size;
}

// How many parts the object has. All are of one size but the last.
static uint64_t count_parts(const struct thingpass *tp, uint64_t part_size) {
    return (tp->upload.object.source->size - 1) / part_size + 1; // never of size 0
}

static int read_shape(struct thingpass *tp, const struct thingpass_json *json) {
    uint64_t part_size;
    uint64_t count;
    if (thingpass_json_u64(json, root, "partSize", &part_size) < 0 || part_size == 0 ||
        thingpass_json_u64(json, root, "partCount", &count) < 0 || count > part_count_max ||
        count != count_parts(tp, part_size)) {
        return THINGPASS_EREPLY;
    }
    tp->upload.part_size = part_size;
    return THINGPASS_OK;
}

static int read_part(struct thingpass *tp, const struct thingpass_json *json, int entry) {
    struct thingpass_upload *u = &tp->upload;
    struct thingpass_part *p = &u->parts[u->part_count];
    struct thingpass_url url;
    uint64_t number;
    uint64_t size;
    if (thingpass_json_u64(json, entry, "number", &number) < 0 || number == 0 ||
        number > count_parts(tp, u->part_size) || (u->part_count > 0 && number <= p[-1].number) ||
        thingpass_json_u64(json, entry, "size", &size) < 0 ||
        thingpass_json_string(json, entry, "uploadUrl", &p->url) < 0) {
        return THINGPASS_EREPLY;
    }
    p->number = (uint32_t)number;
    u->part_next = u->part_count;
    bool size_ok = size == thingpass_part_size(tp);
    u->part_next = 0;
    return size_ok ? thingpass_url_parse(&url, p->url, tp->config.allow_plain_http)
                   : THINGPASS_EREPLY;
}

// Parts beyond those that were asked for can wait.
static int read_window(struct thingpass *tp, const struct thingpass_json *json) {
    struct thingpass_upload *u = &tp->upload;
    int list = thingpass_json_find(json, root, "parts");
    if (list <= 0 || thingpass_json_type(json, list) != THINGPASS_JSON_ARRAY) {
        return THINGPASS_EREPLY;
    }
    int entry = thingpass_json_first(json, list);
    for (; entry > 0 && u->part_count < u->window; entry = thingpass_json_next(json, entry)) {
        int err = read_part(tp, json, entry);
        if (err < 0) {
            return err;
        }
        u->part_count++;
    }
    return THINGPASS_OK;
}

// There is no upload, and no id, where the object is there already [P-12.3].
static bool read_upload_id(const struct thingpass *tp, const struct thingpass_json *json,
                           struct thingpass_span *id) {
    id->p = NULL;
    id->n = 0;
    if (thingpass_json_find(json, root, "uploadId") == 0) {
        return tp->upload.part_count == 0;
    }
    return thingpass_json_string(json, root, "uploadId", id) == THINGPASS_OK &&
           thingpass_span_all(*id, upload_id_max, THINGPASS_PRINT);
}

// Until when the URLs are good; where there are none, nothing is said [P-12.2].
static int read_end(const struct thingpass *tp, const struct thingpass_json *json,
                    int64_t *expires_at) {
    *expires_at = INT64_MAX;
    if (tp->upload.part_count == 0 && thingpass_json_find(json, root, "expiresAt") == 0) {
        return THINGPASS_OK;
    }
    return thingpass_reply_time(json, root, "expiresAt", expires_at);
}

static int read_names(const struct thingpass_json *json, struct thingpass_span *key) {
    struct thingpass_span mode;
    struct thingpass_span checksum;
    bool ok = thingpass_json_string(json, root, "mode", &mode) == THINGPASS_OK &&
              thingpass_span_is(mode, "multipart") &&
              thingpass_json_string(json, root, "checksum", &checksum) == THINGPASS_OK &&
              thingpass_span_is(checksum, "crc32") &&
              thingpass_json_string(json, root, "objectKey", key) == THINGPASS_OK &&
              thingpass_key_ok(*key);
    return ok ? THINGPASS_OK : THINGPASS_EREPLY;
}

int thingpass_parts_take(struct thingpass *tp, struct thingpass_json *json, int64_t time,
                         size_t reply_len) {
    struct thingpass_upload *u = &tp->upload;
    struct thingpass_span key;
    struct thingpass_span upload_id;
    int64_t expires_at;
    u->part_count = 0;
    u->part_next = 0;
    int err = read_names(json, &key);
    err = err < 0 ? err : read_shape(tp, json);
    err = err < 0 ? err : read_window(tp, json);
    err = err < 0 ? err : read_end(tp, json, &expires_at);
    if (err < 0) {
        return err;
    }
    if (expires_at <= time || !read_upload_id(tp, json, &upload_id)) {
        return THINGPASS_EREPLY;
    }
    int64_t valid_s = expires_at - time;
    valid_s = valid_s < parts_max_s ? valid_s : parts_max_s;
    u->grant.valid_until_ms = thingpass_clock_ms(tp) + (uint64_t)valid_s * 1000;
    err = thingpass_key_keep(tp, key, reply_len);
    return err < 0 || upload_id.n == 0 ? err : thingpass_upload_id_keep(tp, upload_id, reply_len);
}

void thingpass_parts_next(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    struct thingpass_url url;
    if (u->part_count == 0) {
        thingpass_plan_report(tp); // S3 has them all
        return;
    }
    if (u->part_next == u->part_count ||
        thingpass_url_parse(&url, at_hand(tp)->url, tp->config.allow_plain_http) < 0) {
        thingpass_plan_ask(tp, 0);
        return;
    }
    u->grant.tls = url.tls;
    u->grant.port = url.port;
    u->grant.host = url.host;
    u->grant.target = url.target;
    u->sought = false;
    thingpass_plan_connect(tp, 0);
}

// Attempts are counted for each part, or a large object would use them up.
void thingpass_part_stored(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    u->puts = 0;
    u->grants = 0;
    u->failures = 0;
    u->part_next++;
    thingpass_parts_next(tp);
}

void thingpass_parts_lost(struct thingpass *tp) {
    tp->upload.upload_id_len = 0;
    thingpass_count(&tp->upload.grants);
    thingpass_ask_anew(tp);
}

int thingpass_part_seek(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (!u->sought) {
        u->sought = true;
        int err = thingpass_reader_range(&u->reader, offset_of(tp, at_hand(tp)->number),
                                         thingpass_part_size(tp));
        if (err < 0) {
            return err;
        }
    }
    return thingpass_reader_skip(&u->reader, tp->config.chunk, tp->config.chunk_size);
}
