// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include <stddef.h>
#include <string.h>

#include "clock.h"
#include "id.h"
#include "upload.h"

// The times of struct thingpass_timing stand before its counts, all alike.
enum { times = offsetof(struct thingpass_timing, max_puts) / sizeof(uint32_t) };

static void set_defaults(struct thingpass_config *c) {
    static const uint32_t defaults[times] = {5000, 1000, 60000, 30000, 15000, 600000};
    struct thingpass_timing *t = &c->timing;
    c->root = c->root != NULL ? c->root : "thingpass";
    for (size_t i = 0; i < times; i++) {
        char *place = (char *)t + i * sizeof(uint32_t);
        uint32_t ms;
        memcpy(&ms, place, sizeof ms);
        ms = ms != 0 ? ms : defaults[i];
        memcpy(place, &ms, sizeof ms);
    }
    t->max_puts = t->max_puts != 0 ? t->max_puts : 8;
    t->max_grants = t->max_grants != 0 ? t->max_grants : 5;
}

// Whether none of a port's functions is missing. Each port is a context, which may
// be NULL, and functions behind it.
static bool is_complete(const void *port, size_t size) {
    const char *p = port;
    void (*function)(void);
    _Static_assert(sizeof(void *) == sizeof function, "ports are arrays of pointers");
    for (size_t at = sizeof(void *); p != NULL && at < size; at += sizeof function) {
        memcpy(&function, p + at, sizeof function);
        p = function != NULL ? p : NULL;
    }
    return p != NULL;
}

static bool ports_ok(const struct thingpass_config *c) {
    return is_complete(c->stream, sizeof *c->stream) && is_complete(c->mqtt, sizeof *c->mqtt) &&
           is_complete(c->clock, sizeof *c->clock) && is_complete(c->random, sizeof *c->random) &&
           is_complete(c->sha256, sizeof *c->sha256);
}

static bool names_ok(const struct thingpass_config *c) {
    enum { longest_suffix = sizeof "//credentials-request" - 1 };
    if (c->thing == NULL ||
        !thingpass_span_all(thingpass_span_of(c->thing), THINGPASS_THING_MAX, THINGPASS_THING)) {
        return false;
    }
    struct thingpass_span root = thingpass_span_of(c->root);
    return thingpass_span_all(root, THINGPASS_TOPIC_MAX, THINGPASS_ROOT) && root.p[0] != '/' &&
           root.p[root.n - 1] != '/' &&
           root.n + strlen(c->thing) + longest_suffix <= THINGPASS_TOPIC_MAX;
}

int thingpass_init(struct thingpass *tp, const struct thingpass_config *config) {
    if (tp == NULL || config == NULL) {
        return THINGPASS_EINVAL;
    }
    memset(tp, 0, sizeof *tp);
    tp->result.id = "";
    tp->result.object_key = "";
    struct thingpass_config c = *config;
    set_defaults(&c);
    if (!ports_ok(&c) || !names_ok(&c) || c.reply == NULL || c.chunk == NULL) {
        return THINGPASS_EINVAL;
    }
    if (c.reply_size < THINGPASS_REPLY_SIZE_MIN || c.chunk_size < THINGPASS_CHUNK_SIZE_MIN) {
        return THINGPASS_ESPACE;
    }
    int err = thingpass_id_init(&tp->ids, c.random);
    if (err < 0) {
        return err;
    }
    tp->config = c;
    return THINGPASS_OK;
}

uint64_t thingpass_clock_ms(const struct thingpass *tp) {
    return tp->config.clock->now_ms(tp->config.clock->ctx);
}

const struct thingpass_result *thingpass_result(const struct thingpass *tp) {
    return &tp->result;
}

const char *thingpass_phase_name(const struct thingpass *tp) {
    static const char *const names[] = {"idle", "hash",    "ask",    "connect",
                                        "send", "receive", "report", "ended"};
    return names[tp->upload.phase];
}

int thingpass_now(const struct thingpass *tp, int64_t *now_s) {
    *now_s = thingpass_clock_at(&tp->clock, thingpass_clock_ms(tp));
    return *now_s != 0 ? THINGPASS_OK : THINGPASS_ENOCLOCK;
}

int thingpass_set_now(struct thingpass *tp, int64_t now_s) {
    if (!thingpass_time_is_sane(now_s)) {
        return THINGPASS_EINVAL;
    }
    thingpass_clock_set(&tp->clock, now_s, thingpass_clock_ms(tp));
    return THINGPASS_OK;
}

int thingpass_new_id(struct thingpass *tp, char *buf, size_t cap) {
    return thingpass_id_next(&tp->ids, buf, cap);
}

size_t thingpass_put_topic(const struct thingpass *tp, const char *suffix, char *buf, size_t cap) {
    const struct thingpass_span nul = {"", 1};
    struct thingpass_writer w = {buf, cap, 0};
    thingpass_put_text(&w, tp->config.root);
    thingpass_put_text(&w, "/");
    thingpass_put_text(&w, tp->config.thing);
    thingpass_put_text(&w, suffix);
    thingpass_put(&w, nul);
    return w.len;
}

int thingpass_response_topic(const struct thingpass *tp, char *buf, size_t cap) {
    size_t size = thingpass_put_topic(tp, "/response", buf, cap);
    if (size != SIZE_MAX) {
        return (int)size - 1;
    }
    if (cap > 0) {
        buf[0] = '\0';
    }
    return THINGPASS_ESPACE;
}
