// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "spool_rig.h"

#include "guard.h"

uint8_t rig_byte(const char *id, size_t n) {
    uint8_t b = (uint8_t)(n * 7 + n / 251 + 1);
    for (; *id != '\0'; id++) {
        b = (uint8_t)(b * 31 + (uint8_t)*id);
    }
    return b;
}

static uint64_t hash_byte(uint64_t hash, uint8_t byte) {
    return (hash ^ byte) * 1099511628211U;
}

static void spread(uint64_t hash, uint8_t sum[32]) {
    for (size_t i = 0; i < 32; i++) {
        sum[i] = (uint8_t)(hash >> (i % 8 * 8));
    }
}

void rig_sum(const char *id, size_t len, uint8_t sum[32]) {
    uint64_t hash = 1;
    for (size_t i = 0; i < len; i++) {
        hash = hash_byte(hash, rig_byte(id, i));
    }
    spread(hash, sum);
}

static int hash_init(void *ctx) {
    struct rig *rig = ctx;
    rig->hash = 1;
    return rig->no_hash ? -7 : THINGPASS_OK;
}

static int hash_update(void *ctx, const void *data, size_t len) {
    struct rig *rig = ctx;
    for (size_t i = 0; i < len; i++) {
        rig->hash = hash_byte(rig->hash, ((const uint8_t *)data)[i]);
    }
    return THINGPASS_OK;
}

static int hash_final(void *ctx, uint8_t sum[32]) {
    spread(((struct rig *)ctx)->hash, sum);
    return THINGPASS_OK;
}

void rig_new(struct rig *rig) {
    memset(rig, 0, sizeof *rig);
    ramfs_new(&rig->fs);
    rig->buffer = guard_alloc(THINGPASS_SPOOL_BUFFER);
    rig->chunk = guard_alloc(THINGPASS_SPOOL_CHUNK_MIN);
    rig->sha256 = (struct thingpass_sha256){rig, hash_init, hash_update, hash_final};
    rig->config = (struct thingpass_spool_config){
        .files = &rig->fs.files,
        .sha256 = &rig->sha256,
        .chunk = rig->chunk,
        .chunk_size = THINGPASS_SPOOL_CHUNK_MIN,
        .buffer = rig->buffer,
        .buffer_size = THINGPASS_SPOOL_BUFFER,
        .max_bytes = 1000000,
        .max_count = 100,
    };
}

void rig_free(struct rig *rig) {
    assert_int_equal(rig->fs.opened, rig->spool.reader.open + rig->spool.writer.open);
    guard_free(rig->buffer, THINGPASS_SPOOL_BUFFER);
    guard_free(rig->chunk, THINGPASS_SPOOL_CHUNK_MIN);
    ramfs_free(&rig->fs);
}

int rig_open(struct rig *rig, uint32_t boot) {
    memset(&rig->spool, 0xa5, sizeof rig->spool);
    return thingpass_spool_open(&rig->spool, &rig->config, boot);
}

static int read_object(void *ctx, void *buf, size_t cap) {
    struct rig_object *o = ctx;
    assert_true(cap > 0);
    o->calls++;
    if (o->eagain != 0 && o->calls % o->eagain == 0) {
        return THINGPASS_EAGAIN;
    }
    if (o->fail_at != 0 && o->pos >= o->fail_at) {
        return -99;
    }
    size_t left = o->real - o->pos;
    size_t n = left < cap ? left : cap;
    n = o->most != 0 && n > o->most ? o->most : n;
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)buf)[i] = rig_byte(o->id, o->pos++);
    }
    return (int)n;
}

static int rewind_object(void *ctx) {
    struct rig_object *o = ctx;
    o->pos = 0;
    o->rewinds++;
    return THINGPASS_OK;
}

void rig_object(struct rig_object *o, const char *id, size_t len) {
    memset(o, 0, sizeof *o);
    snprintf(o->id, sizeof o->id, "%s", id);
    o->len = o->real = len;
    o->source = (struct thingpass_source){.ctx = o,
                                          .size = len,
                                          .content_type = "image/jpeg",
                                          .known_len = true,
                                          .rewindable = true,
                                          .read = read_object,
                                          .rewind = rewind_object};
    o->object.kind = "photo";
    o->object.id = o->id;
    o->object.source = &o->source;
}

int rig_put(struct rig *rig, struct rig_object *o) {
    int err = thingpass_spool_put_start(&rig->spool, &o->object, 7);
    if (err < 0) {
        return err;
    }
    for (unsigned i = 0; i < 100000; i++) {
        err = thingpass_spool_put_step(&rig->spool);
        if (err <= 0 && err != THINGPASS_EAGAIN) {
            return err;
        }
    }
    fail_msg("the put does not end");
    return 0;
}

int rig_put_id(struct rig *rig, const char *id, size_t len) {
    struct rig_object o;
    rig_object(&o, id, len);
    return rig_put(rig, &o);
}

int rig_read(const struct thingpass_source *source, const char *id) {
    uint8_t buf[300];
    size_t pos = 0;
    bool right = true;
    int err = source->rewind(source->ctx);
    if (err < 0) {
        return err;
    }
    for (;;) {
        int n = source->read(source->ctx, buf, sizeof buf);
        if (n <= 0) {
            return n < 0 ? n : (int)pos;
        }
        for (int i = 0; i < n; i++, pos++) {
            right = right && buf[i] == rig_byte(id, pos);
        }
        // Damaged bytes may come, but never all of them.
        assert_true(right || pos < source->size);
    }
}

const struct thingpass_object *rig_next(struct rig *rig) {
    const struct thingpass_object *o;
    int err = thingpass_spool_next(&rig->spool, &o);
    if (err < 0) {
        assert_int_equal(err, THINGPASS_ENOENT);
        return NULL;
    }
    uint8_t sum[32];
    assert_int_equal(rig_read(o->source, o->id), (int)o->source->size);
    rig_sum(o->id, (size_t)o->source->size, sum);
    assert_memory_equal(o->sha256, sum, 32);
    assert_int_equal(thingpass_spool_hint(&rig->spool), 7);
    return o;
}
