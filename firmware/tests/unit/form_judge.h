// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A strict reader of multipart/form-data, as the judge of what we POST: another
// program than the one that writes it, and less kind than S3.

#ifndef THINGPASS_TESTS_FORM_JUDGE_H
#define THINGPASS_TESTS_FORM_JUDGE_H

#include <stddef.h>

struct form_reading {
    const char *flaw; // NULL if it is a form, whose last part is `file`
    char key[1100];
    char fields[8000]; // "name=value\n" for each but the file, in order
    const char *file;  // inside the body
    size_t file_len;
};

// Reads a POST: the head up to its empty line, and the body.
void form_read(struct form_reading *form, const char *head, const char *body, size_t len);

#endif
