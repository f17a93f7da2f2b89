// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "identity_slots.h"

#include <stddef.h>
#include <string.h>

#include "crc32.h"
#include "json.h"

// A record is the CRC-32 of what follows, in eight digits, and JSON.
enum { crc_digits = 8 };

static void put_number(struct thingpass_writer *w, const char *name, uint32_t n) {
    thingpass_put_text(w, name);
    thingpass_put_u64(w, n);
}

static void put_crc(struct thingpass_writer *w, uint32_t crc) {
    const uint8_t bytes[] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
                             (uint8_t)crc};
    thingpass_put_hex(w, bytes, sizeof bytes);
}

int thingpass_identity_commit(const struct thingpass_keeper *keeper, unsigned slot,
                              const struct thingpass_identity_record *record) {
    char text[THINGPASS_IDENTITY_RECORD_MAX];
    struct thingpass_writer w = {text, sizeof text, crc_digits};
    put_number(&w, "{\"number\":", record->number);
    put_number(&w, ",\"certLen\":", record->cert_len);
    put_number(&w, ",\"certCrc\":", record->cert_crc);
    thingpass_put_text(&w, ",\"thing\":\"");
    thingpass_put_text(&w, record->thing);
    thingpass_put_text(&w, "\",\"certificateId\":\"");
    thingpass_put_text(&w, record->certificate_id);
    thingpass_put_text(&w, "\"}");
    if (w.len == SIZE_MAX) {
        return THINGPASS_ESPACE;
    }
    struct thingpass_writer head = {text, crc_digits, 0};
    put_crc(&head, thingpass_crc32(0, text + crc_digits, w.len - crc_digits));
    return keeper->write(keeper->ctx, slot, THINGPASS_IDENTITY_RECORD, text, w.len);
}

// What a record says, as it stands there.
struct said {
    uint64_t number;
    uint64_t cert_len;
    uint64_t cert_crc;
    struct thingpass_span thing;
    struct thingpass_span certificate_id;
};

struct found {
    struct thingpass_identity identity;
    uint64_t cert_len;
    uint64_t cert_crc;
};

static bool crc_ok(const char *text, size_t n) {
    char digits[crc_digits];
    struct thingpass_writer w = {digits, sizeof digits, 0};
    if (n <= crc_digits) {
        return false;
    }
    put_crc(&w, thingpass_crc32(0, text + crc_digits, n - crc_digits));
    return memcmp(text, digits, sizeof digits) == 0;
}

#define FIELD(name, type, member)                                                                  \
    { name, THINGPASS_JSON_##type, false, offsetof(struct said, member) }

static int parse_record(char *text, size_t n, struct found *f) {
    static const struct thingpass_json_field fields[] = {
        FIELD("number", PRIMITIVE, number),
        FIELD("certLen", PRIMITIVE, cert_len),
        FIELD("certCrc", PRIMITIVE, cert_crc),
        FIELD("thing", STRING, thing),
        FIELD("certificateId", STRING, certificate_id),
    };
    enum { count = sizeof fields / sizeof *fields };
    struct thingpass_json json;
    struct thingpass_json_node nodes[1 + 2 * count];
    struct said said;
    if (!crc_ok(text, n) ||
        thingpass_json_parse(&json, text + crc_digits, n - crc_digits, nodes, sizeof nodes) < 0 ||
        thingpass_json_read(&json, 0, fields, count, &said) < 0 || said.number - 1 >= UINT32_MAX ||
        !thingpass_span_all(said.thing, THINGPASS_THING_MAX, THINGPASS_THING) ||
        !thingpass_span_all(said.certificate_id, THINGPASS_CERTIFICATE_ID_MAX, THINGPASS_ID)) {
        return THINGPASS_ENOENT;
    }
    f->identity.number = (uint32_t)said.number;
    f->cert_len = said.cert_len;
    f->cert_crc = said.cert_crc;
    thingpass_copy_cut(f->identity.thing, sizeof f->identity.thing, said.thing);
    thingpass_copy_cut(f->identity.certificate_id, sizeof f->identity.certificate_id,
                       said.certificate_id);
    return THINGPASS_OK;
}

// Reads a slot's record, if there is one that was written to its end.
static int read_record(const struct thingpass_keeper *keeper, unsigned slot, struct found *f) {
    char text[THINGPASS_IDENTITY_RECORD_MAX];
    memset(f, 0, sizeof *f);
    f->identity.slot = slot;
    int n = keeper->read(keeper->ctx, slot, THINGPASS_IDENTITY_RECORD, text, sizeof text);
    if (n < 0) {
        return n == THINGPASS_ESPACE ? THINGPASS_ENOENT : n;
    }
    return (size_t)n <= sizeof text ? parse_record(text, (size_t)n, f) : THINGPASS_ENOENT;
}

static bool is_proven(const struct thingpass_keeper *keeper, const struct found *f) {
    char proof[THINGPASS_CERTIFICATE_ID_MAX];
    int n =
        keeper->read(keeper->ctx, f->identity.slot, THINGPASS_IDENTITY_PROOF, proof, sizeof proof);
    return n > 0 && (size_t)n == strlen(f->identity.certificate_id) && (size_t)n <= sizeof proof &&
           memcmp(proof, f->identity.certificate_id, (size_t)n) == 0;
}

// Checks what belongs to a record, and puts the certificate into cert.
static int read_rest(const struct thingpass_keeper *keeper, struct found *f, char *cert,
                     size_t size) {
    unsigned slot = f->identity.slot;
    int err = keeper->read(keeper->ctx, slot, THINGPASS_IDENTITY_KEY, NULL, 0);
    if (err < 0) {
        return err;
    }
    if (f->cert_len >= size) {
        return THINGPASS_ESPACE;
    }
    int n = keeper->read(keeper->ctx, slot, THINGPASS_IDENTITY_CERT, cert, size - 1);
    if (n < 0) {
        return n == THINGPASS_ESPACE ? THINGPASS_ENOENT : n;
    }
    if ((uint64_t)n != f->cert_len || thingpass_crc32(0, cert, (size_t)n) != f->cert_crc) {
        return THINGPASS_ENOENT;
    }
    cert[n] = '\0';
    f->identity.cert_len = (size_t)n;
    f->identity.proven = is_proven(keeper, f);
    return THINGPASS_OK;
}

static int read_slot(const struct thingpass_keeper *keeper, unsigned slot, struct found *f,
                     char *cert, size_t size) {
    int err = read_record(keeper, slot, f);
    return err < 0 ? err : read_rest(keeper, f, cert, size);
}

int thingpass_identity_load(const struct thingpass_keeper *keeper,
                            struct thingpass_identity *identity, char *cert, size_t cert_size) {
    struct found f;
    uint32_t numbers[THINGPASS_IDENTITY_SLOTS] = {0};
    int worst = THINGPASS_ENOENT;
    for (unsigned slot = 0; slot < THINGPASS_IDENTITY_SLOTS; slot++) {
        numbers[slot] = read_record(keeper, slot, &f) == THINGPASS_OK ? f.identity.number : 0;
    }
    unsigned newest = numbers[1] > numbers[0];
    for (unsigned i = 0; i < THINGPASS_IDENTITY_SLOTS && worst != THINGPASS_ESPACE; i++) {
        int err = read_slot(keeper, newest ^ i, &f, cert, cert_size);
        if (err == THINGPASS_OK) {
            *identity = f.identity;
            return THINGPASS_OK;
        }
        worst = err != THINGPASS_ENOENT ? err : worst;
    }
    return worst;
}

// The key goes first: without it the slot does not count, and the next key is another.
static int empty_slot(const struct thingpass_keeper *keeper, unsigned slot) {
    int err = THINGPASS_OK;
    for (int item = THINGPASS_IDENTITY_KEY; err >= 0 && item < THINGPASS_IDENTITY_ITEMS; item++) {
        if (item != THINGPASS_IDENTITY_RECORD) {
            err = keeper->erase(keeper->ctx, slot, (enum thingpass_identity_item)item);
        }
    }
    err = err < 0 ? err : keeper->erase(keeper->ctx, slot, THINGPASS_IDENTITY_RECORD);
    return err < 0 ? err : THINGPASS_OK;
}

int thingpass_identity_prove(const struct thingpass_keeper *keeper,
                             struct thingpass_identity *identity) {
    if (identity->proven) {
        return THINGPASS_OK;
    }
    int err = empty_slot(keeper, identity->slot ^ 1);
    if (err == THINGPASS_OK) {
        err = keeper->write(keeper->ctx, identity->slot, THINGPASS_IDENTITY_PROOF,
                            identity->certificate_id, strlen(identity->certificate_id));
    }
    identity->proven = err == THINGPASS_OK;
    return err;
}

int thingpass_identity_forget(const struct thingpass_keeper *keeper,
                              const struct thingpass_identity *identity) {
    return empty_slot(keeper, identity->slot);
}

// Whether one is worth more than the other: it is known to work, or else it is newer.
static bool is_better(const struct thingpass_identity *one,
                      const struct thingpass_identity *other) {
    return one->proven != other->proven ? one->proven : one->number > other->number;
}

int thingpass_identity_prepare(const struct thingpass_keeper *keeper, void *memory, size_t size,
                               uint8_t *slot, uint32_t *number) {
    struct thingpass_identity best = {.slot = 1};
    struct found f;
    bool used[THINGPASS_IDENTITY_SLOTS];
    *number = 1;
    for (unsigned i = 0; i < THINGPASS_IDENTITY_SLOTS; i++) {
        int err = read_slot(keeper, i, &f, memory, size);
        if (err < 0 && err != THINGPASS_ENOENT) {
            return err;
        }
        used[i] = f.identity.number != 0;
        if (f.identity.number >= *number) {
            *number = f.identity.number + 1;
        }
        if (err == THINGPASS_OK && is_better(&f.identity, &best)) {
            best = f.identity;
        }
    }
    *slot = (uint8_t)(best.slot ^ 1);
    return used[*slot] ? empty_slot(keeper, *slot) : THINGPASS_OK;
}
