// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "ramfs.h"

#include <strings.h>

static int fault(struct ramfs *fs) {
    fs->all_calls++;
    if (fs->dead) {
        return THINGPASS_EIO;
    }
    bool hit = fs->fail_once ? fs->all_calls == fs->fail_at : fs->all_calls >= fs->fail_at;
    return fs->fail_at != 0 && hit ? fs->error : THINGPASS_OK;
}

// Whether the power goes in this call; len is how many ways there are to cut it.
static bool cut(struct ramfs *fs, size_t len) {
    fs->calls++;
    if (fs->cut_at == 0 || fs->calls != fs->cut_at) {
        return false;
    }
    fs->dead = true;
    fs->cut_len = len;
    return true;
}

struct ramfs_file *ramfs_find(struct ramfs *fs, const char *name) {
    for (size_t i = 0; i < fs->count; i++) {
        if (fs->all[i].there && strcasecmp(fs->all[i].name, name) == 0) {
            return &fs->all[i];
        }
    }
    return NULL;
}

static size_t used(const struct ramfs *fs) {
    size_t n = 0;
    for (size_t i = 0; i < fs->count; i++) {
        n += fs->all[i].there ? fs->all[i].len : 0;
    }
    return n;
}

static struct ramfs_file *make(struct ramfs *fs, const char *name) {
    struct ramfs_file *f = NULL;
    for (size_t i = 0; i < fs->count && f == NULL; i++) {
        f = !fs->all[i].there && !fs->all[i].durable ? &fs->all[i] : NULL;
    }
    if (f == NULL) {
        if (fs->count == fs->room) {
            fs->room = fs->room * 2 + 16;
            fs->all = realloc(fs->all, fs->room * sizeof *fs->all);
            assert_non_null(fs->all);
        }
        f = &fs->all[fs->count++];
        f->data = NULL;
    }
    free(f->data);
    memset(f, 0, sizeof *f);
    assert_in_range(strlen(name), 1, 12);
    strcpy(f->name, name);
    f->there = true;
    return f;
}

static int ram_open(void *ctx, const char *name, enum thingpass_file_use use) {
    struct ramfs *fs = ctx;
    int err = fault(fs);
    bool cut_here = err == THINGPASS_OK && use != THINGPASS_FILE_READ && cut(fs, 1);
    if (err < 0 || (cut_here && fs->cut_bytes == 0)) {
        return err < 0 ? err : THINGPASS_EIO;
    }
    struct ramfs_file *f = ramfs_find(fs, name);
    if (f == NULL && use == THINGPASS_FILE_READ) {
        return THINGPASS_ENOENT;
    }
    if (f != NULL && use == THINGPASS_FILE_NEW) {
        return THINGPASS_EEXIST;
    }
    int file = 0;
    while (file < ramfs_handles && fs->open[file] != 0) {
        file++;
    }
    assert_true(file < ramfs_handles);
    f = f != NULL ? f : make(fs, name);
    if (cut_here) {
        return THINGPASS_EIO;
    }
    fs->open[file] = (size_t)(f - fs->all) + 1;
    fs->at[file] = use == THINGPASS_FILE_APPEND ? f->len : 0;
    fs->use[file] = use;
    fs->opened++;
    return file;
}

static struct ramfs_file *opened(struct ramfs *fs, int file) {
    assert_true(file >= 0 && file < ramfs_handles && fs->open[file] != 0);
    return &fs->all[fs->open[file] - 1];
}

static int ram_read(void *ctx, int file, void *buf, size_t cap) {
    struct ramfs *fs = ctx;
    struct ramfs_file *f = opened(fs, file);
    assert_true(fs->use[file] == THINGPASS_FILE_READ && cap > 0);
    int err = fault(fs);
    if (err < 0) {
        return err;
    }
    fs->reads++;
    size_t left = fs->at[file] < f->len ? f->len - fs->at[file] : 0;
    size_t n = left < cap ? left : cap;
    n = n > 3 && fs->reads % 2 != 0 ? n / 2 : n; // short reads are fine
    if (n > 0) {
        memcpy(buf, f->data + fs->at[file], n);
    }
    fs->at[file] += n;
    return (int)n;
}

static int ram_write(void *ctx, int file, const void *data, size_t len) {
    struct ramfs *fs = ctx;
    struct ramfs_file *f = opened(fs, file);
    assert_true(fs->use[file] != THINGPASS_FILE_READ && len > 0);
    int err = fault(fs);
    if (err < 0) {
        return err;
    }
    bool cut_here = cut(fs, len);
    size_t n = cut_here && fs->cut_bytes < len ? fs->cut_bytes : len;
    size_t free_bytes = fs->capacity != 0 ? fs->capacity - used(fs) : SIZE_MAX;
    bool full = n > free_bytes;
    n = full ? free_bytes : n;
    f->data = realloc(f->data, f->len + n + 1);
    assert_non_null(f->data);
    memcpy(f->data + f->len, data, n);
    f->len += n;
    return cut_here ? THINGPASS_EIO : full ? THINGPASS_EFULL : THINGPASS_OK;
}

static int ram_seek(void *ctx, int file, uint64_t offset) {
    struct ramfs *fs = ctx;
    struct ramfs_file *f = opened(fs, file);
    int err = fault(fs);
    assert_true(fs->use[file] == THINGPASS_FILE_READ);
    if (err == THINGPASS_OK) {
        fs->at[file] = (size_t)offset;
        err = offset <= f->len ? THINGPASS_OK : THINGPASS_EINVAL;
    }
    return err;
}

static int ram_size(void *ctx, int file, uint64_t *size) {
    struct ramfs *fs = ctx;
    *size = opened(fs, file)->len;
    return fault(fs);
}

static int ram_sync(void *ctx, int file) {
    struct ramfs *fs = ctx;
    struct ramfs_file *f = opened(fs, file);
    int err = fault(fs);
    bool cut_here = err == THINGPASS_OK && cut(fs, 1);
    if (err == THINGPASS_OK && (!cut_here || fs->cut_bytes > 0)) {
        f->synced = f->len;
        f->durable = true;
    }
    return cut_here ? THINGPASS_EIO : err;
}

static int ram_close(void *ctx, int file) {
    struct ramfs *fs = ctx;
    (void)opened(fs, file);
    int err = fault(fs);
    fs->open[file] = 0;
    fs->opened--;
    return err;
}

static int ram_remove(void *ctx, const char *name) {
    struct ramfs *fs = ctx;
    int err = fault(fs);
    struct ramfs_file *f = err < 0 ? NULL : ramfs_find(fs, name);
    if (f == NULL) {
        return err < 0 ? err : THINGPASS_ENOENT;
    }
    for (size_t i = 0; i < ramfs_handles; i++) {
        assert_true(fs->open[i] != (size_t)(f - fs->all) + 1);
    }
    bool cut_here = cut(fs, 1);
    if (!cut_here || fs->cut_bytes > 0) {
        f->there = f->durable = false;
    }
    return cut_here ? THINGPASS_EIO : THINGPASS_OK;
}

static int ram_list(void *ctx, thingpass_file_name *each, void *each_ctx) {
    struct ramfs *fs = ctx;
    int err = fault(fs);
    for (size_t i = 0; i < fs->count && err == THINGPASS_OK; i++) {
        const struct ramfs_file *f = &fs->all[(i + fs->all_calls) % fs->count]; // any order
        if (f->there) {
            char name[16];
            for (size_t k = 0; k < sizeof name; k++) {
                char c = f->name[k];
                name[k] = (char)(fs->lower && c >= 'A' && c <= 'Z' ? c + 32 : c);
            }
            each(each_ctx, name);
        }
    }
    return err;
}

void ramfs_new(struct ramfs *fs) {
    memset(fs, 0, sizeof *fs);
    fs->files = (struct thingpass_files){fs,       ram_open, ram_read,  ram_write,  ram_seek,
                                         ram_size, ram_sync, ram_close, ram_remove, ram_list};
}

void ramfs_free(struct ramfs *fs) {
    for (size_t i = 0; i < fs->count; i++) {
        free(fs->all[i].data);
    }
    free(fs->all);
    memset(fs, 0, sizeof *fs);
}

static void lose(struct ramfs_file *f, enum ramfs_rest rest) {
    size_t lost = f->len - f->synced;
    if (rest == RAMFS_NOTHING && !f->durable) {
        f->there = false;
    }
    if (rest == RAMFS_NOTHING || rest == RAMFS_EMPTY) {
        f->len = f->synced;
    } else if (rest == RAMFS_HALF) {
        f->len = f->synced + lost / 2;
    } else if (rest == RAMFS_HOLE && lost > 0) {
        memset(f->data + f->synced + lost / 3, 0, lost / 3);
    } else if (rest == RAMFS_GARBAGE && lost > 0) {
        memset(f->data + f->synced, 0x5a, lost);
    }
    f->synced = f->len;
    f->durable = f->there;
}

void ramfs_reboot(struct ramfs *fs, enum ramfs_rest rest) {
    for (size_t i = 0; i < fs->count; i++) {
        lose(&fs->all[i], rest);
    }
    memset(fs->open, 0, sizeof fs->open);
    fs->opened = 0;
    fs->dead = false;
    fs->cut_at = fs->fail_at = 0;
    fs->calls = fs->all_calls = 0;
}

size_t ramfs_count(const struct ramfs *fs) {
    size_t n = 0;
    for (size_t i = 0; i < fs->count; i++) {
        n += fs->all[i].there;
    }
    return n;
}

struct ramfs_file *ramfs_nth(struct ramfs *fs, size_t n) {
    for (size_t i = 0; i < fs->count; i++) {
        if (fs->all[i].there && n-- == 0) {
            return &fs->all[i];
        }
    }
    return NULL;
}

void ramfs_put(struct ramfs *fs, const char *name, const void *data, size_t len) {
    struct ramfs_file *f = make(fs, name);
    f->data = malloc(len + 1);
    assert_non_null(f->data);
    memcpy(f->data, data, len);
    f->len = f->synced = len;
    f->durable = true;
}
