// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Keys that standing leave makes of a prefix, an id and a suffix.

#include <string.h>

#include "key.h"

enum { report_reply_max = 512 }; // of the answer to a report, without the key

int thingpass_key_make(struct thingpass *tp, const struct thingpass_span parts[3]) {
    size_t n = parts[0].n + parts[1].n + parts[2].n;
    if (n > THINGPASS_KEY_MAX) {
        return THINGPASS_EREPLY;
    }
    char *to = thingpass_key_room(tp, n, tp->kept.len);
    if (to == NULL || thingpass_reply_room(tp) < report_reply_max + n) {
        return THINGPASS_ESPACE;
    }
    for (size_t i = 0; i < 3; i++) {
        if (parts[i].n > 0) {
            memcpy(to, parts[i].p, parts[i].n);
        }
        to += parts[i].n;
    }
    return THINGPASS_OK;
}
