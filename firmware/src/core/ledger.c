// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "thingpass/ledger.h"

#include <string.h>

#include "key.h"
#include "mode.h"
#include "upload.h"

enum {
    topic_extra = sizeof "//upload-complete", // with its NUL
    report_frame = sizeof "{\"id\":\"\",\"objects\":[]}" + THINGPASS_ID_MAX,
    reply_frame = 160, // bytes of an answer besides its entries
    reply_entry = 80   // bytes of an entry besides its key, if all is well
};

int thingpass_ledger_init(struct thingpass_ledger *ledger, void *buf, size_t size,
                          thingpass_verdict *verdict, void *ctx) {
    if (ledger == NULL || buf == NULL) {
        return THINGPASS_EINVAL;
    }
    memset(ledger, 0, sizeof *ledger);
    if (size < THINGPASS_LEDGER_SIZE_MIN) {
        return THINGPASS_ESPACE;
    }
    ledger->entries = buf;
    ledger->size = size;
    ledger->most = THINGPASS_LEDGER_MAX;
    ledger->verdict = verdict;
    ledger->ctx = ctx;
    ledger->add = thingpass_ledger_add;
    return THINGPASS_OK;
}

// What the entries may take, so that one message holds them all.
static size_t room_of(const struct thingpass *tp) {
    const struct thingpass_config *c = &tp->config;
    size_t frame = strlen(c->root) + strlen(c->thing) + topic_extra + report_frame;
    size_t message = c->chunk_size > frame ? c->chunk_size - frame : 0;
    return message < c->ledger->size ? message : c->ledger->size;
}

static void put_entry(struct thingpass_writer *w, const struct thingpass *tp) {
    const struct thingpass_upload *u = &tp->upload;
    thingpass_put_text(w, tp->config.ledger->count > 0 ? ",{\"objectKey\":" : "{\"objectKey\":");
    thingpass_put_json(w, thingpass_span_of(thingpass_key(tp)));
    thingpass_put_text(w, ",\"size\":");
    thingpass_put_u64(w, u->object.source->size);
    if (u->have_sum) {
        thingpass_put_text(w, ",\"sha256\":\"");
        thingpass_put_hex(w, u->sum, sizeof u->sum);
        thingpass_put_text(w, "\"");
    }
    thingpass_put_text(w, "}");
}

bool thingpass_ledger_add(struct thingpass *tp) {
    struct thingpass_ledger *l = tp->config.ledger;
    size_t room = room_of(tp);
    struct thingpass_writer w = {l->entries + l->len, room > l->len ? room - l->len : 0, 0};
    put_entry(&w, tp);
    size_t answer = reply_frame + (l->count + 1U) * (tp->upload.key_len + reply_entry);
    if (w.len == SIZE_MAX || l->count == THINGPASS_LEDGER_MAX ||
        answer > tp->config.reply_size - tp->kept.len) {
        l->full = l->count > 0;
        return false;
    }
    l->oldest_ms = l->count > 0 ? l->oldest_ms : thingpass_clock_ms(tp);
    l->len += w.len;
    l->count++;
    l->full = l->full || l->count == THINGPASS_LEDGER_MAX || room - l->len < w.len;
    return true;
}

bool thingpass_ledger_due(const struct thingpass *tp) {
    const struct thingpass_ledger *l = tp->config.ledger;
    return l != NULL && l->count > 0 &&
           (l->full || thingpass_clock_ms(tp) - l->oldest_ms >= THINGPASS_LEDGER_AGE_S * 1000U);
}

static uint8_t next_count(const struct thingpass_ledger *l) {
    return l->count < l->most ? l->count : l->most;
}

// The bytes of the first n entries. Inside a JSON text no quote stands without a
// backslash before it, so what is looked for stands between entries only.
static size_t length_of(const struct thingpass_ledger *l, uint8_t n) {
    static const char between[] = "},{\"";
    size_t at = 0;
    for (; n > 0 && at + sizeof between <= l->len; at++) {
        if (memcmp(l->entries + at, between, sizeof between - 1) == 0 && --n == 0) {
            return at + 1;
        }
    }
    return l->len;
}

static void drop(struct thingpass_ledger *l, uint8_t n) {
    size_t used = length_of(l, n);
    used += used < l->len ? 1 : 0; // the comma
    l->len -= used;
    l->count = (uint8_t)(l->count - n);
    memmove(l->entries, l->entries + used, l->len);
    l->full = l->count > 0; // what is left has waited long enough
}

static void put_report(const struct thingpass *tp, struct thingpass_writer *w,
                       const struct thingpass_request *request) {
    const struct thingpass_ledger *l = tp->config.ledger;
    const struct thingpass_span entries = {l->entries, length_of(l, next_count(l))};
    thingpass_put_text(w, "{\"id\":");
    thingpass_put_json(w, thingpass_span_of(request->id));
    thingpass_put_text(w, ",\"objects\":[");
    thingpass_put(w, entries);
    thingpass_put_text(w, "]}");
}

static void tell(const struct thingpass_ledger *l, struct thingpass_span key,
                 struct thingpass_span code) {
    char text[sizeof((struct thingpass_result *)0)->code];
    thingpass_copy_cut(text, sizeof text, code);
    if (l->verdict != NULL) {
        l->verdict(l->ctx, key.p, key.n, text);
    }
}

// Reads one entry of the answer. A refusal that may be retried is for all of them:
// reports may be repeated [P-6.4].
static int read_entry(const struct thingpass_json *json, int entry, struct thingpass_reply *reply,
                      struct thingpass_span *key) {
    int err = thingpass_json_string(json, entry, "objectKey", key);
    return err < 0 ? err : thingpass_reply_read(json, entry, reply);
}

static int check_entries(const struct thingpass *tp, const struct thingpass_json *json, int list,
                         struct thingpass_reply *wait) {
    const struct thingpass_ledger *l = tp->config.ledger;
    struct thingpass_span key;
    int left = next_count(l);
    for (int i = thingpass_json_first(json, list); i > 0; i = thingpass_json_next(json, i)) {
        struct thingpass_reply reply;
        if (left-- == 0 || read_entry(json, i, &reply, &key) < 0) {
            return THINGPASS_EREPLY;
        }
        if (reply.may_retry) {
            *wait = reply;
        }
    }
    return left == 0 ? THINGPASS_OK : THINGPASS_EREPLY;
}

// Takes the answer to the report. Returns what thingpass_receive does.
static int confirm(struct thingpass *tp, const struct thingpass_json *json,
                   const struct thingpass_reply *outer) {
    struct thingpass_ledger *l = tp->config.ledger;
    struct thingpass_reply reply = *outer;
    struct thingpass_span key;
    int list = thingpass_json_find(json, 0, "objects");
    if (list == 0 && !outer->success) {
        return thingpass_refused(tp, outer);
    }
    reply.may_retry = false;
    int err = list <= 0 ? THINGPASS_EREPLY : check_entries(tp, json, list, &reply);
    if (err < 0 || reply.may_retry) {
        return err < 0 ? thingpass_end_with(tp, err) : thingpass_refused(tp, &reply);
    }
    for (int i = thingpass_json_first(json, list); i > 0; i = thingpass_json_next(json, i)) {
        (void)read_entry(json, i, &reply, &key); // it was read before
        tell(l, key, reply.code);
    }
    drop(l, next_count(l));
    l->most = THINGPASS_LEDGER_MAX;
    thingpass_finish(tp, THINGPASS_OK);
    return 1;
}

// The answer does not fit: asks for less of it.
static bool too_large(struct thingpass *tp) {
    struct thingpass_ledger *l = tp->config.ledger;
    uint8_t n = next_count(l);
    if (n > 1) {
        l->most = n / 2;
        thingpass_plan_report(tp);
        return true;
    }
    static const size_t name = sizeof "{\"objectKey\":\"" - 1;
    const char *end = memchr(l->entries + name, '"', l->len - name);
    const struct thingpass_span key = {l->entries + name, (size_t)(end - l->entries) - name};
    tell(l, key, thingpass_span_of("unreported"));
    drop(l, 1);
    return false;
}

static const struct thingpass_mode mode_ledger = {
    .report = put_report,
    .confirm = confirm,
    .too_large = too_large,
};

static int nothing_to_rewind(void *ctx) {
    (void)ctx;
    return THINGPASS_OK;
}

static int nothing_to_read(void *ctx, void *buf, size_t cap) {
    (void)ctx;
    (void)buf;
    (void)cap;
    return 0;
}

int thingpass_ledger_send(struct thingpass *tp) {
    static const struct thingpass_source nothing = {
        .known_len = true,
        .rewindable = true,
        .read = nothing_to_read,
        .rewind = nothing_to_rewind,
    };
    const struct thingpass_object object = {.mode = &mode_ledger, .source = &nothing};
    if (tp->upload.phase != THINGPASS_PHASE_IDLE) {
        return THINGPASS_EBUSY;
    }
    if (tp->config.ledger == NULL || tp->config.ledger->count == 0) {
        return THINGPASS_EINVAL;
    }
    thingpass_begin(tp, &object);
    thingpass_plan_report(tp);
    return THINGPASS_OK;
}
