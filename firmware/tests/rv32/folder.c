// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#define _DEFAULT_SOURCE

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

// Written by the Makefile: WIRE_FOLDER, a path of the host, and WIRE_NAMES.
#include "wire_names.h"

static const char *const names[] = {WIRE_NAMES};
static DIR the_folder;

DIR *opendir(const char *path) {
    the_folder.next = 0;
    return strcmp(path, WIRE_FOLDER) == 0 ? &the_folder : NULL;
}

struct dirent *readdir(DIR *dir) {
    if (dir->next >= sizeof names / sizeof *names) {
        return NULL;
    }
    dir->entry.d_name = names[dir->next++];
    return &dir->entry;
}

int closedir(DIR *dir) {
    dir->next = 0;
    return 0;
}

// No environment comes from the host.
__attribute__((constructor)) static void set_environment(void) {
    setenv("THINGPASS_WIRE", WIRE_FOLDER, 1);
}
