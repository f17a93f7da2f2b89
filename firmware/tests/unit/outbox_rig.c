// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "outbox_rig.h"

static struct outbox_rig *rig_of(struct world *w) {
    return w->test;
}

static void field(const char *payload, const char *name, char *out, size_t cap) {
    char pattern[40];
    snprintf(pattern, sizeof pattern, "\"%s\":", name);
    const char *p = strstr(payload, pattern);
    out[0] = '\0';
    if (p != NULL) {
        p += strlen(pattern);
        p += *p == '"';
        snprintf(out, cap, "%.*s", (int)strcspn(p, "\",}"), p);
    }
}

static char text[1000];

static const char *refusal(const char *code) {
    snprintf(text, sizeof text,
             "{\"id\":\"$ID\",\"status\":\"error\",\"time\":$TIME,\"code\":\"%s\",\"error\":\"x\"}",
             code);
    return text;
}

// The date in the key, as a number of days.
static long long day_of(struct world *w, const char *payload) {
    char at[24];
    field(payload, "capturedAt", at, sizeof at);
    long long now = w->epoch_s + (long long)(w->now_ms / 1000);
    return (at[0] != '\0' ? atoll(at) : now) / 86400;
}

static const char *grant(struct world *w, const char *payload, const char *id) {
    char key[120];
    field(payload, "objectKey", key, sizeof key);
    if (strstr(payload, "\"mode\":\"pass\"") != NULL) {
        snprintf(text, sizeof text,
                 "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"mode\":\"pass\","
                 "\"keyPrefix\":\"cam1/photo/%lld/\",\"keySuffix\":\".jpg\","
                 "\"uploadUrl\":\"https://s3.example.com/\",\"fields\":{\"policy\":\"eyJ9\"},"
                 "\"minSize\":0,\"maxSize\":8388608,\"expiresAt\":$EXPIRES}",
                 day_of(w, payload));
        return text;
    }
    if (key[0] == '\0') {
        snprintf(key, sizeof key, "cam1/photo/%lld/%s.jpg", day_of(w, payload), id);
    }
    snprintf(text, sizeof text,
             "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"mode\":\"put\","
             "\"objectKey\":\"%s\",\"uploadUrl\":\"https://s3.example.com/%s?X-Amz-Signature=a\","
             "\"headers\":{\"If-None-Match\":\"*\"},\"expiresAt\":$EXPIRES}",
             key, key);
    return text;
}

static struct bucket_object *by_key(struct outbox_rig *o, const char *key) {
    for (size_t i = 0; i < o->stored; i++) {
        if (strcmp(o->bucket[i].key, key) == 0) {
            return &o->bucket[i];
        }
    }
    return NULL;
}

static const char *answer(struct world *w, const char *topic, const char *payload) {
    struct outbox_rig *o = rig_of(w);
    char id[24], key[120], size[24];
    field(payload, "id", id, sizeof id);
    field(payload, "objectKey", key, sizeof key);
    field(payload, "size", size, sizeof size);
    if (strstr(topic, "/upload-request") != NULL) {
        snprintf(o->asked, sizeof o->asked, "%s", id);
        if (o->garbage_id != NULL && strcmp(o->garbage_id, id) == 0) {
            return "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME}";
        }
        if (o->refused != NULL && (o->refused_id == NULL || strcmp(o->refused_id, id) == 0)) {
            return refusal(o->refused);
        }
        return grant(w, payload, id);
    }
    if (by_key(o, key) == NULL) {
        return refusal("not-found");
    }
    snprintf(
        text, sizeof text,
        "{\"id\":\"$ID\",\"status\":\"success\",\"time\":$TIME,\"objectKey\":\"%s\",\"size\":%s}",
        key, size);
    return text;
}

// What S3 has stored must be what id names, and whole.
static void keep(struct world *w) {
    struct outbox_rig *o = rig_of(w);
    char key[120];
    if (strncmp(w->head, "POST", 4) == 0) {
        snprintf(key, sizeof key, "%.119s", w->form.key);
    } else {
        snprintf(key, sizeof key, "%.*s", (int)strcspn(w->head + 5, "?"), w->head + 5);
    }
    struct bucket_object *b = by_key(o, key);
    if (b == NULL) {
        assert_true(o->stored < bucket_max);
        b = &o->bucket[o->stored++];
        memset(b, 0, sizeof *b);
        snprintf(b->key, sizeof b->key, "%s", key);
        const char *name = strrchr(key, '/') + 1;
        snprintf(b->id, sizeof b->id, "%.*s", (int)strcspn(name, "."), name);
    }
    b->puts++;
    for (size_t i = 0; i < w->stored_len; i++) {
        assert_int_equal(w->stored[i], rig_byte(b->id, i));
    }
}

static void tell(void *ctx, const struct thingpass_outbox_event *event) {
    struct outbox_rig *o = ctx;
    assert_true(o->news_count < news_max);
    struct outbox_news *n = &o->news[o->news_count++];
    n->news = event->news;
    n->err = event->err;
    snprintf(n->id, sizeof n->id, "%s", event->object != NULL ? event->object->id : "");
    assert_true(event->result == NULL || strcmp(event->result->id, n->id) == 0);
}

static void choose(void *ctx, struct thingpass_object *object, uint8_t hint) {
    const struct outbox_rig *o = ctx;
    assert_int_equal(hint, 9);
    object->mode = o->pass ? &thingpass_mode_pass : NULL;
}

static int step(struct world *w, uint64_t *wake_ms) {
    return thingpass_outbox_step(&rig_of(w)->outbox, wake_ms);
}

static struct world *new_world(struct outbox_rig *o) {
    struct world *w = world_new(0);
    w->test = o;
    w->answer = answer;
    w->keep = keep;
    w->step = step;
    return w;
}

void outbox_rig_new(struct outbox_rig *o) {
    memset(o, 0, sizeof *o);
    rig_new(&o->rig);
    o->w = new_world(o);
    o->config.tp = &o->w->tp;
    o->config.spool = &o->rig.spool;
    o->config.spool_config = &o->rig.config;
    o->config.choose = choose;
    o->config.tell = tell;
    o->config.ctx = o;
}

void outbox_boot(struct outbox_rig *o) {
    struct world *w = new_world(o);
    w->now_ms = o->w->now_ms;
    w->epoch_s = o->w->epoch_s;
    w->dice = (uint8_t)(o->w->dice + 1);
    memcpy(w->puts, o->w->puts, sizeof w->puts);
    w->put_count = o->w->put_count;
    if (o->pass) {
        w->puts[0].answer = world_posted;
    }
    world_free(o->w);
    o->w = w;
    o->config.tp = &w->tp;
    o->rig.config.files = &o->rig.fs.files;
    memset(&o->outbox, 0xa5, sizeof o->outbox);
    memset(&o->rig.spool, 0xa5, sizeof o->rig.spool);
    assert_int_equal(thingpass_init(&w->tp, &w->config), THINGPASS_OK);
    assert_int_equal(thingpass_outbox_init(&o->outbox, &o->config), THINGPASS_OK);
}

void outbox_rig_free(struct outbox_rig *o) {
    thingpass_cancel(&o->w->tp);
    world_free(o->w);
    memset(&o->rig.spool, 0, sizeof o->rig.spool);
    memset(o->rig.fs.open, 0, sizeof o->rig.fs.open);
    o->rig.fs.opened = 0;
    rig_free(&o->rig);
}

static void count_close(void *ctx) {
    ((struct rig_object *)ctx)->closes++;
}

void outbox_object(struct rig_object *object, const char *id, size_t len) {
    rig_object(object, id, len);
    object->source.close = count_close;
}

unsigned outbox_run(struct outbox_rig *o, uint64_t for_ms, unsigned steps) {
    uint64_t until = o->w->now_ms + for_ms;
    unsigned n = 0;
    while (n < steps && o->w->now_ms < until && !o->rig.fs.dead) {
        o->w->sent_count = 0;
        n++;
        if (world_step(o->w) == THINGPASS_STEP_IDLE) {
            break;
        }
    }
    assert_true(n < 200000);
    return n;
}

struct bucket_object *outbox_find(struct outbox_rig *o, const char *id) {
    struct bucket_object *found = NULL;
    for (size_t i = 0; i < o->stored; i++) {
        if (strcmp(o->bucket[i].id, id) == 0) {
            CHECK(id, found == NULL); // under two keys
            found = &o->bucket[i];
        }
    }
    return found;
}

unsigned outbox_told(const struct outbox_rig *o, enum thingpass_outbox_news news, const char *id) {
    unsigned n = 0;
    for (size_t i = 0; i < o->news_count; i++) {
        n += o->news[i].news == news && (id[0] == '\0' || strcmp(o->news[i].id, id) == 0);
    }
    return n;
}
