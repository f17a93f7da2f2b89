// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "form.h"

#include "header.h"
#include "window.h"

// One field. Its name may come in two pieces.
static void put_field(struct thingpass_window *w, const struct thingpass_form *form,
                      const char *prefix, struct thingpass_span name, struct thingpass_span value) {
    thingpass_window_text(w, "--");
    thingpass_window_text(w, form->boundary);
    thingpass_window_text(w, "\r\nContent-Disposition: form-data; name=\"");
    thingpass_window_text(w, prefix);
    thingpass_window_put(w, name);
    thingpass_window_text(w, "\"\r\n\r\n");
    thingpass_window_put(w, value);
    thingpass_window_text(w, "\r\n");
}

static void put_fields(struct thingpass_window *w, const struct thingpass_form *form) {
    struct thingpass_span left = form->fields;
    struct thingpass_span name;
    struct thingpass_span value;
    while (thingpass_header_next(&left, &name, &value)) {
        put_field(w, form, "", name, value);
    }
}

static const char meta[] = "x-amz-meta-";

static void put_metadata(struct thingpass_window *w, const struct thingpass_form *form) {
    char digits[20];
    struct thingpass_writer seconds = {digits, sizeof digits, 0};
    thingpass_put_u64(&seconds, (uint64_t)form->captured_at);
    struct thingpass_span captured_at = {digits, seconds.len};
    put_field(w, form, meta, thingpass_span_of("captured-at"), captured_at);
    for (size_t i = 0; i < form->metadata_count; i++) {
        put_field(w, form, meta, thingpass_span_of(form->metadata[i].name),
                  thingpass_span_of(form->metadata[i].value));
    }
}

static void put_sum(struct thingpass_window *w, const struct thingpass_form *form) {
    char text[44];
    struct thingpass_writer base64 = {text, sizeof text, 0};
    if (form->sum == NULL) {
        return;
    }
    thingpass_put_base64(&base64, form->sum, 32);
    struct thingpass_span value = {text, base64.len};
    put_field(w, form, "", thingpass_span_of("x-amz-checksum-sha256"), value);
}

// The file's name and type are for form readers that take a part without them
// for text; S3 goes by the fields.
static void put_before(struct thingpass_window *w, const struct thingpass_form *form) {
    put_field(w, form, "", thingpass_span_of("key"), form->key);
    put_fields(w, form);
    put_metadata(w, form);
    put_sum(w, form);
    thingpass_window_text(w, "--");
    thingpass_window_text(w, form->boundary);
    thingpass_window_text(
        w, "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"object\"\r\n"
           "Content-Type: application/octet-stream\r\n\r\n");
}

static void put_after(struct thingpass_window *w, const struct thingpass_form *form) {
    thingpass_window_text(w, "\r\n--");
    thingpass_window_text(w, form->boundary);
    thingpass_window_text(w, "--\r\n");
}

size_t thingpass_form_length(const struct thingpass_form *form) {
    struct thingpass_window w = {0, NULL, 0, 0, 0};
    put_before(&w, form);
    put_after(&w, form);
    return w.total;
}

size_t thingpass_form_before(const struct thingpass_form *form, size_t *offset, char *buf,
                             size_t cap) {
    struct thingpass_window w = {*offset, buf, cap, 0, 0};
    put_before(&w, form);
    *offset += w.len;
    return w.len;
}

size_t thingpass_form_after(const struct thingpass_form *form, size_t *offset, char *buf,
                            size_t cap) {
    struct thingpass_window w = {*offset, buf, cap, 0, 0};
    put_after(&w, form);
    *offset += w.len;
    return w.len;
}
