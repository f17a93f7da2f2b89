// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "request.h"

#include <string.h>

#include "clock.h"
#include "mode.h"
#include "pair.h"

// [P-3.4]; *total counts the bytes of names and values.
static bool pairs_ok(const struct thingpass_pair *pairs, size_t n, size_t *total) {
    if (n > THINGPASS_METADATA_MAX || (n > 0 && pairs == NULL)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!thingpass_pair_ok(pairs + i) || thingpass_pairs_have(pairs, i, pairs[i].name)) {
            return false;
        }
        *total += strlen(pairs[i].name) + strlen(pairs[i].value);
    }
    return true;
}

// [P-11]: a pass lists the names, and captured-at is one of them.
// [P-11.2]: S3 would put something else in the place of "${filename}".
static bool values_pass(const struct thingpass_pair *pairs, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (strstr(pairs[i].value, "${") != NULL) {
            return false;
        }
    }
    return true;
}

bool thingpass_object_suits_pass(const struct thingpass_object *object) {
    size_t n = object->metadata_count;
    if (object->object_key != NULL || n + object->pass_metadata_count >= THINGPASS_METADATA_MAX) {
        return false;
    }
    if (!values_pass(object->metadata, n) ||
        !values_pass(object->pass_metadata, object->pass_metadata_count)) {
        return false;
    }
    for (size_t i = 0; i < object->pass_metadata_count; i++) {
        if (thingpass_pairs_have(object->metadata, n, object->pass_metadata[i].name)) {
            return false;
        }
    }
    return true;
}

static bool metadata_ok(const struct thingpass_object *object) {
    size_t total = 0;
    return pairs_ok(object->metadata, object->metadata_count, &total) &&
           pairs_ok(object->pass_metadata, object->pass_metadata_count, &total) &&
           total <= THINGPASS_METADATA_BYTES_MAX;
}

static bool source_ok(const struct thingpass_source *source) {
    return source != NULL && source->read != NULL && source->known_len &&
           source->size <= INT64_MAX && (!source->rewindable || source->rewind != NULL) &&
           (source->content_type == NULL ||
            thingpass_text_all(source->content_type, 127, THINGPASS_PRINT));
}

int thingpass_object_check(const struct thingpass_object *object) {
    if (object == NULL || !source_ok(object->source) ||
        !thingpass_text_all(object->kind, THINGPASS_KIND_MAX, THINGPASS_KIND)) {
        return THINGPASS_EINVAL;
    }
    if (object->id != NULL && !thingpass_text_all(object->id, THINGPASS_ID_MAX, THINGPASS_ID)) {
        return THINGPASS_EINVAL;
    }
    if (object->object_key != NULL && strlen(object->object_key) > THINGPASS_KEY_MAX) {
        return THINGPASS_EINVAL;
    }
    if (object->captured_at != 0 && !thingpass_time_is_sane(object->captured_at)) {
        return THINGPASS_EINVAL;
    }
    const struct thingpass_mode *mode = thingpass_mode_of(object);
    bool ok = metadata_ok(object) && (mode->object_ok == NULL || mode->object_ok(object));
    return ok ? THINGPASS_OK : THINGPASS_EINVAL;
}

static void put_name(struct thingpass_writer *w, bool first, const char *name) {
    thingpass_put_text(w, first ? "{\"" : ",\"");
    thingpass_put_text(w, name);
    thingpass_put_text(w, "\":");
}

static void put_pair(struct thingpass_writer *w, bool first, const char *name, const char *value) {
    put_name(w, first, name);
    thingpass_put_json(w, thingpass_span_of(value));
}

static void put_text_field(struct thingpass_writer *w, const char *name, const char *value) {
    if (value != NULL && *value != '\0') {
        put_pair(w, w->len == 0, name, value);
    }
}

static void put_u64_field(struct thingpass_writer *w, const char *name, uint64_t value) {
    put_name(w, false, name);
    thingpass_put_u64(w, value);
}

static void put_hex_field(struct thingpass_writer *w, const char *name, const uint8_t *bytes,
                          size_t n) {
    put_name(w, false, name);
    thingpass_put_text(w, "\"");
    thingpass_put_hex(w, bytes, n);
    thingpass_put_text(w, "\"");
}

static void put_metadata_field(struct thingpass_writer *w, const struct thingpass_pair *pairs,
                               size_t n) {
    if (n == 0) {
        return;
    }
    put_name(w, false, "metadata");
    for (size_t i = 0; i < n; i++) {
        put_pair(w, i == 0, pairs[i].name, pairs[i].value);
    }
    thingpass_put_text(w, "}");
}

static void put_names_field(struct thingpass_writer *w, const struct thingpass_pair *pairs,
                            size_t n) {
    put_name(w, false, "metadataNames");
    thingpass_put_text(w, "[\"captured-at\"");
    for (size_t i = 0; i < n; i++) {
        thingpass_put_text(w, ",");
        thingpass_put_json(w, thingpass_span_of(pairs[i].name));
    }
    thingpass_put_text(w, "]");
}

// What several messages have in common.
enum field { END, ID, KIND, CONTENT_TYPE, SIZE, SHA256, CAPTURED_AT, OBJECT_KEY, METADATA };

static void put_field(struct thingpass_writer *w, const struct thingpass_request *r,
                      enum field field) {
    const struct thingpass_object *object = r->object;
    switch (field) {
    case ID:
        put_text_field(w, "id", r->id);
        break;
    case KIND:
        put_text_field(w, "kind", object->kind);
        break;
    case CONTENT_TYPE:
        put_text_field(w, "contentType", object->source->content_type);
        break;
    case SIZE:
        put_u64_field(w, "size", object->source->size);
        break;
    case SHA256:
        if (r->sum != NULL) {
            put_hex_field(w, "sha256", r->sum, 32);
        }
        break;
    case CAPTURED_AT:
        if (r->captured_at != 0) {
            put_u64_field(w, "capturedAt", (uint64_t)r->captured_at);
        }
        break;
    case OBJECT_KEY:
        put_text_field(w, "objectKey", r->object_key);
        break;
    case METADATA:
        put_metadata_field(w, object->metadata, object->metadata_count);
        break;
    default:
        break;
    }
}

static void put_fields(struct thingpass_writer *w, const struct thingpass_request *r,
                       const uint8_t *fields) {
    for (; *fields != END; fields++) {
        put_field(w, r, (enum field) * fields);
    }
}

void thingpass_put_request(struct thingpass_writer *w, const struct thingpass_request *request) {
    static const uint8_t fields[] = {ID,          KIND,       CONTENT_TYPE, SIZE, SHA256,
                                     CAPTURED_AT, OBJECT_KEY, METADATA,     END};
    put_fields(w, request, fields);
    thingpass_put_text(w, "}");
}

static const uint8_t head[] = {ID, KIND, END};

void thingpass_put_pass_request(struct thingpass_writer *w,
                                const struct thingpass_request *request) {
    static const uint8_t rest[] = {CONTENT_TYPE, CAPTURED_AT, END};
    const struct thingpass_object *object = request->object;
    put_fields(w, request, head);
    put_text_field(w, "mode", "pass");
    put_fields(w, request, rest);
    put_metadata_field(w, object->pass_metadata, object->pass_metadata_count);
    put_names_field(w, object->metadata, object->metadata_count);
    put_text_field(w, "checksum", request->sum != NULL ? "sha256" : NULL);
    thingpass_put_text(w, "}");
}

void thingpass_put_parts_request(struct thingpass_writer *w,
                                 const struct thingpass_request *request, const char *upload_id,
                                 unsigned count) {
    static const uint8_t rest[] = {CONTENT_TYPE, SIZE, CAPTURED_AT, METADATA, OBJECT_KEY, END};
    put_fields(w, request, head);
    put_text_field(w, "mode", "multipart");
    put_fields(w, request, rest);
    put_text_field(w, "uploadId", upload_id);
    put_u64_field(w, "count", count);
    thingpass_put_text(w, "}");
}

void thingpass_put_parts_report(struct thingpass_writer *w, const struct thingpass_request *request,
                                const char *upload_id, uint32_t crc) {
    static const uint8_t fields[] = {ID, OBJECT_KEY, SIZE, END};
    const uint8_t bytes[4] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
                              (uint8_t)crc};
    put_fields(w, request, fields);
    put_text_field(w, "uploadId", upload_id);
    put_hex_field(w, "crc32", bytes, sizeof bytes);
    thingpass_put_text(w, "}");
}

void thingpass_put_report(struct thingpass_writer *w, const struct thingpass_request *request) {
    static const uint8_t fields[] = {ID, OBJECT_KEY, SIZE, SHA256, END};
    put_fields(w, request, fields);
    thingpass_put_text(w, "}");
}
