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

// What the thing does, the command line's first word.
enum thingpass_task {
    THINGPASS_COMMAND_CAMERA,   // takes and stores photos; also without a word
    THINGPASS_COMMAND_UPLOAD,   // stores files
    THINGPASS_COMMAND_DRAIN,    // stores what is in the spool
    THINGPASS_COMMAND_DOWNLOAD, // fetches a file
    THINGPASS_COMMAND_PROVISION // gets an identity
};

enum { THINGPASS_OPTION_PARAMETERS = 8 };

struct thingpass_identity_store;

// Everything that the command line can say, with defaults filled in. Strings
// point into argv or into the struct, which therefore must not move.
struct thingpass_options {
    enum thingpass_task command;
    const char *name;
    char host[256];
    uint16_t port;
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    const char *s3_ca_file;
    const char *store; // folder with the thing's identity, instead of name, cert and key
    struct thingpass_identity_store *identity; // it, where there is one
    const char *root;
    int mqtt_version; // 5, or 4 for MQTT 3.1.1

    const char *folder; // the camera; NULL: the scene
    bool loop;
    bool motion;          // store only what the gate lets through
    uint32_t heartbeat_s; // 0: the gate's default
    uint32_t cooldown_ms; // likewise
    struct thingpass_scene scene;

    char **files; // to upload, in argv; of a download its name
    size_t file_count;
    const char *id;   // of the only file; NULL: a new one
    const char *type; // media type of the files; NULL: by their names

    uint32_t count; // 0: until the camera is empty or a signal comes
    uint32_t interval_ms;
    uint32_t deadline_s;
    struct thingpass_timing timing; // zeros: the core's
    const char *kind;
    const struct thingpass_mode *mode; // NULL: by each file's size
    enum thingpass_verify verify;
    bool provider; // in that mode: credentials of a provider, not of the broker
    struct thingpass_pair metadata[THINGPASS_METADATA_MAX];
    size_t metadata_count;
    char metadata_text[THINGPASS_METADATA_MAX][292];
    bool sensors; // with metadata that a device would have
    bool sha256;
    const char *save; // folder for copies; NULL: none

    struct thingpass_link_settings link; // to S3

    const char *spool; // folder; NULL: none
    uint32_t spool_bytes;
    uint32_t spool_count;
    bool spool_refuse; // new photos, when it is full, and not drop old ones
    bool spool_first;
    uint64_t offline_first;    // the photo from which on there is no network,
    uint64_t offline_count;    // and for how many
    uint64_t offline_every;    // and again so many photos after offline_first; 0: never
    uint32_t captured_every_s; // pretended; 0: the true time

    bool no_commands;      // do not listen to operators
    const char *downloads; // folder for what they have the thing fetch; NULL: thrown away

    const char *to; // the file that a download goes to
    const char *group;
    const char *object_key;
    uint32_t max_size; // 0: any

    // To get an identity. cert_file and key_file are the claim's then.
    const char *template_name;
    const char *thing; // what the template will call it; NULL: nobody knows
    struct thingpass_pair parameters[THINGPASS_OPTION_PARAMETERS];
    size_t parameter_count;
    char parameter_names[THINGPASS_OPTION_PARAMETERS][64];
    bool again; // although there is one

    bool json;
    bool quiet;
    bool verbose;
    bool help;
    enum thingpass_level level; // what the two before come to
};

// Reads the command line. Returns THINGPASS_OK; or THINGPASS_EINVAL with what is
// wrong and what to write instead. With help set, nothing else is checked.
int thingpass_options_parse(struct thingpass_options *options, int argc, char **argv,
                            struct thingpass_why *why);

void thingpass_options_help(FILE *to);

#endif
