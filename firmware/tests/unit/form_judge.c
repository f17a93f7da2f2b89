// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE

#include "form_judge.h"

#include <stdio.h>
#include <string.h>

struct cursor {
    const char *p, *end;
};

static int take(struct cursor *c, const char *text) {
    size_t n = strlen(text);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, text, n) != 0) {
        return 0;
    }
    c->p += n;
    return 1;
}

// The bytes up to text, which is passed over; NULL if it never comes.
static const char *until(struct cursor *c, const char *text, size_t *len) {
    const char *from = c->p;
    const char *at = memmem(from, (size_t)(c->end - from), text, strlen(text));
    if (at == NULL) {
        return NULL;
    }
    *len = (size_t)(at - from);
    c->p = at + strlen(text);
    return from;
}

static const char *read_boundary(const char *head, char *boundary, size_t cap) {
    static const char type[] = "\r\nContent-Type: multipart/form-data; boundary=";
    const char *at = strstr(head, type);
    if (at == NULL || strstr(at + 1, "\r\nContent-Type:") != NULL) {
        return "no such content type, or two";
    }
    at += sizeof type - 1;
    size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    if (n < 20 || n > 70 || at[n] != '\r') {
        return "a boundary that is none, or too short for chance";
    }
    snprintf(boundary, cap, "%.*s", (int)n, at);
    return NULL;
}

static int has_field(const struct form_reading *f, const char *name) {
    char entry[200];
    snprintf(entry, sizeof entry, "\n%s=", name);
    return strncasecmp(f->fields, entry + 1, strlen(entry) - 1) == 0 ||
           strcasestr(f->fields, entry) != NULL;
}

static const char *keep(struct form_reading *f, const char *name, const char *value, size_t n) {
    size_t used = strlen(f->fields);
    if (has_field(f, name)) {
        return "a field twice";
    }
    if (memchr(value, '\r', n) != NULL || memchr(value, '\n', n) != NULL) {
        return "a value of several lines";
    }
    if (used + strlen(name) + n + 3 > sizeof f->fields) {
        return "too many fields for this judge";
    }
    sprintf(f->fields + used, "%s=%.*s\n", name, (int)n, value);
    if (strcmp(name, "key") == 0) {
        snprintf(f->key, sizeof f->key, "%.*s", (int)n, value);
    }
    return NULL;
}

static const char *read_part(struct form_reading *f, struct cursor *c, const char *between) {
    char name[160];
    size_t n;
    const char *text;
    if (!take(c, "\r\nContent-Disposition: form-data; name=\"") ||
        (text = until(c, "\"", &n)) == NULL || n == 0 || n >= sizeof name) {
        return "a part without a name";
    }
    snprintf(name, sizeof name, "%.*s", (int)n, text);
    if (strpbrk(name, "\r\n\\") != NULL) {
        return "a name that breaks its line";
    }
    if (strcmp(name, "file") == 0) {
        if (!take(c, "; filename=\"object\"\r\nContent-Type: application/octet-stream\r\n\r\n")) {
            return "a file that is none";
        }
        f->file = until(c, between, &f->file_len);
        return f->file == NULL ? "a file that does not end" : NULL;
    }
    if (!take(c, "\r\n\r\n") || (text = until(c, between, &n)) == NULL) {
        return "a field that does not end";
    }
    return keep(f, name, text, n);
}

static const char *read(struct form_reading *f, const char *head, const char *body, size_t len) {
    char boundary[80];
    char between[90];
    struct cursor c = {body, body + len};
    const char *flaw = read_boundary(head, boundary, sizeof boundary);
    if (flaw != NULL) {
        return flaw;
    }
    snprintf(between, sizeof between, "\r\n--%s", boundary);
    if (!take(&c, between + 2)) {
        return "something before the first part";
    }
    while (f->file == NULL) {
        flaw = read_part(f, &c, between);
        if (flaw != NULL) {
            return flaw;
        }
    }
    return take(&c, "--\r\n") && c.p == c.end ? NULL : "something behind the file";
}

void form_read(struct form_reading *form, const char *head, const char *body, size_t len) {
    memset(form, 0, sizeof *form);
    form->flaw = read(form, head, body, len);
}
