// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Any file as an entry of the spool, and any as its note. What must hold: what is
// given has all its texts inside the buffer, and gives all of its bytes only if
// their checksum is that of the commit record.
//
// The first byte says what of the entry is made right, so that what lies behind the
// checksums is reached; the second, how long the note is.

#include <stdlib.h>
#include <string.h>

#include "crc32.h"
#include "spool_entry.h"
#include "thingpass/spool.h"

struct disk {
    uint8_t data[2][8192]; // the entry and its note
    size_t len[2], at[2];
    bool there[3];
    int opened;
};

static void require(bool ok) {
    if (!ok) {
        abort();
    }
}

// A name's sort is its tenth character: S, N or X.
static int which(const char *name) {
    return name[9] == 'S' ? 0 : name[9] == 'N' ? 1 : 2;
}

static int disk_open(void *ctx, const char *name, enum thingpass_file_use use) {
    struct disk *d = ctx;
    int i = which(name);
    if (use != THINGPASS_FILE_READ) {
        return THINGPASS_EFULL;
    }
    if (!d->there[i]) {
        return THINGPASS_ENOENT;
    }
    d->at[i] = 0;
    d->opened++;
    return i;
}

static int disk_read(void *ctx, int file, void *buf, size_t cap) {
    struct disk *d = ctx;
    size_t left = d->at[file] < d->len[file] ? d->len[file] - d->at[file] : 0;
    size_t n = left < cap ? left : cap;
    memcpy(buf, d->data[file] + d->at[file], n);
    d->at[file] += n;
    return (int)n;
}

static int disk_write(void *ctx, int file, const void *data, size_t len) {
    (void)ctx, (void)file, (void)data, (void)len;
    return THINGPASS_EFULL;
}

static int disk_seek(void *ctx, int file, uint64_t offset) {
    struct disk *d = ctx;
    require(offset <= d->len[file]);
    d->at[file] = (size_t)offset;
    return THINGPASS_OK;
}

static int disk_size(void *ctx, int file, uint64_t *size) {
    *size = ((struct disk *)ctx)->len[file];
    return THINGPASS_OK;
}

static int disk_sync(void *ctx, int file) {
    (void)ctx, (void)file;
    return THINGPASS_OK;
}

static int disk_close(void *ctx, int file) {
    (void)file;
    ((struct disk *)ctx)->opened--;
    return THINGPASS_OK;
}

static int disk_remove(void *ctx, const char *name) {
    struct disk *d = ctx;
    bool there = d->there[which(name)];
    d->there[which(name)] = false;
    return there ? THINGPASS_OK : THINGPASS_ENOENT;
}

static int disk_list(void *ctx, thingpass_file_name *each, void *each_ctx) {
    const struct disk *d = ctx;
    if (d->there[0]) {
        each(each_ctx, "00000007.SM3");
    }
    if (d->there[1]) {
        each(each_ctx, "00000007.NM3");
    }
    return THINGPASS_OK;
}

static int hash_init(void *ctx) {
    (void)ctx;
    return THINGPASS_OK;
}

static int hash_update(void *ctx, const void *data, size_t len) {
    (void)ctx, (void)data, (void)len;
    return THINGPASS_OK;
}

static int hash_final(void *ctx, uint8_t sum[32]) {
    (void)ctx;
    memset(sum, 0, 32);
    return THINGPASS_OK;
}

static void store_le(uint8_t *p, uint32_t value, size_t n) {
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(value >> 8 * i);
    }
}

// Makes the header's checksum right, and with it its magic and length.
static void mend_head(struct disk *d) {
    uint8_t *p = d->data[0];
    size_t len = p[4] | (size_t)p[5] << 8;
    memcpy(p, "TPS1", 4);
    len = len < 44 ? 44 : len > d->len[0] ? d->len[0] : len;
    store_le(p + 4, (uint32_t)len, 2);
    store_le(p + len - 4, thingpass_crc32(0, p, len - 4), 4);
}

// Puts a commit record behind it that is right but for what fix leaves out.
static void add_commit(struct disk *d, uint8_t fix) {
    size_t head = d->data[0][4] | (size_t)d->data[0][5] << 8;
    size_t size = d->len[0] > head ? d->len[0] - head : 0;
    uint32_t crc = thingpass_crc32(0, d->data[0], d->len[0]);
    uint8_t sum[32] = {0};
    struct thingpass_writer w = {(char *)d->data[0] + d->len[0], THINGPASS_ENTRY_COMMIT, 0};
    if ((fix & 8) == 0) {
        store_le(d->data[0] + 16, (uint32_t)size, 4);
        store_le(d->data[0] + 20, 0, 4);
        mend_head(d);
        crc = thingpass_crc32(0, d->data[0], d->len[0]);
    }
    thingpass_entry_put_commit(&w, (fix & 16) != 0 ? crc ^ 1 : crc, (uint32_t)size, sum);
    d->len[0] += w.len;
}

static void mend_note(struct disk *d) {
    uint8_t *note = d->data[1];
    size_t n = d->len[1];
    if (n >= 20 && d->len[0] >= 4) {
        memcpy(note, "TPN1", 4);
        memcpy(note + 4, d->data[0] + d->len[0] - 4, 4);
        store_le(note + n - 4, thingpass_crc32(0, note, n - 4), 4);
    }
}

static void is_inside(const struct thingpass_spool_config *c, const void *p, size_t n) {
    const char *begin = c->buffer;
    const char *q = p;
    require(q >= begin && n <= c->buffer_size && q + n <= begin + c->buffer_size);
}

static void is_text(const struct thingpass_spool_config *c, const char *text) {
    if (text != NULL && *text != '\0') {
        is_inside(c, text, 1);
        is_inside(c, text, strlen(text) + 1);
    }
}

static void check_object(const struct thingpass_spool *spool, const struct thingpass_object *o) {
    const struct thingpass_spool_config *c = spool->config;
    is_text(c, o->id);
    is_text(c, o->kind);
    is_text(c, o->object_key);
    is_text(c, o->suffix);
    is_text(c, o->source->content_type);
    is_inside(c, o->sha256, 32);
    for (size_t i = 0; i < o->metadata_count + o->pass_metadata_count; i++) {
        is_inside(c, &o->metadata[i], sizeof *o->metadata);
        is_text(c, o->metadata[i].name);
        is_text(c, o->metadata[i].value);
    }
    require(o->id[0] != '\0' && o->pass_metadata == o->metadata + o->metadata_count);
}

static void check_bytes(const struct disk *d, const struct thingpass_source *s) {
    uint8_t buf[500];
    uint64_t total = 0;
    require(s->rewind(s->ctx) == THINGPASS_OK);
    int n = s->read(s->ctx, buf, sizeof buf);
    for (; n > 0; n = s->read(s->ctx, buf, sizeof buf)) {
        total += (uint64_t)n;
    }
    size_t body = d->len[0] - THINGPASS_ENTRY_COMMIT;
    uint32_t crc = thingpass_crc32(0, d->data[0], body);
    uint8_t want[4];
    store_le(want, crc, 4);
    bool right = memcmp(want, d->data[0] + body + 4, 4) == 0;
    require(n == (right ? 0 : THINGPASS_EDAMAGED) && (total == s->size) == right);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct disk d;
    static const struct thingpass_sha256 sha256 = {NULL, hash_init, hash_update, hash_final};
    const struct thingpass_files files = {&d,        disk_open, disk_read,  disk_write,  disk_seek,
                                          disk_size, disk_sync, disk_close, disk_remove, disk_list};
    if (size < 2 || size > 6000) {
        return 0;
    }
    uint8_t fix = data[0];
    size_t note = data[1] < size - 2 ? data[1] : size - 2;
    memset(&d, 0, sizeof d);
    d.len[1] = note;
    d.len[0] = size - 2 - note;
    memcpy(d.data[1], data + 2, note);
    memcpy(d.data[0], data + 2 + note, d.len[0]);
    d.there[0] = true;
    d.there[1] = note > 0;
    if ((fix & 1) != 0 && d.len[0] >= 44) {
        mend_head(&d);
        if ((fix & 2) != 0) {
            add_commit(&d, fix);
        }
    }
    if ((fix & 4) != 0) {
        mend_note(&d);
    }
    void *buffer = malloc(400); // of its own, so that a byte too far is seen
    void *chunk = malloc(THINGPASS_SPOOL_CHUNK_MIN);
    const struct thingpass_spool_config config = {.files = &files,
                                                  .sha256 = &sha256,
                                                  .chunk = chunk,
                                                  .chunk_size = THINGPASS_SPOOL_CHUNK_MIN,
                                                  .buffer = buffer,
                                                  .buffer_size = 400,
                                                  .max_bytes = 1000000,
                                                  .max_count = 10};
    struct thingpass_spool spool;
    const struct thingpass_object *o;
    require(buffer != NULL && chunk != NULL);
    require(thingpass_spool_open(&spool, &config, 1) == THINGPASS_OK);
    int err = thingpass_spool_next(&spool, &o);
    if (err == THINGPASS_OK) {
        check_object(&spool, o);
        check_bytes(&d, o->source);
        (void)thingpass_spool_keep(&spool);
    } else {
        require(err == THINGPASS_ENOENT || err == THINGPASS_EDAMAGED || err == THINGPASS_ESPACE);
        require(err != THINGPASS_ENOENT || !d.there[0]);
    }
    require(d.opened == 0);
    free(buffer);
    free(chunk);
    return 0;
}
