// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "spool_entry.h"

#include <string.h>

#include "crc32.h"

enum { size_known = 1 };

// As in the files: nothing is padded, and every ESP32 has the low byte first.
struct head {
    char magic[4];
    uint16_t len;
    uint8_t flags;
    uint8_t hint;
    uint8_t pairs;
    uint8_t pass_pairs;
    uint16_t zero;
    uint32_t boot;
    uint64_t size;
    int64_t captured_at;
    uint64_t captured_ms;
};

struct commit {
    char magic[4];
    uint32_t crc;
    uint64_t size;
    uint8_t sum[32];
};

struct note {
    char magic[4];
    uint32_t entry_crc;
    int64_t captured_at;
};

_Static_assert(sizeof(struct head) == THINGPASS_ENTRY_FIXED, "padded");
_Static_assert(sizeof(struct commit) == THINGPASS_ENTRY_COMMIT - 4, "padded");
_Static_assert(sizeof(struct note) == THINGPASS_NOTE_FIXED, "padded");

static void put_bytes(struct thingpass_writer *w, const void *bytes, size_t n) {
    const struct thingpass_span s = {bytes, n};
    thingpass_put(w, s);
}

static uint32_t get_u32(const void *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

// The CRC-32 of what was written since from.
static void put_crc(struct thingpass_writer *w, size_t from) {
    if (w->len != SIZE_MAX) {
        uint32_t crc = thingpass_crc32(0, w->buf + from, w->len - from);
        put_bytes(w, &crc, sizeof crc);
    }
}

// Whether n bytes end with the CRC-32 of those before it.
static bool crc_ok(const char *p, size_t n) {
    return thingpass_crc32(0, p, n - 4) == get_u32(p + n - 4);
}

static void put_cstring(struct thingpass_writer *w, const char *text) {
    text = text != NULL ? text : "";
    put_bytes(w, text, strlen(text) + 1);
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

static size_t buffer_used(size_t head_len, const struct head *head) {
    size_t pairs = (size_t)head->pairs + head->pass_pairs;
    return pairs_at(head_len) + pairs * sizeof(struct thingpass_pair) + 32;
}

size_t thingpass_entry_put_head(struct thingpass_writer *w, const struct thingpass_object *object,
                                uint8_t hint, uint32_t boot, size_t buffer_size) {
    const struct thingpass_source *source = object->source;
    size_t begin = w->len;
    struct head head = {
        .magic = {'T', 'P', 'S', '1'},
        .flags = source->known_len ? size_known : 0,
        .hint = hint,
        .pairs = (uint8_t)object->metadata_count,
        .pass_pairs = (uint8_t)object->pass_metadata_count,
        .boot = boot,
        .size = source->size,
        .captured_at = object->captured_at,
        .captured_ms = object->captured_ms != 0 ? object->captured_ms : UINT64_MAX,
    };
    put_bytes(w, &head, sizeof head);
    put_cstring(w, object->id);
    put_cstring(w, object->kind);
    put_cstring(w, source->content_type);
    put_cstring(w, object->object_key);
    put_cstring(w, object->suffix);
    put_pairs(w, object->metadata, object->metadata_count);
    put_pairs(w, object->pass_metadata, object->pass_metadata_count);
    size_t n = w->len - begin + 4;
    if (w->len == SIZE_MAX || n > UINT16_MAX ||
        buffer_used(n, &head) + THINGPASS_NOTE_FIXED + THINGPASS_NOTE_KEY + 5 > buffer_size) {
        w->len = SIZE_MAX;
        return SIZE_MAX;
    }
    head.len = (uint16_t)n;
    memcpy(w->buf + begin, &head, sizeof head);
    put_crc(w, begin);
    return w->len != SIZE_MAX ? n : SIZE_MAX;
}

void thingpass_entry_put_commit(struct thingpass_writer *w, uint32_t crc, uint32_t size,
                                const uint8_t sum[32]) {
    struct commit commit = {.magic = {'T', 'P', 'E', '1'}, .crc = crc, .size = size};
    size_t begin = w->len;
    memcpy(commit.sum, sum, sizeof commit.sum);
    put_bytes(w, &commit, sizeof commit);
    put_crc(w, begin);
}

// Takes the next text of a header, and moves behind its NUL; "" when there is none.
static const char *take_text(const char **p, const char *end) {
    const char *text = *p;
    const char *nul = memchr(text, '\0', (size_t)(end - text));
    *p = nul != NULL ? nul + 1 : end;
    return nul != NULL ? text : "";
}

static const char *or_null(const char *text) {
    return *text != '\0' ? text : NULL;
}

static void take_texts(struct thingpass_spool *spool, const struct head *head) {
    char *buffer = spool->config->buffer;
    const char *p = buffer + sizeof *head;
    const char *end = buffer + head->len - 4;
    struct thingpass_pair *pairs = (void *)(buffer + pairs_at(head->len));
    struct thingpass_object *o = &spool->object;
    o->id = take_text(&p, end);
    o->kind = take_text(&p, end);
    spool->source.content_type = or_null(take_text(&p, end));
    o->object_key = or_null(take_text(&p, end));
    o->suffix = or_null(take_text(&p, end));
    o->metadata = pairs;
    o->metadata_count = head->pairs;
    o->pass_metadata = pairs + head->pairs;
    o->pass_metadata_count = head->pass_pairs;
    for (size_t i = (size_t)head->pairs + head->pass_pairs; i > 0; i--, pairs++) {
        pairs->name = take_text(&p, end);
        pairs->value = take_text(&p, end);
    }
}

// Takes the header in the buffer. A time on the port's clock is of no use in
// another boot, and then the object's time stays unknown.
static int take_head(struct thingpass_spool *spool, size_t have, struct head *head) {
    const char *buffer = spool->config->buffer;
    struct thingpass_object *o = &spool->object;
    memcpy(head, buffer, sizeof *head);
    if (have < sizeof *head + 4 || memcmp(head->magic, "TPS1", 4) != 0 ||
        head->len < sizeof *head + 4) {
        return THINGPASS_EDAMAGED;
    }
    if (head->len > spool->config->buffer_size) {
        return THINGPASS_ESPACE;
    }
    if (head->len > have || !crc_ok(buffer, head->len)) {
        return THINGPASS_EDAMAGED;
    }
    spool->used = buffer_used(head->len, head);
    if (spool->used > spool->config->buffer_size) {
        return THINGPASS_ESPACE;
    }
    memset(o, 0, sizeof *o);
    o->captured_at = head->captured_at;
    o->captured_ms = head->boot == spool->boot ? head->captured_ms : UINT64_MAX;
    o->source = &spool->source;
    o->sha256 = (const uint8_t *)buffer + spool->used - 32;
    spool->hint = head->hint;
    spool->reader.head_crc = thingpass_crc32(0, buffer, head->len);
    take_texts(spool, head);
    return THINGPASS_OK;
}

// A commit record alone says that an entry was put. A whole file in which it is
// missing has lost it; of any other the end was never written.
int thingpass_entry_parse(struct thingpass_spool *spool, size_t have, uint32_t file_size,
                          const uint8_t last[THINGPASS_ENTRY_COMMIT]) {
    struct thingpass_spool_reader *r = &spool->reader;
    struct head head;
    struct commit commit;
    memcpy(&commit, last, sizeof commit);
    if (file_size < sizeof head + 4 + THINGPASS_ENTRY_COMMIT) {
        return THINGPASS_ENOENT;
    }
    int err = take_head(spool, have, &head);
    bool known = (head.flags & size_known) != 0;
    uint32_t size = file_size - THINGPASS_ENTRY_COMMIT - head.len; // huge, if too short
    if (memcmp(commit.magic, "TPE1", 4) != 0 ||
        !crc_ok((const char *)last, THINGPASS_ENTRY_COMMIT)) {
        bool whole = err == THINGPASS_OK && known && size >= head.size && size < file_size;
        return whole || err == THINGPASS_ESPACE ? THINGPASS_EDAMAGED : THINGPASS_ENOENT;
    }
    if (err < 0) {
        return err;
    }
    spool->source.size = size;
    r->body_at = head.len;
    r->want_crc = commit.crc;
    r->entry_crc = get_u32(last + sizeof commit);
    memcpy((char *)spool->config->buffer + spool->used - 32, commit.sum, sizeof commit.sum);
    bool right = size == commit.size && (!known || size == head.size) &&
                 (size > 0 || commit.crc == r->head_crc) && spool->object.id[0] != '\0';
    return right ? THINGPASS_OK : THINGPASS_EDAMAGED;
}

void thingpass_note_put(struct thingpass_writer *w, uint32_t entry_crc, int64_t captured_at,
                        const char *object_key) {
    const struct note note = {{'T', 'P', 'N', '1'}, entry_crc, captured_at};
    size_t begin = w->len;
    put_bytes(w, &note, sizeof note);
    thingpass_put_text(w, object_key);
    put_crc(w, begin);
}

void thingpass_note_take(struct thingpass_spool *spool, size_t len) {
    char *p = (char *)spool->config->buffer + spool->used;
    struct thingpass_object *o = &spool->object;
    struct note note;
    if (len < sizeof note + 4 || !crc_ok(p, len)) {
        return;
    }
    memcpy(&note, p, sizeof note);
    if (memcmp(note.magic, "TPN1", 4) != 0 || note.entry_crc != spool->reader.entry_crc) {
        return;
    }
    p[len - 4] = '\0';
    o->captured_at = note.captured_at;
    if (len > sizeof note + 4) {
        o->object_key = p + sizeof note;
    }
    spool->used += len;
}
