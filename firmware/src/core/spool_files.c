// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "spool_files.h"

#include "text.h"

// Five bits of mantissa above the first one, and five of exponent.
uint16_t thingpass_spool_code(uint32_t size) {
    uint16_t exponent = 0;
    while (size > 63) {
        size = size / 2 + (size & 1);
        exponent++;
    }
    uint16_t mantissa = size < 32 ? 0 : (uint16_t)(size - 32);
    return (uint16_t)(exponent << 5 | mantissa);
}

uint64_t thingpass_spool_size(uint16_t code) {
    return (uint64_t)(32 + (code & 31)) << (code >> 5);
}

static const char sorts[] = "SNX";
static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

void thingpass_spool_name(char name[THINGPASS_SPOOL_NAME], uint32_t number, uint16_t code,
                          enum thingpass_spool_sort sort) {
    for (size_t i = 8; i > 0; i--) {
        name[i - 1] = digits[number & 15];
        number >>= 4;
    }
    name[8] = '.';
    name[9] = sorts[sort];
    name[10] = digits[code >> 5];
    name[11] = digits[code & 31];
    name[12] = '\0';
}

// The value of a digit in either case; 32 or more for what is none.
static uint32_t digit(char c) {
    c = thingpass_lower(c);
    if (thingpass_is_digit(c)) {
        return (uint32_t)(c - '0');
    }
    return c >= 'a' && c <= 'v' ? (uint32_t)(c - 'a') + 10 : 32;
}

bool thingpass_spool_name_parse(const char *name, struct thingpass_spool_found *found) {
    found->number = 0;
    for (size_t i = 0; i < 8; i++) {
        uint32_t d = digit(name[i]); // a NUL is no digit, so this stops there
        if (d > 15) {
            return false;
        }
        found->number = found->number << 4 | d;
    }
    if (name[8] != '.') {
        return false;
    }
    char sort = thingpass_lower(name[9]);
    found->sorts = (uint8_t)(sort == 's' ? 1 : sort == 'n' ? 2 : sort == 'x' ? 4 : 0);
    uint32_t high = found->sorts != 0 ? digit(name[10]) : 32;
    uint32_t low = high < 32 ? digit(name[11]) : 32;
    found->code = (uint16_t)(high << 5 | low);
    return low < 32 && name[12] == '\0';
}

static bool is_before(const struct thingpass_spool_scan *scan, uint32_t a, uint32_t b) {
    return (int32_t)(a - scan->base) < (int32_t)(b - scan->base);
}

// Keeps the older one, or with newest the younger; adds to one of the same number.
static void keep(const struct thingpass_spool_scan *scan, struct thingpass_spool_found *kept,
                 const struct thingpass_spool_found *found, bool newest) {
    if (kept->sorts != 0 && kept->number == found->number) {
        kept->sorts |= found->sorts;
        kept->code = (found->sorts & 1) != 0 ? found->code : kept->code;
    } else if (kept->sorts == 0 || is_before(scan, found->number, kept->number) != newest) {
        *kept = *found;
    }
}

static void see(void *ctx, const char *name) {
    struct thingpass_spool_scan *scan = ctx;
    const struct thingpass_spool *spool = scan->spool;
    struct thingpass_spool_found found;
    if (!thingpass_spool_name_parse(name, &found)) {
        return;
    }
    if (!scan->based) {
        scan->based = true;
        scan->base = found.number;
    }
    if ((found.sorts & 1) != 0) {
        scan->count++;
        scan->bytes += thingpass_spool_size(found.code);
    }
    scan->aside += found.sorts >> 2;
    keep(scan, &scan->newest, &found, true);
    if (spool->writer.open && spool->writer.number == found.number) {
        return;
    }
    if (is_before(scan, spool->cursor, found.number)) {
        keep(scan, &scan->first, &found, false);
    }
    if (spool->reader.open && spool->reader.number == found.number) {
        return;
    }
    keep(scan, &scan->oldest, &found, false);
    if ((found.sorts & 4) != 0) {
        keep(scan, &scan->worst, &found, false);
    }
}

int thingpass_spool_look(struct thingpass_spool *spool, struct thingpass_spool_scan *scan,
                         bool based) {
    const struct thingpass_files *files = spool->config->files;
    const struct thingpass_spool_scan empty = {
        .spool = spool, .based = based, .base = spool->cursor};
    *scan = empty;
    if (files->list(files->ctx, see, scan) < 0) {
        return THINGPASS_EMEDIUM; // where the folder cannot be read, nothing can
    }
    spool->count = scan->count;
    spool->bytes = scan->bytes;
    spool->aside = scan->aside;
    return THINGPASS_OK;
}

int thingpass_spool_open_file(const struct thingpass_spool *spool, uint32_t number, uint16_t code,
                              enum thingpass_spool_sort sort, enum thingpass_file_use use) {
    const struct thingpass_files *files = spool->config->files;
    char name[THINGPASS_SPOOL_NAME];
    thingpass_spool_name(name, number, code, sort);
    return files->open(files->ctx, name, use);
}

int thingpass_spool_remove_file(const struct thingpass_spool *spool, uint32_t number, uint16_t code,
                                enum thingpass_spool_sort sort) {
    const struct thingpass_files *files = spool->config->files;
    char name[THINGPASS_SPOOL_NAME];
    thingpass_spool_name(name, number, code, sort);
    int err = files->remove(files->ctx, name);
    return err == THINGPASS_ENOENT || err > 0 ? THINGPASS_OK : err;
}

// A note without its entry does no harm, an entry without its note might get
// another key.
int thingpass_spool_remove_all(struct thingpass_spool *spool, uint32_t number, uint16_t code) {
    int err = THINGPASS_OK;
    for (int sort = THINGPASS_SPOOL_ENTRY; sort <= THINGPASS_SPOOL_ASIDE && err == THINGPASS_OK;
         sort++) {
        err = thingpass_spool_remove_file(spool, number, code, (enum thingpass_spool_sort)sort);
    }
    return err;
}
