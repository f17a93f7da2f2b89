// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_REPORT_H
#define THINGPASS_POSIX_REPORT_H

#include "options.h"
#include "thingpass/thingpass.h"

// How one photo ended. Each photo has exactly one, also one that could not be
// taken: nothing is dropped in silence.
struct thingpass_report {
    uint64_t number;                       // 0: it is not known any more
    const char *name;                      // of the file, or "scene"
    const struct thingpass_result *result; // NULL if the upload never began
    const uint8_t *sha256;                 // NULL if it is not known
    const char *why;                       // why it was not stored; NULL if it was
};

// Prints it: a line for people or one of JSON on `out`. What failed goes to
// `say` as well, unless it was that line.
void thingpass_report_print(const struct thingpass_report *report,
                            const struct thingpass_options *options,
                            const struct thingpass_say *say, FILE *out);

#endif
