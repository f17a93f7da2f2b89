// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "options.h"

#include <getopt.h>
#include <stddef.h>
#include <string.h>

#include "option_rules.h"
#include "options_table.h"
#include "posix_world.h"

enum { FIRST_CODE = 256 }; // getopt's value of the table's first entry

static const char *const commands[] = {[THINGPASS_COMMAND_CAMERA] = "camera",
                                       [THINGPASS_COMMAND_UPLOAD] = "upload",
                                       [THINGPASS_COMMAND_DRAIN] = "drain",
                                       [THINGPASS_COMMAND_DOWNLOAD] = "download",
                                       [THINGPASS_COMMAND_PROVISION] = "provision"};

static void set_defaults(struct thingpass_options *o) {
    *o = (struct thingpass_options){.root = "thingpass",
                                    .mqtt_version = 4,
                                    .scene = {.width = 640, .height = 480, .noise = 8},
                                    .spool_bytes = 64 << 20,
                                    .spool_count = 10000,
                                    .sha256 = true};
    // Without --seed two things do not look alike.
    (void)thingpass_posix_random.fill(NULL, &o->scene.seed, sizeof o->scene.seed);
}

// The command comes first; without one it is the camera.
static int take_command(struct thingpass_options *o, int *argc, char ***argv,
                        struct thingpass_why *why) {
    if (*argc < 2 || (*argv)[1][0] == '-') {
        return THINGPASS_OK;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp((*argv)[1], commands[i]) == 0) {
            o->command = (enum thingpass_task)i;
            (*argc)--;
            (*argv)++;
            return THINGPASS_OK;
        }
    }
    return thingpass_fail(
        why, THINGPASS_EINVAL,
        "\"%s\" is neither a command (camera, upload, drain, download, provision) nor an option; "
        "--help lists all",
        (*argv)[1]);
}

static void fill_getopt(struct option *options) {
    size_t i = 0;
    for (; thingpass_option_table[i].name != NULL; i++) {
        const struct thingpass_option_entry *e = &thingpass_option_table[i];
        options[i] = (struct option){
            e->name, e->form == THINGPASS_OPTION_FLAG ? no_argument : required_argument, NULL,
            FIRST_CODE + (int)i};
    }
    options[i] = (struct option){NULL, 0, NULL, 0};
}

static int take_option(struct thingpass_options *o, struct thingpass_options_given *given, int code,
                       const char *word, struct thingpass_why *why) {
    if (code == ':') {
        return thingpass_fail(why, THINGPASS_EINVAL, "%s needs a value", word);
    }
    if (code == 'h') {
        o->help = true;
        return THINGPASS_OK;
    }
    if (code == '?') {
        return thingpass_fail(why, THINGPASS_EINVAL,
                              "%s: no such option, or it takes no value; --help lists all", word);
    }
    const struct thingpass_option_entry *entry = &thingpass_option_table[code - FIRST_CODE];
    if ((entry->commands & 1U << o->command) == 0) {
        return thingpass_fail(why, THINGPASS_EINVAL, "--%s does not go with %s", entry->name,
                              commands[o->command]);
    }
    given->entry[code - FIRST_CODE] = true;
    return thingpass_option_take(entry, o, optarg, why);
}

// What differs between the commands where nothing was said.
static void set_command_defaults(struct thingpass_options *o) {
    static const struct {
        const char *kind;
        uint32_t interval_ms, deadline_s;
    } defaults[] = {[THINGPASS_COMMAND_CAMERA] = {"photo", 1000, 120},
                    [THINGPASS_COMMAND_UPLOAD] = {"log", 0, 3600},
                    [THINGPASS_COMMAND_DRAIN] = {"photo", 0, 120},
                    [THINGPASS_COMMAND_DOWNLOAD] = {"firmware", 0, 3600},
                    [THINGPASS_COMMAND_PROVISION] = {"", 0, 120}};
    o->kind = defaults[o->command].kind;
    o->interval_ms = defaults[o->command].interval_ms;
    o->deadline_s = defaults[o->command].deadline_s;
    o->mode = o->command == THINGPASS_COMMAND_UPLOAD ? NULL : &thingpass_mode_put;
}

static int complete(struct thingpass_options *o, const struct thingpass_options_given *given,
                    struct thingpass_why *why) {
    o->scene.seeded = thingpass_option_is_given(given, "seed");
    o->scene.interval_ms = o->interval_ms;
    o->scene.thing = o->name;
    o->s3_ca_file = o->s3_ca_file != NULL ? o->s3_ca_file : o->ca_file;
    o->level = o->quiet     ? THINGPASS_SAY_ERROR
               : o->verbose ? THINGPASS_SAY_DETAIL
                            : THINGPASS_SAY_NOTICE;
    return thingpass_option_rules(o, given, why);
}

int thingpass_options_parse(struct thingpass_options *options, int argc, char **argv,
                            struct thingpass_why *why) {
    struct thingpass_options_given given = {0};
    struct option names[THINGPASS_OPTION_MAX];
    set_defaults(options);
    int rc = take_command(options, &argc, &argv, why);
    if (rc != THINGPASS_OK) {
        return rc;
    }
    set_command_defaults(options);
    fill_getopt(names);
    opterr = 0;
    optind = 0; // glibc: start anew
    for (int code; (code = getopt_long(argc, argv, ":h", names, NULL)) != -1;) {
        const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";
        rc = take_option(options, &given, code, word, why);
        if (rc != THINGPASS_OK) {
            return rc;
        }
    }
    if (options->help) {
        return THINGPASS_OK;
    }
    options->files = argv + optind;
    options->file_count = (size_t)(argc - optind);
    return complete(options, &given, why);
}

#endif
