// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_OPTIONS_H
#define THINGPASS_POSIX_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "camera_scene.h"
#include "link_faults.h"
#include "say.h"
#include "thingpass/types.h"
#include "why.h"

// Everything that the command line can say, with defaults filled in. Strings
// point into argv or into the struct, which therefore must not move.
struct thingpass_options {
    const char *name;
    char host[256];
    uint16_t port;
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    const char *s3_ca_file;
    const char *root;
    int mqtt_version; // 5, or 4 for MQTT 3.1.1

    const char *folder; // the camera; NULL: the scene
    bool loop;
    struct thingpass_scene scene;

    uint64_t count; // 0: until the camera is empty or a signal comes
    uint32_t interval_ms;
    uint32_t deadline_ms;
    struct thingpass_timing timing; // zeros: the core's
    const char *kind;
    const struct thingpass_mode *mode;
    enum thingpass_verify verify;
    struct thingpass_pair metadata[THINGPASS_METADATA_MAX];
    size_t metadata_count;
    char metadata_text[THINGPASS_METADATA_MAX][292];
    bool sha256;
    const char *save; // folder for copies; NULL: none

    struct thingpass_link_settings link; // to S3

    bool json;
    enum thingpass_level level;
    bool help;
};

// Reads the command line. Returns THINGPASS_OK; or THINGPASS_EINVAL with what is
// wrong and what to write instead. With help set, nothing else is checked.
int thingpass_options_parse(struct thingpass_options *options, int argc, char **argv,
                            struct thingpass_why *why);

void thingpass_options_help(FILE *to);

#endif
