// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// An object that is stored in parts [P-12]. The broker grants the next few parts
// that S3 does not have, a window; when those are sent it is asked again, until
// there are none left to send. What S3 has is S3's to remember: after a reboot
// the same question goes on where it was.

#include <string.h>

#include "crc32.h"
#include "key.h"
#include "mode.h"
#include "reader.h"
#include "upload.h"
#include "url.h"

enum { root = 0, part_count_max = 10000, upload_id_max = 512 };

static const struct thingpass_part *at_hand(const struct thingpass *tp) {
    return &tp->upload.parts[tp->upload.part_next];
}

static uint64_t offset_of(const struct thingpass *tp, uint32_t number) {
    return (number - 1) * tp->upload.part_size; // both are checked against the size
}

static uint64_t size_of_part(const struct thingpass *tp) {
    uint64_t left = tp->upload.object.source->size - offset_of(tp, at_hand(tp)->number);
    return left < tp->upload.part_size ? left : tp->upload.part_size;
}

// Whether the object has that many parts: all are of one size but the last. Said
// without a division, and no product overflows.
static bool are_parts(const struct thingpass *tp, uint64_t part_size, uint64_t count) {
    uint64_t size = tp->upload.object.source->size;
    return count > 0 && count <= part_count_max && part_size <= UINT64_MAX / part_count_max &&
           (count - 1) * part_size < size && size <= count * part_size;
}

static int read_shape(struct thingpass *tp, const struct thingpass_json *json) {
    uint64_t part_size;
    uint64_t count;
    if (thingpass_json_u64(json, root, "partSize", &part_size) < 0 ||
        thingpass_json_u64(json, root, "partCount", &count) < 0 ||
        !are_parts(tp, part_size, count)) {
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
        number > part_count_max ||
        offset_of(tp, (uint32_t)number) >= tp->upload.object.source->size ||
        (u->part_count > 0 && number <= p[-1].number) ||
        thingpass_json_u64(json, entry, "size", &size) < 0 ||
        thingpass_json_string(json, entry, "uploadUrl", &p->url) < 0) {
        return THINGPASS_EREPLY;
    }
    p->number = (uint32_t)number;
    u->part_next = u->part_count;
    bool size_ok = size == size_of_part(tp);
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
    return thingpass_json_time(json, root, "expiresAt", expires_at);
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

static int take(struct thingpass *tp, struct thingpass_json *json,
                const struct thingpass_reply *reply, size_t reply_len) {
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
    if (expires_at <= reply->time || !read_upload_id(tp, json, &upload_id)) {
        return THINGPASS_EREPLY;
    }
    u->grant.headers.n = 0; // nothing is signed but the length
    u->grant.valid_until_ms = thingpass_grant_until_ms(tp, expires_at, reply->time);
    err = thingpass_key_keep(tp, key, reply_len);
    return err < 0 || upload_id.n == 0 ? err : thingpass_upload_id_keep(tp, upload_id, reply_len);
}

static void plan_next(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (u->part_count == 0) {
        thingpass_plan_report(tp); // S3 has them all
        return;
    }
    if (u->part_next == u->part_count || thingpass_grant_url(tp, at_hand(tp)->url) < 0) {
        thingpass_plan_ask(tp, 0);
        return;
    }
    u->sought = false;
    thingpass_plan_connect(tp, 0);
}

// Attempts are counted for each part, or a large object would use them up.
static void part_stored(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    u->puts = 0;
    u->grants = 0;
    u->failures = 0;
    u->part_next++;
    plan_next(tp);
}

static int seek(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (!u->sought) {
        u->sought = true;
        int err = thingpass_reader_range(&u->reader, offset_of(tp, at_hand(tp)->number),
                                         size_of_part(tp));
        if (err < 0) {
            return err;
        }
    }
    return thingpass_reader_skip(&u->reader, tp->config.chunk, tp->config.chunk_size);
}

static bool object_ok(const struct thingpass_object *object) {
    return object->source->rewindable && object->source->size > 0 &&
           object->pass_metadata_count == 0;
}

static void begin(struct thingpass *tp) {
    tp->upload.window = sizeof tp->upload.parts / sizeof *tp->upload.parts;
}

static void scan(struct thingpass *tp, const void *data, size_t n) {
    tp->upload.crc = thingpass_crc32(tp->upload.crc, data, n);
}

static void put_ask(const struct thingpass *tp, struct thingpass_writer *w,
                    const struct thingpass_request *request) {
    thingpass_put_parts_request(w, request, thingpass_upload_id(tp), tp->upload.window);
}

// Asked for an upload without its id, the broker looks for the object first
// [P-12.3].
static bool refused(struct thingpass *tp, const struct thingpass_reply *reply) {
    if (tp->upload.upload_id_len > 0 || !thingpass_span_is(reply->code, "mismatch")) {
        return false;
    }
    thingpass_copy_cut(tp->result.code, sizeof tp->result.code, reply->code);
    thingpass_finish(tp, THINGPASS_EMISMATCH);
    return true;
}

// Two parts' URLs with session tokens may be too much, where one is not.
static bool too_large(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (u->phase != THINGPASS_PHASE_ASK || u->window == 1) {
        return false;
    }
    u->window = 1;
    thingpass_plan_ask(tp, 0);
    return true;
}

static size_t head(struct thingpass *tp, char *buf, size_t cap) {
    return thingpass_grant_head(tp, "PUT", (int64_t)size_of_part(tp), buf, cap);
}

// Parts are stored whatever the key holds already, so 412 means nothing here.
static bool judge(struct thingpass *tp) {
    unsigned status = tp->response.status;
    if (status == 404 && strcmp(tp->s3_error.code, "NoSuchUpload") == 0) {
        thingpass_upload_lost(tp);
        return true;
    }
    if (status == 412) {
        thingpass_finish(tp, THINGPASS_EREJECTED);
    }
    return status == 412;
}

static void put_report(const struct thingpass *tp, struct thingpass_writer *w,
                       const struct thingpass_request *request) {
    thingpass_put_parts_report(w, request, thingpass_upload_id(tp), tp->upload.crc);
}

const struct thingpass_mode thingpass_mode_multipart = {
    .object_ok = object_ok,
    .begin = begin,
    .scan = scan,
    .ask = put_ask,
    .refused = refused,
    .take = take,
    .next = plan_next,
    .seek = seek,
    .head = head,
    .judge = judge,
    .stored = part_stored,
    .report = put_report,
    .too_large = too_large,
};
