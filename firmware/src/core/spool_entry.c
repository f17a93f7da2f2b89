// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "spool_entry.h"

#include <string.h>

#include "crc32.h"

enum { size_known = 1 };

static void put_le(struct thingpass_writer *w, uint64_t value, size_t n) {
    char bytes[8];
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (char)(value & 255);
        value >>= 8;
    }
    struct thingpass_span s = {bytes, n};
    thingpass_put(w, s);
}

static uint64_t get_le(const void *bytes, size_t n) {
    const uint8_t *p = bytes;
    uint64_t value = 0;
    while (n > 0) {
        value = value << 8 | p[--n];
    }
    return value;
}

static uint32_t get_u32(const void *bytes) {
    return (uint32_t)get_le(bytes, 4);
}

// The CRC-32 of what was written since from.
static void put_crc(struct thingpass_writer *w, size_t from) {
    if (w->len != SIZE_MAX) {
        put_le(w, thingpass_crc32(0, w->buf + from, w->len - from), 4);
    }
}

// Whether n bytes end with the CRC-32 of those before it.
static bool crc_ok(const char *p, size_t n) {
    return thingpass_crc32(0, p, n - 4) == get_u32(p + n - 4);
}

static void put_cstring(struct thingpass_writer *w, const char *text) {
    text = text != NULL ? text : "";
    struct thingpass_span s = {text, strlen(text) + 1};
    thingpass_put(w, s);
}

static void put_pairs(struct thingpass_writer *w, const struct thingpass_pair *pairs, size_t n) {
    for (size_t i = 0; i < n; i++) {
        put_cstring(w, pairs[i].name);
        put_cstring(w, pairs[i].value);
    }
}

// What a header of that length and its pairs take of the buffer. The pairs lie
// behind it, as aligned as the buffer is, and behind them the SHA-256.
static size_t pairs_at(size_t head_len) {
    size_t align = sizeof(void *);
    return (head_len + align - 1) / align * align;
}

static size_t buffer_used(size_t head_len, size_t pairs) {
    return pairs_at(head_len) + pairs * sizeof(struct thingpass_pair) + 32;
}

size_t thingpass_entry_put_head(struct thingpass_writer *w, const struct thingpass_object *object,
                                uint8_t hint, uint32_t boot, size_t buffer_size) {
    const struct thingpass_source *source = object->source;
    size_t pairs = object->metadata_count + object->pass_metadata_count;
    size_t len_at = w->len + 4;
    size_t begin = w->len;
    thingpass_put_text(w, "TPS1");
    put_le(w, 0, 2);
    put_le(w, source->known_len ? size_known : 0, 1);
    put_le(w, hint, 1);
    put_le(w, object->metadata_count, 1);
    put_le(w, object->pass_metadata_count, 3);
    put_le(w, boot, 4);
    put_le(w, source->size, 8);
    put_le(w, (uint64_t)object->captured_at, 8);
    put_le(w, object->captured_ms != 0 ? object->captured_ms : UINT64_MAX, 8);
    put_cstring(w, object->id);
    put_cstring(w, object->kind);
    put_cstring(w, source->content_type);
    put_cstring(w, object->object_key);
    put_cstring(w, object->suffix);
    put_pairs(w, object->metadata, object->metadata_count);
    put_pairs(w, object->pass_metadata, object->pass_metadata_count);
    size_t n = w->len != SIZE_MAX ? w->len - begin + 4 : SIZE_MAX;
    if (n > UINT16_MAX ||
        buffer_used(n, pairs) + THINGPASS_NOTE_FIXED + THINGPASS_NOTE_KEY + 4 > buffer_size) {
        w->len = SIZE_MAX;
        return SIZE_MAX;
    }
    struct thingpass_writer length = {w->buf + len_at, 2, 0};
    put_le(&length, n, 2);
    put_crc(w, begin);
    return w->len != SIZE_MAX ? n : SIZE_MAX;
}

void thingpass_entry_put_commit(struct thingpass_writer *w, uint32_t crc, uint64_t size,
                                const uint8_t sum[32]) {
    size_t begin = w->len;
    struct thingpass_span s = {(const char *)sum, 32};
    thingpass_put_text(w, "TPE1");
    put_le(w, crc, 4);
    put_le(w, size, 8);
    thingpass_put(w, s);
    put_crc(w, begin);
}

// Takes the next text of a header; *p moves behind its NUL. NULL: there is none.
static const char *take_cstring(const char **p, const char *end) {
    const char *text = *p;
    const char *nul = memchr(text, '\0', (size_t)(end - text));
    *p = nul != NULL ? nul + 1 : end;
    return nul;
}

static const char *take_text(const char **p, const char *end) {
    const char *text = *p;
    return take_cstring(p, end) != NULL ? text : "";
}

static const char *or_null(const char *text) {
    return *text != '\0' ? text : NULL;
}

static void take_pairs(struct thingpass_spool *spool, const char **p, const char *end, size_t at,
                       const char *head) {
    struct thingpass_pair *pairs = (void *)((char *)spool->config->buffer + at);
    struct thingpass_object *o = &spool->object;
    o->metadata_count = (uint8_t)head[8];
    o->pass_metadata_count = (uint8_t)head[9];
    o->metadata = pairs;
    o->pass_metadata = pairs + o->metadata_count;
    for (size_t i = 0; i < o->metadata_count + o->pass_metadata_count; i++) {
        pairs[i].name = take_text(p, end);
        pairs[i].value = take_text(p, end);
    }
}

static void take_texts(struct thingpass_spool *spool, size_t len) {
    const char *head = spool->config->buffer;
    const char *p = head + THINGPASS_ENTRY_FIXED;
    const char *end = head + len - 4;
    struct thingpass_object *o = &spool->object;
    o->id = take_text(&p, end);
    o->kind = take_text(&p, end);
    spool->source.content_type = or_null(take_text(&p, end));
    o->object_key = or_null(take_text(&p, end));
    o->suffix = or_null(take_text(&p, end));
    take_pairs(spool, &p, end, pairs_at(len), head);
}

// Takes the header in the buffer. A time on the port's clock is of no use in
// another boot, and then the object's time stays unknown.
static int take_head(struct thingpass_spool *spool, size_t have) {
    const char *head = spool->config->buffer;
    struct thingpass_object *o = &spool->object;
    if (have < THINGPASS_ENTRY_FIXED + 4 || memcmp(head, "TPS1", 4) != 0) {
        return THINGPASS_EDAMAGED;
    }
    size_t len = (size_t)get_le(head + 4, 2);
    size_t pairs = (size_t)(uint8_t)head[8] + (uint8_t)head[9];
    if (len < THINGPASS_ENTRY_FIXED + 4) {
        return THINGPASS_EDAMAGED;
    }
    if (len > spool->config->buffer_size) {
        return THINGPASS_ESPACE;
    }
    if (len > have || !crc_ok(head, len)) {
        return THINGPASS_EDAMAGED;
    }
    spool->used = buffer_used(len, pairs);
    if (spool->used > spool->config->buffer_size) {
        return THINGPASS_ESPACE;
    }
    memset(o, 0, sizeof *o);
    o->captured_at = (int64_t)get_le(head + 24, 8);
    o->captured_ms = get_u32(head + 12) == spool->boot ? get_le(head + 32, 8) : UINT64_MAX;
    o->source = &spool->source;
    o->sha256 = (const uint8_t *)head + spool->used - 32;
    spool->hint = (uint8_t)head[7];
    spool->source.size = get_le(head + 16, 8);
    spool->reader.body_at = (uint32_t)len;
    spool->reader.head_crc = thingpass_crc32(0, head, len);
    take_texts(spool, len);
    return THINGPASS_OK;
}

static bool commit_ok(const uint8_t *commit) {
    return memcmp(commit, "TPE1", 4) == 0 && crc_ok((const char *)commit, THINGPASS_ENTRY_COMMIT);
}

// A commit record alone says that an entry was put. A whole file in which it is
// missing has lost it; of any other the end was never written.
int thingpass_entry_parse(struct thingpass_spool *spool, size_t have, uint64_t file_size,
                          const uint8_t commit[THINGPASS_ENTRY_COMMIT]) {
    struct thingpass_spool_reader *r = &spool->reader;
    if (file_size < THINGPASS_ENTRY_FIXED + 4 + THINGPASS_ENTRY_COMMIT) {
        return THINGPASS_ENOENT;
    }
    int err = take_head(spool, have);
    bool known = (((const char *)spool->config->buffer)[6] & size_known) != 0;
    uint64_t rest = file_size - THINGPASS_ENTRY_COMMIT;
    if (!commit_ok(commit)) {
        bool whole = err == THINGPASS_OK && known && rest >= r->body_at &&
                     rest - r->body_at >= spool->source.size;
        return whole || err == THINGPASS_ESPACE ? THINGPASS_EDAMAGED : THINGPASS_ENOENT;
    }
    if (err < 0) {
        return err;
    }
    uint64_t size = get_le(commit + 8, 8);
    if (rest < r->body_at || rest - r->body_at != size || (known && size != spool->source.size) ||
        spool->object.id[0] == '\0') {
        return THINGPASS_EDAMAGED;
    }
    spool->source.size = size;
    r->want_crc = get_u32(commit + 4);
    r->entry_crc = get_u32(commit + THINGPASS_ENTRY_COMMIT - 4);
    memcpy((char *)spool->config->buffer + spool->used - 32, commit + 16, 32);
    return size > 0 || r->want_crc == r->head_crc ? THINGPASS_OK : THINGPASS_EDAMAGED;
}

void thingpass_note_put(struct thingpass_writer *w, uint32_t entry_crc, int64_t captured_at,
                        const char *object_key) {
    size_t begin = w->len;
    thingpass_put_text(w, "TPN1");
    put_le(w, entry_crc, 4);
    put_le(w, (uint64_t)captured_at, 8);
    thingpass_put_text(w, object_key);
    put_crc(w, begin);
}

void thingpass_note_take(struct thingpass_spool *spool, size_t len) {
    char *note = (char *)spool->config->buffer + spool->used;
    struct thingpass_object *o = &spool->object;
    if (len < THINGPASS_NOTE_FIXED + 4 || memcmp(note, "TPN1", 4) != 0 || !crc_ok(note, len) ||
        get_u32(note + 4) != spool->reader.entry_crc) {
        return;
    }
    note[len - 4] = '\0';
    o->captured_at = (int64_t)get_le(note + 8, 8);
    if (len > THINGPASS_NOTE_FIXED + 4) {
        o->object_key = note + THINGPASS_NOTE_FIXED;
    }
    spool->used += len;
}
