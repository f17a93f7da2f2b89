// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#define _DEFAULT_SOURCE

#include "wire.h"

#include <dirent.h>

#include "check.h"

static const char *directory(void) {
    const char *path = getenv("THINGPASS_WIRE");
    if (path == NULL) {
        fail_msg("THINGPASS_WIRE must name broker/testdata/wire");
    }
    return path;
}

struct wire_file wire_named(const char *name) {
    struct wire_file f = {{0}, NULL, 0};
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory(), name);
    snprintf(f.name, sizeof f.name, "%s", name);
    FILE *in = fopen(path, "rb");
    if (in == NULL) {
        fail_msg("cannot open %s", path);
        return f;
    }
    f.data = calloc(1, 100001);
    assert_non_null(f.data);
    f.len = fread(f.data, 1, 100000, in);
    fclose(in);
    return f;
}

static int has_suffix(const char *name, const char *suffix) {
    size_t n = strlen(name);
    size_t m = strlen(suffix);
    return n > m && strcmp(name + n - m, suffix) == 0;
}

size_t wire_read(const char *suffix, struct wire_file **files) {
    size_t n = 0;
    DIR *dir = opendir(directory());
    assert_non_null(dir);
    *files = NULL;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (has_suffix(entry->d_name, suffix)) {
            *files = realloc(*files, (n + 1) * sizeof **files);
            assert_non_null(*files);
            (*files)[n++] = wire_named(entry->d_name);
        }
    }
    closedir(dir);
    assert_true(n > 0);
    return n;
}

void wire_free(struct wire_file *files, size_t n) {
    for (size_t i = 0; i < n; i++) {
        free(files[i].data);
    }
    free(files);
}
