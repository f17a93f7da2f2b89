// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "thingpass/metadata.h"

#include <string.h>

#include "pair.h"

enum {
    DECIMALS_MAX = 9,
    NUMBER_SIZE = 13 // sign, 10 digits, point, NUL
};

void thingpass_metadata_begin(struct thingpass_metadata *metadata, char *text, size_t size) {
    metadata->count = 0;
    metadata->text = text;
    metadata->left = size;
    metadata->total = 0;
}

int thingpass_metadata_text(struct thingpass_metadata *metadata, const char *name,
                            const char *value) {
    struct thingpass_metadata *m = metadata;
    const struct thingpass_pair pair = {name, value};
    if (!thingpass_pair_ok(&pair) || m->count == THINGPASS_METADATA_MAX ||
        thingpass_pairs_have(m->pairs, m->count, name)) {
        return THINGPASS_EINVAL;
    }
    size_t n = strlen(value);
    size_t total = m->total + strlen(name) + n;
    if (total > THINGPASS_METADATA_BYTES_MAX) {
        return THINGPASS_EINVAL;
    }
    if (n >= m->left) {
        return THINGPASS_ESPACE;
    }
    memcpy(m->text, value, n + 1);
    m->pairs[m->count].name = name;
    m->pairs[m->count].value = m->text;
    m->count++;
    m->text += n + 1;
    m->left -= n + 1;
    m->total = total;
    return THINGPASS_OK;
}

int thingpass_metadata_fixed(struct thingpass_metadata *metadata, const char *name, int32_t value,
                             unsigned decimals) {
    if (decimals > DECIMALS_MAX) {
        return THINGPASS_EINVAL;
    }
    char number[NUMBER_SIZE];
    char *p = number + sizeof number;
    uint32_t rest = value < 0 ? 0U - (uint32_t)value : (uint32_t)value;
    *--p = '\0';
    for (unsigned written = 0; written <= decimals || rest > 0; written++) {
        if (written == decimals && decimals > 0) {
            *--p = '.';
        }
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    }
    if (value < 0) {
        *--p = '-';
    }
    return thingpass_metadata_text(metadata, name, p);
}

int thingpass_metadata_int(struct thingpass_metadata *metadata, const char *name, int32_t value) {
    return thingpass_metadata_fixed(metadata, name, value, 0);
}
