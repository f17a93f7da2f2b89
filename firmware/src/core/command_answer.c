// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Saying how a command went [P-15.6].

#include "thingpass/command.h"
#include "upload.h"

enum { expiry_s = 3600 };

static void put_code(struct thingpass_writer *w, const char *code) {
    thingpass_put_text(w, "error\",\"code\":\"");
    thingpass_put_text(w, code);
    thingpass_put_text(w, "\"");
}

// The hexadecimal digits of what was stored or fetched, if they are known.
static void put_sum(struct thingpass_writer *w, const struct thingpass *tp) {
    const struct thingpass_upload *u = &tp->upload;
    bool fetched = tp->result.verified != THINGPASS_VERIFIED_NOT;
    if (fetched ? u->fetch.sum.n == 0 : !u->have_sum) {
        return;
    }
    thingpass_put_text(w, ",\"sha256\":\"");
    if (fetched) {
        thingpass_put(w, u->fetch.sum);
    } else {
        thingpass_put_hex(w, u->sum, sizeof u->sum);
    }
    thingpass_put_text(w, "\"");
}

// All that a result says, but for the checksum and the end.
static void put_result(struct thingpass_writer *w, const struct thingpass_result *r) {
    if (r->err < 0) { // S3's codes have capital letters
        bool ours = thingpass_text_all(r->code, THINGPASS_KIND_MAX, THINGPASS_KIND);
        put_code(w, ours ? r->code : "failed");
        return;
    }
    thingpass_put_text(w, "success\"");
    if (r->object_key[0] != '\0') {
        thingpass_put_text(w, ",\"objectKey\":");
        thingpass_put_json(w, thingpass_span_of(r->object_key));
    }
    thingpass_put_text(w, ",\"size\":");
    thingpass_put_u64(w, r->size);
}

static void put_head(struct thingpass_writer *w, const char *id) {
    thingpass_put_text(w, "{\"id\":\"");
    thingpass_put_text(w, id);
    thingpass_put_text(w, "\",\"status\":\"");
}

int thingpass_command_print(const struct thingpass_result *result, const char *id, char *buf,
                            size_t cap) {
    const struct thingpass_span end = {"}", 2};
    struct thingpass_writer w = {buf, cap, 0};
    if (!thingpass_text_all(id, THINGPASS_ID_MAX, THINGPASS_ID)) {
        return THINGPASS_EINVAL;
    }
    put_head(&w, id);
    put_result(&w, result);
    thingpass_put(&w, end);
    return w.len == SIZE_MAX ? THINGPASS_ESPACE : (int)w.len - 1;
}

static int publish(struct thingpass *tp, char *buf, size_t cap, const char *id, const char *code) {
    const struct thingpass_mqtt *mqtt = tp->config.mqtt;
    size_t topic = thingpass_put_topic(tp, "/command-result", buf, cap);
    if (topic == SIZE_MAX) {
        return THINGPASS_ESPACE;
    }
    struct thingpass_writer w = {buf + topic, cap - topic, 0};
    put_head(&w, id);
    if (code != NULL) {
        put_code(&w, code);
    } else {
        put_result(&w, &tp->result);
        if (tp->result.err >= 0) {
            put_sum(&w, tp);
        }
    }
    thingpass_put_text(&w, "}");
    return w.len == SIZE_MAX ? THINGPASS_ESPACE
                             : mqtt->publish(mqtt->ctx, buf, w.buf, w.len, expiry_s);
}

int thingpass_command_answer(struct thingpass *tp, const char *id, const char *code) {
    char text[THINGPASS_TOPIC_MAX + 1 + THINGPASS_ID_MAX + THINGPASS_KIND_MAX + 64];
    if (!thingpass_text_all(id, THINGPASS_ID_MAX, THINGPASS_ID)) {
        return THINGPASS_EINVAL;
    }
    if (code != NULL) {
        return thingpass_text_all(code, THINGPASS_KIND_MAX, THINGPASS_KIND)
                   ? publish(tp, text, sizeof text, id, code)
                   : THINGPASS_EINVAL;
    }
    return tp->upload.phase == THINGPASS_PHASE_IDLE
               ? publish(tp, tp->config.chunk, tp->config.chunk_size, id, NULL)
               : THINGPASS_EBUSY;
}
